//! Text that others chose, made harmless for a page, a link and a shell.

use std::fmt::{self, Write as _};

/// Text as HTML has it, in content and in quoted attributes. This is the one way in which a text gets into a page.
///
/// What would not be seen, or would make other text look different, is written as `\u{..}`: control characters, marks of
/// direction, spaces without width.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaper(f), "{}", self.0)
    }
}

/// Escapes what is written to it.
struct Escaper<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                c if is_unseen(c) => write!(self.0, "\\u{{{:x}}}", u32::from(c))?,
                c => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Whether a character has no look of its own, or is none in HTML.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fdd0}'..='\u{fdef}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Text as a part of a URL: what is not unreserved, or `/`, is percent-encoded (RFC 3986, section 2.1).
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
        if plain {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A path as it was sent, fit for a URL in ASCII: what is no visible ASCII is percent-encoded, the rest stays as it is.
pub(super) fn in_ascii(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// One word of a POSIX shell (XCU, section 2.2.2): between single quotes nothing has a meaning but a single quote.
pub(super) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/' | ':' | '=' | ',' | '+')
    };
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_means_anything_to_a_page() {
        let check = |text: &str, expected: &str| assert_eq!(Escaped(text).to_string(), expected);
        check("<script>\"&'</script>", "&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;");
        check("a\n\t\u{1b}[2J\u{7f}\u{85}", "a\\u{a}\\u{9}\\u{1b}[2J\\u{7f}\\u{85}");
        check("gpj.\u{202e}exe \u{200b}\u{feff}", "gpj.\\u{202e}exe \\u{200b}\\u{feff}");
        check("\u{fffe}\u{1ffff}\u{e0041}", "\\u{fffe}\\u{1ffff}\\u{e0041}");
        check("caf\u{e9} \u{1f600}", "caf\u{e9} \u{1f600}");
    }

    #[test]
    fn every_character_of_ascii_is_harmless() {
        for byte in 0..=127_u8 {
            let text = Escaped(char::from(byte)).to_string();
            let safe = |c: char| c.is_ascii_graphic() || c == ' ';
            assert!(text.chars().all(safe), "{byte}: {text}");
            assert!(!text.contains(['<', '>', '"', '\'']), "{byte}: {text}");
        }
    }

    #[test]
    fn a_word_is_one_word() {
        assert_eq!(shell_word("http://127.0.0.1:80/a_b"), "http://127.0.0.1:80/a_b");
        assert_eq!(shell_word("it's $(x)"), r"'it'\''s $(x)'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("~"), "'~'");
        assert_eq!(percent_encoded("/a b/#?\u{e9}"), "/a%20b/%23%3F%C3%A9");
        assert_eq!(in_ascii("/a'%20\u{7f}\u{e9}"), "/a'%20%7F%C3%A9");
    }
}
