//! How strict rules end a test: the text of the panic.

use std::fmt::Write as _;

use http::Method;

use crate::head::Receipt;
use crate::rules::{Conflict, Rule};

/// The rules that were broken, each once.
pub(crate) fn broken(conflicts: &[Conflict]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for conflict in conflicts {
        if !rules.contains(&conflict.rule()) {
            rules.push(conflict.rule());
        }
    }
    rules
}

/// What a strict rule ends a test with.
pub(crate) struct Indictment<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) route: Option<&'a str>,
    pub(crate) conflicts: &'a [Conflict],
    /// The head, with who wrote what.
    pub(crate) explained: &'a str,
}

impl Indictment<'_> {
    /// The text about a response that is over.
    pub(crate) fn of(receipt: &Receipt) -> String {
        let (method, path) = (receipt.method(), receipt.path().unwrap_or_default());
        let (route, conflicts) = (receipt.route(), receipt.conflicts());
        Indictment { method, path, route, conflicts, explained: &receipt.explain() }.text()
    }

    /// The text: which request, which conflicts with what to do about each, and the head.
    pub(crate) fn text(&self) -> String {
        let Self { method, path, route, conflicts, explained } = self;
        let mut text = format!("{method} {path}");
        if let Some(route) = route {
            write!(text, " (route {route})").unwrap_or_default();
        }
        text.push_str(": the response head broke the rules\n");
        for conflict in *conflicts {
            writeln!(text, "- {conflict}").unwrap_or_default();
        }
        text.push_str("what to do:\n");
        for rule in broken(conflicts) {
            writeln!(text, "- {rule}: {}", rule.remedy()).unwrap_or_default();
        }
        write!(text, "the guide: {}\nthe head:\n{explained}", Rule::GUIDE).unwrap_or_default();
        text
    }
}
