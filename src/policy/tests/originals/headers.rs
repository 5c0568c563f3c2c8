//! `_headers`: who refuses which line, which rules are read, and what becomes of heads.

use http::{Method, StatusCode};

use super::*;
use crate::policy::line::Line;

type Compared = Result<(), String>;

/// Rules as both have them: the path, the values, and the names that are taken away.
type Rules = Vec<(String, BTreeMap<String, String>, Vec<String>)>;

fn errors(text: &str, dialect: Dialect) -> Vec<(usize, String)> {
    match Policy::parse("_headers", text, dialect) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| (error.line(), error.to_string())).collect(),
    }
}

/// The text without the lines that we refuse; with a bad pattern goes its block.
pub(super) fn reduced(text: &str, dialect: Dialect) -> String {
    let mut text = text.to_owned();
    loop {
        let bad = errors(&text, dialect);
        if bad.is_empty() {
            return text;
        }
        let mut in_bad_block = false;
        let mut left = String::new();
        for (at, line) in text.split_inclusive('\n').enumerate() {
            let is_bad = bad.iter().any(|(number, _)| *number == at + 1);
            let line_read = Line::parse(line.trim_end_matches('\n'), dialect);
            if matches!(line_read, Ok(Line::Pattern(_))) {
                in_bad_block = is_bad;
            }
            if !is_bad && !in_bad_block {
                left.push_str(line);
            }
        }
        text = left;
    }
}

/// Why we refuse what Cloudflare takes: a part of our message, and the reason.
const STRICTER: &[(&str, &str)] = &[
    ("wanted a field that a policy may touch", "a field that the server writes"),
    ("wanted a field name", "a name that is no field name"),
    ("wanted a value without control characters", "a control character"),
    ("without captures, which the client chooses", "a capture where a client must not choose"),
    ("wanted at most one *", "two stars, which never match there"),
    ("once in a pattern", "a name twice, which never matches there"),
    ("wanted a slash between a star", "a star and a placeholder in one segment"),
    ("wanted a path without a query", "a query or fragment, which is dropped there"),
    ("wanted a host of", "letters that no host has"),
    ("wanted ! and a blank", "! without a name"),
];

/// Every line that Cloudflare refuses we refuse; what we refuse beyond that has a reason that the guide lists.
pub(super) fn refusals(text: &str, theirs: &Value, counts: &mut Counts) -> Compared {
    let ours = errors(text, Dialect::Cloudflare);
    let lines: Vec<_> = text.split('\n').map(str::trim).collect();
    let invalid = theirs["invalid"].as_array().cloned().unwrap_or_default();
    counts.add("_headers: files", 1);
    let mut refused = Vec::new();
    for error in &invalid {
        let message = error["message"].as_str().unwrap_or_default();
        let line = match (message, error["lineNumber"].as_u64()) {
            // Of an empty block the line is named, but not its number.
            ("No headers specified", _) => {
                let line = error["line"].as_str().unwrap_or_default();
                let at = |(_, text): &(usize, &&str)| **text == line;
                let is_ours = |number: usize| ours.iter().any(|(at, _)| *at == number);
                let mut places = lines.iter().enumerate().filter(at).map(|(at, _)| at + 1);
                // A block all of whose lines are bad is empty there, and enough is said of it here.
                if !places.any(is_ours) && !has_bad_lines_below(line, &lines, &ours) {
                    return Err(format!("they find {line:?} empty, we do not"));
                }
                continue;
            }
            (_, Some(line)) => usize::try_from(line).expect("a line"),
            // Too long for them; our bound is higher.
            (message, None) => {
                let words = message.split(' ').nth(2).unwrap_or_default();
                words.parse().map_err(|_| message.to_owned())?
            }
        };
        refused.push(line);
        // What stands below a pattern that we call bad they may call early.
        let is_early = message.starts_with("Path should come before")
            || message.starts_with("Expected a path");
        if !ours.iter().any(|(ours, _)| *ours == line) && !is_early {
            return Err(format!("line {line} is refused by them alone: {message}"));
        }
    }
    counts.add("_headers: lines that both refuse", refused.len());
    for (line, message) in ours.iter().filter(|(line, _)| !refused.contains(line)) {
        let reason = STRICTER.iter().find(|(part, _)| message.contains(part));
        let is_empty = message.contains("wanted a field below the pattern");
        match reason {
            Some((_, reason)) => counts.add(&format!("_headers: refused by us alone: {reason}"), 1),
            None if is_empty => counts.add("_headers: lines that both refuse", 1),
            None => return Err(format!("line {line} is refused by us alone: {message}")),
        }
    }
    Ok(())
}

fn has_bad_lines_below(pattern: &str, lines: &[&str], ours: &[(usize, String)]) -> bool {
    lines.iter().enumerate().filter(|(_, line)| **line == pattern).any(|(at, _)| {
        let is_end =
            |line: &&&str| matches!(Line::parse(line, Dialect::Cloudflare), Ok(Line::Pattern(_)));
        let end = lines[at + 1..]
            .iter()
            .position(|line| is_end(&line))
            .map_or(lines.len(), |end| at + 1 + end);
        ours.iter().any(|(line, _)| *line > at && *line <= end)
    })
}

/// The path as a URL parser has it.
fn as_url(pattern: &str) -> String {
    let (origin, path) = match pattern.strip_prefix("https://") {
        Some(rest) => {
            let rest = rest.trim_start_matches('/');
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (format!("https://{host}"), path)
        }
        None => (String::new(), pattern),
    };
    let mut kept: Vec<&str> = Vec::new();
    let path = path.strip_prefix('/').unwrap_or(path);
    let segments: Vec<_> = path.split('/').collect();
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." => kept.extend(is_last.then_some("")),
            ".." => {
                kept.pop();
                kept.extend(is_last.then_some(""));
            }
            _ => kept.push(segment),
        }
    }
    format!("{origin}/{}", uri::encoded(&kept.join("/"), b"\\^"))
}

fn ours(policy: &Policy) -> Rules {
    let mut rules: Rules = Vec::new();
    let mut block = 0;
    for line in policy.lines() {
        if line.block() != block {
            block = line.block();
            rules.push((as_url(line.pattern()), BTreeMap::new(), Vec::new()));
        }
        let (_, values, gone) = rules.last_mut().expect("a block");
        match line.value() {
            Some(value) => {
                let joined = values.entry(line.field()).or_default();
                joined.push_str(if joined.is_empty() { "" } else { ", " });
                joined.push_str(&value);
            }
            None => gone.push(line.field()),
        }
    }
    rules
}

fn texts(object: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let pair = |(name, value): (&String, &Value)| (name.to_ascii_lowercase(), text(value));
    object.as_object().expect("an object").iter().map(pair).collect()
}

/// What both accept is read alike.
pub(super) fn rules(text: &str, theirs: &Value, counts: &mut Counts) -> Compared {
    let invalid = theirs["invalid"].as_array().cloned().unwrap_or_default();
    let is_length =
        |error: &Value| error["message"].as_str().is_some_and(|text| text.contains("exceeds"));
    if let Some(error) = invalid.iter().find(|error| !is_length(error)) {
        return Err(format!("refused by them alone: {error}\n{text}"));
    }
    let policy =
        Policy::parse("_headers", text, Dialect::Cloudflare).expect("what is left is good");
    let rule = |rule: &Value| {
        let gone = rule["unsetHeaders"].as_array().expect("a list").iter();
        let gone = gone.map(|name| name.as_str().expect("a name").to_ascii_lowercase()).collect();
        (rule["path"].as_str().expect("a path").to_owned(), texts(&rule["headers"]), gone)
    };
    let theirs: Rules = theirs["rules"].as_array().expect("a list").iter().map(rule).collect();
    let ours = ours(&policy);
    counts.add("_headers: rules that agree", ours.len());
    if ours == theirs { Ok(()) } else { Err(format!("we read\n{ours:?}, they read\n{theirs:?}")) }
}

/// Requests, each with a head.
pub(super) fn asked() -> Vec<Value> {
    let paths = [
        "",
        "a",
        "a/",
        "a/b",
        "a/b/z",
        "a/x/y/z",
        "b",
        "x/y.js",
        "p/1-2-3.html",
        "q/abc",
        "a.b/c",
        "axb/c",
        "a-b",
        "a+b",
        "a(b)",
        "a$",
        "[a]",
        "a%20b",
        "a;b=c",
        ":1",
        ":",
        "a:",
        "a:x",
        "1.html",
        "%C3%A9/x",
        "a/b/c/d",
    ];
    let hosts = ["example.org", "www.example.org", "a-b.example.org", "a.b.example.org"];
    let head = json!({ "x-a": "handler", "x-frame-options": "SAMEORIGIN", "x-other": "kept" });
    let one = |(at, path): (usize, &&str)| {
        let host = hosts[if at % 3 == 0 { at % hosts.len() } else { 0 }];
        json!({ "url": format!("https://{host}/{path}"), "head": head })
    };
    paths.iter().enumerate().map(one).collect()
}

/// What both accept makes the same of heads.
pub(super) fn heads(text: &str, asked: &[Value], theirs: &Value, counts: &mut Counts) -> Compared {
    let policy =
        Policy::parse("_headers", text, Dialect::Cloudflare).expect("what is left is good");
    let mut patterns: Vec<_> = ours(&policy).into_iter().map(|(path, ..)| path).collect();
    patterns.sort();
    if patterns.iter().any(|path| path.trim_start_matches("https://").contains("//")) {
        counts.add("_headers: files with slashes in a row, which are one here", 1);
        return Ok(());
    }
    if patterns.windows(2).any(|two| two[0] == two[1]) {
        counts.add("_headers: files with a pattern twice, of which they apply the last one", 1);
        return Ok(());
    }
    for (one, head) in asked.iter().zip(theirs["heads"].as_array().expect("heads")) {
        if head.get("error").is_some() {
            counts.add("_headers: heads that they cannot make (letters outside of ASCII)", 1);
            continue;
        }
        let url = one["url"].as_str().expect("a URL");
        let (host, path) =
            url["https://".len()..].split_at(url["https://".len()..].find('/').expect("a path"));
        let mut fields = HeaderMap::new();
        for (name, value) in texts(&one["head"]) {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            fields.insert(name, HeaderValue::from_str(&value).expect("a value"));
        }
        let method = Method::GET;
        let request = Request { authority: Some(host), path, method: &method, secure: true };
        let (status, origin) = (StatusCode::OK, Origin::File);
        let response = Response { status, origin, layer: None, is_grpc: false };
        policy.apply(&request, &response, &mut fields, None);
        let ours: BTreeMap<_, _> = fields
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let theirs = texts(head);
        counts.add("_headers: heads that agree", 1);
        if ours != theirs {
            return Err(format!("{url}: we make {ours:?}, they make {theirs:?}\n{text}"));
        }
    }
    Ok(())
}

/// What is left without the lines that we refuse is read alike by Netlify, which says nothing of many of them.
pub(super) fn netlify(text: &str, theirs: &Value, counts: &mut Counts) -> Compared {
    let theirs = &theirs["netlify"];
    let is_refused = theirs["errors"].as_array().is_some_and(|errors| !errors.is_empty());
    let policy = Policy::parse("_headers", text, Dialect::Netlify).expect("what is left is good");
    if is_refused {
        return Err(format!("refused by Netlify alone: {}", theirs["errors"]));
    }
    let rules = as_netlify_prints(&policy);
    let list = theirs["rules"].as_array().expect("a list");
    let is_apart = |rule: &Value| {
        texts(&rule["values"]).len() != rule["values"].as_object().expect("an object").len()
    };
    if list.iter().any(is_apart) {
        counts.add("Netlify: files with a name in two spellings, which are two there", 1);
        return Ok(());
    }
    let theirs: Vec<_> = list
        .iter()
        .map(|rule| (rule["for"].as_str().expect("a path").to_owned(), texts(&rule["values"])))
        .collect();
    counts.add("Netlify: rules that agree", rules.len());
    if rules == theirs {
        Ok(())
    } else {
        Err(format!("we read\n{rules:?}, Netlify reads\n{theirs:?}"))
    }
}

/// Rules as Netlify prints them: the last of two that are the same, commas with one blank.
fn as_netlify_prints(policy: &Policy) -> Vec<(String, BTreeMap<String, String>)> {
    let mut rules: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut block = 0;
    for line in policy.lines() {
        let Some(value) = line.value() else { continue };
        if line.block() != block {
            block = line.block();
            rules.push((line.pattern().to_owned(), BTreeMap::new()));
        }
        let value = value.split(',').map(str::trim).collect::<Vec<_>>().join(", ");
        let (_, values) = rules.last_mut().expect("a block");
        let joined = values.entry(line.field()).or_default();
        joined.push_str(if joined.is_empty() { "" } else { ", " });
        joined.push_str(&value);
    }
    let last = |at: usize| !rules[at + 1..].contains(&rules[at]);
    (0..rules.len()).filter(|at| last(*at)).map(|at| rules[at].clone()).collect()
}
