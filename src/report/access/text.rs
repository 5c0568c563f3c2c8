//! Text of log lines: what becomes of bytes that a client chose, and numbers.

use std::io::Write as _;
use std::net::IpAddr;

/// How many bytes of a target or a field a line shows.
pub(super) const MOST_SHOWN: usize = 2048;

/// How a byte is escaped that has a meaning to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `\xHH`, as nginx has them.
    Hex,
    /// `\u00HH` (RFC 8259, section 7).
    Json,
}

/// A value in quotes, or what stands for none.
pub(super) fn quote(out: &mut Vec<u8>, value: Option<&[u8]>, none: &[u8], escapes: Escapes) {
    match value {
        Some(value) => {
            out.push(b'"');
            escape(out, value, escapes);
            out.push(b'"');
        }
        None => out.extend_from_slice(none),
    }
}

/// A key with its string, if there is one.
pub(super) fn pair(out: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    if value.is_some() {
        out.extend_from_slice(key);
        quote(out, value, b"", Escapes::Json);
    }
}

/// The value without whatever has a meaning to a reader, cut where it is too long.
pub(super) fn escape(out: &mut Vec<u8>, value: &[u8], escapes: Escapes) {
    let (shown, cut) = match value.get(..MOST_SHOWN) {
        Some(shown) if shown.len() < value.len() => (shown, true),
        _ => (value, false),
    };
    let mut rest = shown;
    while let Some(at) = rest.iter().position(|byte| !is_plain(*byte)) {
        let (plain, odd) = rest.split_at(at);
        out.extend_from_slice(plain);
        if let Some((byte, behind)) = odd.split_first() {
            out.extend_from_slice(if escapes == Escapes::Json { b"\\u00" } else { b"\\x" });
            out.extend_from_slice(&hex(*byte));
            rest = behind;
        }
    }
    out.extend_from_slice(rest);
    if cut {
        out.extend_from_slice(b"...");
    }
}

/// What goes into all forms as it is.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn hex(byte: u8) -> [u8; 2] {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + value - 10 };
    [digit(byte >> 4), digit(byte & 15)]
}

/// The address as text; `write!` into a vector cannot fail, and takes ten times as long as digits do.
pub(super) fn address(out: &mut Vec<u8>, address: Option<IpAddr>, none: &[u8]) {
    match address {
        Some(IpAddr::V4(address)) => {
            let [first, rest @ ..] = address.octets();
            digits(out, u64::from(first));
            for octet in rest {
                out.push(b'.');
                digits(out, u64::from(octet));
            }
        }
        Some(IpAddr::V6(address)) => write!(out, "{address}").unwrap_or_default(),
        None => out.extend_from_slice(none),
    }
}

pub(super) fn digits(out: &mut Vec<u8>, number: u64) {
    if number < 10 {
        // The rest of a division by ten is one digit.
        out.push(b'0' + u8::try_from(number % 10).unwrap_or(0));
        return;
    }
    let mut text = [b'0'; 20];
    let (mut at, mut rest) = (text.len(), number);
    while at == text.len() || rest > 0 {
        at -= 1;
        text[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    out.extend_from_slice(&text[at..]);
}

/// So many digits, behind a point.
pub(super) fn decimals(out: &mut Vec<u8>, mut number: u64, count: usize) {
    let at = out.len();
    out.resize(at + count, b'0');
    for digit in out.iter_mut().skip(at).rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_are_written_as_the_standard_library_does() {
        for number in
            [0, 1, 9, 10, 11, 99, 100, 65_535, u64::from(u32::MAX), u64::MAX - 1, u64::MAX]
        {
            let mut found = Vec::new();
            digits(&mut found, number);
            assert_eq!(String::from_utf8(found).unwrap_or_default(), number.to_string());
        }
        let addresses = [
            "0.0.0.0",
            "127.0.0.1",
            "10.200.30.255",
            "255.255.255.255",
            "::",
            "::1",
            "2001:db8::a:1",
            "::ffff:1.2.3.4",
        ];
        for text in addresses {
            let mut found = Vec::new();
            address(&mut found, text.parse().ok(), b"-");
            assert_eq!(String::from_utf8(found).unwrap_or_default(), text);
        }
        let mut none = Vec::new();
        address(&mut none, None, b"-");
        assert_eq!(none, b"-");
    }
}
