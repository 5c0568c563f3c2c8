//! Bytes as lower-case hexadecimal digits, as TUF writes them.

use std::fmt::Write as _;

/// The digits of these bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of these digits; `None` if they are none, or an odd number.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |at: &u8| char::from(*at).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

/// A SHA-256; `None` if it is none.
pub(super) fn sha256(text: &str) -> Option<[u8; 32]> {
    decode(text)?.try_into().ok()
}
