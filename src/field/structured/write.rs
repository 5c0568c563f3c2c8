//! Structured fields as they are written (RFC 9651, section 4.1).

use std::fmt::Write as _;

use super::{Bare, Item, Member, Params};
use crate::field::base64::encode;

pub(super) fn dictionary(text: &mut String, members: &[(String, Member)]) {
    for (at, (key, value)) in members.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(key);
        match value {
            // Of a member that is true the key alone is written.
            Member::Item(Item { bare: Bare::Boolean(true), params }) => parameters(text, params),
            Member::Item(_) | Member::Inner(..) => {
                text.push('=');
                member(text, value);
            }
        }
    }
}

pub(super) fn list(text: &mut String, members: &[Member]) {
    for (at, value) in members.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        member(text, value);
    }
}

pub(super) fn member(text: &mut String, member: &Member) {
    match member {
        Member::Item(value) => item(text, value),
        Member::Inner(items, params) => {
            text.push('(');
            for (at, value) in items.iter().enumerate() {
                if at > 0 {
                    text.push(' ');
                }
                item(text, value);
            }
            text.push(')');
            parameters(text, params);
        }
    }
}

pub(super) fn item(text: &mut String, item: &Item) {
    bare(text, &item.bare);
    parameters(text, &item.params);
}

fn parameters(text: &mut String, params: &Params) {
    for (name, value) in params {
        text.push(';');
        text.push_str(name);
        if *value != Bare::Boolean(true) {
            text.push('=');
            bare(text, value);
        }
    }
}

/// A string in its quotes; the caller knows that it is visible ASCII and blanks.
pub(crate) fn string(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
}

fn bare(text: &mut String, value: &Bare) {
    // Writing into a string does not fail.
    match value {
        Bare::Integer(number) => write!(text, "{number}").unwrap_or_default(),
        Bare::Decimal(thousandths) => decimal(text, *thousandths),
        Bare::String(value) => string(text, value),
        Bare::Token(token) => text.push_str(token),
        Bare::Bytes(bytes) => write!(text, ":{}:", encode(bytes)).unwrap_or_default(),
        Bare::Boolean(value) => text.push_str(if *value { "?1" } else { "?0" }),
        Bare::Date(seconds) => write!(text, "@{seconds}").unwrap_or_default(),
        Bare::Display(value) => display(text, value),
    }
}

fn decimal(text: &mut String, thousandths: i64) {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, part) = (thousandths.unsigned_abs() / 1000, thousandths.unsigned_abs() % 1000);
    let part = format!("{part:03}");
    let part = match part.trim_end_matches('0') {
        "" => "0",
        part => part,
    };
    write!(text, "{sign}{whole}.{part}").unwrap_or_default();
}

fn display(text: &mut String, value: &str) {
    text.push_str("%\"");
    for byte in value.bytes() {
        match byte {
            b'%' | b'"' | 0..=0x1f | 0x7f..=0xff => write!(text, "%{byte:02x}").unwrap_or_default(),
            visible => text.push(char::from(visible)),
        }
    }
    text.push('"');
}
