//! Documents that are read and made, and every way in which one is not believed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::json::Value;
use super::*;

fn keys() -> [SigningKey; 3] {
    [
        SigningKey::from_bytes(&[7; 48]).expect("a scalar"),
        SigningKey::from_bytes(&[8; 32]).expect("a seed"),
        SigningKey::from_bytes(&[9; 48]).expect("a scalar"),
    ]
}

fn at(text: &str) -> SystemTime {
    time::parse(text).expect("a time")
}

fn later() -> SystemTime {
    at("2030-01-31T12:00:00Z")
}

/// A root with two keys for lists, of which `threshold` have to sign.
fn root(threshold: u64) -> Root {
    let [one, two, _] = keys();
    let draft = RootDraft::new(1, at("2035-01-01T00:00:00Z"))
        .root_key(one.public_key())
        .list_key(one.public_key())
        .list_key(two.public_key())
        .thresholds(1, threshold);
    Root::read(&draft.signed_by(&[&one])).expect("its own")
}

fn draft() -> ListDraft {
    let draft = ListDraft::new("docs", 7, later());
    let draft = draft.entry("index.html", Entry::new(3, [0xab; 32])).expect("a path");
    let long = Entry::new(BLOCK + 1, [1; 32]).with_blocks(vec![[2; 32], [3; 32]]);
    let long = long.with_type("video/mp4".parse().expect("a value"));
    draft.entry("a/\u{e9}\"\\.mp4", long).expect("a path")
}

fn reason(result: Result<Manifest, ManifestError>) -> Reason {
    result.expect_err("refused").reason()
}

#[test]
fn a_list_is_believed_by_as_many_keys_as_it_takes() {
    let [one, two, other] = keys();
    let signed = |keys: &[&SigningKey]| draft().signed_by(keys);
    for (threshold, by, holds) in [
        (1, vec![&one], true),
        (1, vec![&two], true),
        (2, vec![&one], false),
        (2, vec![&one, &one], false),
        (2, vec![&one, &other], false),
        (2, vec![&two, &one], true),
        (1, vec![&other], false),
        (1, vec![], false),
    ] {
        let read = Manifest::read(&signed(&by), &root(threshold));
        if holds {
            let read = read.expect("believed");
            assert_eq!((read.tree(), read.version(), read.len()), ("docs", 7, 2));
            assert_eq!(read.expires(), later());
        } else {
            assert_eq!(reason(read), Reason::Signature, "{threshold} {by:?}");
        }
    }
    let more = Manifest::signed_again(&signed(&[&one]), &two).expect("a list");
    assert_eq!(more, signed(&[&two, &one]), "the order does not count");
    Manifest::read(&more, &root(2)).expect("both");
}

#[test]
fn each_byte_that_is_changed_is_noticed() {
    let [one, ..] = keys();
    let (bytes, root) = (draft().signed_by(&[&one]), root(1));
    let whole = Manifest::read(&bytes, &root).expect("believed");
    for at in 0..bytes.len() {
        for bit in [1, 0x20] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            if let Ok(read) = Manifest::read(&changed, &root) {
                // White space, and hexadecimal digits in capitals: the same list.
                let same = read.entries().eq(whole.entries()) && read.version() == whole.version();
                assert!(same, "byte {at} ^ {bit}");
            }
        }
    }
    for length in 0..bytes.len() - 1 {
        assert!(Manifest::read(&bytes[..length], &root).is_err(), "{length}");
    }
}

#[test]
fn a_list_is_what_the_format_has_or_it_is_refused() {
    use Reason::{Name, Structure, Syntax};
    let signed = |text: &str| format!("{{\"signatures\":[],\"signed\":{text}}}");
    let list = |targets: &str, rest: &str| {
        signed(&format!(
            "{{\"_type\":\"targets\",\"spec_version\":\"1.0.31\",\"version\":1,\"expires\":\"2030-01-01T00:00:00Z\",\
             {rest}\"targets\":{{{targets}}}}}"
        ))
    };
    let sum = "ab".repeat(32);
    let entry = |path: &str, custom: &str| {
        format!("\"{path}\":{{\"length\":3,\"hashes\":{{\"sha256\":\"{sum}\"}}{custom}}}")
    };
    let custom = |ours: &str| format!(",\"custom\":{{\"x\":1,\"letterhead\":{{{ours}}}}}");
    let check = |text: &str, expected: Option<Reason>| {
        let found = Manifest::read_unverified(text.as_bytes()).err().map(|error| error.reason());
        assert_eq!(found, expected, "{text}");
    };
    check(&list("", ""), None);
    check(&list(&entry("a/b", ""), "\"delegations\":{\"keys\":{},\"roles\":[]},"), None);
    check(&list("", "\"delegations\":{\"keys\":{},\"roles\":[{}]},"), Some(Structure));
    for path in ["", "/a", "a/", "a//b", ".", "../a", "a/../b", "a\\u0000", "a\\nb", "e\u{301}"] {
        check(&list(&entry(path, ""), ""), Some(Name));
    }
    check(&list(&entry(&"a".repeat(4097), ""), ""), Some(Name));
    for ours in ["", "\"type\":\"text/html\"", "\"fields\":{\"cache-control\":\"no-cache\"}"] {
        check(&list(&entry("a", &custom(ours)), ""), None);
    }
    for ours in [
        "\"type\":1",
        "\"type\":\"a\\nb\"",
        "\"blocks\":[]",
        "\"blocks\":[\"ab\"]",
        "\"verity\":\"ab\"",
        "\"fields\":{\"content-length\":\"3\"}",
        "\"fields\":{\"a b\":\"3\"}",
        "\"other\":1",
    ] {
        check(&list(&entry("a", &custom(ours)), ""), Some(Structure));
    }
    check(&list(&[entry("a", ""), entry("a", "")].join(","), ""), Some(Syntax));
    check(&list("", "\"version\":1,"), Some(Syntax));
    check(&list("\"a\":{\"length\":1.5}", ""), Some(Syntax));
    check(&list("\"a\":{\"length\":-1,\"hashes\":{\"sha256\":\"\"}}", ""), Some(Structure));
    check(&list("\"a\":{\"length\":1}", ""), Some(Structure));
    check(&list("", "").replace("targets\",\"spec", "root\",\"spec"), Some(Structure));
    check(&list("", "").replace("1.0.31", "2.0.0"), Some(Structure));
    check(&list("", "").replace("2030-01-01", "2030-02-30"), Some(Structure));
    check(&list("", "").replace("\"version\":1", "\"version\":0"), Some(Structure));
    check("{\"signatures\":[]}", Some(Structure));
    check("[]", Some(Structure));
    check("", Some(Syntax));
    check(&"[".repeat(100_000), Some(Syntax));
    let many = (0..65).map(|at| format!("{{\"keyid\":\"{at}\",\"sig\":\"\"}}")).collect::<Vec<_>>();
    let many = list("", "").replace("[]", &format!("[{}]", many.join(",")));
    check(&many, Some(Reason::Limit));
}

#[test]
fn a_root_is_followed_by_what_both_sign() {
    let [one, two, other] = keys();
    let year = at("2031-01-01T00:00:00Z");
    let root = |version, key: &SigningKey| {
        RootDraft::new(version, year).root_key(key.public_key()).list_key(two.public_key())
    };
    let first = Root::read(&root(1, &one).signed_by(&[&one])).expect("the first");
    let turned = root(2, &other);
    let check = |draft: &RootDraft, by: &[&SigningKey], expected: Option<Reason>| {
        let found = first.next(&draft.signed_by(by)).err().map(|error| error.reason());
        assert_eq!(found, expected, "{by:?}");
    };
    check(&turned, &[&one, &other], None);
    check(&turned, &[&one], Some(Reason::Signature));
    check(&turned, &[&other], Some(Reason::Signature));
    check(&root(3, &one), &[&one], Some(Reason::RolledBack));
    check(&root(1, &one), &[&one], Some(Reason::RolledBack));
    // A threshold that cannot be reached, and one key that would count twice.
    let short = root(1, &one).thresholds(2, 1).signed_by(&[&one]);
    assert_eq!(Root::read(&short).expect_err("refused").reason(), Reason::Structure);
    let twice = String::from_utf8(root(1, &one).signed_by(&[])).expect("text");
    let (id, public) = (two.public_key().id(), format!("\"{}\":{{", two.public_key().id()));
    let end = twice.find(&public).expect("it is there") + public.len();
    let last = "\"scheme\":\"ed25519\"}";
    let key = &twice[end..end + twice[end..].find(last).expect("its end") + last.len()];
    let doubled = twice.replace(&public, &format!("\"x\":{{{key},\"{id}\":{{"));
    assert_eq!(Root::read(doubled.as_bytes()).expect_err("refused").reason(), Reason::Structure);
}

#[test]
fn time_order_and_tree_are_looked_at() {
    let [one, ..] = keys();
    let list = |tree: &str, version: u64, more: bool| {
        let draft = ListDraft::new(tree, version, later());
        let draft =
            if more { draft.entry("a", Entry::new(0, [0; 32])).expect("a path") } else { draft };
        Manifest::read(&draft.signed_by(&[&one]), &root(1)).expect("believed")
    };
    let seen = list("docs", 7, false).seen();
    let seen = Seen::read(&seen.text()).expect("as it was written");
    let check = |tree: &str, version, more, expected: Option<Reason>| {
        let found = list(tree, version, more).check_order(&seen);
        assert_eq!(found.err().map(|error| error.reason()), expected, "{tree} {version}");
    };
    check("docs", 7, false, None);
    check("docs", 8, true, None);
    check("docs", 7, true, Some(Reason::RolledBack));
    check("docs", 6, false, Some(Reason::RolledBack));
    check("blog", 8, false, Some(Reason::OtherTree));
    let one_list = list("docs", 7, false);
    assert!(one_list.check_time(at("2030-01-31T11:59:59Z")).is_ok());
    let over = one_list.check_time(later()).expect_err("over");
    assert_eq!(over.reason(), Reason::Expired);
    assert!(over.to_string().contains("ended at 2030-01-31T12:00:00Z"), "{over}");
}

#[test]
fn times_are_written_as_they_are_read() {
    for text in [
        "1970-01-01T00:00:00Z",
        "2024-02-29T23:59:59Z",
        "2100-03-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ] {
        assert_eq!(time::text(at(text)), text);
    }
    assert_eq!(at("2026-11-30T00:00:00Z"), UNIX_EPOCH + Duration::from_secs(1_795_996_800));
    for text in [
        "",
        "2023-02-29T00:00:00Z",
        "2023-01-01T24:00:00Z",
        "2023-01-01T00:00:00+0",
        "1969-12-31T23:59:59Z",
        "20+3-01-01T00:00:00Z",
    ] {
        assert_eq!(time::parse(text), None, "{text}");
    }
}

#[test]
fn the_canonical_form_is_that_of_olpc() {
    let text =
        r#"{"b": [1, -2, true, null, {}], "a": "\"\\\u00e9\u007f", "A": {"z": [], "y": false}}"#;
    let mut out = Vec::new();
    let value = json::object(json::parse(text.as_bytes()).expect("JSON")).expect("an object");
    json::canonical(&value, &mut out);
    let expected =
        "{\"A\":{\"y\":false,\"z\":[]},\"a\":\"\\\"\\\\\u{e9}\u{7f}\",\"b\":[1,-2,true,null,{}]}";
    assert_eq!(String::from_utf8(out).expect("text"), expected);
    assert_eq!(Value::Integer(1).kind(), "a number");
}

#[test]
fn no_key_is_printed() {
    for key in keys() {
        let shown = format!("{key:?} {:?}", key.public_key());
        assert!(
            !shown.contains("0707") && !shown.contains("7, 7") && !shown.contains("0808"),
            "{shown}"
        );
    }
    let pem = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    let error = SigningKey::from_bytes(pem.as_bytes()).expect_err("none");
    assert!(!format!("{error} {error:?}").contains("c2Vj"), "{error}");
}

#[test]
fn names_with_a_backslash_are_marked_for_the_tool() {
    let [one, ..] = keys();
    let list = Manifest::read(&draft().signed_by(&[&one]), &root(1)).expect("believed");
    let (one, ab) = ("01".repeat(32), "ab".repeat(32));
    assert_eq!(sha256sum_lines(&list), format!("\\{one}  a/\u{e9}\"\\\\.mp4\n{ab}  index.html\n"));
}
