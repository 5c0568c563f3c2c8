//! The signature base: what is signed, byte for byte (RFC 9421, section 2.5).

use std::fmt::Write as _;

use http::header::{HeaderMap, HeaderName};
use http::{Method, StatusCode, Uri};

use super::component::{Component, Form, Subject};
use super::error::Unsigned;
use crate::field::base64;
use crate::field::list::trim;
use crate::field::structured::{Dictionary, canonical};

/// A response and what is known of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) status: StatusCode,
    pub(crate) fields: &'a HeaderMap,
    pub(crate) request: Request<'a>,
}

/// What signatures say of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    /// The host, with or without a port.
    pub(crate) authority: Option<&'a str>,
    pub(crate) is_secure: bool,
    pub(crate) fields: &'a HeaderMap,
}

/// What is signed, and what says so.
#[derive(Debug)]
pub(crate) struct Base {
    /// What the key signs.
    pub(crate) text: String,
    /// The member of `Signature-Input`: the covered components and the parameters.
    pub(crate) input: String,
}

/// The base for those of `components` that the message has; `parameters` as they are written behind the list.
pub(crate) fn base(
    components: &[Component],
    message: &Message<'_>,
    parameters: &str,
) -> Result<Base, Unsigned> {
    let (mut text, mut input) = (String::with_capacity(512), String::from("("));
    for component in components {
        let Some(value) = value(component, message)? else { continue };
        if input.len() > 1 {
            input.push(' ');
        }
        // Writing into a string does not fail.
        write!(input, "{component}").unwrap_or_default();
        writeln!(text, "{component}: {value}").unwrap_or_default();
    }
    input.push(')');
    input.push_str(parameters);
    write!(text, "\"@signature-params\": {input}").unwrap_or_default();
    Ok(Base { text, input })
}

/// A component's value; `None` for a field or a member that is not there.
fn value(component: &Component, message: &Message<'_>) -> Result<Option<String>, Unsigned> {
    let request = &message.request;
    let value = match &component.subject {
        Subject::Status => Some(message.status.as_str().to_owned()),
        Subject::Method => Some(request.method.as_str().to_owned()),
        Subject::Path => Some(path(request.uri).to_owned()),
        Subject::Query => Some(format!("?{}", request.uri.query().unwrap_or_default())),
        Subject::Authority => Some(authority(request)?),
        Subject::TargetUri => Some(target(request)?),
        Subject::Field(name, form) => {
            let fields = if component.of_request { request.fields } else { message.fields };
            field(component, fields, name, form)?
        }
    };
    // RFC 9421, section 2.5: a base that is not ASCII cannot be made again.
    let is_visible = |byte: u8| matches!(byte, b'\t' | b' '..=b'~');
    if value.as_ref().is_some_and(|value| !value.bytes().all(is_visible)) {
        return Err(Unsigned::NotAscii(component.to_string()));
    }
    Ok(value)
}

/// The path as the client sent it; an empty one, and that of `*`, is a slash (RFC 9421, section 2.2.6).
fn path(uri: &Uri) -> &str {
    match uri.path() {
        "" | "*" => "/",
        path => path,
    }
}

const fn scheme(request: &Request<'_>) -> &'static str {
    if request.is_secure { "https" } else { "http" }
}

/// In lower case, without the scheme's own port (RFC 9421, section 2.2.3).
fn authority(request: &Request<'_>) -> Result<String, Unsigned> {
    let given = request.authority.filter(|given| !given.is_empty()).ok_or(Unsigned::NoAuthority)?;
    // What stands before an `@` is no part of the host (RFC 9110, section 4.2.4).
    let host = given.rsplit('@').next().unwrap_or(given).to_ascii_lowercase();
    let own = if request.is_secure { ":443" } else { ":80" };
    let bare = host.strip_suffix(own).or_else(|| host.strip_suffix(':'));
    Ok(bare.unwrap_or(&host).to_owned())
}

/// The URI as the client had it, without its fragment (RFC 9421, section 2.2.2).
fn target(request: &Request<'_>) -> Result<String, Unsigned> {
    let (scheme, authority) = (scheme(request), authority(request)?);
    let mut text = format!("{scheme}://{authority}");
    // `OPTIONS *` is about the host alone (RFC 9110, section 7.1).
    if request.uri.path() != "*" {
        text.push_str(path(request.uri));
        if let Some(query) = request.uri.query() {
            write!(text, "?{query}").unwrap_or_default();
        }
    }
    Ok(text)
}

fn field(
    component: &Component,
    fields: &HeaderMap,
    name: &HeaderName,
    form: &Form,
) -> Result<Option<String>, Unsigned> {
    let mut lines = fields.get_all(name).iter().map(|line| trim(line.as_bytes())).peekable();
    if lines.peek().is_none() {
        return Ok(None);
    }
    if *form == Form::Bytes {
        let wrapped = lines.map(|line| format!(":{}:", base64::encode(line)));
        return Ok(Some(wrapped.collect::<Vec<_>>().join(", ")));
    }
    let joined = lines.collect::<Vec<_>>().join(&b", "[..]);
    let unstructured = |found| Unsigned::Unstructured(component.to_string(), found);
    match form {
        Form::Canonical(kind) => canonical(*kind, &joined).map(Some).map_err(unstructured),
        Form::Member(key) => {
            Dictionary::parse(&joined).map(|fields| fields.member(key)).map_err(unstructured)
        }
        Form::Joined | Form::Bytes => match String::from_utf8(joined) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Unsigned::NotAscii(component.to_string())),
        },
    }
}
