//! What a policy is given of a head: the document `input`.

use std::collections::BTreeMap;

use regorus::Value;

use crate::head::deny::FinalHead;

/// The most bytes of text that one input has.
const MOST_BYTES: usize = 64 * 1024;

/// The document, unless it would be too large.
pub(super) fn input(head: &FinalHead<'_>) -> Result<Value, &'static str> {
    let fields = head.fields();
    let lines: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let request =
        head.path().len() + head.host().map_or(0, str::len) + head.method().as_str().len();
    if lines + request > MOST_BYTES {
        return Err("wanted at most 64 KiB of fields and request, found more");
    }
    let mut asked = vec![
        ("method", Value::from(head.method().as_str())),
        ("path", Value::from(head.path())),
        ("scheme", Value::from(head.scheme())),
    ];
    asked.extend(head.host().map(|host| ("host", Value::from(host))));
    let mut all = vec![
        ("status", Value::from(u64::from(head.status().as_u16()))),
        ("request", object(asked)),
    ];
    let listed = fields.keys().map(|name| {
        let lines = fields.get_all(name).iter();
        let lines = lines.map(|line| Value::from(&*String::from_utf8_lossy(line.as_bytes())));
        (name.as_str(), Value::from(lines.collect::<Vec<Value>>()))
    });
    all.push(("fields", object(listed)));
    all.extend(head.route().map(|route| ("route", Value::from(route))));
    if head.is_watched() {
        let writers = fields.keys().map(|name| {
            let writers = head.writers(name).into_iter();
            let writers = writers.map(|writer| Value::from(writer.to_string()));
            (name.as_str(), Value::from(writers.collect::<Vec<Value>>()))
        });
        all.push(("writers", object(writers)));
    }
    Ok(object(all))
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let members = members.into_iter().map(|(name, value)| (Value::from(name), value));
    Value::from(members.collect::<BTreeMap<Value, Value>>())
}
