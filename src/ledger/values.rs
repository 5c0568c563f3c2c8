//! The values of a field before and after a write, and how they may be shown.

use std::fmt;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue, PROXY_AUTHORIZATION, SET_COOKIE};

/// How many bytes of a value are shown.
const MOST_SHOWN: usize = 96;

/// The values of one field, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    pub(crate) fn bytes(&self) -> usize {
        self.as_slice().iter().map(HeaderValue::len).sum()
    }
}

/// Whether values of this field are never shown, whatever the configuration says.
pub(crate) fn is_secret(name: &HeaderName) -> bool {
    name == SET_COOKIE
        || name == AUTHORIZATION
        || name == PROXY_AUTHORIZATION
        || matches!(
            name.as_str(),
            "authentication-info"
                | "cookie"
                | "proxy-authentication-info"
                | "set-cookie2"
                | "x-api-key"
                | "x-auth-token"
                | "x-csrf-token"
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
    secret: bool,
}

impl<'a> Shown<'a> {
    pub(crate) const fn new(values: &'a [HeaderValue], secret: bool, cut: bool) -> Self {
        Self { values, cut, secret }
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
    pub const fn values(&self) -> Option<&'a [HeaderValue]> {
        if self.secret || self.cut { None } else { Some(self.values) }
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
            if self.secret || value.is_sensitive() {
                // The name of a cookie is no secret, and tells which one it is about.
                let name = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
                if name.len() < bytes.len() && name.len() <= 32 && !name.contains(&b' ') {
                    write!(f, "{}=", Plain(name))?;
                }
                write!(f, "(secret, {} bytes)", bytes.len())?;
            } else if bytes.len() > MOST_SHOWN {
                let start = bytes.get(..MOST_SHOWN).unwrap_or_default();
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

    fn check(values: &[&'static [u8]], secret: bool, expected: &str) {
        let values: Vec<_> =
            values.iter().map(|bytes| HeaderValue::from_bytes(bytes).expect("legal")).collect();
        assert_eq!(Shown::new(&values, secret, false).to_string(), expected);
    }

    #[test]
    fn values_are_shown_safely() {
        check(&[], false, "(none)");
        check(&[b"a", b"b"], false, "a | b");
        check(&[b"caf\xe9\t\"tag\""], false, "caf\\xe9\\x09\"tag\"");
        check(&[b"sid=abcdef; Path=/"], true, "sid=(secret, 18 bytes)");
        check(&[b"Basic dXNlcjpwYXNz"], true, "(secret, 18 bytes)");
        check(&[b"Bearer abc="], true, "(secret, 11 bytes)");
        let mut sensitive = HeaderValue::from_static("token");
        sensitive.set_sensitive(true);
        let shown = Shown::new(std::slice::from_ref(&sensitive), false, false).to_string();
        assert_eq!(shown, "(secret, 5 bytes)");
        let long = HeaderValue::from_bytes(&vec![b'x'; 1 << 20]).expect("legal");
        let shown = Shown::new(std::slice::from_ref(&long), false, false).to_string();
        assert!(shown.len() < 200 && shown.ends_with("(1048576 bytes)"), "{shown}");
        assert_eq!(Shown::new(&[], false, true).to_string(), "(too large to keep)");
    }
}
