//! The judgement at the commit of a head that somebody watches.

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use http::response::Parts;
use http_body::Body;

use super::apply_policy::{Applied, Origin, put_nonce, withdraw_nonce};
use super::exchange::Exchange;
use super::holding::Held;
use super::instead::{fail, put_instead};
use super::settings::Watch;
use super::strict::{Indictment, broken};
use crate::error::{Error, Kind};
use crate::field::json::quoted;
use crate::head::{ErrorAnswer, Sealing, explain, in_short};
use crate::ledger::Lines;
use crate::rules::{self, Case, Conflict, Judged, Rule};

/// The field that says who wrote each field, where the operator wants that.
const DEBUG_FIELD: HeaderName = HeaderName::from_static("x-letterhead");

/// Judges the head, lets actions change it, and answers with a 500 where it is rejected.
pub(crate) fn judge<B>(
    exchange: &Exchange,
    watch: &Watch,
    sealing: &mut Sealing,
    held: &mut Held<B>,
    policy: Option<&Applied>,
) -> Judged
where
    B: Body,
    B::Data: From<Bytes>,
{
    let path = exchange.shared.lock().path();
    let mut judged = rules::judge(case((watch, policy), &path, sealing, held));
    if judged.rejected {
        exchange.note_failure(Error::new(Kind::Rejected));
        for culprit in &judged.culprits {
            held.parts.headers.remove(culprit);
        }
        let answer = refusal(exchange, &judged.conflicts, watch.candid);
        let had_nonce = withdraw_nonce(held, sealing);
        put_instead(exchange, held, Some(sealing), answer);
        fail(exchange);
        if let Some(policy) = policy {
            policy.apply(exchange, held, Some(sealing), Origin::Error);
        }
        put_nonce(had_nonce || policy.is_some(), held, Some(sealing));
        rules::judge_refusal(case((watch, policy), &path, sealing, held), &mut judged);
    }
    judged
}

/// Looks at an answer that took the place of a head which was judged: it must have what every answer must.
pub(crate) fn judge_answer<B: Body>(
    exchange: &Exchange,
    sealing: &mut Sealing,
    held: &mut Held<B>,
    policy: Option<&Applied>,
    judged: &mut Judged,
) {
    let watch = exchange.settings.watch.as_ref().filter(|_| exchange.shared.is_watched());
    if let Some(watch) = watch {
        let path = exchange.shared.lock().path();
        rules::judge_refusal(case((watch, policy), &path, sealing, held), judged);
    }
}

/// Says in the head itself who wrote it, where the operator wants that.
pub(crate) fn say_who_wrote<B: Body>(watch: &Watch, sealing: &Sealing, held: &mut Held<B>) {
    if watch.explained {
        let headers = &mut held.parts.headers;
        let text = in_short(&Lines::of(headers), &sealing.ledger);
        if let Ok(value) = HeaderValue::try_from(text) {
            let _ = headers.try_insert(DEBUG_FIELD, value);
        }
    }
}

fn case<'a, B: Body>(
    (watch, policy): (&'a Watch, Option<&'a Applied>),
    path: &'a str,
    sealing: &'a mut Sealing,
    held: &'a mut Held<B>,
) -> Case<'a> {
    let Parts { status, headers, .. } = &mut held.parts;
    let expected = policy.map(Applied::expected).unwrap_or_default();
    let (rules, ledger) = (&watch.rules, &mut sealing.ledger);
    Case { rules, expected, path, status, fields: headers, ledger }
}

/// The text with which a strict rule ends a test, if one was broken.
pub(crate) fn ends_a_test(
    exchange: &Exchange,
    watch: Option<&Watch>,
    judged: &Judged,
    sent: Option<&Lines>,
    sealing: Option<&Sealing>,
    status: StatusCode,
) -> Option<String> {
    if judged.conflicts.is_empty() || !watch?.rules.is_strict() {
        return None;
    }
    let explained = explain(Some(status), sent?, &sealing?.ledger);
    let (path, route) = exchange.place();
    let (method, conflicts) = (&exchange.shared.method, &*judged.conflicts);
    let (route, explained) = (route.as_deref(), &*explained);
    Some(Indictment { method, path: &path, route, conflicts, explained }.text())
}

/// What a client learns of a rejected response: no more than its status, unless `debug_answers` is on.
fn refusal(exchange: &Exchange, conflicts: &[Conflict], candid: bool) -> ErrorAnswer {
    let answer = ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
    if !candid {
        return answer;
    }
    let quoted_conflicts: Vec<_> =
        conflicts.iter().map(|conflict| quoted(&conflict.to_string())).collect();
    let remedy = |rule: Rule| quoted(&format!("{rule}: {}", rule.remedy()));
    let remedies: Vec<_> = broken(conflicts).into_iter().map(remedy).collect();
    let (path, route) = exchange.place();
    let text = format!(
        r#"{{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the response head broke the rules of this server","method":{},"path":{},"route":{},"conflicts":[{}],"remedies":[{}],"guide":{}}}"#,
        quoted(exchange.shared.method.as_str()),
        quoted(&path),
        route.map_or_else(|| "null".to_owned(), |route| quoted(&route)),
        quoted_conflicts.join(","),
        remedies.join(","),
        quoted(Rule::GUIDE),
    );
    answer.content(HeaderValue::from_static("application/problem+json"), text)
}
