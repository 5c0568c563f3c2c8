//! Files with bad lines, and what is said of them: `refusals.txt`.

use std::fmt::Write as _;

use expect_test::{expect, expect_file};

use super::*;

#[test]
fn every_bad_line_is_named() {
    let text = include_str!("refusals.txt");
    let mut table = text[..find(text, "=== ").expect("a case")].to_owned();
    for (title, case) in parts(text, "=== ") {
        let file = &case[..find(case, "-->").expect("errors")];
        let errors = match Policy::parse("_headers", file, dialect(title)) {
            Ok(_) => "none\n".to_owned(),
            Err(errors) => format!("{errors}\n"),
        };
        let _ = write!(table, "=== {title}\n{file}-->\n{errors}\n");
    }
    expect_file!["refusals.txt"].assert_eq(&table);
}

#[test]
fn control_characters_and_sizes_are_refused() {
    let check = |text: &str, expected: expect_test::Expect| {
        let errors = Policy::parse("f", text, Dialect::Cloudflare).expect_err("a bad line");
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(lines.join("\n"), errors.to_string());
        expected.assert_eq(&errors.to_string());
    };
    check(
        "/*\n X: a\u{0}b\n Y: a\rb\n",
        expect![[r#"
            f:2: wanted a value without control characters, found "a\u{0}b"
            f:3: wanted a value without control characters, found "a\rb""#]],
    );
    check(
        &format!("/*\n X: {}\n", "a".repeat(MAX_LINE)),
        expect!["f:2: wanted a line of at most 16384 bytes, found 16387 bytes"],
    );
    let longest = format!("/*\n X: {}\n", "a".repeat(MAX_LINE - 3));
    assert!(Policy::parse("f", &longest, Dialect::Cloudflare).is_ok());
    check(
        &"/*\n X: a\n".repeat(MAX_RULES + 1),
        expect!["f:20001: wanted at most 10000 blocks, found another one"],
    );
    check(
        &format!("/{}\n X: a\n", ":a/:b/:c/:d/:e/:f/:g/:h/:i"),
        expect!["f:1: wanted at most 8 placeholders and stars in a pattern, found 9"],
    );
    let most = "/:a/:b/:c/:d/:e/:f/:g/:h\n X: :h\n";
    assert!(Policy::parse("f", most, Dialect::Cloudflare).is_ok());
    check(
        &format!("{}\n", "x".repeat(90)),
        expect![[
            r#"f:1: wanted a field and its value with a colon between them, found "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...""#
        ]],
    );
}

#[test]
fn what_is_hardly_meant_is_told() {
    let text = include_str!("warnings.txt");
    let mut table = text[..find(text, "=== ").expect("a case")].to_owned();
    for (title, case) in parts(text, "=== ") {
        let file = &case[..find(case, "-->").expect("warnings")];
        let policy = Policy::parse("_headers", file, dialect(title))
            .unwrap_or_else(|errors| panic!("{title}: {errors}"));
        let _ = write!(table, "=== {title}\n{file}-->\n");
        for warning in policy.warnings() {
            let _ = writeln!(table, "{warning}");
        }
        table.push('\n');
    }
    expect_file!["warnings.txt"].assert_eq(&table);
    let long = format!("/*\n X: {}\n", "a".repeat(1_998));
    let not_long = format!("/*\n X: {}\n", "a".repeat(1_997));
    let policy = Policy::parse("f", &not_long, Dialect::Cloudflare).expect("no bad line");
    assert_eq!(policy.warnings(), []);
    let many = "/*\n X: a\n".repeat(102);
    for (text, expected) in [
        (long, "f:2: Cloudflare takes at most 2000 letters in a line"),
        (many, "f:201: Cloudflare takes at most 100 blocks"),
    ] {
        let warns = |dialect| {
            let policy = Policy::parse("f", &text, dialect).expect("no bad line");
            policy.warnings().iter().any(|warning| warning.to_string() == expected)
        };
        assert!(warns(Dialect::Cloudflare), "{expected}");
        assert!(!warns(Dialect::Netlify), "{expected}");
    }
}

/// A file of many lines about one field is looked through in bounded time, and each line is said to be hidden once.
#[test]
fn warnings_do_not_multiply() {
    let mut text = String::from("/*\n");
    for _ in 0..2_000 {
        text.push_str(" X-A: 1\n @remove X-A\n @remove X-*\n");
    }
    for dialect in [Dialect::Cloudflare, Dialect::Netlify] {
        let policy = Policy::parse("f", &text, dialect).expect("no bad line");
        let count = policy.warnings().len();
        assert_eq!(count, 2_000);
    }
    let mut text = String::new();
    for _ in 0..1_000 {
        text.push_str("/a\n X-A: 1\n X-A: 2\n");
    }
    let policy = Policy::parse("f", &text, Dialect::Netlify).expect("no bad line");
    assert_eq!(policy.warnings().len(), 2 * 999);
}

/// Rules judge what a file requires and forbids: by path and status, each status once.
#[test]
fn what_is_required_and_forbidden_is_left_to_rules() {
    let text = "\
/*
  @require X-Content-Type-Options
/api/*
  @when status=404,4xx,500
  @forbid Server
  X-A: 1
/page
  @require Content-Language
";
    let policy = Policy::parse("_headers", text, Dialect::Cloudflare).expect("no bad line");
    let Expectations { required, forbidden } = policy.expectations();
    let about = |expected: &[crate::rules::Expect], status: u16, path: &str| {
        let status = http::StatusCode::from_u16(status).expect("a status");
        let about = expected.iter().filter(|expect| expect.is_about(status, path));
        about.map(|expect| expect.field.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(about(required, 200, "/a"), "x-content-type-options");
    assert_eq!(about(required, 500, "/page"), "x-content-type-options content-language");
    for (status, path, expected) in [
        (404, "/api/x", "server"),
        (499, "/api/x", "server"),
        (500, "/api/x", "server"),
        (501, "/api/x", ""),
        (200, "/api/x", ""),
        (404, "/other", ""),
    ] {
        assert_eq!(about(forbidden, status, path), expected, "{status} {path}");
    }
    assert_eq!(policy.lines().count(), 1);
}

#[test]
fn carriage_returns_and_a_mark_at_the_start_are_no_part_of_the_text() {
    let text = "\u{feff}/*\r\n  X-A: 1 \t\r\n";
    let policy = Policy::parse("_headers", text, Dialect::Cloudflare).expect("no bad line");
    let lines: Vec<_> = policy.lines().map(|line| line.to_string()).collect();
    assert_eq!(lines, ["x-a: 1"]);
}

/// Whatever a file has in it, it is parsed or refused, and what is parsed prints as lines that are parsed again.
#[test]
fn no_file_makes_the_parser_panic() {
    let words = [
        "/",
        "/*",
        "*",
        ":",
        ":a",
        "/:a",
        "https://",
        "a.b",
        "\n",
        "\n  ",
        " ",
        "\t",
        "! ",
        "#",
        "@",
        "@when ",
        "@append ",
        "@merge ",
        "@remove ",
        "@require ",
        "@forbid ",
        "@default ",
        "X-A",
        "X-A: ",
        "1",
        "status=",
        "404",
        "5xx",
        ",",
        "type=",
        "text/*",
        "from=",
        "method=GET",
        "Vary: ",
        "Set-Cookie: ",
        ":splat",
        "%2F",
        "%",
        "%zz",
        "..",
        "?",
        "\u{e9}",
        "\u{1f600}",
        "\r",
        "\u{0}",
        "\"",
        "Link: <",
        ">",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let count = random.usize(0..24);
        let text: String = (0..count).map(|_| words[random.usize(0..words.len())]).collect();
        for dialect in [Dialect::Cloudflare, Dialect::Netlify] {
            let Ok(policy) = Policy::parse("_headers", &text, dialect) else { continue };
            let mut again = String::new();
            for line in policy.lines() {
                let _ = writeln!(again, "{}\n  {line}", line.pattern());
            }
            let reread = Policy::parse("_headers", &again, dialect)
                .unwrap_or_else(|errors| panic!("{text:?}\n{again:?}\n{errors}"));
            let both = [&policy, &reread]
                .map(|policy| policy.lines().map(|line| line.to_string()).collect());
            let [one, other]: [Vec<_>; 2] = both;
            assert_eq!(one, other, "{text:?}");
            let method = http::Method::GET;
            let request =
                Request { authority: Some("a.b"), path: "/a/b", method: &method, secure: false };
            let status = http::StatusCode::OK;
            let response = Response { status, origin: Origin::File, layer: None, is_grpc: false };
            let mut heads = [HeaderMap::new(), HeaderMap::new()];
            policy.apply(&request, &response, &mut heads[0], None);
        }
    }
}
