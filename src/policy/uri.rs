//! Paths and hosts in one form, so that a pattern and a request that mean the same place are alike.

use std::borrow::Cow;

/// Whether a byte stands for itself in a path: it is printable, and no URL parser encodes it (URL
/// Standard, path percent-encode set).
const fn is_plain(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | b'"' | b'#' | b'%' | b'<' | b'>' | b'?' | b'\\' | b'`')
        && !matches!(byte, b'{' | b'}' | b'^' | 0x7f..)
}

/// [`is_plain`] of each byte.
static PLAIN: [bool; 256] = {
    let (mut plain, mut byte) = ([false; 256], 0_u8);
    while byte < 0x7f {
        plain[byte as usize] = is_plain(byte);
        byte += 1;
    }
    plain
};

/// The path in the form in which it is compared.
///
/// What is percent-encoded without need is decoded, what needs it is encoded with capitals, `.` and
/// `..` are resolved (RFC 3986, section 6.2.2), and slashes in a row are one. An encoded slash stays
/// what it is.
///
/// What is no path, as the `*` of `OPTIONS *`, is taken for the root.
pub(super) fn canonical(path: &str) -> Cow<'_, str> {
    if !path.starts_with('/') {
        return Cow::Borrowed("/");
    }
    let mut before = 0;
    let is_as_it_is = |byte: u8| {
        let is_odd = before == b'/' && matches!(byte, b'/' | b'.');
        before = byte;
        PLAIN[usize::from(byte)] && !is_odd
    };
    if path.bytes().all(is_as_it_is) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(resolved(&recoded(path.as_bytes(), b"")))
}

/// `text` with each byte encoded that needs it but those in `kept`; what is encoded stays as it is.
pub(super) fn encoded(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        push(&mut out, byte, byte != b'%' && !is_plain(byte) && !kept.contains(&byte));
    }
    out
}

/// The path of a pattern in the same form, in which an encoded `*` or `:` is still no mark of a
/// capture; [`unmarked`] makes the text of it that is compared.
pub(super) fn canonical_pattern(path: &str) -> String {
    resolved(&recoded(path.as_bytes(), b"*:"))
}

/// A text of a pattern, between its captures.
pub(super) fn unmarked(text: &str) -> String {
    // One dialect compares in lower case.
    text.replace("%2A", "*").replace("%2a", "*").replace("%3A", ":").replace("%3a", ":")
}

/// `text` with each byte encoded that needs it, and none that does not; what is encoded and in `marks` stays so.
fn recoded(text: &[u8], marks: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut at = 0;
    while let Some(byte) = text.get(at).copied() {
        let decoded = if byte == b'%' { decoded(&text[at + 1..]) } else { None };
        at += if decoded.is_some() { 3 } else { 1 };
        match decoded {
            Some(decoded) => {
                let is_mark = decoded == b'/' || marks.contains(&decoded);
                push(&mut out, decoded, is_mark || !is_plain(decoded));
            }
            None => push(&mut out, byte, byte != b'%' && !is_plain(byte)),
        }
    }
    out
}

fn push(out: &mut String, byte: u8, is_encoded: bool) {
    if is_encoded {
        out.push('%');
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
        }
    } else {
        out.push(char::from(byte));
    }
}

/// The byte that two hexadecimal digits at the start stand for.
fn decoded(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// `path` without empty segments and with those of dots resolved; it begins with a slash.
pub(super) fn resolved(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut is_open = true;
    for segment in path.split('/') {
        is_open = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len() + 1);
    for segment in kept {
        out.push('/');
        out.push_str(segment);
    }
    if is_open || out.is_empty() {
        out.push('/');
    }
    out
}

/// The host of an authority in lower case, without user, port and a dot at the end; `None` if it has letters that no host
/// has.
pub(super) fn host(authority: &str) -> Option<Cow<'_, str>> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => host,
    };
    // `example.org.` is the same host, spelt in full (RFC 3986, section 3.2.2).
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    if !host.bytes().all(is_host) {
        return None;
    }
    Some(lower(host))
}

/// `text` in lower case, copied only if it was not.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}
