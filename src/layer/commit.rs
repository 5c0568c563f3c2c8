//! The commit: writes, hooks, trailers and framing, in that order; then the head is the server's.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, TRAILER, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Response, StatusCode};
use http_body::Body;

use super::ResponseBody;
use super::abort::Abort;
use super::body::Kept;
use super::exchange::{Exchange, Unheard};
use super::hold;
use super::holding::{Frames, Held};
use super::recover::Origin;
use crate::caught::contained;
use crate::error::{BoxError, Error};
use crate::field::length::{self, Declared};
use crate::field::{list, nature};
use crate::head::{CommitCause, ErrorAnswer, Input, Note, Outcome, Promises, Sealing, Trailing};
use crate::ledger::Refusal;
use crate::rules::framing::{self, Coding, Content, Facts, Length, Mended, Plan};
use crate::rules::meter::Meter;

/// What is to be committed.
pub(crate) enum Answer<B: Body> {
    /// The inner response.
    Held { cause: CommitCause, held: Held<B> },
    /// The inner response, whose body has failed and is left alone.
    Broken { error: Error, held: Held<B> },
    /// An error answer in the place of what was planned.
    Instead { planned: Option<Parts>, answer: ErrorAnswer, error: Error },
}

impl<B: Body> Answer<B> {
    /// An error answer where nothing was planned.
    pub(crate) const fn bare(answer: ErrorAnswer, error: Error) -> Self {
        Self::Instead { planned: None, answer, error }
    }
}

/// The content on its way through the commit.
struct Payload<B: Body> {
    frames: Frames<B::Data>,
    body: Option<B>,
    trailers: Option<HeaderMap>,
}

impl<B: Body> Payload<B> {
    const fn none() -> Self {
        Self { frames: Frames::new(), body: None, trailers: None }
    }

    /// Puts `content` here; what was planned is dropped, and a panic in its drop contained.
    fn replace(&mut self, content: Bytes)
    where
        B::Data: From<Bytes>,
    {
        self.clear();
        if !content.is_empty() {
            self.frames.push(content.into());
        }
    }

    fn clear(&mut self) {
        let planned = std::mem::replace(self, Self::none());
        contained(move || drop(planned));
    }

    /// Whether no more data can come.
    fn is_over(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn exact(&self) -> Option<u64> {
        let seen = self.frames.bytes();
        match &self.body {
            Some(body) if !body.is_end_stream() => {
                body.size_hint().exact().map(|rest| seen.saturating_add(rest))
            }
            Some(_) | None => Some(seen),
        }
    }
}

/// Commits `answer` and makes the response that the server is given.
pub(crate) fn commit<B>(mut exchange: Exchange, answer: Answer<B>) -> Response<ResponseBody<B>>
where
    B: Body + Unpin,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    let (input, mut parts, mut payload, instead, broken) = open(&mut exchange, answer);
    let mut sealing = {
        let mut state = exchange.shared.lock();
        state.life = state.life.step(input).0;
        state.has_waiting().then(|| Sealing::take(&mut state))
    };
    if let Some(sealing) = &mut sealing {
        sealing.apply_writes(&mut parts.status, &mut parts.headers);
    }
    if let Some(answer) = instead {
        payload.replace(put_instead(&mut parts, sealing.as_mut(), answer));
    }
    if let Some(sealing) = &mut sealing {
        run_hooks(&mut exchange, sealing, &mut parts, &mut payload);
    }
    if framing::is_unfinal(parts.status, exchange.ability.version) {
        exchange.note(Note::Mended(Mended::InformationalStatus(parts.status.as_u16())));
        let answer = ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
        payload.replace(put_instead(&mut parts, sealing.as_mut(), answer));
        fail(&exchange);
    }

    let plan = frame(&mut exchange, &mut parts, &payload);
    if let Some(names) = fold_trailers(&mut parts.headers, &mut payload) {
        exchange.note_dropped(names);
    }
    let promises = sealing.as_mut().map(|sealing| std::mem::take(&mut sealing.promises));
    let trailing = plan_trailing(&exchange, &mut parts.headers, &payload, &plan, promises.as_ref());
    if let (Some(sealing), Some(promises), Trailing::Closed(refusal)) =
        (&mut sealing, &promises, &trailing)
    {
        for name in promises.names() {
            sealing.ledger.refuse_promise(name, *refusal);
        }
    }
    let hidden = matches!(trailing, Trailing::Open { .. });
    exchange.tally.status = Some(parts.status);
    write(&mut exchange, sealing, trailing, parts.status);
    let mut kept = keep(exchange, payload, plan.content, hidden, broken);
    // hyper takes the length out of a 304 on HTTP/1 whose body says that it is over.
    kept.coy = parts.status == StatusCode::NOT_MODIFIED
        && !kept.exchange.ability.has_streams()
        && parts.headers.contains_key(CONTENT_LENGTH);
    Response::from_parts(parts, ResponseBody::kept(kept))
}

type Opened<B> = (Input, Parts, Payload<B>, Option<ErrorAnswer>, Option<Error>);

/// Takes an answer apart.
fn open<B: Body>(exchange: &mut Exchange, answer: Answer<B>) -> Opened<B> {
    let payload = |frames, body, trailers| Payload { frames, body, trailers };
    match answer {
        Answer::Held { cause, held } => {
            let Held { parts, frames, body, trailers } = held;
            exchange.tally.held = frames.bytes();
            (Input::Due(cause), parts, payload(frames, body, trailers), None, None)
        }
        Answer::Broken { error, held } => {
            let Held { parts, frames, body, trailers } = held;
            exchange.tally.held = frames.bytes();
            let payload = payload(frames, body, trailers);
            (Input::Due(CommitCause::NotHeld), parts, payload, None, Some(error))
        }
        Answer::Instead { planned, answer, error } => {
            exchange.tally.failure = Some(error);
            let parts = planned.unwrap_or_else(|| Response::new(()).into_parts().0);
            (Input::Failed, parts, Payload::none(), Some(answer), None)
        }
    }
}

/// Puts an error answer in the place of the planned head; returns its content.
fn put_instead(parts: &mut Parts, sealing: Option<&mut Sealing>, answer: ErrorAnswer) -> Bytes {
    if let Some(sealing) = sealing {
        sealing.replaced();
    }
    // What the old response carried for its server, such as a reason phrase, goes with it.
    parts.extensions.clear();
    crate::head::replace(&mut parts.status, &mut parts.headers, answer)
}

fn run_hooks<B>(
    exchange: &mut Exchange,
    sealing: &mut Sealing,
    parts: &mut Parts,
    payload: &mut Payload<B>,
) where
    B: Body,
    B::Data: From<Bytes>,
{
    let ran = sealing.run_hooks(exchange.ability, &mut parts.status, &mut parts.headers);
    exchange.tally.hooks_run = sealing.hooks_run;
    if let Err(error) = ran {
        sealing.drop_hooks();
        let answer = exchange.answer_error(Origin::Hook, &error);
        exchange.tally.failure = Some(error);
        payload.replace(put_instead(parts, Some(sealing), answer));
        fail(exchange);
    }
}

fn fail(exchange: &Exchange) {
    let mut state = exchange.shared.lock();
    state.life = state.life.step(Input::Failed).0;
}

/// Holds the head against the content and mends the head.
fn frame<B: Body>(exchange: &mut Exchange, parts: &mut Parts, payload: &Payload<B>) -> Plan {
    let fields = &mut parts.headers;
    let coding = if fields.is_empty() || !fields.contains_key(TRANSFER_ENCODING) {
        Coding::None
    } else if list::is_only(fields, &TRANSFER_ENCODING, "chunked") {
        Coding::Chunked
    } else {
        Coding::Other
    };
    let plan = framing::judge(&Facts {
        head: exchange.ability.head,
        connect: exchange.ability.connect,
        status: parts.status,
        declared: Declared::read(fields),
        coding,
        exact: payload.exact(),
        seen: payload.frames.bytes(),
        empty: payload.is_over() && payload.frames.is_empty(),
    });
    match plan.length {
        Length::Keep => {}
        Length::Set(bytes) => {
            fields.insert(CONTENT_LENGTH, length::value(bytes));
        }
        Length::Remove => {
            fields.remove(CONTENT_LENGTH);
        }
    }
    if plan.remove_coding {
        fields.remove(TRANSFER_ENCODING);
    }
    for mended in plan.mended.into_iter().flatten() {
        exchange.note(Note::Mended(mended));
    }
    plan
}

/// Trailers that came before the head was gone belong into the head, but for gRPC, where they
/// are part of the protocol. Returns the names that may not be there.
fn fold_trailers<B: Body>(
    fields: &mut HeaderMap,
    payload: &mut Payload<B>,
) -> Option<Vec<http::HeaderName>> {
    if payload.trailers.is_none() || hold::is_grpc(fields) {
        return None;
    }
    let (trailers, dropped) = crate::head::permitted(payload.trailers.take()?);
    for (name, value) in &trailers {
        // A head that is full keeps what it has.
        let _ = fields.try_append(name, value.clone());
    }
    Some(dropped)
}

/// What late writes will find, and the `Trailer` field that goes with it.
fn plan_trailing<B: Body>(
    exchange: &Exchange,
    fields: &mut HeaderMap,
    payload: &Payload<B>,
    plan: &Plan,
    promises: Option<&Promises>,
) -> Trailing {
    let announced = !fields.is_empty() && fields.contains_key(TRAILER);
    let promises = promises.filter(|promises| !promises.is_empty());
    let possible = match plan.content {
        Content::Drop | Content::Upgrade => Err(Refusal::NoBody),
        Content::Send(_) => exchange.ability.trailers(),
    };
    let own = payload.trailers.is_some();
    let refusal = match possible {
        Err(refusal) => Some(refusal),
        Ok(()) if payload.is_over() && !own => Some(Refusal::BodyOver),
        Ok(()) if !announced && promises.is_none() => Some(Refusal::NotDeclared),
        Ok(()) if fields.contains_key(CONTENT_LENGTH) => Some(Refusal::HasLength),
        Ok(()) => None,
    };
    if let Some(refusal) = refusal {
        // On h2 a response with a length may have trailers, and its author announced some.
        let stays = refusal == Refusal::HasLength && exchange.ability.has_streams();
        if announced && !stays {
            fields.remove(TRAILER);
        }
        return Trailing::Closed(refusal);
    }
    let mut names = list::names(fields, &TRAILER);
    names.retain(nature::may_be_trailer);
    for name in promises.into_iter().flat_map(Promises::names) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        fields.remove(TRAILER);
        return Trailing::Closed(Refusal::NotDeclared);
    }
    fields.insert(TRAILER, list::value(&names));
    Trailing::open(names)
}

/// The head is the server's.
fn write(
    exchange: &mut Exchange,
    sealing: Option<Sealing>,
    trailing: Trailing,
    status: StatusCode,
) {
    let mut state = exchange.shared.lock();
    state.life = state.life.step(Input::Written).0;
    state.trailing = trailing;
    state.status = Some(status);
    if let Some(mut sealing) = sealing {
        let meanwhile = std::mem::take(&mut state.ledger);
        sealing.ledger.join(meanwhile);
        state.ledger = std::mem::take(&mut sealing.ledger);
    }
}

/// The body that the server is given.
fn keep<B: Body>(
    mut exchange: Exchange,
    mut payload: Payload<B>,
    content: Content,
    hidden: bool,
    broken: Option<Error>,
) -> Kept<B> {
    let expected = match content {
        Content::Send(expected) => expected,
        Content::Drop | Content::Upgrade => {
            // An empty body of a `HEAD` may be what a `GET` has, or may not: whoever is outside
            // judges as without the layer. Of other content the length is not told.
            let status = exchange.tally.status.unwrap_or_default();
            let due = framing::content_is_due(status, false, exchange.ability.connect);
            let told = due && payload.exact() == Some(0);
            payload.clear();
            let upgrade = content == Content::Upgrade;
            exchange.if_dropped(if upgrade { Unheard::Upgraded } else { Unheard::Complete });
            return Kept::empty(exchange, !told);
        }
    };
    let Payload { frames, body, trailers } = payload;
    let body = body.filter(|body| !body.is_end_stream());
    let abort = broken.map(|error| {
        exchange.end(Outcome::Aborted(error.clone()));
        Abort::at_once(error)
    });
    let nothing = frames.is_empty() && body.is_none() && trailers.is_none() && abort.is_none();
    if nothing {
        exchange.if_dropped(Unheard::Complete);
    }
    Kept {
        frames,
        body,
        trailers,
        meter: Meter::new(expected),
        hidden,
        coy: false,
        abort,
        exchange,
    }
}
