//! Several parts in one answer: `multipart/byteranges` (RFC 9110, section 14.6).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::answer::facts::Facts;
use crate::field::content_range;

/// Several parts of something, with what stands between them.
///
/// All that is not content is made before the first byte goes out, so the length is exact.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
///
/// use http::Request;
/// use letterhead::answer::{Answer, Asked, Facts, Piece, answer};
///
/// let request = Request::get("/").header("range", "bytes=0-0,-1").body(()).unwrap();
/// let answer = answer(&Asked::of(&request), &Facts::new(10_000), SystemTime::now());
/// let Answer::Parts(head, parts) = answer else { panic!("{answer:?}") };
/// assert_eq!(head.headers()["content-length"], parts.length().to_string());
/// let content: Vec<_> = parts
///     .pieces()
///     .filter_map(|piece| match piece {
///         Piece::Content(range) => Some(range),
///         Piece::Glue(_) => None,
///     })
///     .collect();
/// assert_eq!(content, [0..1, 9999..10_000]);
/// ```
#[derive(Clone, Debug)]
pub struct Multipart {
    boundary: String,
    /// Each part with what goes before it.
    parts: Vec<(Bytes, Range<u64>)>,
    close: Bytes,
    length: u64,
}

/// What goes out next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Delimiters and the fields of a part.
    Glue(Bytes),
    /// These bytes of what is served. The end is the byte behind the last.
    Content(Range<u64>),
}

impl Multipart {
    /// Plans these parts of something that is `complete` bytes long.
    pub(crate) fn new(
        parts: Vec<Range<u64>>,
        complete: u64,
        facts: &Facts,
        now: SystemTime,
    ) -> Self {
        let boundary = boundary(&parts, complete, facts, now);
        let content_type = facts.fields.get(CONTENT_TYPE);
        let mut text = Vec::new();
        let mut cuts = Vec::with_capacity(parts.len());
        for part in &parts {
            // The line break before a delimiter is part of it (RFC 2046, section 5.1.1).
            let line_break: &[u8] = if text.is_empty() { b"" } else { b"\r\n" };
            text.extend_from_slice(line_break);
            text.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            // RFC 9110, section 15.3.7.2: the type of the whole, in each part.
            for (name, value) in [
                ("Content-Type", content_type),
                ("Content-Range", Some(&content_range::part(part, complete))),
            ] {
                let Some(value) = value else { continue };
                text.extend_from_slice(name.as_bytes());
                text.extend_from_slice(b": ");
                text.extend_from_slice(value.as_bytes());
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"\r\n");
            cuts.push(text.len());
        }
        text.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let content = parts.iter().map(|part| part.end.saturating_sub(part.start));
        let length = content.fold(text.len() as u64, u64::saturating_add);
        let mut text = Bytes::from(text);
        let mut begin = 0;
        let parts = cuts
            .into_iter()
            .zip(parts)
            .map(|(end, part)| {
                let glue = text.split_to(end - begin);
                begin = end;
                (glue, part)
            })
            .collect();
        Self { boundary, parts, close: text, length }
    }

    /// The bytes of everything that follows the head.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// What stands between the parts.
    #[must_use]
    pub fn boundary(&self) -> &str {
        &self.boundary
    }

    /// Everything that follows the head, in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        self.parts
            .iter()
            .flat_map(|(glue, part)| [Piece::Glue(glue.clone()), Piece::Content(part.clone())])
            .chain(std::iter::once(Piece::Glue(self.close.clone())))
    }

    /// The `Content-Type` of the answer.
    pub(crate) fn content_type(&self) -> HeaderValue {
        let text = format!("multipart/byteranges; boundary={}", self.boundary);
        // Letters, digits and signs.
        HeaderValue::try_from(text)
            .unwrap_or_else(|_| HeaderValue::from_static("multipart/byteranges"))
    }
}

/// Thirty-two digits that are no accident in any content: made of everything that is known, and of
/// the nanosecond of the answer. The same arguments make the same one.
fn boundary(parts: &[Range<u64>], complete: u64, facts: &Facts, now: SystemTime) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, facts.seed, now, complete, parts).hash(&mut hasher);
        facts.tag.as_ref().map(|tag| tag.value().as_bytes()).hash(&mut hasher);
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(0), half(1))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn the_parts_stand_between_delimiters() {
        // The ranges of RFC 9110, section 15.3.7.2.
        let facts = Facts::new(8000).content_type(HeaderValue::from_static("application/pdf"));
        let parts = Multipart::new(vec![500..1000, 7000..8000], 8000, &facts, UNIX_EPOCH);
        let mut text = String::new();
        for piece in parts.pieces() {
            match piece {
                Piece::Glue(glue) => text += std::str::from_utf8(&glue).expect("ascii"),
                Piece::Content(range) => write!(text, "<{range:?}>").expect("memory"),
            }
        }
        let boundary = parts.boundary();
        assert_eq!(
            text,
            format!(
                "--{boundary}\r\nContent-Type: application/pdf\r\n\
                 Content-Range: bytes 500-999/8000\r\n\r\n<500..1000>\r\n\
                 --{boundary}\r\nContent-Type: application/pdf\r\n\
                 Content-Range: bytes 7000-7999/8000\r\n\r\n<7000..8000>\r\n\
                 --{boundary}--\r\n"
            )
        );
        let glue = text.len() - "<500..1000><7000..8000>".len();
        assert_eq!(parts.length(), glue as u64 + 1500);
    }

    #[test]
    fn a_boundary_depends_on_all_that_is_known() {
        let facts = Facts::new(8000);
        let of = |parts: &[Range<u64>], facts: &Facts, now| {
            Multipart::new(parts.to_vec(), 8000, facts, now).boundary
        };
        let two = [0..1, 3..4];
        let usual = of(&two, &facts, UNIX_EPOCH);
        assert_eq!(usual, of(&two, &facts, UNIX_EPOCH));
        assert_eq!(usual.len(), 32);
        let later = UNIX_EPOCH + std::time::Duration::from_nanos(1);
        for other in [
            of(&two, &facts, later),
            of(&[0..1, 3..5], &facts, UNIX_EPOCH),
            of(&two, &facts.clone().boundary_seed(1), UNIX_EPOCH),
        ] {
            assert_ne!(usual, other);
            assert_eq!(other.len(), 32);
        }
    }
}
