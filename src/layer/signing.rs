//! The end of the commit: the head is signed, or why not is noted.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER};
use http::response::Parts;
use http_body::Body;

use super::apply_policy::{Applied, Origin, put_nonce, withdraw_nonce};
use super::asked::Asked;
use super::broken_signature::watch;
use super::enclosed::Enclosed;
use super::exchange::Exchange;
use super::frame::frame;
use super::holding::Held;
use super::instead::{fail, put_instead};
use super::sign_setting::SignTarget;
use super::terms::Terms;
use super::watched;
use crate::error::{Error, Kind};
use crate::head::{ErrorAnswer, Note, Sealing, Trailing};
use crate::ledger::{Values, Writer};
use crate::rules::Judged;
use crate::signatures::{Message, Request, SIGNATURE, SIGNATURE_INPUT, Sign, Signed, Unsigned};

/// The head could not be signed, and is not to go out without.
struct Refused;

/// Signs the final head. If it must not go out unsigned and cannot be signed, a 503 takes its place, with
/// the policy and these terms.
#[cold]
#[inline(never)]
pub(crate) fn sign<B>(
    exchange: &Exchange,
    sealing: &mut Sealing,
    held: &mut Held<B>,
    (policy, inside): (Option<&Applied>, &[Arc<Enclosed>]),
    judged: &mut Judged,
) -> Option<(Terms, Trailing)>
where
    B: Body,
    B::Data: From<Bytes>,
{
    let Err(Refused) = sign_for_all(exchange, inside, held, sealing) else { return None };
    exchange.note_failure(Error::new(Kind::Unsigned));
    let had_nonce = withdraw_nonce(held, sealing);
    put_instead(exchange, held, Some(sealing), refusal());
    fail(exchange);
    if let Some(policy) = policy {
        policy.apply(exchange, held, Some(sealing), Origin::Error);
    }
    put_nonce(had_nonce || policy.is_some(), held, Some(sealing));
    watched::judge_answer(exchange, sealing, held, policy, judged);
    Some(frame(exchange, held, Some(sealing)))
}

/// For the layers that the response came through, then for this one.
fn sign_for_all<B: Body>(
    exchange: &Exchange,
    inside: &[Arc<Enclosed>],
    held: &mut Held<B>,
    sealing: &mut Sealing,
) -> Result<(), Refused> {
    if !is_signed(exchange, held.parts.status) {
        return Ok(());
    }
    let inside = inside.iter().map(|one| (Some(&one.asked), &one.settings.sign));
    let own = (exchange.asked.as_deref(), &exchange.settings.sign);
    let mut refused = Ok(());
    for (asked, setting) in inside.chain([own]) {
        let Some(target) = asked.and_then(|asked: &Asked| asked.signing.as_ref()) else { continue };
        for signer in setting.signers() {
            let made = make(signer, exchange, target, &held.parts)
                .and_then(|signed| put(&signed, &mut held.parts, sealing));
            if let Err(reason) = made {
                exchange.note(Note::Unsigned(reason.to_string()));
                if signer.refuses() {
                    refused = Err(Refused);
                }
                continue;
            }
            if exchange.shared.is_watched() {
                let Parts { status, headers, extensions, .. } = &mut held.parts;
                let mut names = signer.covered_fields(headers);
                names.extend([SIGNATURE_INPUT, SIGNATURE]);
                let status = signer.covers_status(headers).then_some(*status);
                watch(&exchange.shared, extensions, status, names, headers);
            }
        }
    }
    refused
}

/// A cache puts the fields of a 304 into the response that it has (RFC 9111, section 3.2): the signature of one head
/// would stand on another. A connection that becomes something else has no response to sign.
fn is_signed(exchange: &Exchange, status: StatusCode) -> bool {
    let is_tunnel = exchange.ability().connect && status.is_success();
    !(status.is_informational() || status == StatusCode::NOT_MODIFIED || is_tunnel)
}

fn make(
    signer: &Sign,
    exchange: &Exchange,
    target: &SignTarget,
    parts: &Parts,
) -> Result<Signed, Unsigned> {
    let mut nonce = None;
    if signer.wants_nonce() {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Unsigned::Nonce(error.to_string()))?;
        nonce = Some(bytes);
    }
    let message = Message {
        status: parts.status,
        fields: &parts.headers,
        request: Request {
            method: &exchange.shared.method,
            uri: &target.request.uri,
            authority: target.request.authority(),
            is_secure: target.request.is_secure,
            fields: &target.fields,
        },
    };
    signer.sign(&message, SystemTime::now(), nonce)
}

/// Adds the two fields, or neither.
fn put(signed: &Signed, parts: &mut Parts, sealing: &mut Sealing) -> Result<(), Unsigned> {
    let fields = &mut parts.headers;
    let values = [(SIGNATURE_INPUT, &signed.input), (SIGNATURE, &signed.signature)];
    let before = values.clone().map(|(name, _)| Values::of(fields.get_all(name).iter()));
    if fields.try_reserve(values.len()).is_err() {
        return Err(Unsigned::NoRoom);
    }
    for ((name, value), before) in values.into_iter().zip(before) {
        if fields.try_append(name.clone(), value.clone()).is_err() {
            return Err(Unsigned::NoRoom);
        }
        sealing.changed(&Writer::Signer, &name, before, fields);
    }
    Ok(())
}

/// What a client is sent in the place of a head that could not be signed.
fn refusal() -> ErrorAnswer {
    ErrorAnswer::new(StatusCode::SERVICE_UNAVAILABLE)
        .field(CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .field(RETRY_AFTER, HeaderValue::from_static("1"))
}
