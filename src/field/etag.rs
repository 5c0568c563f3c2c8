//! Entity tags: strong, weak, or no tag at all (RFC 9110, section 8.8.3).

use std::time::{SystemTime, UNIX_EPOCH};

use http::header::HeaderValue;

use super::coding::Coding;
use super::list;
use super::tag::{Tag, is_etagc};

/// Names one version of what is served (RFC 9110, section 8.8.3).
///
/// A *strong* tag is of exactly these bytes; a *weak* one is of bytes that are as good. Ranges and
/// `If-Match` count on strong tags alone.
///
/// # Examples
///
/// ```
/// use letterhead::answer::EntityTag;
///
/// let tag = EntityTag::strong("v1").unwrap();
/// assert_eq!(tag.value(), r#""v1""#);
/// assert_eq!(tag.weakened().value(), r#"W/"v1""#);
/// // No blanks and no quotes between the quotes.
/// assert!(EntityTag::strong("version 1").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    value: HeaderValue,
    weak: bool,
}

impl EntityTag {
    /// A tag of exactly these bytes; `None` if `opaque` has a blank, a quote or a control
    /// character.
    #[must_use]
    pub fn strong(opaque: impl AsRef<[u8]>) -> Option<Self> {
        Self::quoted(b"\"", opaque.as_ref(), false)
    }

    /// A tag of bytes that are as good; `None` as for [`strong`](Self::strong).
    #[must_use]
    pub fn weak(opaque: impl AsRef<[u8]>) -> Option<Self> {
        Self::quoted(b"W/\"", opaque.as_ref(), true)
    }

    /// Reads a field value; `None` if it is not one tag.
    #[must_use]
    pub fn parse(value: &HeaderValue) -> Option<Self> {
        let tag = Tag::read(value.as_bytes())?;
        if tag.weak { Self::weak(tag.opaque) } else { Self::strong(tag.opaque) }
    }

    /// A strong tag made of a digest of the content, in hexadecimal digits.
    #[must_use]
    pub fn of_digest(digest: &[u8]) -> Self {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let mut quoted = Vec::with_capacity(2 * digest.len() + 2);
        quoted.push(b'"');
        for byte in digest {
            quoted.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
        }
        quoted.push(b'"');
        Self::plain(quoted)
    }

    /// A strong tag made of a length and the time of the last change.
    ///
    /// It is equal on every replica that has the same file with the same time. `None` at the epoch
    /// and before it: that is what tools write that have no time to tell.
    #[must_use]
    pub fn of_version(length: u64, modified: SystemTime) -> Option<Self> {
        let since = modified.duration_since(UNIX_EPOCH).ok().filter(|since| !since.is_zero())?;
        // It is made for each file that is opened: no formatter.
        let mut quoted = Vec::with_capacity(40);
        quoted.push(b'"');
        hex(u128::from(length), &mut quoted);
        quoted.push(b'-');
        hex(since.as_nanos(), &mut quoted);
        quoted.push(b'"');
        Some(Self::plain(quoted))
    }

    /// The same tag for the same content in a coding, which is other bytes: `"v1"` becomes
    /// `"v1-gzip"`. [`Coding::Identity`] changes nothing.
    #[must_use]
    pub fn coded(&self, coding: Coding) -> Self {
        match coding {
            Coding::Identity => self.clone(),
            coded @ (Coding::Gzip | Coding::Zstd | Coding::Brotli) => {
                let opaque = [self.opaque(), b"-", coded.token().as_bytes()].concat();
                let coded = if self.weak { Self::weak(opaque) } else { Self::strong(opaque) };
                // Not reached: what was legal is, with letters behind it.
                coded.unwrap_or_else(|| self.clone())
            }
        }
    }

    /// The weak tag of the same text.
    #[must_use]
    pub fn weakened(&self) -> Self {
        Self { value: weaken(&self.value), weak: true }
    }

    /// Whether it is weak.
    #[must_use]
    pub const fn is_weak(&self) -> bool {
        self.weak
    }

    /// What stands between the quotes.
    #[must_use]
    pub fn opaque(&self) -> &[u8] {
        let quoted = self.value.as_bytes().get(if self.weak { 3 } else { 1 }..).unwrap_or(b"");
        quoted.strip_suffix(b"\"").unwrap_or(quoted)
    }

    /// The value of an `ETag` field.
    #[must_use]
    pub const fn value(&self) -> &HeaderValue {
        &self.value
    }

    /// Equal, and both strong.
    pub(crate) fn matches_strongly(&self, other: Tag<'_>) -> bool {
        Tag { weak: self.weak, opaque: self.opaque() }.matches_strongly(other)
    }

    /// Equal, weak or not.
    pub(crate) fn matches_weakly(&self, other: Tag<'_>) -> bool {
        Tag { weak: self.weak, opaque: self.opaque() }.matches_weakly(other)
    }

    fn quoted(open: &[u8], opaque: &[u8], weak: bool) -> Option<Self> {
        if !opaque.iter().all(|byte| is_etagc(*byte)) {
            return None;
        }
        let value = HeaderValue::try_from([open, opaque, b"\""].concat()).ok()?;
        Some(Self { value, weak })
    }

    /// A strong tag of letters, digits and `-`, in its quotes.
    fn plain(quoted: Vec<u8>) -> Self {
        let quoted = HeaderValue::try_from(quoted);
        Self { value: quoted.unwrap_or_else(|_| HeaderValue::from_static("\"\"")), weak: false }
    }
}

/// Whether `value` is a strong tag: quoted, and without `W/`.
pub(crate) fn is_strong(value: &HeaderValue) -> bool {
    Tag::read(value.as_bytes()).is_some_and(|tag| !tag.weak)
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

/// Appends a number in hexadecimal digits.
fn hex(number: u128, text: &mut Vec<u8>) {
    let digits = (u128::BITS - number.leading_zeros()).div_ceil(4).max(1);
    text.extend((0..digits).rev().map(|at| {
        let digit = ((number >> (4 * at)) & 0xf) as u8;
        if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
    }));
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
    fn a_tag_is_its_text_and_whether_it_is_weak() {
        for (value, weak, opaque) in [
            (&b"\"xyzzy\""[..], false, &b"xyzzy"[..]),
            (b"W/\"xyzzy\"", true, b"xyzzy"),
            (b"\"\"", false, b""),
            (b" W/\"\" ", true, b""),
            (b"\"\xe4\\\"", false, b"\xe4\\"),
        ] {
            let value = HeaderValue::from_bytes(value).expect("a legal value");
            let tag = EntityTag::parse(&value).expect("a tag");
            assert_eq!((tag.is_weak(), tag.opaque()), (weak, opaque), "{value:?}");
            assert_eq!(tag.value().as_bytes(), list::trim(value.as_bytes()));
            assert_eq!(tag.weakened().opaque(), opaque);
            assert!(tag.weakened().is_weak());
        }
        for opaque in ["a b", "a\"", "\n", "\t", "\u{7f}", "\0"] {
            assert_eq!(EntityTag::strong(opaque), None, "{opaque:?}");
            assert_eq!(EntityTag::weak(opaque), None, "{opaque:?}");
        }
        assert_eq!(EntityTag::parse(&HeaderValue::from_static("\"a\", \"b\"")), None);
    }

    #[test]
    fn a_version_is_told_apart_by_length_time_and_coding() {
        let time = |nanos| UNIX_EPOCH + std::time::Duration::from_nanos(nanos);
        let tag = EntityTag::of_version(4096, time(255)).expect("a time");
        assert_eq!(tag.value(), "\"1000-ff\"");
        for (length, nanos) in [(0, 1), (9, 10), (u64::MAX, u64::MAX), (0x1f, 0xa0_0000_0009)] {
            let tag = EntityTag::of_version(length, time(nanos)).expect("a time");
            assert_eq!(tag.value(), &format!("\"{length:x}-{nanos:x}\""));
        }
        assert_eq!(EntityTag::of_version(4096, UNIX_EPOCH), None);
        assert_eq!(EntityTag::of_version(1, UNIX_EPOCH - std::time::Duration::from_secs(1)), None);
        assert_eq!(EntityTag::of_digest(&[0x00, 0xff, 0x1a]).value(), "\"00ff1a\"");
        assert_eq!(EntityTag::of_digest(&[]).value(), "\"\"");
        assert_eq!(tag.coded(Coding::Identity), tag);
        assert_eq!(tag.coded(Coding::Brotli).value(), "\"1000-ff-br\"");
        assert_eq!(tag.weakened().coded(Coding::Gzip).value(), "W/\"1000-ff-gzip\"");
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
