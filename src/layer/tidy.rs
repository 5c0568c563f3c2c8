//! Values that are right for the application and wrong on the wire.

use http::header::{HeaderMap, HeaderName, HeaderValue, VARY};

use super::exchange::Exchange;
use super::terms::Survey;
use crate::field::list;
use crate::head::{Note, Sealing};
use crate::ledger::{Values, Writer};
use crate::rules::framing::Mended;

/// Writes `Vary: *` alone, and on HTTP/2 takes blanks from around values.
#[inline]
pub(crate) fn tidy(
    exchange: &Exchange,
    survey: Survey,
    fields: &mut HeaderMap,
    sealing: Option<&mut Sealing>,
) {
    if survey.varies || exchange.ability().has_streams() {
        tidy_values(exchange, survey, fields, sealing);
    }
}

#[inline(never)]
fn tidy_values(
    exchange: &Exchange,
    survey: Survey,
    fields: &mut HeaderMap,
    mut sealing: Option<&mut Sealing>,
) {
    // RFC 9110, section 12.5.5: `*` says it all, and a cache that looks at one line only must find it.
    if survey.varies && is_star_among_others(fields) {
        let before = Values::of(fields.get_all(VARY).iter());
        fields.insert(VARY, HeaderValue::from_static("*"));
        if let Some(sealing) = &mut sealing {
            sealing.changed(&Writer::Framing, &VARY, before, fields);
        }
    }
    if exchange.ability().has_streams() && fields.values().any(is_padded) {
        let padded: Vec<_> = fields.iter().filter(|(_, value)| is_padded(value)).collect();
        let names = padded.into_iter().map(|(name, _)| name.clone()).collect();
        exchange.note(Note::Mended(Mended::PaddedValues));
        trim(fields, names, sealing);
    }
}

fn is_star_among_others(fields: &HeaderMap) -> bool {
    let has_star = |line: &HeaderValue| line.as_bytes().contains(&b'*');
    let is_single = fields.len() == fields.keys_len();
    if is_single && !fields.get(VARY).is_some_and(has_star) {
        return false;
    }
    let lines = || fields.get_all(VARY).iter();
    if !lines().any(has_star) {
        return false;
    }
    let mut members = lines().flat_map(|line| list::members(line.as_bytes()));
    members.any(|member| member == b"*") && lines().ne(["*"])
}

/// Whether blanks stand around a value (RFC 9113, section 8.2.1: malformed).
pub(crate) fn is_padded(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_blank(bytes.first()) || is_blank(bytes.last())
}

/// Takes the blanks from around every value of these fields.
fn trim(fields: &mut HeaderMap, mut names: Vec<HeaderName>, mut sealing: Option<&mut Sealing>) {
    names.dedup();
    for name in names {
        let before = Values::of(fields.get_all(&name).iter());
        trim_values(fields, &name);
        if let Some(sealing) = &mut sealing {
            sealing.changed(&Writer::Framing, &name, before, fields);
        }
    }
}

/// Takes the blanks from around every value of a field.
pub(crate) fn trim_values(fields: &mut HeaderMap, name: &HeaderName) {
    if let http::header::Entry::Occupied(mut values) = fields.entry(name) {
        for value in values.iter_mut() {
            // What is left of a value is one.
            if let Ok(mut bare) = HeaderValue::from_bytes(list::trim(value.as_bytes())) {
                bare.set_sensitive(value.is_sensitive());
                *value = bare;
            }
        }
    }
}
