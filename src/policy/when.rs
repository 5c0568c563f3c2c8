//! Conditions of a block: `@when status=404,5xx type=text/html method=GET from=handler`.

use std::ops::RangeInclusive;

use http::header::HeaderValue;
use http::{Method, StatusCode};

use super::error::Fault;
use super::exchange::{Origin, Response};

/// What a response has to be for a block to apply; without conditions it is any.
#[derive(Clone, Debug, Default)]
pub(super) struct When {
    pub(super) statuses: Option<Vec<RangeInclusive<u16>>>,
    types: Option<Vec<MediaType>>,
    methods: Option<Vec<Method>>,
    from: Option<Vec<Maker>>,
}

/// A media type, or all of one kind; in lower case.
#[derive(Clone, Debug)]
enum MediaType {
    One(Box<str>),
    /// With the slash: `image/`.
    Kind(Box<str>),
}

/// Who made the response.
#[derive(Clone, Debug)]
enum Maker {
    Origin(Origin),
    Layer(Box<str>),
}

/// The conditions that there are, as a message names them.
const KEYS: &str = "status=, type=, method= or from=";

impl When {
    /// Adds the conditions of a line: `status=404,5xx type=text/html`.
    pub(super) fn add(&mut self, line: &str) -> Result<(), Fault> {
        if line.is_empty() {
            return Err(Fault::words(KEYS, "nothing"));
        }
        for condition in line.split_whitespace() {
            let Some((key, values)) = condition.split_once('=') else {
                return Err(Fault::text(KEYS, condition));
            };
            let values = values.split(',');
            let is_first = match key {
                "status" => put(&mut self.statuses, values.map(statuses))?,
                "type" => put(&mut self.types, values.map(media_type))?,
                "method" => put(&mut self.methods, values.map(method))?,
                "from" => put(&mut self.from, values.map(maker))?,
                _ => return Err(Fault::text(KEYS, condition)),
            };
            if !is_first {
                return Err(Fault::text("each condition once in a block", condition));
            }
        }
        if let Some(statuses) = &mut self.statuses {
            join(statuses);
        }
        Ok(())
    }

    /// Whether every response is meant.
    pub(super) const fn is_empty(&self) -> bool {
        self.is_at_most_by_status() && self.statuses.is_none()
    }

    /// Whether it says itself which statuses it is about: by naming them, or by asking for error answers alone.
    pub(super) fn is_by_status(&self) -> bool {
        let fails = |maker: &Maker| matches!(maker, Maker::Origin(Origin::Error | Origin::Panic));
        self.statuses.is_some() || self.from.as_ref().is_some_and(|from| from.iter().all(fails))
    }

    /// Whether nothing is named but statuses.
    pub(super) const fn is_at_most_by_status(&self) -> bool {
        self.types.is_none() && self.methods.is_none() && self.from.is_none()
    }

    /// Whether media types are named.
    pub(super) const fn is_by_type(&self) -> bool {
        self.types.is_some()
    }

    /// Whether `GET` is meant, and `HEAD` is not.
    pub(super) fn is_without_head(&self) -> bool {
        let methods = self.methods.as_deref().unwrap_or_default();
        methods.contains(&Method::GET) && !methods.contains(&Method::HEAD)
    }

    /// Whether named layers are named.
    pub(super) fn is_by_layer(&self) -> bool {
        let is_layer = |maker: &Maker| matches!(maker, Maker::Layer(_));
        self.from.as_ref().is_some_and(|from| from.iter().any(is_layer))
    }

    /// Whether a response is meant; `content_type` is what it had before the policy.
    pub(super) fn holds(
        &self,
        method: &Method,
        response: &Response<'_>,
        content_type: Option<&HeaderValue>,
    ) -> bool {
        any(self.statuses.as_deref(), |range| range.contains(&response.status.as_u16()))
            && any(self.methods.as_deref(), |wanted| wanted == method)
            && any(self.from.as_deref(), |maker| maker.made(response))
            && any(self.types.as_deref(), |wanted| {
                content_type.is_some_and(|value| wanted.includes(value.as_bytes()))
            })
    }
}

/// Whether one of the alternatives holds, or there are none.
fn any<T>(alternatives: Option<&[T]>, holds: impl FnMut(&T) -> bool) -> bool {
    alternatives.is_none_or(|alternatives| alternatives.iter().any(holds))
}

/// Puts the alternatives into their place; `false` if there were some.
fn put<T>(
    place: &mut Option<Vec<T>>,
    values: impl Iterator<Item = Result<T, Fault>>,
) -> Result<bool, Fault> {
    let values = values.collect::<Result<_, _>>()?;
    Ok(place.replace(values).is_none())
}

fn statuses(text: &str) -> Result<RangeInclusive<u16>, Fault> {
    let wanted = "a status as 404 or a class as 4xx";
    if let Some(class) = text.strip_suffix("xx") {
        return match class {
            "1" | "2" | "3" | "4" | "5" => {
                let first = class.parse::<u16>().unwrap_or(0) * 100;
                Ok(first..=first + 99)
            }
            _ => Err(Fault::text(wanted, text)),
        };
    }
    let status = StatusCode::from_bytes(text.as_bytes()).map_err(|_| Fault::text(wanted, text))?;
    Ok(status.as_u16()..=status.as_u16())
}

/// Makes one of ranges that touch, so that no status is in two.
fn join(ranges: &mut Vec<RangeInclusive<u16>>) {
    ranges.sort_by_key(|range| *range.start());
    let mut joined: Vec<RangeInclusive<u16>> = Vec::new();
    for range in ranges.drain(..) {
        match joined.last_mut() {
            Some(last) if *range.start() <= last.end() + 1 => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            Some(_) | None => joined.push(range),
        }
    }
    *ranges = joined;
}

fn media_type(text: &str) -> Result<MediaType, Fault> {
    let wanted = "a media type as text/html or image/*";
    let is_token = |part: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        !part.is_empty() && part.bytes().all(is_letter)
    };
    match text.split_once('/') {
        Some((kind, "*")) if is_token(kind) => {
            Ok(MediaType::Kind(format!("{}/", kind.to_ascii_lowercase()).into()))
        }
        Some((kind, name)) if is_token(kind) && is_token(name) => {
            Ok(MediaType::One(text.to_ascii_lowercase().into()))
        }
        Some(_) | None => Err(Fault::text(wanted, text)),
    }
}

impl MediaType {
    fn includes(&self, value: &[u8]) -> bool {
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        let value = value[..end].trim_ascii();
        match self {
            Self::One(wanted) => value.eq_ignore_ascii_case(wanted.as_bytes()),
            Self::Kind(wanted) => value
                .get(..wanted.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(wanted.as_bytes())),
        }
    }
}

fn method(text: &str) -> Result<Method, Fault> {
    let is_upper = !text.bytes().any(|byte| byte.is_ascii_lowercase());
    Method::from_bytes(text.as_bytes())
        .ok()
        .filter(|_| is_upper)
        .ok_or_else(|| Fault::text("a method in capitals", text))
}

fn maker(text: &str) -> Result<Maker, Fault> {
    match text {
        "" => Err(Fault::words("handler, file, error, panic or the name of a layer", "nothing")),
        "handler" => Ok(Maker::Origin(Origin::Handler)),
        "file" => Ok(Maker::Origin(Origin::File)),
        "error" => Ok(Maker::Origin(Origin::Error)),
        "panic" => Ok(Maker::Origin(Origin::Panic)),
        layer => Ok(Maker::Layer(layer.into())),
    }
}

impl Maker {
    fn made(&self, response: &Response<'_>) -> bool {
        match self {
            Self::Origin(origin) => *origin == response.origin,
            Self::Layer(name) => response.layer == Some(&**name),
        }
    }
}
