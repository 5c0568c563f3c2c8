//! JSON without what would leave open what is signed: no member twice, no fractions; and its canonical form.

use std::collections::BTreeMap;
use std::fmt;

use serde_core::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::error::{ManifestError, Reason, structure};
use crate::field::json::quoted;

/// The longest document that is read: 64 MiB, the list of some 300,000 files.
const LONGEST: usize = 64 << 20;

pub(super) type Object = BTreeMap<String, Value>;

/// What a document says. Members are in the order of their bytes, as in the canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Text(String),
    List(Vec<Value>),
    Object(Object),
}

/// Reads a document.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, ManifestError> {
    if bytes.len() > LONGEST {
        let text = format!("wanted at most {LONGEST} bytes, found {}", bytes.len());
        return Err(ManifestError::new(Reason::Limit, text));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| ManifestError::new(Reason::Syntax, format!("wanted JSON, found: {error}")))
}

/// How text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it is signed (OLPC): only `"` and `\` are escaped, so that a line end in a key makes it no JSON.
    Canonical,
    /// JSON, so that others can read it.
    Json,
}

impl Value {
    /// Writes it as JSON, in the order of the canonical form and without white space.
    pub(super) fn json(&self, out: &mut Vec<u8>) {
        self.write(out, Form::Json);
    }

    fn write(&self, out: &mut Vec<u8>, form: Form) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Text(text) => write_text(text, out, form),
            Self::List(values) => {
                out.push(b'[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write(out, form);
                }
                out.push(b']');
            }
            Self::Object(members) => write_object(members, out, form),
        }
    }

    /// A word for what it is, for errors.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Writes the canonical form of an object, which is what is signed.
pub(super) fn canonical(members: &Object, out: &mut Vec<u8>) {
    write_object(members, out, Form::Canonical);
}

/// Writes an object as JSON.
pub(super) fn write(members: &Object, out: &mut Vec<u8>) {
    write_object(members, out, Form::Json);
}

fn write_object(members: &Object, out: &mut Vec<u8>, form: Form) {
    out.push(b'{');
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_text(name, out, form);
        out.push(b':');
        value.write(out, form);
    }
    out.push(b'}');
}

fn write_text(text: &str, out: &mut Vec<u8>, form: Form) {
    if form == Form::Json {
        out.extend_from_slice(quoted(text).as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Takes a member out of an object.
pub(super) fn take(members: &mut Object, name: &str) -> Result<Value, ManifestError> {
    members.remove(name).ok_or_else(|| structure(&format!("a member `{name}`"), "none"))
}

pub(super) fn object(value: Value) -> Result<Object, ManifestError> {
    if let Value::Object(members) = value {
        return Ok(members);
    }
    Err(structure("an object", value.kind()))
}

pub(super) fn list(value: Value) -> Result<Vec<Value>, ManifestError> {
    if let Value::List(values) = value {
        return Ok(values);
    }
    Err(structure("an array", value.kind()))
}

pub(super) fn text(value: Value) -> Result<String, ManifestError> {
    if let Value::Text(text) = value {
        return Ok(text);
    }
    Err(structure("a string", value.kind()))
}

/// A number that is no less than `least`.
pub(super) fn number(value: &Value, least: u64) -> Result<u64, ManifestError> {
    let Value::Integer(number) = value else { return Err(structure("a number", value.kind())) };
    let number = u64::try_from(*number).ok().filter(|number| *number >= least);
    number.ok_or_else(|| structure(&format!("a number from {least} on"), "a lower one"))
}

struct Reader;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with whole numbers")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        let value = i64::try_from(value);
        value.map(Value::Integer).map_err(|_| E::custom("a number beyond 2^63"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Err(E::invalid_type(de::Unexpected::Float(value), &self))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut members = Object::new();
        while let Some((name, value)) = items.next_entry::<String, Value>()? {
            // Two readers could take it for either.
            if members.insert(name, value).is_some() {
                return Err(de::Error::custom("a member twice"));
            }
        }
        Ok(Value::Object(members))
    }
}
