//! Certificates and keys as text.

/// A text of RFC 7468.
pub(crate) fn text(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (at, three) in der.chunks(3).enumerate() {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(*three.get(at).unwrap_or(&0)));
        for digit in 0..4 {
            let is_there = digit <= three.len();
            let shown = if is_there { DIGITS[bits >> (18 - 6 * digit) & 63] } else { b'=' };
            text.push(char::from(shown));
        }
        if at % 16 == 15 {
            text.push('\n');
        }
    }
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}
