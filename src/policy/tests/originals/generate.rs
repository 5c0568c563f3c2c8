//! Files that people could have written, some of them badly.

use std::fmt::Write as _;

use fastrand::Rng;

/// Parts of paths, with what may be odd about them.
const PATHS: &[&str] = &[
    "/*",
    "/",
    "/a",
    "/a/",
    "/a/*",
    "/a/b",
    "/a/:x",
    "/:x",
    "/:x/b",
    "/:x/:y",
    "/a/*/z",
    "/*.js",
    "/a/:x/*",
    "/p/:x-:y.html",
    "/q/:one:two",
    "/a.b/*",
    "/a-b",
    "/a_b",
    "/a+b",
    "/a(b)",
    "/a$",
    "/[a]",
    "/a|b",
    "/é/*",
    "/a b",
    "/a%20b",
    "/./a",
    "/a/../b",
    "/a/%2e%2e/c",
    "/a/.",
    "/a;b=c",
    "/a,b",
    "/a@b",
    "/a~b",
    "/:1",
    "/:",
    "/a:",
    "/:_x",
    "/a&b",
    "/a'b",
    "/a\"b",
    "/<a>",
    "/{a}",
    "/a^b",
    "/a`b",
    "/a\\b",
    "/:x.html",
    "/a:x",
];

const URLS: &[&str] = &[
    "https://example.org/*",
    "https://example.org",
    "https://example.org/",
    "https://:sub.example.org/*",
    "https://*.example.org/a",
    "https:///example.org/a",
    "https://example.org/a/:x",
    "https://a-b.example.org/:x/*",
];

const BAD_PATTERNS: &[&str] = &[
    "http://example.org/*",
    "ftp://a/b",
    "https://",
    "https://example.org:443/*",
    "/*/*",
    "/:a/:a",
    "/:splat/*",
    "/a?b=c",
    "/a#b",
    "/:x*",
    "https://*.org/*",
    "https://é.org/",
    "//",
    "//a",
    "/a//b",
];

const NAMES: &[&str] = &[
    "X-A",
    "x-a",
    "X-B",
    "X-Frame-Options",
    "Cache-Control",
    "Link",
    "Content-Security-Policy",
    "Referrer-Policy",
    "X-Robots-Tag",
    "Access-Control-Allow-Origin",
    "X_Under",
    "X.Dot",
    "1",
];

const VALUES: &[&str] = &[
    "1",
    "DENY",
    "a, b",
    "a,b",
    "a:b",
    "https://example.org:8080/x",
    ":x",
    ":splat",
    "/p/:x/:splat",
    ":xy",
    "::x",
    "\"quoted: :y\"",
    "max-age=60",
    "</a.css>; rel=preload",
    ":one:two",
    ":sub",
    "a  b",
    "é",
    "#no",
    "! no",
    "*",
];

const BAD_LINES: &[&str] = &[
    "no colon",
    "X Y: 1",
    ": 1",
    "X-A:",
    "!X-A",
    "! X Y",
    "!",
    "! X: 1",
    "Content-Length: 0",
    "Connection: close",
    "Date: now",
    "Te: trailers",
    "X-A\u{1}: 1",
    "X-(A): 1",
    "é: 1",
    "X-A: a\u{1}b",
    "Link:https://example.org/",
    "Location: /:x",
    "Set-Cookie: a=:splat",
    "Access-Control-Allow-Origin: https://:x",
];

fn pick<'a>(random: &mut Rng, words: &[&'a str]) -> &'a str {
    words[random.usize(0..words.len())]
}

/// Whether something comes about that does so once in `times`.
fn one_in(random: &mut Rng, times: usize) -> bool {
    random.usize(0..times) == 0
}

/// A `_headers` file.
pub(super) fn headers(random: &mut Rng) -> String {
    let is_bad = one_in(random, 2);
    let mut text = String::new();
    if is_bad && one_in(random, 10) {
        text.push_str("X-Early: 1\n");
    }
    for _ in 0..random.usize(0..6) {
        let pattern = match random.usize(0..10) {
            0 if is_bad => pick(random, BAD_PATTERNS),
            1 | 2 => pick(random, URLS),
            _ => pick(random, PATHS),
        };
        line(&mut text, random, "", pattern);
        let least = usize::from(!(is_bad && one_in(random, 6)));
        for _ in least..=random.usize(least..5) {
            match random.usize(0..12) {
                0 | 1 if is_bad => {
                    let bad = pick(random, BAD_LINES);
                    line(&mut text, random, "  ", bad);
                }
                2 => {
                    let name = pick(random, NAMES);
                    line(&mut text, random, "  ", &format!("! {name}"));
                }
                3 => line(&mut text, random, "  ", "# a comment: of some kind"),
                4 => line(&mut text, random, "  ", ""),
                _ => {
                    let colon = pick(random, &[": ", ":", " :  ", ":\t"]);
                    let field = format!("{}{colon}{}", pick(random, NAMES), pick(random, VALUES));
                    line(&mut text, random, "  ", &field);
                }
            }
        }
    }
    if is_bad && one_in(random, 30) {
        let _ = write!(text, "/long\n  X-A: {}\n", "a".repeat(20_000));
    }
    text
}

fn line(text: &mut String, random: &mut Rng, indent: &str, line: &str) {
    let indent = if one_in(random, 8) { pick(random, &["", "\t", "      "]) } else { indent };
    text.push_str(indent);
    text.push_str(line);
    text.push_str(pick(random, &["\n", "\n", "\n", "\n", "\r\n", " \n", "\t\n"]));
}

const TARGETS: &[&str] = &[
    "/b",
    "/b/",
    "/b/:x",
    "/b/:splat",
    "/:splat/c",
    "/b?c=d",
    "/b?c=:x",
    "/b#c",
    "/b?c#d",
    "/b/:y/:x",
    "https://example.com/b",
    "https://example.com/b/:splat",
    "https://example.com",
    "https://example.com/:x?y#z",
    "https://example.com:8443/b",
    "/b/é",
    "/b/./c",
    "/b/../c",
    "/b/a:b",
    "/b(c)",
    "/b'c",
];

const BAD_TARGETS: &[&str] = &[
    "b",
    "http://example.com/b",
    "ftp://example.com/b",
    "https://",
    "https://:x.example.com/",
    "https://exa\"mple.com",
    "=",
    "a=b",
];

/// A `_redirects` file.
pub(super) fn redirects(random: &mut Rng) -> String {
    let is_bad = one_in(random, 2);
    let mut text = String::new();
    for _ in 0..random.usize(0..8) {
        let from = match random.usize(0..10) {
            0 if is_bad => pick(random, BAD_PATTERNS),
            1 if is_bad => pick(random, &["a", "https://example.org/a", "a/b"]),
            _ => pick(random, PATHS),
        };
        let to = if is_bad && one_in(random, 6) {
            pick(random, BAD_TARGETS)
        } else {
            pick(random, TARGETS)
        };
        let status = pick(random, &["", " 301", " 302", " 303", " 307", " 308", " 200"]);
        let bad_status = pick(
            random,
            &[" 404", " 301!", " abc", " 301 302", " 302 Country=us", " 0301", " 3e2"],
        );
        let status = if is_bad && one_in(random, 6) { bad_status } else { status };
        let comment = if one_in(random, 10) { " # a comment" } else { "" };
        line(&mut text, random, "", &format!("{from} {to}{status}{comment}"));
    }
    text
}
