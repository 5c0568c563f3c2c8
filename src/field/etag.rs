//! Entity tags: strong, weak, or no tag at all (RFC 9110, section 8.8.3).

use http::header::HeaderValue;

use super::list;

/// Whether `value` is a strong tag: quoted, and without `W/`.
pub(crate) fn is_strong(value: &HeaderValue) -> bool {
    let inside =
        list::trim(value.as_bytes()).strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\""));
    inside.is_some_and(|tag| tag.iter().all(|byte| is_etagc(*byte)))
}

/// The weak tag of the same text; `value` itself if it is weak already or no tag.
pub(crate) fn weaken(value: &HeaderValue) -> HeaderValue {
    if !is_strong(value) {
        return value.clone();
    }
    let weak = [b"W/", list::trim(value.as_bytes())].concat();
    match HeaderValue::try_from(weak) {
        Ok(mut weak) => {
            weak.set_sensitive(value.is_sensitive());
            weak
        }
        // Not reached: two letters more make no value illegal.
        Err(_) => value.clone(),
    }
}

/// A byte that may stand between the quotes: visible and no quote, or above ASCII.
const fn is_etagc(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7e | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tag: &[u8], strong: bool, weakened: &[u8]) {
        let tag = HeaderValue::from_bytes(tag).expect("a legal value");
        assert_eq!(is_strong(&tag), strong, "{tag:?}");
        assert_eq!(weaken(&tag), weakened, "{tag:?}");
    }

    #[test]
    fn only_a_strong_tag_is_weakened() {
        // RFC 9110, section 8.8.3.
        check(br#""xyzzy""#, true, br#"W/"xyzzy""#);
        check(br#"W/"xyzzy""#, false, br#"W/"xyzzy""#);
        check(br#""""#, true, br#"W/"""#);
        check(b" \"a\"\t", true, b"W/\"a\"");
        check(b"\"\xff!\\\"", true, b"W/\"\xff!\\\"");
        for malformed in [
            &b""[..],
            b"\"",
            b"a",
            b"a\"",
            b"\"a",
            br#""a b""#,
            br#""a"b""#,
            br#"w/"a""#,
            br#""a", "b""#,
            b"\xff",
        ] {
            check(malformed, false, malformed);
        }
    }

    #[test]
    fn a_large_tag_and_a_secret_one_stay_what_they_are() {
        let large = format!("\"{}\"", "x".repeat(1 << 20));
        check(large.as_bytes(), true, format!("W/{large}").as_bytes());
        let mut secret = HeaderValue::from_static("\"a\"");
        secret.set_sensitive(true);
        assert!(weaken(&secret).is_sensitive());
    }
}
