//! What the commit does about framing and trailers: weighed against the content, then carried out.

use http::header::{
    CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRAILER, TRANSFER_ENCODING, VARY,
};
use http::response::Parts;
use http_body::Body;

use super::exchange::Exchange;
use super::holding::Held;
use crate::field::length::{self, Declared};
use crate::field::{list, nature};
use crate::head::{Ability, Note, Promises, Sealing, Trailing};
use crate::ledger::{Ledger, Refusal, Values, Writer};
use crate::rules::framing::{self, Coding, ContentPlan, Facts, Length, Plan};

/// What is done to the head at the end of the commit, and with its content.
pub(crate) enum Terms {
    /// The head goes out as it is, and the content after it.
    Plain,
    Weighed(Weighed),
}

pub(crate) struct Weighed {
    pub(crate) plan: Plan,
    announce: Announce,
    /// Trailers may follow.
    pub(crate) trailers: bool,
}

impl Weighed {
    /// Marks the writes that stood in the way of the framing.
    pub(crate) fn mark(&self, ledger: &mut Ledger) {
        if self.plan.length != Length::Keep {
            ledger.mended(&CONTENT_LENGTH);
        }
        if self.plan.remove_coding {
            ledger.mended(&TRANSFER_ENCODING);
        }
        if matches!(self.announce, Announce::Nothing) {
            ledger.mended(&TRAILER);
        }
    }
}

/// Which fields of a head the end of its commit has to look at.
#[derive(Clone, Copy)]
pub(crate) struct Survey {
    /// It has a `Content-Length`.
    pub(crate) has_length: bool,
    /// It says something of a coding of its transfer, or of trailers.
    pub(crate) codes: bool,
    /// It has a `Vary`.
    pub(crate) varies: bool,
}

impl Survey {
    /// One look at every name is cheaper than a hash for each wanted one, unless there are many.
    pub(crate) fn of(fields: &HeaderMap) -> Self {
        let has = |name| fields.contains_key(name);
        if fields.keys_len() > list::SMALL {
            let codes = has(&TRANSFER_ENCODING) || has(&TRAILER);
            return Self { has_length: has(&CONTENT_LENGTH), codes, varies: has(&VARY) };
        }
        let (mut has_length, mut codes, mut varies) = (false, false, false);
        for name in fields.keys() {
            has_length |= *name == CONTENT_LENGTH;
            codes |= *name == TRANSFER_ENCODING || *name == TRAILER;
            varies |= *name == VARY;
        }
        Self { has_length, codes, varies }
    }

    /// Whether it says something of its framing, or of trailers.
    const fn frames(self) -> bool {
        self.has_length || self.codes
    }
}

/// The terms on which this response goes out, and what late writes will find.
pub(crate) fn terms_of<B: Body>(
    exchange: &Exchange,
    held: &Held<B>,
    survey: Survey,
    promises: Option<&Promises>,
) -> (Terms, Trailing) {
    let is_plain = !survey.frames() && is_due(exchange, &held.parts);
    if promises.is_some() || held.content.trailers().is_some() || !is_plain {
        let (weighed, trailing) = weigh(exchange, held, promises);
        return (Terms::Weighed(weighed), trailing);
    }
    let over = held.content.body.is_none();
    let refusal = if over { Refusal::BodyOver } else { Refusal::NotDeclared };
    let refusal = exchange.ability().trailers().err().unwrap_or(refusal);
    (Terms::Plain, Trailing::Closed(refusal))
}

/// Whether content follows this head.
fn is_due(exchange: &Exchange, parts: &Parts) -> bool {
    let Ability { head, connect, .. } = exchange.ability();
    framing::content_is_due(parts.status, head, connect)
}

/// What becomes of the `Trailer` field.
enum Announce {
    AsItIs,
    Nothing,
    These(Box<HeaderValue>),
}

/// Holds the head against the content, and says what late writes will find.
fn weigh<B: Body>(
    exchange: &Exchange,
    held: &Held<B>,
    promises: Option<&Promises>,
) -> (Weighed, Trailing) {
    let Held { parts, content, .. } = held;
    let fields = &parts.headers;
    let (over, seen) = (content.body.is_none(), content.frames.bytes());
    let exact = held.exact();
    let ability = exchange.ability();
    let plan = framing::judge(&Facts {
        head: ability.head,
        connect: ability.connect,
        status: parts.status,
        declared: Declared::read(fields),
        coding: Coding::read(fields),
        exact,
        seen,
        empty: over && content.frames.is_empty(),
    });
    let (announce, trailing) = weigh_trailers(ability, held, over, &plan, promises);
    let sends_own = held.content.trailers().is_some()
        && ability.has_streams()
        && matches!(plan.content, ContentPlan::Send(_));
    let trailers = matches!(trailing, Trailing::Open { .. }) || sends_own;
    (Weighed { plan, announce, trailers }, trailing)
}

/// What late writes will find, and the `Trailer` field that goes with it.
fn weigh_trailers<B: Body>(
    ability: Ability,
    held: &Held<B>,
    over: bool,
    plan: &Plan,
    promises: Option<&Promises>,
) -> (Announce, Trailing) {
    let fields = &held.parts.headers;
    let announced = !fields.is_empty() && fields.contains_key(TRAILER);
    let possible = match plan.content {
        ContentPlan::Drop | ContentPlan::Upgrade => Err(Refusal::NoBody),
        ContentPlan::Send(_) => ability.trailers(),
    };
    // A length that stands once the plan is carried out.
    let has_length = match plan.length {
        Length::Keep => fields.contains_key(CONTENT_LENGTH),
        Length::Set(_) => true,
        Length::Remove => false,
    };
    // On HTTP/1.1 only what is announced is sent; the body's own trailers are known by now.
    let own = held.content.trailers().filter(|_| !ability.has_streams());
    let refusal = match possible {
        Err(refusal) => Some(refusal),
        Ok(()) if over && held.content.trailers().is_none() => Some(Refusal::BodyOver),
        Ok(()) if !announced && promises.is_none() && own.is_none() => Some(Refusal::NotDeclared),
        Ok(()) if has_length => Some(Refusal::HasLength),
        Ok(()) => None,
    };
    if let Some(refusal) = refusal {
        // On h2 a response with a length may have trailers, and its author announced some.
        let stays = refusal == Refusal::HasLength && ability.has_streams();
        let announce = if announced && !stays { Announce::Nothing } else { Announce::AsItIs };
        return (announce, Trailing::Closed(refusal));
    }
    let mut names = list::names(fields, &TRAILER);
    let own = own.into_iter().flat_map(HeaderMap::keys);
    let own: Vec<HeaderName> = own.filter(|name| !names.contains(name)).cloned().collect();
    names.extend(own);
    names.retain(nature::may_be_trailer);
    for name in promises.into_iter().flat_map(Promises::names) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        return (Announce::Nothing, Trailing::Closed(Refusal::NotDeclared));
    }
    (Announce::These(Box::new(list::value(&names))), Trailing::open(names))
}

/// Mends the framing of the head.
pub(crate) fn mend(
    exchange: &Exchange,
    fields: &mut HeaderMap,
    weighed: &Weighed,
    sealing: Option<&mut Sealing>,
) {
    const MENDED: [&HeaderName; 3] = [&CONTENT_LENGTH, &TRANSFER_ENCODING, &TRAILER];
    let watched = sealing.as_ref().is_some_and(|sealing| sealing.ledger.watches());
    let before = watched.then(|| MENDED.map(|name| Values::of(fields.get_all(name).iter())));
    match weighed.plan.length {
        Length::Keep => {}
        Length::Set(bytes) => {
            // A head without room for it stays without: the server frames by what the body says.
            let _ = fields.try_insert(CONTENT_LENGTH, length::value(bytes));
        }
        Length::Remove => {
            fields.remove(CONTENT_LENGTH);
        }
    }
    if weighed.plan.remove_coding {
        fields.remove(TRANSFER_ENCODING);
    }
    match &weighed.announce {
        Announce::AsItIs => {}
        Announce::Nothing => {
            fields.remove(TRAILER);
        }
        Announce::These(names) => {
            let _ = fields.try_insert(TRAILER, HeaderValue::clone(names));
        }
    }
    for mended in &weighed.plan.mended {
        exchange.note(Note::Mended(*mended));
    }
    if let (Some(sealing), Some(before)) = (sealing, before) {
        for (name, before) in MENDED.into_iter().zip(before) {
            sealing.changed(&Writer::Framing, name, before, fields);
        }
    }
}
