//! What a file is by its name: its type and charset, its file name for saving, how long it lasts.

use std::cell::Cell;
use std::fmt::Write as _;

use http::header::HeaderValue;

use super::options::Disposition;
use super::settings::{Fields, first_match};
use super::standing::Standing;
use super::type_table::{by_ending, well_known};

impl Fields {
    /// The type of the file with this name.
    pub(super) fn type_of(&self, name: &[u8]) -> Option<HeaderValue> {
        self.media_type(name).or_else(|| self.unknown.clone())
    }

    /// The type that goes by the ending of a name, with a charset where it is text.
    pub(super) fn media_type(&self, name: &[u8]) -> Option<HeaderValue> {
        let last = last(name);
        let extension = last.rsplit(|byte| *byte == b'.').next()?;
        if extension.len() < last.len() {
            let own =
                self.types.iter().find(|row| row.0.as_bytes().eq_ignore_ascii_case(extension));
            if let Some((_, value)) = own {
                return Some(value.clone());
            }
        }
        // What is all dot and ending is a hidden file with a name of its own.
        if extension.len() + 1 >= last.len() {
            return well_known(name);
        }
        // The most common ones need not be put together.
        if self.charsets.is_empty() {
            if let Some(value) = lately(extension) {
                return Some(HeaderValue::from_static(value));
            }
        }
        let known = by_ending(extension)?;
        let is_text = known.starts_with("text/") || known.ends_with("/javascript");
        let text = match first_match(&self.charsets, name) {
            _ if !is_text || known.contains(';') => known.to_owned(),
            None => format!("{known}; charset=utf-8"),
            Some(Some(charset)) => format!("{known}; charset={charset}"),
            Some(None) => known.to_owned(),
        };
        HeaderValue::try_from(text).ok()
    }

    /// The `Content-Disposition` of the file with this name.
    pub(super) fn disposition(&self, name: &[u8]) -> Option<HeaderValue> {
        let disposition = first_match(&self.dispositions, name)?;
        HeaderValue::try_from(disposed(*disposition, last(name))).ok()
    }

    /// The `Cache-Control` of the file with this name.
    pub(super) fn cache_control(&self, name: &[u8], standing: Standing) -> Option<HeaderValue> {
        const FOR_EVER: HeaderValue =
            HeaderValue::from_static("public, max-age=31536000, immutable");
        // What may be another in a moment is asked about each time.
        const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
        if let Some(value) = first_match(&self.cache_control, name) {
            return Some(value.clone());
        }
        match standing {
            Standing::Settled => (self.immutable && is_hashed(last(name))).then_some(FOR_EVER),
            Standing::BeingWritten | Standing::Growing | Standing::Unsettled => Some(NO_CACHE),
        }
    }
}

/// The common type of an ending, if it has one; looked up in the table unless this thread has just done
/// that, which costs much less.
fn lately(extension: &[u8]) -> Option<&'static str> {
    const PLACES: usize = 64;
    thread_local! {
        static LATELY: [Cell<(u64, Option<&'static str>)>; PLACES] =
            const { [const { Cell::new((0, None)) }; PLACES] };
    }
    let look = || by_ending(extension).and_then(common);
    let mut key = [0; 8];
    // Longer ones are rare, and one with a NUL in it would be taken for a shorter one.
    let Some(bytes) = key.get_mut(..extension.len()).filter(|_| !extension.contains(&0)) else {
        return look();
    };
    bytes.copy_from_slice(extension);
    let key = u64::from_le_bytes(key);
    // The upper bits of the product depend on all of the key.
    let place = usize::try_from(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58).unwrap_or(0);
    LATELY.with(|places| {
        let Some(place) = places.get(place) else { return look() };
        let (known, value) = place.get();
        if known == key {
            return value;
        }
        let value = look();
        place.set((key, value));
        value
    })
}

/// A type as the field writes it, if it is a common one.
fn common(media_type: &'static str) -> Option<&'static str> {
    Some(match media_type {
        "text/html" => "text/html; charset=utf-8",
        "text/css" => "text/css; charset=utf-8",
        "text/javascript" => "text/javascript; charset=utf-8",
        "text/plain" => "text/plain; charset=utf-8",
        other if !other.starts_with("text/") && !other.ends_with("javascript") => other,
        _ => return None,
    })
}

fn last(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)
}

/// Whether a part of the name is a hash.
fn is_hashed(name: &[u8]) -> bool {
    let is_hash = |part: &[u8]| {
        part.len() >= 8
            && part.iter().all(u8::is_ascii_hexdigit)
            && part.iter().any(u8::is_ascii_digit)
            && part.iter().any(u8::is_ascii_alphabetic)
    };
    // What is behind the last dot is an extension, however it looks.
    let Some(end) = name.iter().rposition(|byte| *byte == b'.') else { return false };
    name.get(..end).unwrap_or_default().split(|b| matches!(b, b'.' | b'-' | b'_')).any(is_hash)
}

/// A value of `Content-Disposition` (RFC 6266, section 4.1).
fn disposed(disposition: Disposition, name: &[u8]) -> String {
    let mut text = String::from(match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    });
    let name = String::from_utf8_lossy(name);
    // Quotes and backslashes are escaped differently by different readers, and some of them decode `%`
    // (RFC 6266, appendix D): so there are none.
    let is_plain = |c: char| (c == ' ' || c.is_ascii_graphic()) && !matches!(c, '"' | '\\' | '%');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let _ = write!(text, "; filename=\"{plain}\"");
    if *plain != *name {
        // RFC 8187, section 3.2.1.
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_type_is_what_it_would_be_put_together() {
        let names = [
            "a.html",
            "a.css",
            "a.js",
            "a.mjs",
            "a.txt",
            "a.xml",
            "a.svg",
            "a.json",
            "a.wasm",
            "a.md",
            "a.",
            ".css",
            "..css",
            "a.b/c",
            "a.\u{e9}",
            "a.svgz",
            "a.appcache",
            "a.css\0",
            "a.\0",
        ];
        let more = ["a.PNG", "a.woff2", "a.mp4", "a", "a.nothing"];
        // Each ending of up to three letters and digits.
        let alphabet = [""].into_iter().chain("0 1 2 3 4 5 6 7 8 9".split(' '));
        let alphabet =
            alphabet.chain("a b c d e f g h i j k l m n o p q r s t u v w x y z".split(' '));
        let alphabet: Vec<&str> = alphabet.collect();
        let all: Vec<String> = (0..alphabet.len().pow(3))
            .map(|n| [n, n / 37, n / 37 / 37].map(|n| alphabet[n % 37]).concat())
            .map(|extension| format!("a.{extension}"))
            .collect();
        let names = names.into_iter().chain(more).chain(all.iter().map(String::as_str));
        let mut fields = Fields::default();
        for name in names {
            fields.charsets.clear();
            let short = fields.media_type(name.as_bytes());
            assert_eq!(short, fields.media_type(name.as_bytes()), "{name} again");
            // A rule for another name, so that nothing is taken as it is.
            fields.charsets.push(("/other".into(), None));
            assert_eq!(short, fields.media_type(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_hash_is_told_from_a_date_and_a_word() {
        for name in [
            "app.3f9a2c1b.js",
            "main-0a1b2c3d4e.css.map",
            "a_DEADBEE1.png",
            "3f9a2c1b.js",
            "x.y.12345abc.z",
        ] {
            assert!(is_hashed(name.as_bytes()), "{name}");
        }
        for name in [
            "app.js",
            "report.20240131.pdf",
            "app.deadbeef.js",
            "app.3f9a2c1.js",
            "app.3f9a2c1g.js",
            "app.3f9a2c1b",
            "3f9a2c1b",
            "",
            "v1.2.3-4f5a.js",
        ] {
            assert!(!is_hashed(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_file_name_is_plain_to_old_readers_and_whole_to_new_ones() {
        use Disposition::{Attachment, Inline};
        let check = |disposition, name: &[u8], expected: &str| {
            assert_eq!(disposed(disposition, name), expected);
            assert!(HeaderValue::try_from(expected).is_ok());
        };
        check(Attachment, b"a b;c=d,'.txt", "attachment; filename=\"a b;c=d,'.txt\"");
        check(Inline, b"a.txt", "inline; filename=\"a.txt\"");
        check(
            Attachment,
            "€ rates.pdf".as_bytes(),
            "attachment; filename=\"_ rates.pdf\"; filename*=UTF-8''%E2%82%AC%20rates.pdf",
        );
        check(
            Attachment,
            b"a\"b\\c%41\r\nx: y",
            "attachment; filename=\"a_b_c_41__x: y\"; filename*=UTF-8''a%22b%5Cc%2541%0D%0Ax%3A%20y",
        );
        check(Inline, b"\xff", "inline; filename=\"_\"; filename*=UTF-8''%EF%BF%BD");
    }
}
