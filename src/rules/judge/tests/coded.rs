//! What a coding of the content makes untrue, and what is done about it.

use super::*;
use crate::ledger::LayerName;

const TEXT: &str = "text/plain";
const CODING: Line = ("content-encoding", "gzip");

/// The rules that are reported of a head that went through layers `one`, `two`, ...
fn told(heads: &[(u16, Pairs)]) -> Vec<String> {
    let (_, _, judged) = run(&Rules::standard(), heads);
    judged.conflicts.iter().map(ToString::to_string).collect()
}

#[test]
fn a_digest_of_the_bytes_before_the_coding_is_taken_out() {
    for field in ["content-digest", "repr-digest", "digest", "content-md5"] {
        let before: Pairs = Box::leak(Box::new([("content-type", TEXT), (field, "x")]));
        let after: Pairs = Box::leak(Box::new([
            ("content-type", TEXT),
            (field, "x"),
            ("content-encoding", "gzip"),
        ]));
        let without: Pairs = &[("content-type", TEXT), ("content-encoding", "gzip")];
        let heads = [(200, before), (200, after)];
        check(Rule::StaleDigest, Action::Report, &heads, (200, after));
        check(Rule::StaleDigest, Action::KeepFirst, &heads, (200, after));
        check(Rule::StaleDigest, Action::KeepLast, &heads, (200, without));
        check(Rule::StaleDigest, Action::Merge, &heads, (200, without));
        check(Rule::StaleDigest, Action::Reject, &heads, (200, after));
        assert_eq!(
            told(&heads),
            [format!(
                "stale-digest {field}: the handler, then layer one; `x`; \
                 content-encoding was applied after the digest was made; reported"
            )]
        );
        // The coding taken away changes the bytes as much.
        let undone = [(200, after), (200, before)];
        assert!(told(&undone).iter().any(|one| one.contains("taken away after the digest")));
    }
}

#[test]
fn who_made_the_digest_for_the_coded_bytes_is_not_blamed() {
    const DIGEST: Line = ("repr-digest", "x");
    let quiet: [&[(u16, Pairs)]; 4] = [
        // A handler that codes its own content.
        &[(200, &[DIGEST, CODING])],
        // A layer that does both.
        &[(200, &[]), (200, &[DIGEST, CODING])],
        // A digest outside of the coding.
        &[(200, &[]), (200, &[CODING]), (200, &[CODING, DIGEST])],
        // Of the bytes without any coding, whichever is applied.
        &[(200, &[("unencoded-digest", "x")]), (200, &[("unencoded-digest", "x"), CODING])],
    ];
    for heads in quiet {
        assert_eq!(told(heads), [""; 0], "{heads:?}");
    }
}

#[test]
fn a_part_that_is_coded_is_reported_and_cannot_be_mended() {
    const PART: Pairs = &[("content-range", "bytes 0-9/99"), ("x-a", "1")];
    const CODED: Pairs =
        &[("content-range", "bytes 0-9/99"), ("x-a", "1"), ("content-encoding", "gzip")];
    let heads = [(206, PART), (206, CODED)];
    for action in [Action::Report, Action::KeepFirst, Action::KeepLast, Action::Merge] {
        check(Rule::CodedRange, action, &heads, (206, CODED));
    }
    check(Rule::CodedRange, Action::Reject, &heads, (206, CODED));
    assert_eq!(
        told(&heads),
        ["coded-range content-range: the handler, then layer one; `bytes 0-9/99`; \
          content-encoding was applied to a part; reported"]
    );
    let rules = Rule::ALL.into_iter().fold(Rules::standard(), |r, rule| r.on(rule, Action::Merge));
    let (_, _, judged) = run(&rules, &heads);
    assert!(judged.conflicts.iter().all(|one| one.settled() == Resolution::Reported));
    // Several parts have no content-range in the head.
    let parts: Pairs = &[("content-type", "multipart/byteranges; boundary=b")];
    let zipped: Pairs =
        &[("content-type", "multipart/byteranges; boundary=b"), ("content-encoding", "br")];
    check(Rule::CodedRange, Action::Report, &[(206, parts), (206, zipped)], (206, zipped));
}

#[test]
fn a_part_of_what_was_coded_is_as_it_should_be() {
    const RANGE: Line = ("content-range", "bytes 0-9/99");
    let quiet: [&[(u16, Pairs)]; 3] = [
        &[(206, &[CODING, RANGE])],
        // How long the representation is, on an error page that is coded.
        &[
            (416, &[("content-range", "bytes */99"), ("x-a", "1")]),
            (416, &[("content-range", "bytes */99"), ("x-a", "1"), CODING]),
        ],
        // Appended, not coded.
        &[(206, &[CODING, RANGE]), (206, &[CODING, RANGE, ("x-a", "1")])],
    ];
    for heads in quiet {
        assert_eq!(told(heads), [""; 0], "{heads:?}");
    }
    // A layer outside that takes the part: the status is its doing, which is another rule's.
    let outside: &[(u16, Pairs)] = &[(200, &[]), (200, &[CODING]), (206, &[CODING, RANGE])];
    assert!(told(outside).iter().all(|one| one.starts_with("status-changed")));
}

#[test]
fn a_coding_against_no_transform_is_reported_and_cannot_be_mended() {
    const PLAIN: Pairs = &[("cache-control", "max-age=60, No-Transform")];
    const CODED: Pairs =
        &[("cache-control", "max-age=60, No-Transform"), ("content-encoding", "gzip")];
    let heads = [(200, PLAIN), (200, CODED)];
    for action in [Action::Report, Action::KeepFirst, Action::KeepLast, Action::Merge] {
        check(Rule::NoTransform, action, &heads, (200, CODED));
    }
    assert_eq!(
        told(&heads),
        ["no-transform cache-control: the handler, then layer one; `max-age=60, No-Transform`; \
          content-encoding was applied all the same; reported"]
    );
    // What another layer did to the field since does not hide it.
    let more: Pairs = &[("cache-control", "private, No-Transform"), ("content-encoding", "gzip")];
    let heads = [(200, PLAIN), (200, CODED), (200, more)];
    assert_eq!(told(&heads).iter().filter(|one| one.starts_with("no-transform")).count(), 1);
    // A coding with the word, or before it.
    let after: Pairs = &[("content-encoding", "gzip"), ("cache-control", "no-transform")];
    assert_eq!(told(&[(200, after)]), [""; 0]);
    assert_eq!(told(&[(200, &[]), (200, after)]), [""; 0]);
    let heads: [(u16, Pairs); 3] =
        [(200, &[]), (200, &[("content-encoding", "gzip")]), (200, after)];
    assert_eq!(told(&heads), [""; 0]);
}

/// A response that a layer coded which was named for that.
fn by_a_coder(rules: &Rules, before: Pairs, after: Pairs) -> (HeaderMap, Judged) {
    let mut status = StatusCode::OK;
    let mut provenance = Provenance::begin(status, &map(before), Arc::from([]));
    let mut fields = map(after);
    let name = LayerName::new("gzip".into()).coding_content();
    provenance.record_layer(name, status, &fields);
    let mut ledger = provenance.take_ledger();
    let (status, ledger) = (&mut status, &mut ledger);
    let judged =
        judge(Case { rules, expected: Vec::new(), path: "/", status, fields: &mut fields, ledger });
    (fields, judged)
}

#[test]
fn a_layer_that_is_named_for_its_coding_is_put_right_in_silence() {
    const BEFORE: Pairs = &[("etag", "\"a\""), ("repr-digest", "x")];
    let after: Pairs = &[("etag", "\"a\""), ("repr-digest", "x"), ("content-encoding", "gzip")];
    for rules in [Rules::standard(), Rules::strict()] {
        let (fields, judged) = by_a_coder(&rules, BEFORE, after);
        assert!(judged.conflicts.is_empty(), "{:?}", judged.conflicts);
        assert_eq!(
            (&fields["etag"], fields.get("repr-digest")),
            (&HeaderValue::from_static("W/\"a\""), None)
        );
    }
    let (fields, judged) = by_a_coder(&Rules::observe(), BEFORE, after);
    assert_eq!((fields, judged.conflicts.len()), (map(after), 2));
    let allowed =
        Rules::standard().on(Rule::StrongTag, Action::Allow).on(Rule::StaleDigest, Action::Allow);
    let (fields, judged) = by_a_coder(&allowed, BEFORE, after);
    assert_eq!((fields, judged.conflicts.len()), (map(after), 0));
    // A name does not make up for what no head can say.
    let (_, judged) = by_a_coder(
        &Rules::standard(),
        &[("cache-control", "no-transform")],
        &[("cache-control", "no-transform"), ("content-encoding", "gzip")],
    );
    assert_eq!(judged.conflicts[0].rule(), Rule::NoTransform);
}
