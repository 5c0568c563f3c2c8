//! `letterhead explain`: which line gives which field its value, in one response.

use std::fs;
use std::process::ExitCode;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use letterhead::policy::{Policy, PolicyChange, PolicyEffect, Unchanged};
use serde_json::{Value, json};

use crate::arguments::Explain;
use crate::show::{out, table};

/// The version of the JSON object.
const VERSION: u32 = 1;

pub(crate) fn run(task: &Explain) -> ExitCode {
    match explained(task) {
        Ok(text) => {
            out(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn explained(task: &Explain) -> Result<String, String> {
    let name = task.file.display().to_string();
    let text = fs::read_to_string(&task.file).map_err(|error| format!("{name}: {error}"))?;
    let policy = Policy::parse(name, &text, task.dialect).map_err(|errors| errors.to_string())?;
    let mut request = Request::new(());
    *request.uri_mut() = task.target.clone();
    request.method_mut().clone_from(&task.method);
    let mut response = Response::new(());
    *response.status_mut() = task.status;
    if let Some(value) = &task.content_type {
        response.headers_mut().insert(CONTENT_TYPE, value.clone());
    }
    let effects = policy.explain(&request, &mut response, &task.from);
    let shown = Shown { task, text: &text, policy: &policy, effects, fields: response.headers() };
    Ok(if task.is_json { format!("{}\n", shown.json()) } else { shown.table() })
}

/// What is shown.
struct Shown<'a> {
    task: &'a Explain,
    /// The text of the file.
    text: &'a str,
    policy: &'a Policy,
    effects: Vec<PolicyEffect<'a>>,
    /// What the response has then.
    fields: &'a HeaderMap,
}

impl Shown<'_> {
    fn table(&self) -> String {
        let Explain { target, method, status, from, .. } = self.task;
        let mut text = format!("{method} {target} -> {status}, from={from}\n");
        let mut rows: Vec<[String; 3]> = Vec::new();
        for name in self.names() {
            let lines = self.lines_of(name);
            let lines: Vec<_> = lines.iter().map(|line| format!("line {line}")).collect();
            let lines = if lines.is_empty() { "the response".to_owned() } else { lines.join(", ") };
            let mut values = self.fields.get_all(name).iter().map(shown).peekable();
            let first = values.next().unwrap_or_else(|| "(taken away)".to_owned());
            rows.push([name.to_string(), first, lines]);
            rows.extend(values.map(|value| [String::new(), value, String::new()]));
        }
        if rows.is_empty() {
            text.push_str("\nno field\n");
        } else {
            text.push('\n');
            text.push_str(&table(&rows));
        }
        let unchanged: Vec<_> = self
            .effects
            .iter()
            .filter_map(|effect| {
                let line = effect.line();
                let reason = self.reason(effect)?;
                Some([format!("line {}", line.number()), line.to_string(), reason])
            })
            .collect();
        if !unchanged.is_empty() {
            text.push_str("\nabout this path, without an effect:\n");
            text.push_str(&table(&unchanged));
        }
        text
    }

    fn json(&self) -> Value {
        let Explain { target, method, status, content_type, from, .. } = self.task;
        let fields = self.names().into_iter().map(|name| {
            let values: Vec<_> = self.fields.get_all(name).iter().map(shown).collect();
            json!({ "name": name.as_str(), "values": values, "lines": self.lines_of(name) })
        });
        let values = |values: &[HeaderValue]| values.iter().map(shown).collect::<Vec<_>>();
        let lines = self.effects.iter().map(|effect| {
            let line = effect.line();
            let changes = effect.changes().iter().map(|change| {
                json!({
                    "field": change.field().as_str(),
                    "before": values(change.before()),
                    "after": values(change.after()),
                })
            });
            json!({
                "line": line.number(),
                "block": line.block(),
                "pattern": line.pattern(),
                "operation": line.operation(),
                "field": line.field(),
                "value": line.value(),
                "changes": changes.collect::<Vec<_>>(),
                "reason": effect.reason().map(Unchanged::as_str),
                "message": self.reason(effect),
            })
        });
        json!({
            "version": VERSION,
            "file": self.policy.name(),
            "request": { "method": method.as_str(), "target": target.to_string() },
            "response": {
                "status": status.as_u16(),
                "type": content_type.as_ref().map(shown),
                "from": from,
            },
            "fields": fields.collect::<Vec<_>>(),
            "lines": lines.collect::<Vec<_>>(),
        })
    }

    /// The fields that the response has, and those that were taken away; sorted.
    fn names(&self) -> Vec<&HeaderName> {
        let changed = self.effects.iter().flat_map(PolicyEffect::changes);
        let mut names: Vec<_> =
            self.fields.keys().chain(changed.map(PolicyChange::field)).collect();
        names.sort_unstable_by_key(|name| name.as_str());
        names.dedup();
        names
    }

    /// The lines that changed a field, in the order in which they did.
    fn lines_of(&self, name: &HeaderName) -> Vec<usize> {
        let effects = self
            .effects
            .iter()
            .filter(|effect| effect.changes().iter().any(|change| change.field() == name));
        effects.map(|effect| effect.line().number()).collect()
    }

    /// Why a line changes nothing, with the conditions of its block if those are it.
    fn reason(&self, effect: &PolicyEffect<'_>) -> Option<String> {
        let reason = effect.reason()?;
        let text = reason.to_string();
        Some(match (reason, self.conditions(effect.line().block())) {
            (Unchanged::Conditions, Some(conditions)) => format!("{text}: {conditions}"),
            _ => text,
        })
    }

    /// What stands behind `@when` in the block that begins at a line.
    fn conditions(&self, block: usize) -> Option<String> {
        let lines = self.text.lines().map(str::trim).skip(block);
        let lines =
            lines.take_while(|line| !line.starts_with('/') && !line.starts_with("https://"));
        let conditions: Vec<_> = lines.filter_map(|line| line.strip_prefix("@when")).collect();
        let conditions = conditions.join(" ");
        let words: Vec<_> = conditions.split_whitespace().collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
