//! Which builtins a policy may call: those whose work and result are about as large as what they are given.

use std::cell::Cell;
use std::fmt::Write as _;

use regorus::Value;
use regorus::rvm::program::Program;

/// All that are let in; the guide lists the same.
const ALLOWED: [&str; 35] = [
    "abs",
    "array.slice",
    "ceil",
    "concat",
    "contains",
    "count",
    "endswith",
    "floor",
    "intersection",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "lower",
    "max",
    "min",
    "object.get",
    "object.keys",
    "round",
    "sort",
    "split",
    "sprintf",
    "startswith",
    "substring",
    "sum",
    "to_number",
    "trim_prefix",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "upper",
];

/// The most bytes that `concat` and `sprintf` make.
const MOST_BYTES: usize = 64 * 1024;

/// The most characters of a text that `to_number` reads.
const MOST_DIGITS: usize = 32;

thread_local! {
    /// What a builtin refused in the run that goes on in this thread.
    static REFUSED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Forgets what was refused in the last run.
pub(super) fn begin() {
    REFUSED.set(None);
}

/// What a builtin refused since the begin.
pub(super) fn refused() -> Option<&'static str> {
    REFUSED.get()
}

pub(super) fn is_allowed(name: &str) -> bool {
    ALLOWED.contains(&name)
}

/// Puts our own in the place of those that make much of little: a width or an exponent is a short text.
pub(super) fn guard(program: &mut Program) {
    let names = program.builtin_info_table.iter().map(|info| info.name.as_str());
    for (name, (function, _)) in names.zip(&mut program.resolved_builtins) {
        match name {
            "concat" => *function = |_, _, arguments, _| Ok(answer(concat(arguments))),
            "sprintf" => *function = |_, _, arguments, _| Ok(answer(sprintf(arguments))),
            "to_number" => *function = |_, _, arguments, _| Ok(answer(to_number(arguments))),
            _ => {}
        }
    }
}

/// What a builtin of ours makes; nothing where its arguments are of no use, as everywhere in Rego.
enum Made {
    Value(Value),
    Nothing,
    /// It would be wrong to go on as if there were nothing.
    Refused(&'static str),
}

fn answer(made: Made) -> Value {
    match made {
        Made::Value(value) => value,
        Made::Nothing => Value::Undefined,
        Made::Refused(why) => {
            REFUSED.set(Some(why));
            Value::Undefined
        }
    }
}

fn concat(arguments: &[Value]) -> Made {
    let [Value::String(delimiter), collection] = arguments else { return Made::Nothing };
    let mut text = String::new();
    let mut add = |number: usize, part: &Value| {
        let Value::String(part) = part else { return Err(Made::Nothing) };
        let delimiter = if number > 0 { &**delimiter } else { "" };
        if text.len() + delimiter.len() + part.len() > MOST_BYTES {
            return Err(Made::Refused("wanted at most 64 KiB of `concat`, found more"));
        }
        text.push_str(delimiter);
        text.push_str(part);
        Ok(())
    };
    let added = match collection {
        Value::Array(parts) => {
            parts.iter().enumerate().try_for_each(|(number, part)| add(number, part))
        }
        Value::Set(parts) => {
            parts.iter_sorted().enumerate().try_for_each(|(number, part)| add(number, part))
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)
        | Value::Undefined => return Made::Nothing,
    };
    match added {
        Ok(()) => Made::Value(Value::from(text)),
        Err(made) => made,
    }
}

/// The verbs that policies use: `%s`, `%v`, `%d` and `%%`.
fn sprintf(arguments: &[Value]) -> Made {
    let [Value::String(format), Value::Array(values)] = arguments else { return Made::Nothing };
    let (mut text, mut values, mut chars) = (String::new(), values.iter(), format.chars());
    while let Some(char) = chars.next() {
        if text.len() > MOST_BYTES {
            return Made::Refused("wanted at most 64 KiB of `sprintf`, found more");
        }
        if char != '%' {
            text.push(char);
            continue;
        }
        let verb = chars.next();
        if verb == Some('%') {
            text.push('%');
            continue;
        }
        let Some(value) = values.next() else {
            return Made::Refused("wanted a value for each verb of `sprintf`, found fewer");
        };
        match (verb, value) {
            (Some('s' | 'v'), value) => put(&mut text, value, false),
            (Some('d'), Value::Number(number)) if number.is_integer() => {
                put(&mut text, value, false);
            }
            (_, _) => {
                return Made::Refused(
                    "wanted %s, %v or %d in `sprintf` and a value that fits, found another",
                );
            }
        }
    }
    if values.next().is_some() {
        return Made::Refused("wanted a verb of `sprintf` for each value, found fewer");
    }
    Made::Value(Value::from(text))
}

/// Writes a value as Rego prints it, up to the bound and a little more.
fn put(text: &mut String, value: &Value, is_member: bool) {
    if text.len() > MOST_BYTES {
        return;
    }
    match value {
        Value::String(string) if !is_member => text.push_str(string),
        Value::Array(members) => put_all(text, ('[', ']'), members.iter()),
        Value::Set(members) => put_all(text, ('{', '}'), members.iter_sorted()),
        Value::Object(members) => {
            text.push('{');
            for (number, (key, value)) in members.iter_sorted().enumerate() {
                text.push_str(if number > 0 { ", " } else { "" });
                put(text, key, true);
                text.push_str(": ");
                put(text, value, true);
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Undefined => {
            write!(text, "{value}").unwrap_or_default();
        }
    }
}

fn put_all<'a>(
    text: &mut String,
    (open, close): (char, char),
    members: impl Iterator<Item = &'a Value>,
) {
    text.push(open);
    for (number, member) in members.enumerate() {
        text.push_str(if number > 0 { ", " } else { "" });
        put(text, member, true);
    }
    text.push(close);
}

/// A text without an exponent: a number of a billion digits is short with one.
fn to_number(arguments: &[Value]) -> Made {
    let [value] = arguments else { return Made::Nothing };
    match value {
        Value::Null => Made::Value(Value::from(0_u64)),
        Value::Bool(bool) => Made::Value(Value::from(u64::from(*bool))),
        Value::Number(_) => Made::Value(value.clone()),
        Value::String(text) => {
            let is_short = text.len() <= MOST_DIGITS && !text.contains(['e', 'E']);
            let number = is_short.then(|| Value::from_json_str(text).ok()).flatten();
            match number {
                Some(number @ Value::Number(_)) => Made::Value(number),
                Some(_) | None => Made::Nothing,
            }
        }
        Value::Array(_) | Value::Set(_) | Value::Object(_) | Value::Undefined => Made::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_lists_what_is_allowed_and_nothing_else() {
        let guide = include_str!("../guide/deny.md");
        let list = guide
            .split("what they are given:")
            .nth(1)
            .and_then(|rest| rest.split("\n\nAll others").next());
        let listed: Vec<&str> = list.expect("a list").split('`').skip(1).step_by(2).collect();
        assert_eq!(listed, ALLOWED);
    }
}
