//! The values of a field before and after a write, and how they may be shown.

use std::fmt;

use http::header::{
    AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, SET_COOKIE,
};

/// How many bytes of a value are shown.
const MOST_SHOWN: usize = 96;

/// The values of one field, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Values {
    #[default]
    None,
    One(HeaderValue),
    Many(Vec<HeaderValue>),
}

impl Values {
    pub(crate) fn of<'a>(mut values: impl Iterator<Item = &'a HeaderValue>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(one), None) => Self::One(one.clone()),
            (Some(one), Some(two)) => {
                Self::Many([one, two].into_iter().chain(values).cloned().collect())
            }
        }
    }

    pub(crate) fn as_slice(&self) -> &[HeaderValue] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    /// What they weigh in memory, about.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(value) => weight(value),
            Self::Many(values) => values.iter().map(weight).sum(),
        }
    }
}

/// A value's bytes, and what it takes to hold it.
pub(crate) fn weight(value: &HeaderValue) -> usize {
    value.len() + 64
}

/// Nothing of a value is shown by accident.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.as_slice().len())
    }
}

/// Field lines in order; lines of one name stand together.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Lines(pub(crate) Vec<(HeaderName, HeaderValue)>);

impl Lines {
    pub(crate) fn of(fields: &HeaderMap) -> Self {
        let mut lines = Vec::with_capacity(fields.len());
        lines.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        Self(lines)
    }

    /// Each name once.
    pub(crate) fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let mut last = None;
        let names = self.0.iter().map(|(name, _)| name);
        names.filter(move |name| last.replace(*name) != Some(*name))
    }
}

/// The names alone.
impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// How much of a field's values may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Secrecy {
    #[default]
    Open,
    /// The name of the cookie is no secret, and tells which one it is about.
    Cookie,
    Secret,
}

impl Secrecy {
    /// Of a field that the configuration may call secret.
    pub(crate) fn with(name: &HeaderName, configured: bool) -> Self {
        let by_nature = Self::of(name);
        if configured && by_nature == Self::Open { Self::Secret } else { by_nature }
    }

    /// Of a field whatever the configuration says.
    pub(crate) fn of(name: &HeaderName) -> Self {
        if name == SET_COOKIE || matches!(name.as_str(), "cookie" | "set-cookie2") {
            Self::Cookie
        } else if is_secret(name) {
            Self::Secret
        } else {
            Self::Open
        }
    }
}

/// Whether values of this field are credentials.
fn is_secret(name: &HeaderName) -> bool {
    name == AUTHORIZATION
        || name == PROXY_AUTHORIZATION
        || matches!(
            name.as_str(),
            "authentication-info"
                | "dpop-nonce"
                | "proxy-authentication-info"
                | "x-access-token"
                | "x-amz-security-token"
                | "x-api-key"
                | "x-auth-token"
                | "x-csrf-token"
                | "x-refresh-token"
                | "x-session-token"
                | "x-xsrf-token"
        )
}

/// The values of a field as they may be printed: secrets are left out, long ones cut, and what is
/// not visible ASCII escaped.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    values: &'a [HeaderValue],
    /// There were values, and there was no room for them.
    cut: bool,
    secrecy: Secrecy,
    /// How many bytes of a value are shown.
    most: usize,
}

impl<'a> Shown<'a> {
    pub(crate) const fn new(values: &'a [HeaderValue], secrecy: Secrecy, cut: bool) -> Self {
        Self { values, cut, secrecy, most: MOST_SHOWN }
    }

    /// The same, with long values whole.
    #[allow(dead_code, reason = "the inspector alone shows all of a value, and is an option")]
    pub(crate) const fn whole(self) -> Self {
        Self { most: usize::MAX, ..self }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty() && !self.cut
    }

    /// How many field lines there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// The values themselves, unless they are secret or were too large to keep.
    #[must_use]
    pub fn values(&self) -> Option<&'a [HeaderValue]> {
        let open = self.secrecy == Secrecy::Open && !self.cut;
        let is_shown = open && !self.values.iter().any(HeaderValue::is_sensitive);
        is_shown.then_some(self.values)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cut {
            return f.write_str("(too large to keep)");
        }
        if self.values.is_empty() {
            return f.write_str("(none)");
        }
        for (number, value) in self.values.iter().enumerate() {
            if number > 0 {
                f.write_str(" | ")?;
            }
            let bytes = value.as_bytes();
            if self.secrecy != Secrecy::Open || value.is_sensitive() {
                let name = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
                let is_cookie = self.secrecy == Secrecy::Cookie && !value.is_sensitive();
                if is_cookie && name.len() < bytes.len() && name.len() <= 64 {
                    write!(f, "{}=", Plain(name))?;
                }
                write!(f, "(secret, {} bytes)", bytes.len())?;
            } else if bytes.len() > self.most {
                let start = bytes.get(..self.most).unwrap_or_default();
                write!(f, "{}... ({} bytes)", Plain(start), bytes.len())?;
            } else {
                write!(f, "{}", Plain(bytes))?;
            }
        }
        Ok(())
    }
}

/// Bytes as text: visible ASCII as it is, a backslash doubled, everything else as `\xNN`.
struct Plain<'a>(&'a [u8]);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| match byte {
            b'\\' => f.write_str("\\\\"),
            b' '..=b'~' => write!(f, "{}", char::from(*byte)),
            _ => write!(f, "\\x{byte:02x}"),
        })
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&'static [u8]], secrecy: Secrecy, expected: &str) {
        let values: Vec<_> =
            values.iter().map(|bytes| HeaderValue::from_bytes(bytes).expect("legal")).collect();
        assert_eq!(Shown::new(&values, secrecy, false).to_string(), expected);
    }

    #[test]
    fn values_are_shown_safely() {
        use Secrecy::{Cookie, Open, Secret};
        check(&[], Open, "(none)");
        check(&[b"a", b"b"], Open, "a | b");
        check(&[b"caf\xe9\t\"tag\" \\"], Open, "caf\\xe9\\x09\"tag\" \\\\");
        check(&[b"sid=abcdef; Path=/"], Cookie, "sid=(secret, 18 bytes)");
        check(&[b"no pair"], Cookie, "(secret, 7 bytes)");
        check(&[b"Basic dXNlcjpwYXNz"], Secret, "(secret, 18 bytes)");
        check(&[b"aHVudGVyMjE="], Secret, "(secret, 12 bytes)");
        let mut sensitive = HeaderValue::from_static("to=ken");
        sensitive.set_sensitive(true);
        let shown = Shown::new(std::slice::from_ref(&sensitive), Open, false);
        assert_eq!((shown.to_string().as_str(), shown.values()), ("(secret, 6 bytes)", None));
        let long = HeaderValue::from_bytes(&vec![b'x'; 1 << 20]).expect("legal");
        let shown = Shown::new(std::slice::from_ref(&long), Open, false);
        assert_eq!(shown.whole().to_string().len(), 1 << 20);
        let shown = shown.to_string();
        assert!(shown.len() < 200 && shown.ends_with("(1048576 bytes)"), "{shown}");
        assert_eq!(Shown::new(&[], Open, true).to_string(), "(too large to keep)");
        let debug = format!("{:?} {:?}", Values::One(sensitive.clone()), Values::None);
        assert_eq!(debug, "1 values 0 values");
    }
}
