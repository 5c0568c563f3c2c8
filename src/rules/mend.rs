//! The values that an action gives a field in conflict.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use super::case::Case;
use super::{Action, Conflict, Rule, cached, merge};
use crate::field::class::{self, Role};
use crate::field::{cache_control, etag};
use crate::rules::framing::content_is_due;

/// The values that `field` has instead of `now`. `None` where the action has no meaning, or does not
/// take the offence away.
pub(super) fn mended(
    case: &Case<'_>,
    conflict: &Conflict,
    field: &HeaderName,
    now: &[HeaderValue],
) -> Option<Vec<HeaderValue>> {
    let one = |value: Option<&HeaderValue>| Some(value.cloned().into_iter().collect());
    match (conflict.rule, conflict.action) {
        (Rule::Duplicated, Action::KeepFirst) => one(now.first()),
        (Rule::Duplicated, Action::KeepLast | Action::Merge) => one(now.last()),
        (Rule::MemberRepeated, Action::KeepFirst | Action::KeepLast | Action::Merge) => {
            let shape = case.rules.shape(field);
            let once = merge::merge(field, shape, &[], now);
            // The order of some lists is their meaning: those stay as they are.
            (!merge::repeats(field, shape, &once)).then_some(once)
        }
        (Rule::StrongTag, Action::Merge) => Some(now.iter().map(etag::weaken).collect()),
        (Rule::StaleDigest, Action::KeepLast | Action::Merge) => Some(Vec::new()),
        (Rule::Missing, Action::Merge) if may_be_put_in(field, *case.status) => {
            let offer = conflict.offer.as_slice();
            (!offer.is_empty()).then(|| offer.to_vec())
        }
        (Rule::Forbidden, Action::KeepFirst | Action::Merge) => {
            let stays = merge::is_cache_control(field).then(|| cache_control::restrictions(now));
            match stays {
                Some(None) => Some(now.to_vec()),
                Some(Some(rest)) if !rest.is_empty() => Some(vec![rest]),
                Some(Some(_)) | None => Some(Vec::new()),
            }
        }
        (Rule::Contradiction, Action::Merge) => cached::without_contradiction(conflict, now),
        (Rule::CachedError, Action::Merge) => Some(cached::and(now, "no-store")),
        (_, _) => None,
    }
}

/// Whether a missing field may be put in: what describes content, only where there is some.
fn may_be_put_in(field: &HeaderName, status: StatusCode) -> bool {
    let describes = class::of(field).role() == Role::Representation;
    !describes || content_is_due(status, false, false)
}
