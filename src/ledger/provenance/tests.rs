//! What layers did, found again: by hand, and against a naive map.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, header};

use super::Provenance;
use crate::ledger::{Entry, LayerName, Lines, Verb, Writer};

fn layer(name: &'static str) -> LayerName {
    LayerName::new(name.into())
}

fn begin(fields: &HeaderMap) -> Provenance {
    Provenance::begin(StatusCode::OK, fields, Arc::from([]))
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
    let mut provenance = begin(&map(before));
    provenance.record_layer(layer("one"), StatusCode::OK, &map(after));
    assert_eq!(provenance.fields, Lines::of(&map(after)), "what was seen last is what is there");
    let ledger = provenance.take_ledger();
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
            None => entry.to_string(),
        })
        .collect();
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
    assert_eq!(check(&base, &[]), "remove a: 1 -> (none); remove b: 2 -> (none)");
    assert_eq!(check(&[("a", "1")], &[("b", "1")]), "remove a: 1 -> (none); insert b: (none) -> 1");
    assert_eq!(check(&[], &[("a", "1")]), "insert a: (none) -> 1");
}

fn printed(provenance: &mut Provenance) -> Vec<String> {
    provenance.take_ledger().entries().iter().map(ToString::to_string).collect()
}

#[test]
fn what_stands_between_two_names_is_unnamed() {
    let mut provenance = begin(&map(&[("a", "1")]));
    let (inner, outer) = (layer("inner"), layer("outer"));
    provenance.record_layer(inner, StatusCode::OK, &map(&[("a", "1")]));
    provenance.record_unnamed(StatusCode::CREATED, &map(&[("a", "2")]));
    provenance.record_layer(outer, StatusCode::CREATED, &map(&[("a", "2")]));
    provenance.record_unnamed(StatusCode::CREATED, &map(&[("a", "3")]));
    assert_eq!(
        printed(&mut provenance),
        [
            "status 201 by an unnamed layer outside inner while open: applied",
            "insert a by an unnamed layer outside inner while open: overridden",
            "insert a by an unnamed layer outside outer while open: applied",
        ]
    );
}

#[test]
fn a_layer_that_answers_itself_is_told_with_what_it_lost() {
    let denied = StatusCode::UNAUTHORIZED;
    let fields = map(&[("a", "1")]);
    let mut provenance =
        Provenance::short_circuit(&layer("auth"), denied, &fields, Arc::from([]), None);
    assert_eq!(printed(&mut provenance), ["answer 401 by layer auth while open: applied"]);
    let given = begin(&map(&[("a", "1"), ("b", "2"), ("b", "3")]));
    let mut provenance =
        Provenance::short_circuit(&layer("auth"), denied, &fields, Arc::from([]), Some(given));
    let ledger = provenance.take_ledger();
    let entry: &Entry = &ledger.entries()[0];
    assert_eq!((entry.verb(), entry.lost().count()), (Verb::Answer, 1));
    assert!(matches!(entry.writer(), Writer::Layer(name) if name.as_str() == "auth"));
}

#[test]
fn ten_thousand_fields_and_large_values_are_bounded_and_the_cut_is_counted() {
    let mut provenance = begin(&HeaderMap::new());
    let mut fields = HeaderMap::new();
    let large = HeaderValue::from_bytes(&vec![b'x'; 1 << 20]).expect("legal");
    fields.insert(header::SERVER, large);
    for number in 0..10_000 {
        let name = HeaderName::try_from(format!("x-{number}")).expect("a name");
        fields.insert(name, HeaderValue::from_bytes(b"caf\xe9").expect("legal"));
    }
    provenance.record_layer(layer("one"), StatusCode::OK, &fields);
    // A removal moves the last field into the gap, so that nearly everything differs.
    for _ in 0..100 {
        fields.remove(header::SERVER);
        fields.remove("x-7");
        provenance.record_layer(layer("two"), StatusCode::OK, &fields);
        fields.insert("x-7", HeaderValue::from_static("1"));
        provenance.record_layer(layer("three"), StatusCode::OK, &fields);
    }
    let ledger = provenance.take_ledger();
    assert_eq!(ledger.entries().len(), 1024);
    assert!(ledger.cut() > 10_001 - 1024, "{}", ledger.cut());
    assert_eq!(ledger.entries()[0].after().to_string(), "(too large to keep)");
    assert_eq!(ledger.entries()[1].after().to_string(), "caf\\xe9");
}

#[test]
fn many_small_values_are_bounded_too() {
    let mut fields = HeaderMap::new();
    let mut provenance = begin(&fields);
    for _ in 0..1000 {
        for _ in 0..10 {
            fields.append("x-a", HeaderValue::from_static(""));
        }
        provenance.record_layer(layer("one"), StatusCode::OK, &fields);
    }
    let ledger = provenance.take_ledger();
    let kept: usize = ledger
        .entries()
        .iter()
        .filter_map(|entry| entry.seen.as_ref())
        .map(|seen| seen.before.as_slice().len() + seen.after.as_slice().len())
        .sum();
    assert!(kept < 5_000, "{kept} values are kept");
}

/// Does one random thing to the fields.
fn scribble(random: &mut fastrand::Rng, fields: &mut HeaderMap) {
    const NAMES: [&str; 6] = ["a", "b", "vary", "etag", "set-cookie", "x-long-name"];
    const VALUES: [&str; 4] = ["1", "2", "three", ""];
    let name = HeaderName::from_static(NAMES[random.usize(..NAMES.len())]);
    let value = HeaderValue::from_static(VALUES[random.usize(..VALUES.len())]);
    match random.u8(..4) {
        0 => drop(fields.insert(name, value)),
        1 | 2 => {
            fields.append(name, value);
        }
        _ => drop(fields.remove(name)),
    }
}

#[test]
fn the_ledger_replayed_over_the_first_head_is_the_last_one() {
    let layers = ["0", "1", "2", "3", "4", "5"].map(layer);
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..3_000 {
        let mut fields = HeaderMap::new();
        // Small heads are searched, large ones looked up.
        let most = if round % 2 == 0 { 5 } else { 60 };
        for _ in 0..random.usize(..most) {
            scribble(&mut random, &mut fields);
        }
        let mut replayed = fields.clone();
        let mut provenance = begin(&fields);
        for one in layers.iter().take(random.usize(..layers.len())) {
            for _ in 0..random.usize(..most) {
                scribble(&mut random, &mut fields);
            }
            provenance.record_layer(one.clone(), StatusCode::OK, &fields);
            assert_eq!(provenance.fields, Lines::of(&fields));
        }
        for entry in provenance.take_ledger().entries() {
            let field = entry.field().expect("no head of one's own");
            let seen = entry.seen.as_ref().expect("watched");
            let stood: Vec<_> = replayed.get_all(field).iter().cloned().collect();
            assert_eq!(stood, seen.before.as_slice(), "{entry}");
            replayed.remove(field);
            for value in seen.after.as_slice() {
                replayed.append(field, value.clone());
            }
        }
        for name in replayed.keys().chain(fields.keys()) {
            let (one, two) = (replayed.get_all(name), fields.get_all(name));
            assert!(one.iter().eq(two.iter()), "{name}");
        }
    }
}
