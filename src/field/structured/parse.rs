//! Structured fields as they are read (RFC 9651, section 4.2): one thing wrong, and nothing is read.

use super::decode::decode;
use super::{Bare, Item, Member, Params};

type Parsed<T> = Result<T, &'static str>;

/// What is left of a field.
pub(super) struct Parser<'a> {
    rest: &'a [u8],
}

/// Reads all of `text`, with blanks around.
pub(super) fn whole<'a, T>(
    text: &'a [u8],
    read: impl FnOnce(&mut Parser<'a>) -> Parsed<T>,
) -> Parsed<T> {
    let mut parser = Parser { rest: text };
    parser.skip_blanks();
    let value = read(&mut parser)?;
    parser.skip_blanks();
    if parser.rest.is_empty() { Ok(value) } else { Err("something follows the value") }
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Takes `byte` if it is next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }

    fn skip_blanks(&mut self) {
        while self.takes(b' ') {}
    }

    fn skip_blanks_and_tabs(&mut self) {
        while self.takes(b' ') || self.takes(b'\t') {}
    }

    /// The bytes from here on that are wanted.
    fn while_is(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !wanted(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Behind a member: whether another one follows.
    fn continues(&mut self) -> Parsed<bool> {
        self.skip_blanks_and_tabs();
        if self.rest.is_empty() {
            return Ok(false);
        }
        if !self.takes(b',') {
            return Err("no comma between two members");
        }
        self.skip_blanks_and_tabs();
        if self.rest.is_empty() { Err("a comma at the end") } else { Ok(true) }
    }

    pub(super) fn list(&mut self) -> Parsed<Vec<Member>> {
        let mut members = Vec::new();
        while !self.rest.is_empty() {
            members.push(self.member()?);
            if !self.continues()? {
                break;
            }
        }
        Ok(members)
    }

    pub(super) fn dictionary(&mut self) -> Parsed<Vec<(String, Member)>> {
        let mut members = Vec::new();
        while !self.rest.is_empty() {
            let key = self.key()?;
            let member = if self.takes(b'=') {
                self.member()?
            } else {
                Member::Item(Item { bare: Bare::Boolean(true), params: self.params()? })
            };
            put(&mut members, key, member);
            if !self.continues()? {
                break;
            }
        }
        Ok(members)
    }

    fn member(&mut self) -> Parsed<Member> {
        if !self.takes(b'(') {
            return self.item().map(Member::Item);
        }
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            if self.takes(b')') {
                return Ok(Member::Inner(items, self.params()?));
            }
            items.push(self.item()?);
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return Err("an inner list that goes wrong");
            }
        }
    }

    pub(super) fn item(&mut self) -> Parsed<Item> {
        Ok(Item { bare: self.bare()?, params: self.params()? })
    }

    fn params(&mut self) -> Parsed<Params> {
        let mut params = Vec::new();
        while self.takes(b';') {
            self.skip_blanks();
            let name = self.key()?;
            let value = if self.takes(b'=') { self.bare()? } else { Bare::Boolean(true) };
            put(&mut params, name, value);
        }
        Ok(params)
    }

    pub(super) fn key(&mut self) -> Parsed<String> {
        if !matches!(self.peek(), Some(b'a'..=b'z' | b'*')) {
            return Err("a key that does not begin like one");
        }
        let is_of_key =
            |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*');
        Ok(ascii(self.while_is(is_of_key)))
    }

    fn bare(&mut self) -> Parsed<Bare> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'"') => self.string().map(Bare::String),
            Some(b':') => self.bytes(),
            Some(b'?') => self.boolean(),
            Some(b'@') => self.date(),
            Some(b'%') => self.display(),
            Some(b'*' | b'a'..=b'z' | b'A'..=b'Z') => {
                Ok(Bare::Token(ascii(self.while_is(is_of_token))))
            }
            Some(_) => Err("a value of no known type"),
            None => Err("no value"),
        }
    }

    fn number(&mut self) -> Parsed<Bare> {
        let sign = if self.takes(b'-') { -1 } else { 1 };
        let whole = self.while_is(|byte| byte.is_ascii_digit());
        if whole.is_empty() {
            return Err("a number without digits");
        }
        if !self.takes(b'.') {
            let fits = whole.len() <= 15;
            return fits.then(|| Bare::Integer(sign * value(whole))).ok_or("a number too long");
        }
        let part = self.while_is(|byte| byte.is_ascii_digit());
        if whole.len() > 12 || !(1..=3).contains(&part.len()) {
            return Err("a decimal with too few or too many digits");
        }
        let part = value(part) * [100, 10, 1][part.len() - 1];
        Ok(Bare::Decimal(sign * (value(whole) * 1000 + part)))
    }

    fn string(&mut self) -> Parsed<String> {
        self.takes(b'"');
        let mut text = String::new();
        loop {
            match self.next() {
                Some(b'"') => return Ok(text),
                Some(b'\\') => match self.next() {
                    Some(escaped @ (b'"' | b'\\')) => text.push(char::from(escaped)),
                    Some(_) | None => return Err("a backslash before what needs none"),
                },
                Some(visible @ b' '..=b'~') => text.push(char::from(visible)),
                Some(_) => return Err("a string with what is not visible ASCII"),
                None => return Err("a string that does not end"),
            }
        }
    }

    fn bytes(&mut self) -> Parsed<Bare> {
        self.takes(b':');
        let text = self.while_is(|byte| byte != b':');
        if !self.takes(b':') {
            return Err("a byte sequence that does not end");
        }
        decode(text).map(Bare::Bytes).ok_or("a byte sequence that is no base64")
    }

    fn boolean(&mut self) -> Parsed<Bare> {
        self.takes(b'?');
        match self.next() {
            Some(b'1') => Ok(Bare::Boolean(true)),
            Some(b'0') => Ok(Bare::Boolean(false)),
            Some(_) | None => Err("a boolean that is neither ?0 nor ?1"),
        }
    }

    fn date(&mut self) -> Parsed<Bare> {
        self.takes(b'@');
        let Bare::Integer(seconds) = self.number()? else {
            return Err("a date that is no integer");
        };
        Ok(Bare::Date(seconds))
    }

    fn display(&mut self) -> Parsed<Bare> {
        self.takes(b'%');
        if !self.takes(b'"') {
            return Err("a display string without its quote");
        }
        let mut bytes = Vec::new();
        loop {
            match self.next() {
                Some(b'"') => {
                    let text = String::from_utf8(bytes);
                    return text.map(Bare::Display).map_err(|_| "a display string not in UTF-8");
                }
                Some(b'%') => {
                    let digit = |byte: Option<u8>| match byte {
                        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
                        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
                        Some(_) | None => Err("a display string with a bad escape"),
                    };
                    bytes.push(digit(self.next())? << 4 | digit(self.next())?);
                }
                Some(visible @ b' '..=b'~') => bytes.push(visible),
                Some(_) => return Err("a display string with what is not visible ASCII"),
                None => return Err("a display string that does not end"),
            }
        }
    }
}

/// Of a key that comes again the last value counts, in the place of the first.
fn put<T>(members: &mut Vec<(String, T)>, key: String, value: T) {
    match members.iter_mut().find(|(other, _)| *other == key) {
        Some((_, old)) => *old = value,
        None => members.push((key, value)),
    }
}

/// At most fifteen digits.
fn value(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
}

fn ascii(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
        )
        || matches!(byte, b'`' | b'|' | b'~' | b':' | b'/')
}
