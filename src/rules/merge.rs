//! Two writes to one field as one value, and what a field lost or has twice.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, HeaderName, HeaderValue,
    SET_COOKIE, VARY,
};

use crate::field::class::Shape;
use crate::field::member::Identity;
use crate::field::{cache_control, cookie, list};

/// The lines that say what `first` and `second` say together; an empty answer means no line.
///
/// - A list is the union of both, in one line. `Vary` is `*` if one of them is; `Cache-Control` is the
///   stricter of both, directive by directive; a dictionary has the later value of a key. Lists
///   whose order or whose exclusive words are their meaning (`Content-Encoding`, `Alt-Svc`) are the second.
/// - Lines stay beside each other, each once. A later cookie takes the place of one with its key.
/// - Of any other field the second write stands, even if it has no line.
pub(crate) fn merge(
    name: &HeaderName,
    shape: Shape,
    first: &[HeaderValue],
    second: &[HeaderValue],
) -> Vec<HeaderValue> {
    match shape {
        Shape::Single | Shape::Framing | Shape::Unknown => second.to_vec(),
        Shape::Lines => lines(name, first, second),
        Shape::List if is_cache_control(name) => directives(first, second),
        Shape::List if is_exclusive(name) => second.to_vec(),
        Shape::List => union(name, first, second),
    }
}

/// Whether something that `before` has is not in `after`: a member of a list, a line, a cookie.
///
/// Nothing is lost under `Vary: *`, nor where a directive of `Cache-Control` got stricter. A cookie with
/// another value is the same cookie. Fields of other shapes have nothing to lose: there an
/// overwrite is another offence.
pub(crate) fn loses(
    name: &HeaderName,
    shape: Shape,
    before: &[HeaderValue],
    after: &[HeaderValue],
) -> bool {
    if before == after {
        return false;
    }
    match shape {
        Shape::Single | Shape::Framing | Shape::Unknown => false,
        Shape::Lines => {
            let kept: BTreeSet<_> = after.iter().flat_map(|line| parts(name, line)).collect();
            before.iter().flat_map(|line| parts(name, line)).any(|part| !kept.contains(&part))
        }
        Shape::List if is_cache_control(name) => cache_control::loosens(before, after),
        Shape::List if *name == VARY && has_star(after) => false,
        Shape::List => {
            let identity = Identity::of(name);
            let kept: BTreeSet<_> =
                identity.members(after).map(|one| whole(identity, one)).collect();
            identity.members(before).any(|one| !kept.contains(&whole(identity, one)))
        }
    }
}

/// Whether `values` say one thing twice: a member of a list, a key of a dictionary, a cookie, a line.
pub(crate) fn repeats(name: &HeaderName, shape: Shape, values: &[HeaderValue]) -> bool {
    match shape {
        Shape::Single | Shape::Framing | Shape::Unknown => false,
        Shape::Lines => {
            let mut seen = BTreeSet::new();
            values.iter().flat_map(|line| parts(name, line)).any(|part| !seen.insert(part))
        }
        Shape::List if names_hops(name) => false,
        Shape::List => {
            let (identity, mut seen) = (Identity::of(name), BTreeSet::new());
            identity.members(values).any(|member| !seen.insert(identity.key(member)))
        }
    }
}

/// `Cache-Control`, or the same words to one kind of cache (RFC 9213).
pub(crate) fn is_cache_control(name: &HeaderName) -> bool {
    name.as_str().ends_with("cache-control")
}

/// Whether two values of this list cannot be joined: order or a word like `none` or `clear` rules it.
fn is_exclusive(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "accept-ranges" | "alt-svc" | "content-encoding" | "im" | "referrer-policy"
    )
}

/// Whether each member of this list is one hop, so that two may look alike.
fn names_hops(name: &HeaderName) -> bool {
    matches!(name.as_str(), "cache-status" | "proxy-status" | "via")
}

pub(super) fn has_star(values: &[HeaderValue]) -> bool {
    Identity::Name.members(values).any(|member| member == b"*")
}

/// All of `member`, in the form in which it is compared.
fn whole(identity: Identity, member: &[u8]) -> Cow<'_, [u8]> {
    match identity {
        Identity::Text | Identity::Name | Identity::Link => identity.key(member),
        Identity::Key => list::compact(member),
    }
}

fn union(name: &HeaderName, first: &[HeaderValue], second: &[HeaderValue]) -> Vec<HeaderValue> {
    if *name == VARY && (has_star(first) || has_star(second)) {
        return vec![HeaderValue::from_static("*")];
    }
    if first.is_empty() && second.is_empty() {
        return Vec::new();
    }
    let identity = Identity::of(name);
    let mut members: Vec<&[u8]> = Vec::new();
    if names_hops(name) {
        let known: BTreeSet<_> = identity.members(first).map(|one| identity.key(one)).collect();
        let later = identity.members(second).filter(|one| !known.contains(&identity.key(one)));
        members.extend(identity.members(first).chain(later));
    } else {
        let mut places = BTreeMap::new();
        for member in identity.members(first).chain(identity.members(second)) {
            match places.entry(identity.key(member)) {
                Entry::Vacant(place) => {
                    place.insert(members.len());
                    members.push(member);
                }
                Entry::Occupied(place) if identity == Identity::Key => {
                    members[*place.get()] = member;
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    let mut line = list::join(members);
    line.set_sensitive(first.iter().chain(second).any(HeaderValue::is_sensitive));
    vec![line]
}

fn directives(first: &[HeaderValue], second: &[HeaderValue]) -> Vec<HeaderValue> {
    // Who wrote no line has no opinion; who wrote one without `public` has.
    let (first, second) = match (first, second) {
        ([], only) | (only, []) => (only, only),
        both => both,
    };
    let line = cache_control::stricter(first, second);
    if line.is_empty() { Vec::new() } else { vec![line] }
}

/// What of a line counts for itself.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Cookie(cookie::Key<'a>),
    Text(Cow<'a, [u8]>),
}

/// A cookie is one part and so is a challenge; a line of policies may have several (CSP 3, section
/// 2.2.2).
fn parts<'a>(name: &HeaderName, line: &'a HeaderValue) -> impl Iterator<Item = Part<'a>> + use<'a> {
    let text = line.as_bytes();
    let (policies, one) =
        if *name == CONTENT_SECURITY_POLICY || *name == CONTENT_SECURITY_POLICY_REPORT_ONLY {
            (text, None)
        } else {
            let cookie = if *name == SET_COOKIE { cookie::key(line) } else { None };
            let text = || Part::Text(list::compact(text));
            (&b""[..], Some(cookie.map_or_else(text, Part::Cookie)))
        };
    let policies = list::members(policies).map(|policy| Part::Text(list::compact(policy)));
    one.into_iter().chain(policies)
}

fn lines(name: &HeaderName, first: &[HeaderValue], second: &[HeaderValue]) -> Vec<HeaderValue> {
    let mut places = BTreeMap::new();
    let mut lines: Vec<&HeaderValue> = Vec::new();
    for line in first.iter().chain(second) {
        let (mut is_new, mut earlier) = (false, None);
        for part in parts(name, line) {
            match places.entry(part) {
                Entry::Vacant(place) => {
                    place.insert(lines.len());
                    is_new = true;
                }
                Entry::Occupied(place) => earlier = Some(*place.get()),
            }
        }
        match earlier {
            Some(at) if !is_new && *name == SET_COOKIE => lines[at] = line,
            Some(_) | None => lines.extend(is_new.then_some(line)),
        }
    }
    lines.into_iter().cloned().collect()
}
