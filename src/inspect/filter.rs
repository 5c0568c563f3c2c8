//! Which exchanges are listed: a question in the query of the list's URL.

use std::fmt::Write as _;

use super::escape::percent_encoded;
use super::kept::{Kept, Value};
use crate::ledger::Entry;

/// A name and a value of a query, decoded.
pub(super) type Pair = (String, String);

/// Reads a query as forms write it (WHATWG URL, section 5.1). What is no UTF-8 is replaced.
pub(super) fn pairs(query: &str) -> Vec<Pair> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let text = text.as_bytes();
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut bytes, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 2;
            }
            (b'+', _, _) => bytes.push(b' '),
            (byte, _, _) => bytes.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is asked for; an empty text asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// A part of the path or of the route.
    pub(super) path: String,
    /// A status, or the beginning of one: `404`, `5`, `5xx`.
    pub(super) status: String,
    /// A field that was written to or that went out; behind a colon, a part of a value that it had.
    pub(super) field: String,
    /// A part of the name of a writer: `layer cors`, `src/app.rs:12`.
    pub(super) writer: String,
    /// The name of a rule, or `any`.
    pub(super) conflict: String,
    pub(super) outcome: String,
    /// There are writes that came too late.
    pub(super) late: bool,
}

impl Filter {
    pub(super) fn of(pairs: &[Pair]) -> Self {
        let mut filter = Self::default();
        for (name, value) in pairs {
            let value = value.trim();
            let slot = match name.as_str() {
                "path" => &mut filter.path,
                "status" => &mut filter.status,
                "field" => &mut filter.field,
                "writer" => &mut filter.writer,
                "conflict" => &mut filter.conflict,
                "outcome" => &mut filter.outcome,
                "late" => {
                    filter.late = !value.is_empty() && value != "0";
                    continue;
                }
                _ => continue,
            };
            value.clone_into(slot);
        }
        filter
    }

    /// Whether something is asked for.
    pub(super) fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// The query that asks for it.
    pub(super) fn query(&self) -> String {
        let Self { path, status, field, writer, conflict, outcome, late } = self;
        let late = if *late { "1" } else { "" };
        let mut query = String::new();
        for (name, value) in [
            ("path", path.as_str()),
            ("status", status),
            ("field", field),
            ("writer", writer),
            ("conflict", conflict),
            ("outcome", outcome),
            ("late", late),
        ] {
            if !value.is_empty() {
                let and = if query.is_empty() { "" } else { "&" };
                let _ = write!(query, "{and}{name}={}", percent_encoded(value));
            }
        }
        query
    }

    /// Whether an exchange is one of those that are asked for.
    pub(super) fn takes(&self, kept: &Kept) -> bool {
        let receipt = &kept.receipt;
        let has = |text: Option<&str>| text.is_some_and(|text| text.contains(&self.path));
        (self.path.is_empty() || has(receipt.path()) || has(receipt.route()))
            && (self.status.is_empty() || self.takes_status(kept))
            && (self.field.is_empty() || self.takes_field(kept))
            && (self.writer.is_empty() || self.takes_writer(kept))
            && (self.conflict.is_empty() || self.takes_conflict(kept))
            && (self.outcome.is_empty() || receipt.outcome().as_str() == self.outcome)
            && (!self.late || receipt.late_writes().next().is_some())
    }

    fn takes_status(&self, kept: &Kept) -> bool {
        let wanted = self.status.trim_end_matches(['x', 'X']);
        kept.receipt.status().is_some_and(|status| status.as_str().starts_with(wanted))
    }

    fn takes_field(&self, kept: &Kept) -> bool {
        let (name, value) = self.field.split_once(':').unwrap_or((&self.field, ""));
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let mut sent = kept.fields().filter(|field| field.name.as_str() == name);
        let has = |text: &dyn std::fmt::Display| text.to_string().contains(value);
        let in_head = sent.any(|field| match field.value {
            Value::Shown(shown) => has(&shown),
            Value::TooLarge(_) => value.is_empty(),
        });
        let wrote = |entry: &Entry| {
            entry.field().is_some_and(|field| field.as_str() == name)
                && (has(&entry.before().whole()) || has(&entry.after().whole()))
        };
        in_head || kept.receipt.writes().iter().any(wrote)
    }

    fn takes_writer(&self, kept: &Kept) -> bool {
        let receipt = &kept.receipt;
        let writers = receipt.writes().iter().map(Entry::writer);
        let of_conflicts =
            receipt.conflicts().iter().flat_map(|one| one.first().into_iter().chain(one.second()));
        writers.chain(of_conflicts).any(|writer| writer.to_string().contains(&self.writer))
    }

    fn takes_conflict(&self, kept: &Kept) -> bool {
        let mut rules = kept.receipt.conflicts().iter().map(|one| one.rule().as_str());
        rules.any(|rule| self.conflict == "any" || self.conflict == rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_forms_write_it() {
        let check = |query: &str, expected: &[(&str, &str)]| {
            let expected: Vec<Pair> =
                expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(pairs(query), expected, "{query}");
        };
        check("", &[]);
        check("&&a=b&c&=d", &[("a", "b"), ("c", ""), ("", "d")]);
        check("a+b=%3Cc%3e+%", &[("a b", "<c> %")]);
        check(
            "a=%2&b=%zz&c=%ff=%E2%82%AC",
            &[("a", "%2"), ("b", "%zz"), ("c", "\u{fffd}=\u{20ac}")],
        );
    }

    #[test]
    fn a_filter_and_its_query_say_the_same() {
        let filter =
            Filter::of(&pairs("path=%2Fa%26b&status=5xx&late=1&field=vary:+*&x=y&conflict="));
        assert_eq!((filter.path.as_str(), filter.late, filter.is_set()), ("/a&b", true, true));
        assert_eq!(Filter::of(&pairs(&filter.query())), filter);
        assert!(!Filter::of(&pairs("late=0&path=+")).is_set());
    }
}
