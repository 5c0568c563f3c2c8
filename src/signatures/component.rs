//! What a signature covers, by the identifiers of RFC 9421, section 2.

use std::fmt;

use http::header::{
    CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

use super::SignatureError;
use super::kinds::kind_of;
use crate::field::structured::{Bare, Item, Kind, string};

/// Something that a signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub(super) subject: Subject,
    /// It is the request's.
    pub(super) of_request: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Status,
    Method,
    Path,
    Query,
    Authority,
    TargetUri,
    Field(HeaderName, Form),
}

/// The form in which a field is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Its lines, joined with commas.
    Joined,
    /// Each line wrapped in a byte sequence (`;bs`).
    Bytes,
    /// Its canonical form (`;sf`).
    Canonical(Kind),
    /// One member of a dictionary (`;key`).
    Member(String),
}

/// Fields of one connection, which the next hop does not see.
const OF_THE_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

impl Component {
    pub(super) const fn derived(subject: Subject, of_request: bool) -> Self {
        Self { subject, of_request }
    }

    pub(super) const fn field(name: HeaderName) -> Self {
        Self { subject: Subject::Field(name, Form::Joined), of_request: false }
    }

    pub(super) const fn field_name(&self) -> Option<&HeaderName> {
        if let Subject::Field(name, _) = &self.subject { Some(name) } else { None }
    }

    /// Reads `content-type`, or an identifier with parameters as it stands in `Signature-Input`: `"@path";req`.
    pub(super) fn parse(text: &str) -> Result<Self, SignatureError> {
        let refused = |found: &str| {
            Err(SignatureError::new(format!(
                "wanted a component to cover, found `{text}`: {found}"
            )))
        };
        let (name, parameters) = if text.starts_with('"') {
            match Item::parse(text.as_bytes()) {
                Ok(Item { bare: Bare::String(name), params }) => (name, params),
                Ok(_) => return refused("no string"),
                Err(reason) => return refused(reason),
            }
        } else {
            (text.to_owned(), Vec::new())
        };
        let (mut of_request, mut form) = (false, None);
        for (parameter, value) in parameters {
            let next = match (parameter.as_str(), value) {
                ("req", Bare::Boolean(true)) => {
                    of_request = true;
                    continue;
                }
                ("bs", Bare::Boolean(true)) => Form::Bytes,
                ("key", Bare::String(key)) => Form::Member(key),
                // A member is written canonically anyway.
                ("sf", Bare::Boolean(true)) if matches!(form, Some(Form::Member(_))) => continue,
                ("sf", Bare::Boolean(true)) => match known_kind(&name) {
                    Some(kind) => Form::Canonical(kind),
                    None => return refused("the structure of this field is not known here"),
                },
                ("tr", _) => return refused("trailers are not signed"),
                (_, _) => return refused("an unknown parameter"),
            };
            let contradicts = match (&form, &next) {
                (None, _) | (Some(Form::Canonical(_)), Form::Member(_)) => false,
                (Some(_), _) => true,
            };
            if contradicts {
                return refused("two parameters that exclude each other");
            }
            form = Some(next);
        }
        let subject = match Subject::of(&name, form) {
            Ok(subject) => subject,
            Err(reason) => return refused(reason),
        };
        match (&subject, of_request) {
            (Subject::Status, true) => refused("a request has no status"),
            (Subject::Status | Subject::Field(..), _) | (_, true) => {
                Ok(Self { subject, of_request })
            }
            (_, false) => refused("it is the request's: add `;req`"),
        }
    }
}

fn known_kind(name: &str) -> Option<Kind> {
    kind_of(&HeaderName::try_from(name).ok()?)
}

impl Subject {
    fn of(name: &str, form: Option<Form>) -> Result<Self, &'static str> {
        let derived = match name {
            "@status" => Self::Status,
            "@method" => Self::Method,
            "@path" => Self::Path,
            "@query" => Self::Query,
            "@authority" => Self::Authority,
            "@target-uri" => Self::TargetUri,
            _ if name.starts_with('@') => return Err("an unknown derived component"),
            _ => return Self::of_field(name, form.unwrap_or(Form::Joined)),
        };
        if form.is_some() {
            return Err("a parameter that is for fields");
        }
        Ok(derived)
    }

    fn of_field(name: &str, form: Form) -> Result<Self, &'static str> {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err("names are in lower case");
        }
        let Ok(name) = HeaderName::try_from(name) else { return Err("no name of a field") };
        if OF_THE_CONNECTION.contains(&name) {
            return Err("this field ends with the connection");
        }
        if name == SET_COOKIE && form != Form::Bytes {
            return Err("lines of set-cookie do not join: add `;bs`");
        }
        let is_own = name == "signature" || name == "signature-input";
        if is_own && !matches!(form, Form::Member(_)) {
            return Err(
                "the signature itself becomes a part of this field: name a member with `;key`",
            );
        }
        Ok(Self::Field(name, form))
    }

    fn name(&self) -> &str {
        match self {
            Self::Status => "@status",
            Self::Method => "@method",
            Self::Path => "@path",
            Self::Query => "@query",
            Self::Authority => "@authority",
            Self::TargetUri => "@target-uri",
            Self::Field(name, _) => name.as_str(),
        }
    }
}

/// The identifier, as it stands in the signature's input.
impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.subject.name())?;
        if let Subject::Field(_, form) = &self.subject {
            match form {
                Form::Joined => {}
                Form::Bytes => f.write_str(";bs")?,
                Form::Canonical(_) => f.write_str(";sf")?,
                Form::Member(key) => {
                    let mut quoted = String::new();
                    string(&mut quoted, key);
                    write!(f, ";key={quoted}")?;
                }
            }
        }
        if self.of_request { f.write_str(";req") } else { Ok(()) }
    }
}

/// What `cover` is given, in its order and each once.
pub(super) fn list<'a>(
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Component>, SignatureError> {
    let mut components = Vec::new();
    for text in texts {
        let component = Component::parse(text)?;
        if components.contains(&component) {
            return Err(SignatureError::new(format!(
                "wanted each component once, found {component} again"
            )));
        }
        components.push(component);
    }
    if components.is_empty() {
        return Err(SignatureError::new("wanted components to cover, found none"));
    }
    Ok(components)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        match (Component::parse(text), expected) {
            (Ok(component), Ok(expected)) => assert_eq!(component.to_string(), expected, "{text}"),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{text}: {error}");
            }
            (found, _) => panic!("{text}: wanted {expected:?}, found {found:?}"),
        }
    }

    #[test]
    fn components_are_read_and_written() {
        check("@status", Ok("\"@status\""));
        check("content-type", Ok("\"content-type\""));
        check("\"content-type\"", Ok("\"content-type\""));
        check("\"@path\";req", Ok("\"@path\";req"));
        check("\"content-digest\";req", Ok("\"content-digest\";req"));
        check("\"set-cookie\";bs", Ok("\"set-cookie\";bs"));
        check("\"x-a\";req;bs", Ok("\"x-a\";bs;req"));
        check("\"cache-control\";sf", Ok("\"cache-control\";sf"));
        check("\"x-d\";key=\"a b\\\"\";req", Ok("\"x-d\";key=\"a b\\\"\";req"));
        check("\"priority\";sf;key=\"u\"", Ok("\"priority\";key=\"u\""));
        check("\"priority\";key=\"u\";sf", Ok("\"priority\";key=\"u\""));
        check("\"signature\";key=\"a\"", Ok("\"signature\";key=\"a\""));
    }

    #[test]
    fn what_cannot_be_signed_is_refused_with_the_reason() {
        check("@path", Err("add `;req`"));
        check("\"@status\";req", Err("a request has no status"));
        check("@signature-params", Err("unknown derived"));
        check("@query-param", Err("unknown derived"));
        check("\"@path\";req;bs", Err("a parameter that is for fields"));
        check("set-cookie", Err("add `;bs`"));
        check("\"set-cookie\";sf", Err("not known here"));
        check("Content-Type", Err("lower case"));
        check("\"x a\"", Err("no name of a field"));
        check("", Err("no name of a field"));
        check("connection", Err("ends with the connection"));
        check("transfer-encoding", Err("ends with the connection"));
        check("signature", Err("name a member"));
        check("\"x-a\";tr", Err("trailers are not signed"));
        check("\"x-a\";sf", Err("not known here"));
        check("\"x-a\";bs;key=\"a\"", Err("exclude each other"));
        check("\"priority\";sf;bs", Err("exclude each other"));
        check("\"x-a\";bs=?0", Err("unknown parameter"));
        check("\"x-a\";key=a", Err("unknown parameter"));
        check("\"x-a\";name=\"b\"", Err("unknown parameter"));
        check("\"x-a\" x", Err("something follows"));
        check("\"x-a", Err("does not end"));
        let again = list(["content-type", "etag", "\"content-type\""]).expect_err("one twice");
        assert!(again.to_string().contains("found \"content-type\" again"), "{again}");
        let none = list([]).expect_err("none");
        assert_eq!(none.to_string(), "wanted components to cover, found none");
    }
}
