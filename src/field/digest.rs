//! Digests of content and of representations, and who wants which (RFC 9530).

use http::header::{HeaderName, HeaderValue};

use super::base64::encode;
use super::list;

/// Fields with a digest of the content or of the coded representation (RFC 9530, sections 2 and 3; RFC
/// 3230, section 4.3.2; RFC 2616, section 14.15): another coding makes them untrue.
pub(crate) const FIELDS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// An algorithm of `Content-Digest` and `Repr-Digest` (RFC 9530, section 5): one of those that are good
/// against somebody who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// `sha-256`: 32 bytes.
    Sha256,
    /// `sha-512`: 64 bytes.
    Sha512,
}

impl DigestAlgorithm {
    /// The key in the field.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    /// The value of a `Content-Digest` or `Repr-Digest` field with this digest alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::answer::DigestAlgorithm;
    ///
    /// assert_eq!(DigestAlgorithm::Sha256.field_value(b"\x00\xff"), "sha-256=:AP8=:");
    /// ```
    #[must_use]
    pub fn field_value(self, digest: &[u8]) -> HeaderValue {
        let text = format!("{}=:{}:", self.key(), encode(digest));
        // Letters, digits and `=:+/-`: always a value.
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// Which one the lines of a `Want-Content-Digest` or `Want-Repr-Digest` prefer (RFC 9530, section 4):
    /// the highest number, of equals SHA-256, and none with 0. `None` also if a preference for one of them is no
    /// number from 0 to 10.
    pub(crate) fn wanted<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Option<Self> {
        let (mut sha256, mut sha512) = (0, 0);
        for line in lines {
            for member in list::members(line.as_bytes()) {
                let mut halves = member.splitn(2, |byte| *byte == b'=');
                let weight = match halves.next().unwrap_or_default().trim_ascii() {
                    b"sha-256" => &mut sha256,
                    b"sha-512" => &mut sha512,
                    _ => continue,
                };
                // Of a key that comes again the last counts (RFC 9651, section 4.2.2). There are no
                // parameters that mean anything.
                let value = halves.next()?.split(|byte| *byte == b';').next()?;
                *weight = std::str::from_utf8(value).ok()?.parse().ok().filter(|w| *w <= 10_u8)?;
            }
        }
        match (sha256, sha512) {
            (0, 0) => None,
            (sha256, sha512) if sha512 > sha256 => Some(Self::Sha512),
            _ => Some(Self::Sha256),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_welcome_algorithm_is_taken() {
        use DigestAlgorithm::{Sha256, Sha512};
        let check = |lines: &[&'static str], expected| {
            let lines: Vec<_> = lines.iter().map(|line| HeaderValue::from_static(line)).collect();
            assert_eq!(DigestAlgorithm::wanted(&lines), expected, "{lines:?}");
        };
        check(&[], None);
        check(&["sha-256=1"], Some(Sha256));
        check(&["sha-512=3, sha-256=10, unixsum=0"], Some(Sha256));
        check(&["sha-512=10,sha-256=3"], Some(Sha512));
        check(&["sha-512=3", "sha-256=2"], Some(Sha512));
        check(&["sha-512=5, sha-256=5"], Some(Sha256));
        check(&["sha-256=0"], None);
        check(&["sha-256=0, sha-512=1;x=y"], Some(Sha512));
        check(&["sha-256=9, sha-256=0, sha-512=1"], Some(Sha512));
        check(&["md5=10, sha=9"], None);
        // RFC 9530, section 4: what is out of range makes no preference.
        check(&["sha-256=11"], None);
        check(&["sha-256=-1, sha-512=4"], None);
        check(&["sha-256, sha-512=4"], None);
        check(&["sha-256=\"5\""], None);
        check(&["=5"], None);
        check(&["SHA-256=5"], None);
    }
}
