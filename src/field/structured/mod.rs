//! Structured fields (RFC 9651): lists, dictionaries and items, parsed, and written in their one canonical form.

mod decode;
mod parse;
mod write;

pub(crate) use write::string;

/// Which of the three a field is; nothing in its value says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Item,
    List,
    Dictionary,
}

/// A value without parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bare {
    Integer(i64),
    /// In thousandths.
    Decimal(i64),
    String(String),
    Token(String),
    Bytes(Vec<u8>),
    Boolean(bool),
    /// In seconds since the epoch.
    Date(i64),
    Display(String),
}

/// Parameters in their order, each name once.
pub(crate) type Params = Vec<(String, Bare)>;

/// A value with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) bare: Bare,
    pub(crate) params: Params,
}

/// What lists and dictionaries have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    Item(Item),
    Inner(Vec<Item>, Params),
}

/// A dictionary in its order, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dictionary(pub(crate) Vec<(String, Member)>);

impl Item {
    /// Reads a field that is an item.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        parse::whole(text, parse::Parser::item)
    }
}

impl Dictionary {
    /// Reads a field that is a dictionary; its lines were joined with commas.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        parse::whole(text, parse::Parser::dictionary).map(Self)
    }

    /// The member of this key, as it is written canonically.
    pub(crate) fn member(&self, key: &str) -> Option<String> {
        let (_, member) = self.0.iter().find(|(other, _)| other == key)?;
        let mut text = String::new();
        write::member(&mut text, member);
        Some(text)
    }

    /// Whether it has this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(other, _)| other == key)
    }
}

/// Whether this may be a key of a dictionary or the name of a parameter.
pub(crate) fn is_key(text: &str) -> bool {
    parse::whole(text.as_bytes(), parse::Parser::key).is_ok_and(|key| key == text)
}

/// A field's value in its canonical form (RFC 9421, section 2.1.1).
pub(crate) fn canonical(kind: Kind, text: &[u8]) -> Result<String, &'static str> {
    let mut written = String::new();
    match kind {
        Kind::Item => write::item(&mut written, &Item::parse(text)?),
        Kind::List => write::list(&mut written, &parse::whole(text, parse::Parser::list)?),
        Kind::Dictionary => write::dictionary(&mut written, &Dictionary::parse(text)?.0),
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, text: &str, expected: Option<&str>) {
        let found = canonical(kind, text.as_bytes());
        assert_eq!(found.as_deref().ok(), expected, "{text}: {found:?}");
        if let Ok(written) = found {
            assert_eq!(canonical(kind, written.as_bytes()), Ok(written.clone()), "{text}");
        }
    }

    #[test]
    fn a_value_has_one_form() {
        // RFC 9421, section 2.1.1.
        let dictionary = " a=1,    b=2;x=1;y=2,   c=(a   b   c)";
        check(Kind::Dictionary, dictionary, Some("a=1, b=2;x=1;y=2, c=(a b c)"));
        check(Kind::Dictionary, "a, b=?1;x, c=?0,a=2", Some("a=2, b;x, c=?0"));
        check(Kind::Dictionary, "", Some(""));
        check(Kind::Dictionary, "a=()", Some("a=()"));
        check(Kind::Dictionary, "a=1,", None);
        check(Kind::Dictionary, "A=1", None);
        check(Kind::Dictionary, "a==1", None);
        check(Kind::List, "gzip ,\tbr;q=0.50", Some("gzip, br;q=0.5"));
        check(Kind::List, "(\"a\" \"b\");x=1.0;y=:AA:", Some("(\"a\" \"b\");x=1.0;y=:AA==:"));
        check(Kind::List, "a,,b", None);
        check(Kind::List, "(a b", None);
        check(Kind::List, "(a\"b\")", None);
        check(Kind::Item, "text/html; charset=utf-8", Some("text/html;charset=utf-8"));
        check(Kind::Item, "-0.125", Some("-0.125"));
        check(Kind::Item, "-0", Some("0"));
        check(Kind::Item, "1000000000000.1", None);
        check(Kind::Item, "999999999999999", Some("999999999999999"));
        check(Kind::Item, "9999999999999999", None);
        check(Kind::Item, "1.", None);
        check(Kind::Item, "1.2345", None);
        check(Kind::Item, "-", None);
        check(Kind::Item, r#""a\"b\\""#, Some(r#""a\"b\\""#));
        check(Kind::Item, r#""a\b""#, None);
        check(Kind::Item, "\"a", None);
        check(Kind::Item, "\"\u{e9}\"", None);
        check(Kind::Item, "?2", None);
        check(Kind::Item, "@1659578233", Some("@1659578233"));
        check(Kind::Item, "@1.5", None);
        check(Kind::Item, "%\"f%c3%bc\"", Some("%\"f%c3%bc\""));
        check(Kind::Item, "%\"f%C3%BC\"", None);
        check(Kind::Item, "%\"%ff\"", None);
        check(Kind::Item, ":a=a:", None);
        check(Kind::Item, ":AAA", None);
        check(Kind::Item, "a b", None);
        check(Kind::Item, "", None);
    }

    #[test]
    fn a_member_is_written_with_its_parameters() {
        // RFC 9421, section 2.1.2.
        let text = b"  a=1, b=2;x=1;y=2, c=(a   b    c), d";
        let dictionary = Dictionary::parse(text).expect("a dictionary");
        for (key, value) in [("a", "1"), ("d", "?1"), ("b", "2;x=1;y=2"), ("c", "(a b c)")] {
            assert_eq!(dictionary.member(key).as_deref(), Some(value));
        }
        assert_eq!(dictionary.member("e"), None);
        assert!(is_key("sig-1*") && !is_key("Sig") && !is_key("1") && !is_key("") && !is_key("a "));
    }
}
