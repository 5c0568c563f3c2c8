//! Base64 as it is read in byte sequences (RFC 9651, section 4.2.7).

use crate::field::base64::DIGITS;

/// What is encoded; missing padding and bits beyond the last byte are no offence.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.iter().rposition(|digit| *digit != b'=').map_or(0, |last| last + 1);
    let (digits, padding) = text.split_at(digits);
    if padding.len() > 2 || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for four in digits.chunks(4) {
        let mut bits: u32 = 0;
        for digit in four {
            let value = DIGITS.iter().position(|other| other == digit)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        let [_, decoded @ ..] = (bits << (6 * (4 - four.len()))).to_be_bytes();
        bytes.extend_from_slice(&decoded[..four.len() - 1]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::base64::encode;

    #[test]
    fn bytes_come_back() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", b"\xfb\xff\xfe"] {
            let text = encode(bytes);
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes));
            assert_eq!(decode(text.trim_end_matches('=').as_bytes()).as_deref(), Some(bytes));
        }
        for bad in ["A", "A===", "Zg=a", "Z!", "Zm9vA"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
