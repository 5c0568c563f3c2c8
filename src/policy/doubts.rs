//! Values that a specification allows, and that protect nothing.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_SECURITY_POLICY,
    HeaderName, STRICT_TRANSPORT_SECURITY, VARY,
};

use super::rule::{Act, How, Rule};

/// A year, which is what browsers' preload lists want.
const YEAR: u64 = 31_536_000;

/// Tells `warn` what there is to say of the values of a block.
pub(super) fn of_block(rule: &Rule, warn: &mut impl FnMut(usize, String)) {
    if rule.pattern.written.contains(char::is_whitespace) {
        let message = "the blank is a part of the path, as %20";
        warn(rule.line, message.to_owned());
    }
    if rule.when.is_without_head() {
        let message = "method=GET without HEAD, whose answer should have the same fields";
        warn(rule.line, format!("{message} (RFC 9110, section 9.3.2)"));
    }
    let mut values = Vec::new();
    for write in &rule.writes {
        if matches!(&write.act, Act::Change(target, How::Remove) if target.name == VARY) {
            let message = "without it a cache gives one client what is another's";
            warn(write.line, format!("vary: {message} (RFC 9110, section 12.5.5)"));
        }
        if let Act::Change(
            target,
            How::Set(value) | How::Default(value) | How::Append(value) | How::Merge(value),
        ) = &write.act
        {
            values.push((write.line, &target.name, value.text(&rule.pattern.names)));
        }
    }
    for (line, name, value) in &values {
        if !value.is_ascii() {
            let message = "letters outside of ASCII are sent as UTF-8, which not every client reads \
                           (RFC 9110, section 5.5)";
            warn(*line, message.to_owned());
        }
        if is_of_content(name) {
            let message =
                "whoever makes the content knows it; a policy says it of whatever there is";
            warn(*line, format!("{name}: {message}"));
        }
        if **name == CONTENT_SECURITY_POLICY {
            of_content_security_policy(*line, value, warn);
        }
        if **name == STRICT_TRANSPORT_SECURITY {
            of_transport_security(*line, value, warn);
        }
    }
    of_origins(&values, warn);
}

/// Whether a field says of the bytes what only those know who have them.
fn is_of_content(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "accept-ranges"
            | "content-digest"
            | "content-encoding"
            | "content-md5"
            | "digest"
            | "etag"
            | "last-modified"
            | "repr-digest"
    )
}

fn of_content_security_policy(line: usize, value: &str, warn: &mut impl FnMut(usize, String)) {
    for policy in value.split(',') {
        let sources = |directive: &str| {
            policy.split(';').find_map(|part| {
                let mut words = part.split_ascii_whitespace();
                let is_it = words.next().is_some_and(|name| name.eq_ignore_ascii_case(directive));
                is_it.then(|| words.map(str::to_ascii_lowercase).collect::<Vec<_>>())
            })
        };
        let Some(sources) = sources("script-src").or_else(|| sources("default-src")) else {
            continue;
        };
        let has = |word: &str| sources.iter().any(|source| source == word);
        let begins = |word: &str| sources.iter().any(|source| source.starts_with(word));
        let is_strict = begins("'nonce-") || begins("'sha");
        if has("'unsafe-inline'") && !is_strict {
            let message = "'unsafe-inline' lets every script run that somebody gets into the page";
            warn(line, format!("{message} (CSP 3, section 6.7.3)"));
        }
        if has("'unsafe-eval'") {
            warn(
                line,
                "'unsafe-eval' lets scripts make code of text (CSP 3, section 4.3)".to_owned(),
            );
        }
        let wide = ["*", "http:", "https:", "data:"].into_iter().find(|wide| has(wide));
        if let Some(wide) = wide.filter(|_| !(is_strict && has("'strict-dynamic'"))) {
            warn(line, format!("scripts may come from anywhere: {wide}"));
        }
    }
}

fn of_transport_security(line: usize, value: &str, warn: &mut impl FnMut(usize, String)) {
    let directives: Vec<_> =
        value.split(';').map(|part| part.trim().to_ascii_lowercase()).collect();
    let has = |word: &str| directives.iter().any(|directive| directive == word);
    let age = directives.iter().find_map(|directive| directive.strip_prefix("max-age="));
    let age = age.and_then(|age| age.trim_matches('"').parse::<u64>().ok());
    match age {
        None => {
            warn(line, "a browser ignores it without max-age (RFC 6797, section 6.1.1)".to_owned());
        }
        Some(0) => {
            warn(
                line,
                "max-age=0 makes browsers forget the host (RFC 6797, section 6.1.1)".to_owned(),
            );
        }
        Some(age) if has("preload") && (age < YEAR || !has("includesubdomains")) => {
            let message = "preload lists want a max-age of a year or more, and includeSubDomains";
            warn(line, message.to_owned());
        }
        Some(_) => {}
    }
}

fn of_origins(values: &[(usize, &HeaderName, String)], warn: &mut impl FnMut(usize, String)) {
    let find = |wanted: &HeaderName, text: &str| {
        values.iter().find(|(_, name, value)| *name == wanted && value.eq_ignore_ascii_case(text))
    };
    let credentials = find(&ACCESS_CONTROL_ALLOW_CREDENTIALS, "true").is_some();
    if let Some((line, ..)) = find(&ACCESS_CONTROL_ALLOW_ORIGIN, "*").filter(|_| credentials) {
        let message = "no browser takes * together with credentials (Fetch, section 3.3.5)";
        warn(*line, message.to_owned());
    }
    if let Some((line, ..)) = find(&ACCESS_CONTROL_ALLOW_ORIGIN, "null") {
        let message = "every sandboxed frame has the origin null (Fetch, section 3.3.5)";
        warn(*line, message.to_owned());
    }
}
