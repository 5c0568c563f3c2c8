//! Which paths a list can have.

use unicode_normalization::is_nfc;

/// The longest path, in bytes.
const LONGEST: usize = 4096;

/// What is wrong with a path; `None`: nothing.
///
/// Canonical JSON is one text for one list only as long as a name has one form. So a name is UTF-8 in the normal form C; and as a path
/// of TUF it has `/` between names and none in front.
pub(crate) fn flaw(path: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(path) else { return Some("a name that is not UTF-8") };
    if text.is_empty() {
        return Some("an empty name");
    }
    if text.len() > LONGEST {
        return Some("a path of more than 4096 bytes");
    }
    if text.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Some("a path with an empty name, `.` or `..` in it");
    }
    if text.chars().any(char::is_control) {
        return Some("a control character in a name");
    }
    if !text.is_ascii() && !is_nfc(text) {
        return Some("a name that is not in the normal form C of Unicode");
    }
    None
}
