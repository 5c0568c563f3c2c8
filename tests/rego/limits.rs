//! A policy that takes too much is cut, and decides nothing.

use std::fmt::Write as _;
use std::time::Duration;

use letterhead::deny::Deny as _;

use crate::heads::{of_fields, patient};

/// Calls itself by way of three loops over what a field has.
const LOOPS: &str = r#"package a
deny contains msg if {
	some line in input.fields["x-list"]
	parts := split(line, ",")
	some a in parts
	some b in parts
	some c in parts
	concat("", [a, b, c]) == "xyz"
	msg := "found"
}
"#;

#[tokio::test]
async fn instructions_are_counted() {
    let rego = patient(LOOPS);
    let short = of_fields(&rego, &[("x-list", "x,y,z")]).await;
    assert_eq!(short.messages(), ["found"]);
    let long = vec!["x"; 1000].join(",");
    let verdict = of_fields(&rego, &[("x-list", &long)]).await;
    let failure = verdict.failure().unwrap();
    assert!(failure.starts_with("deny.rego: "), "{failure}");
    assert!(failure.contains("wanted at most 20000 instructions, found more"), "{failure}");
    assert!(!verdict.is_denied() && !rego.fails_open());
    // The machine is as good as new.
    assert_eq!(of_fields(&rego, &[("x-list", "x,y,z")]).await.messages(), ["found"]);
    assert!(of_fields(&rego.clone().max_instructions(3), &[]).await.failure().is_some());
    assert!(rego.fail_open(true).fails_open());
}

#[tokio::test]
async fn time_is_bounded() {
    let rego = patient(LOOPS);
    let rego = rego.max_instructions(usize::MAX).max_time(Duration::ZERO);
    let long = vec!["x"; 1000].join(",");
    let verdict = of_fields(&rego, &[("x-list", &long)]).await;
    assert!(verdict.failure().unwrap().contains("wanted at most 0ns, found more"));
}

#[tokio::test]
async fn what_builtins_make_is_bounded() {
    let mut doubling =
        String::from("package a\ndeny contains \"long\" if {\n\tx0 := input.fields.x[0]\n");
    for step in 1..40 {
        writeln!(doubling, "\tx{step} := concat(\"\", [x{0}, x{0}])", step - 1).unwrap();
    }
    doubling.push_str("\tcount(x39) > 0\n}\n");
    let rego = patient(&doubling);
    let verdict = of_fields(&rego, &[("x", "0123456789")]).await;
    let failure = verdict.failure().unwrap();
    assert_eq!(failure, "deny.rego: wanted at most 64 KiB of `concat`, found more");

    let rego = patient("package a\ndeny contains msg if msg := sprintf(input.fields.x[0], [1])\n");
    assert_eq!(of_fields(&rego, &[("x", "%d%%")]).await.messages(), ["1%"]);
    for odd in ["%999999999d", "%.999999999f", "%q", "%", "%d%d", "none"] {
        assert!(of_fields(&rego, &[("x", odd)]).await.failure().is_some(), "{odd}");
    }

    let rego = patient("package a\ndeny contains \"large\" if to_number(input.fields.x[0]) > 5\n");
    assert!(of_fields(&rego, &[("x", "7")]).await.is_denied());
    let digits = "9".repeat(33);
    for odd in ["1e2147483647", "1E9", "[7]", "seven", &digits] {
        let verdict = of_fields(&rego, &[("x", odd)]).await;
        assert!(!verdict.is_denied() && verdict.failure().is_none(), "{odd}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_decides_nothing() {
    let rego = patient("package a\ndeny contains \"a\" if input.status == 201\n");
    let large = "x".repeat(64 * 1024);
    let verdict = of_fields(&rego, &[("x", &large)]).await;
    assert!(verdict.failure().unwrap().contains("wanted at most 64 KiB of fields"));
}

#[tokio::test]
async fn what_fails_says_nothing_of_a_value() {
    let text = "package a\ndeny contains msg if msg := {input.fields.x[0]: 1}[input.fields.x[0]]\n";
    let rego = patient(text);
    let verdict = of_fields(&rego, &[("x", "SECRET")]).await;
    assert!(verdict.failure().unwrap().contains("wanted messages"), "{verdict:?}");
    assert!(!format!("{verdict:?}").contains("SECRET"));
}
