//! `traceparent`: which trace a request is part of (W3C Trace Context, section 3.2).

use std::fmt;

/// The length of a value of version 00, and the least of later ones.
const LENGTH: usize = 55;

/// The trace that a request is part of, as its `traceparent` field says it.
///
/// ```text
/// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
/// │  └ trace id                       └ parent id      └ flags
/// └ version
/// ```
///
/// The ids are those of the client's side: the span that the application makes of the request is another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace_id: [u8; 32],
    parent_id: [u8; 16],
    flags: u8,
}

impl TraceParent {
    /// Reads a field's value; `None` if it is not one of version 00, or does not begin as the values of
    /// later versions do.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let (version, known) = known.split_first_chunk::<2>()?;
        let (trace_id, known) = known.strip_prefix(b"-")?.split_first_chunk::<32>()?;
        let (parent_id, known) = known.strip_prefix(b"-")?.split_first_chunk::<16>()?;
        let flags = byte(known.strip_prefix(b"-")?.try_into().ok()?)?;
        // What a later version adds begins with a dash; 255 is none.
        match byte(*version)? {
            0 if !rest.is_empty() => return None,
            0xff => return None,
            _ if !(rest.is_empty() || rest.starts_with(b"-")) => return None,
            _ => {}
        }
        (is_id(trace_id) && is_id(parent_id)).then_some(Self {
            trace_id: *trace_id,
            parent_id: *parent_id,
            flags,
        })
    }

    /// The id of the whole trace: 32 hexadecimal digits in lower case, not all zero.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        std::str::from_utf8(&self.trace_id).unwrap_or_default()
    }

    /// The id of the client's span: 16 hexadecimal digits in lower case, not all zero.
    #[must_use]
    pub fn parent_id(&self) -> &str {
        std::str::from_utf8(&self.parent_id).unwrap_or_default()
    }

    /// Whether the client may have recorded the trace.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }
}

/// The value of one of the digits; capitals are none (section 3.2.2).
const fn digit(text: u8) -> Option<u8> {
    match text {
        b'0'..=b'9' => Some(text - b'0'),
        b'a'..=b'f' => Some(text - b'a' + 10),
        _ => None,
    }
}

fn byte([high, low]: [u8; 2]) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

/// Whether these are digits, and not all of them zero.
fn is_id(text: &[u8]) -> bool {
    text.iter().all(|text| digit(*text).is_some()) && text.iter().any(|text| *text != b'0')
}

/// Both ids, as they stand in the field.
impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceParent({}-{})", self.trace_id(), self.parent_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn check(value: &str, expected: Option<(&str, &str, bool)>) {
        let parsed = TraceParent::parse(value.as_bytes());
        let found = parsed.as_ref().map(|p| (p.trace_id(), p.parent_id(), p.is_sampled()));
        assert_eq!(found, expected, "{value:?}");
    }

    #[test]
    fn the_examples_of_the_specification_are_read() {
        // Section 3.2.3, sampled and not.
        check(&format!("00-{TRACE}-{PARENT}-01"), Some((TRACE, PARENT, true)));
        check(&format!("00-{TRACE}-{PARENT}-00"), Some((TRACE, PARENT, false)));
        // Other flags have no meaning yet (section 3.2.2.5.2).
        check(&format!("00-{TRACE}-{PARENT}-fe"), Some((TRACE, PARENT, false)));
        check(&format!("00-{TRACE}-{PARENT}-ff"), Some((TRACE, PARENT, true)));
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        // Section 3.2.4: what follows the flags has to begin with a dash.
        check(&format!("01-{TRACE}-{PARENT}-01"), Some((TRACE, PARENT, true)));
        check(&format!("cc-{TRACE}-{PARENT}-01-what-the-future"), Some((TRACE, PARENT, true)));
        check(&format!("cc-{TRACE}-{PARENT}-01.what-the-future"), None);
        check(&format!("cc-{TRACE}-{PARENT}-01x"), None);
        check(&format!("cc-{TRACE}-{PARENT}-0"), None);
        check(&format!("ff-{TRACE}-{PARENT}-01"), None);
    }

    #[test]
    fn what_is_no_such_value_is_none() {
        for value in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("0-{TRACE}-{PARENT}-001"),
            format!("0x-{TRACE}-{PARENT}-01"),
            format!("0A-{TRACE}-{PARENT}-01"),
            format!(" 00-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-0g"),
            format!("00_{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}_{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}_01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{PARENT}-01", "\u{e9}".repeat(16)),
        ] {
            check(&value, None);
        }
    }
}
