//! Deny rules look at the final head, and an error answer takes its place where one of them refuses it.

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use http_body::Body;

use super::apply_policy::{Applied, Origin, put_nonce};
use super::deny_rules::Verdicts;
use super::enclosed::Enclosed;
use super::exchange::Exchange;
use super::holding::Held;
use super::instead::{fail, put_with};
use super::watched;
use crate::error::{Error, Kind};
use crate::field::json::quoted;
use crate::head::deny::{Denial, FinalHead};
use crate::head::{ErrorAnswer, Note, Sealing};
use crate::rules::Judged;

/// Asks the deny rules about the head; what took its place has the policy, and is not judged by them again.
#[cold]
#[inline(never)]
pub(crate) fn deny<B>(
    exchange: &Exchange,
    sealing: &mut Sealing,
    held: &mut Held<B>,
    (policy, inside): (Option<&Applied>, &[Arc<Enclosed>]),
    judged: &mut Judged,
) where
    B: Body,
    B::Data: From<Bytes>,
{
    let Verdicts { messages, status, open } = verdicts(exchange, sealing, held, inside);
    for reason in open {
        exchange.note(Note::DenyFailed(reason));
    }
    if messages.is_empty() {
        return;
    }
    let denial = Denial::of(messages);
    let candid = exchange.settings.watch.as_ref().is_some_and(|watch| watch.candid);
    let answer = refusal(status, candid.then_some(&denial));
    exchange.note_failure(Error::new(Kind::Denied));
    exchange.note(Note::Denied(denial));
    // Which field was the offence is not known, so none stays.
    put_with(exchange, held, Some(sealing), answer, None);
    fail(exchange);
    if let Some(policy) = policy {
        policy.apply(exchange, held, Some(sealing), Origin::Error);
        put_nonce(true, held, Some(sealing));
    }
    watched::judge_answer(exchange, sealing, held, policy, judged);
}

/// What the rules of the layers inside say, and those of this one.
fn verdicts<B: Body>(
    exchange: &Exchange,
    sealing: &Sealing,
    held: &Held<B>,
    inside: &[Arc<Enclosed>],
) -> Verdicts {
    let mut all = Verdicts::default();
    let route = exchange.shared.lock().record().route.clone();
    let inside = inside.iter().map(|one| (Some(&one.asked), &one.settings.deny));
    let own = (exchange.asked.as_deref(), &exchange.settings.deny);
    for (asked, rules) in inside.chain([own]) {
        let Some(target) = asked.and_then(|asked| asked.denying.as_ref()) else { continue };
        let head = FinalHead {
            status: held.parts.status,
            fields: &held.parts.headers,
            method: &exchange.shared.method,
            version: exchange.ability().version,
            uri: &target.request.uri,
            host: target.request.authority(),
            is_secure: target.request.is_secure,
            route: route.as_deref().or_else(|| target.route()),
            ledger: Some(&sealing.ledger).filter(|ledger| ledger.watches()),
            stories: OnceCell::new(),
        };
        rules.judge(&head, &mut all);
    }
    all
}

/// The answer to the client: the status alone, and the messages where the operator allows it.
fn refusal(status: Option<StatusCode>, denial: Option<&Denial>) -> ErrorAnswer {
    let answer = ErrorAnswer::new(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .field(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let Some(denial) = denial else { return answer };
    let status = answer.status();
    let title = quoted(status.canonical_reason().unwrap_or_default());
    let listed: Vec<String> = denial.messages().iter().map(|message| quoted(message)).collect();
    let text = format!(
        r#"{{"type":"about:blank","title":{title},"status":{},"detail":"a deny rule of this server refused the response head","denied":[{}]}}"#,
        status.as_u16(),
        listed.join(",")
    );
    answer.content(HeaderValue::from_static("application/problem+json"), text)
}
