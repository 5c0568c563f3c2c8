//! What a policy's value and the values of a response make together.

use std::collections::BTreeSet;

use http::header::{HeaderName, HeaderValue};

use crate::field::class::{self, Shape};
use crate::field::list;
use crate::field::member::Identity;
use crate::rules::merge;

/// The values with another one, in one line.
pub(super) fn in_one_line(before: &[HeaderValue], value: HeaderValue) -> HeaderValue {
    if before.is_empty() {
        return value;
    }
    list::join(before.iter().chain([&value]).map(HeaderValue::as_bytes))
}

/// The values with those members of `value` that they do not have yet; a field of lines gets a line.
pub(super) fn append(
    name: &HeaderName,
    before: &[HeaderValue],
    value: HeaderValue,
) -> Vec<HeaderValue> {
    if class::of(name).shape() == Shape::Lines {
        let more = (!before.contains(&value)).then_some(value);
        return before.iter().cloned().chain(more).collect();
    }
    let identity = Identity::of(name);
    let mut known: BTreeSet<_> = identity.members(before).map(|one| identity.key(one)).collect();
    let line = [value];
    let fresh: Vec<_> =
        identity.members(&line).filter(|member| known.insert(identity.key(member))).collect();
    if fresh.is_empty() {
        return before.to_vec();
    }
    let all = before.iter().map(HeaderValue::as_bytes).chain(fresh);
    vec![list::join(all)]
}

/// What both say, as [`merge::merge`] has it: for `Cache-Control` the stricter of both, directive by directive; for
/// `Content-Security-Policy` both policies, of which a browser obeys each.
pub(super) fn merge(
    name: &HeaderName,
    before: &[HeaderValue],
    value: HeaderValue,
) -> Vec<HeaderValue> {
    merge::merge(name, class::of(name).shape(), before, &[value])
}
