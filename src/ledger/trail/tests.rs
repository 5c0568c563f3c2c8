//! What layers did, found again: by hand, and against a naive map.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, header};

use super::{Ledger, Trail};
use crate::ledger::{LayerName, Verb, Writer};

fn layer(name: &'static str) -> LayerName {
    LayerName::new(name.into(), Vec::new())
}

fn watched() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.watch(Arc::from([]));
    ledger
}

fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in pairs {
        fields.append(*name, HeaderValue::from_static(value));
    }
    fields
}

/// What one layer did to a head, as lines.
fn check(
    before: &[(&'static str, &'static str)],
    after: &[(&'static str, &'static str)],
) -> String {
    let (mut trail, mut ledger, one) = (Trail::default(), watched(), layer("one"));
    trail.enter(&one, StatusCode::OK, &map(before), &mut ledger);
    trail.leave(&one, StatusCode::OK, &map(after), &mut ledger);
    let lines: Vec<_> = ledger
        .entries()
        .iter()
        .map(|entry| match entry.field() {
            Some(field) => format!(
                "{} {field}: {} -> {}",
                entry.verb().as_str(),
                entry.before(),
                entry.after()
            ),
            None => format!("{} {:?}", entry.verb().as_str(), entry.lost()),
        })
        .collect();
    // What was seen last is what is there.
    let seen: Vec<_> = map(after).iter().map(|(n, v)| (n.clone(), v.clone())).collect();
    assert_eq!(trail.fields(), seen);
    lines.join("; ")
}

#[test]
fn the_difference_is_the_layers() {
    let base = [("a", "1"), ("b", "2")];
    assert_eq!(check(&base, &base), "");
    assert_eq!(check(&base, &[("b", "2"), ("a", "1")]), "");
    assert_eq!(check(&base, &[("a", "1"), ("b", "2"), ("c", "3")]), "insert c: (none) -> 3");
    assert_eq!(check(&base, &[("a", "1"), ("b", "3")]), "insert b: 2 -> 3");
    assert_eq!(check(&base, &[("a", "1")]), "remove b: 2 -> (none)");
    assert_eq!(check(&base, &[("a", "1"), ("a", "2"), ("b", "2")]), "append a: 1 -> 1 | 2");
    assert_eq!(
        check(&base, &[("c", "1"), ("b", "5")]),
        "remove a: 1 -> (none); insert b: 2 -> 5; insert c: (none) -> 1"
    );
    assert_eq!(check(&base, &[("c", "1")]), r#"answer ["a", "b"]"#);
    assert_eq!(check(&base, &[]), r#"answer ["a", "b"]"#);
    assert_eq!(check(&[("a", "1")], &[("b", "1")]), "remove a: 1 -> (none); insert b: (none) -> 1");
    assert_eq!(check(&[], &[("a", "1")]), "insert a: (none) -> 1");
}

#[test]
fn what_stands_between_two_names_is_unnamed() {
    let (mut trail, mut ledger) = (Trail::default(), watched());
    let (inner, outer) = (layer("inner"), layer("outer"));
    trail.enter(&inner, StatusCode::OK, &map(&[("a", "1")]), &mut ledger);
    trail.leave(&inner, StatusCode::OK, &map(&[("a", "1")]), &mut ledger);
    trail.enter(&outer, StatusCode::CREATED, &map(&[("a", "2")]), &mut ledger);
    trail.leave(&outer, StatusCode::CREATED, &map(&[("a", "2")]), &mut ledger);
    trail.end(StatusCode::CREATED, &map(&[("a", "3")]), &mut ledger);
    let lines: Vec<_> = ledger.entries().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "insert a by an unnamed layer outside inner while open: overridden",
            "status 201 by an unnamed layer outside inner while open: applied",
            "insert a by an unnamed layer outside outer while open: applied",
        ]
    );
}

#[test]
fn a_layer_that_was_given_nothing_has_answered_by_itself() {
    let (mut trail, mut ledger) = (Trail::default(), watched());
    trail.leave(&layer("auth"), StatusCode::UNAUTHORIZED, &map(&[("a", "1")]), &mut ledger);
    let entry = &ledger.entries()[0];
    assert_eq!((entry.verb(), entry.status()), (Verb::Answer, Some(StatusCode::UNAUTHORIZED)));
    assert!(matches!(entry.writer(), Writer::Layer(name) if name.as_str() == "auth"));
}

#[test]
fn a_layer_that_asks_again_and_again_grows_nothing() {
    let (mut trail, mut ledger, retry) = (Trail::default(), watched(), layer("retry"));
    for _ in 0..100_000 {
        trail.enter(&retry, StatusCode::OK, &map(&[]), &mut ledger);
    }
    assert!(trail.open.len() <= super::MOST_OPEN);
    for _ in 0..100_000 {
        trail.enter(&retry, StatusCode::OK, &map(&[]), &mut ledger);
        trail.leave(&retry, StatusCode::OK, &map(&[]), &mut ledger);
    }
    assert_eq!((trail.open.len(), trail.passed.len()), (0, 1));
    trail.enter(&retry, StatusCode::OK, &map(&[]), &mut ledger);
    trail.leave(&retry, StatusCode::OK, &map(&[]), &mut ledger);
    assert!(ledger.entries().is_empty());
}

#[test]
fn ten_thousand_fields_and_large_values_are_bounded_and_the_cut_is_counted() {
    let (mut trail, mut ledger, one) = (Trail::default(), watched(), layer("one"));
    trail.enter(&one, StatusCode::OK, &HeaderMap::new(), &mut ledger);
    let mut fields = HeaderMap::new();
    let large = HeaderValue::from_bytes(&vec![b'x'; 1 << 20]).expect("legal");
    fields.insert(header::SERVER, large);
    for number in 0..10_000 {
        let name = HeaderName::try_from(format!("x-{number}")).expect("a name");
        fields.insert(name, HeaderValue::from_bytes(b"caf\xe9").expect("legal"));
    }
    trail.leave(&one, StatusCode::OK, &fields, &mut ledger);
    assert_eq!((ledger.entries().len(), ledger.cut()), (1024, 10_001 - 1024));
    assert_eq!(ledger.entries()[0].after().to_string(), "(too large to keep)");
    assert_eq!(ledger.entries()[1].after().to_string(), "caf\\xe9");
}

/// Does one random thing to the fields.
fn scribble(random: &mut fastrand::Rng, fields: &mut HeaderMap) {
    const NAMES: [&str; 6] = ["a", "b", "vary", "etag", "set-cookie", "x-long-name"];
    const VALUES: [&str; 4] = ["1", "2", "three", ""];
    let name = HeaderName::from_static(NAMES[random.usize(..NAMES.len())]);
    let value = HeaderValue::from_static(VALUES[random.usize(..VALUES.len())]);
    match random.u8(..4) {
        0 => drop(fields.insert(name, value)),
        1 | 2 => drop(fields.append(name, value)),
        _ => drop(fields.remove(name)),
    }
}

#[test]
fn the_ledger_replayed_over_the_first_head_is_the_last_one() {
    const LAYERS: [&str; 6] = ["0", "1", "2", "3", "4", "5"];
    let layers = LAYERS.map(layer);
    let mut random = fastrand::Rng::with_seed(11);
    let mut answers = 0;
    for _ in 0..3_000 {
        let (mut trail, mut ledger) = (Trail::default(), watched());
        let mut fields = HeaderMap::new();
        for _ in 0..random.usize(..5) {
            scribble(&mut random, &mut fields);
        }
        let mut replayed = fields.clone();
        // The heads after each layer, of which a head of one's own is one.
        let mut heads = Vec::new();
        for one in layers.iter().take(random.usize(..LAYERS.len())) {
            trail.enter(one, StatusCode::OK, &fields, &mut ledger);
            for _ in 0..random.usize(..4) {
                scribble(&mut random, &mut fields);
            }
            trail.leave(one, StatusCode::OK, &fields, &mut ledger);
            heads.push(fields.clone());
        }
        for entry in ledger.entries() {
            let Some(field) = entry.field() else {
                let number: usize =
                    entry.writer().layer().expect("named").as_str().parse().expect("a number");
                assert_eq!(entry.verb(), Verb::Answer);
                assert!(replayed.keys().all(|old| !heads[number].contains_key(old)), "{entry}");
                replayed = heads[number].clone();
                answers += 1;
                continue;
            };
            let seen = entry.seen.as_ref().expect("watched");
            let (before, after) = (&seen.before, &seen.after);
            let stood: Vec<_> = replayed.get_all(field).iter().cloned().collect();
            assert_eq!(stood, before.as_slice(), "{entry}");
            replayed.remove(field);
            for value in after.as_slice() {
                replayed.append(field, value.clone());
            }
        }
        for name in replayed.keys().chain(fields.keys()) {
            let (one, two) = (replayed.get_all(name), fields.get_all(name));
            assert!(one.iter().eq(two.iter()), "{name}: {:?}", ledger.entries());
        }
    }
    assert!(answers > 10, "{answers}");
}
