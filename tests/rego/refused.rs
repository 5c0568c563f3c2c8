//! What is refused when a text is loaded, with its line; and both forms of the language.

use letterhead::Rego;

use crate::heads::of_fields;

fn error(text: &str) -> String {
    match Rego::parse("deny.rego", text) {
        Ok(_) => panic!("wanted an error for:\n{text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn builtins_that_are_not_listed_are_refused_by_line() {
    // With the features that are on, regorus has these first ones; the others it does not know.
    for call in [
        "numbers.range(1, 1000000000)",
        "numbers.range_step(1, 1000000000, 1)",
        "rand.intn(\"a\", 7)",
        "replace(input.a, \"\", input.a)",
        "strings.replace_n({\"a\": \"b\"}, input.a)",
        "strings.any_prefix_match(input.a, input.a)",
        "indexof(input.a, \"a\")",
        "trim(input.a, input.a)",
        "bits.lsh(1, 1000000000)",
        "product([2, 2])",
        "array.concat(input.a, input.a)",
        "object.union(input, input)",
        "json.unmarshal(input.a)",
        "format_int(7, 2)",
        "units.parse_bytes(\"1e999999999\")",
        "trace(\"a\")",
        "walk(input)",
        "http.send({})",
        "time.now_ns()",
        "opa.runtime()",
        "uuid.rfc4122(\"a\")",
        "regex.match(\"a\", \"a\")",
        "io.jwt.decode(\"a\")",
        "test.sleep(\"1s\")",
        "__builtin_host_await(1, \"a\")",
    ] {
        let name = call.split('(').next().unwrap();
        // In a function that the rule calls, on the sixth line.
        let text =
            format!("package a\n\ndeny contains msg if {{\n\tmsg := f(1)\n}}\nf(x) := {call}\n");
        let said = error(&text);
        assert!(said.starts_with("deny.rego:6: wanted "), "{call}: {said}");
        assert!(said.contains(name), "{call}: {said}");
    }
}

#[test]
fn errors_name_file_line_and_what_was_wanted() {
    for (text, expected) in [
        ("", "deny.rego"),
        (
            "package a\n\nallow := true\n",
            "deny.rego: wanted a rule `deny contains msg if { .. }`, found none",
        ),
        (
            "package a\n\ndeny := true\n",
            "deny.rego: wanted a rule `deny contains msg if { .. }`, found one that makes no set",
        ),
        (
            "package a\n\ndeny contains msg if {\n\tmsg := \n}\n",
            "deny.rego:4: wanted Rego, found an error: ",
        ),
        (
            "package a\n\ndeny[msg] {\n\tmsg := \"a\"\n}\n",
            "deny.rego:3: wanted Rego, found an error: ",
        ),
        (
            "package a\n\ndeny contains \"a\" if {\n\tinput.a with input as {}\n}\n",
            "deny.rego:4: wanted Rego, found an error: the `with`",
        ),
        ("package a\n\ndeny contains \"a\" if {\n\tnowhere(1)\n}\n", "deny.rego:4: wanted "),
    ] {
        let said = error(text);
        assert!(said.starts_with(expected), "{text}\n{said}");
        assert!(!said.contains('\n'), "{said}");
    }
}

#[tokio::test]
async fn the_older_form_loads_with_its_own_name() {
    let text = "package a\n\ndeny[msg] {\n\tinput.fields.server[_] == \"mine\"\n\tmsg := \"no names\"\n}\n";
    let rego = Rego::parse_v0("deny.rego", text).unwrap();
    assert_eq!(of_fields(&rego, &[("server", "mine")]).await.messages(), ["no names"]);
    assert!(!of_fields(&rego, &[("server", "yours")]).await.is_denied());
    assert!(Rego::parse_v0("deny.rego", "package a\n\nallow { true }\n").is_err());
}
