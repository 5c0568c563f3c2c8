//! `_redirects`: who refuses which line, which lines are read, and where paths lead.

use super::*;

type Compared = Result<(), String>;

fn errors(text: &str) -> Vec<(usize, String)> {
    match Redirects::parse("_redirects", text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| (error.line(), error.to_string())).collect(),
    }
}

/// The text without the lines that we refuse.
pub(super) fn reduced(text: &str) -> String {
    let bad = errors(text);
    let is_good = |at: usize| !bad.iter().any(|(line, _)| *line == at + 1);
    text.split_inclusive('\n')
        .enumerate()
        .filter(|(at, _)| is_good(*at))
        .map(|(_, line)| line)
        .collect()
}

/// Why we refuse what Cloudflare takes: a part of our message, and the reason.
const STRICTER: &[(&str, &str)] = &[
    ("wanted at most one *", "two stars, which never match there"),
    ("once in a pattern", "a name twice, which never matches there"),
    ("wanted a slash between a star", "a star and a placeholder in one segment"),
    ("wanted a path without a query", "a query or fragment of the path, which is dropped there"),
    ("wanted a host without captures", "a capture in the host"),
    ("wanted a host of", "letters that no host has"),
    ("wanted a target that does not lead", "a circle"),
    ("wanted the status", "a status in another form"),
    ("wanted a path that begins with /", "a path without its slash, which is added there"),
];

/// Why Cloudflare refuses what we take.
const LAXER: &[(&str, &str)] = &[
    ("Infinite loop detected", "a page for whatever there is not"),
    ("Ignoring duplicate rule", "a path that is the same when dots are resolved"),
];

pub(super) fn refusals(text: &str, theirs: &Value, counts: &mut Counts) -> Compared {
    let ours = errors(text);
    counts.add("_redirects: files", 1);
    let mut refused = Vec::new();
    for error in theirs["invalid"].as_array().expect("a list") {
        let line = error["lineNumber"]
            .as_u64()
            .and_then(|line| usize::try_from(line).ok())
            .expect("a line");
        let message = error["message"].as_str().unwrap_or_default();
        refused.push(line);
        if ours.iter().any(|(ours, _)| *ours == line) {
            counts.add("_redirects: lines that both refuse", 1);
            continue;
        }
        match LAXER.iter().find(|(part, _)| message.contains(part)) {
            Some((_, reason)) => {
                counts.add(&format!("_redirects: refused by them alone: {reason}"), 1);
            }
            None => return Err(format!("line {line} is refused by them alone: {message}")),
        }
    }
    for (line, message) in ours.iter().filter(|(line, _)| !refused.contains(line)) {
        match STRICTER.iter().find(|(part, _)| message.contains(part)) {
            Some((_, reason)) => {
                counts.add(&format!("_redirects: refused by us alone: {reason}"), 1);
            }
            None => return Err(format!("line {line} is refused by us alone: {message}")),
        }
    }
    Ok(())
}

/// What both accept is read alike: the line, and the status.
pub(super) fn lines(text: &str, theirs: &Value, counts: &mut Counts) -> Compared {
    let redirects = Redirects::parse("_redirects", text).expect("what is left is good");
    let refused: Vec<_> = theirs["invalid"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|error| &error["lineNumber"])
        .collect();
    let ours: Vec<_> =
        redirects.numbers().filter(|(number, _)| !refused.contains(&&json!(number))).collect();
    let line = |rule: &Value| {
        let number = |value: &Value| value.as_u64().expect("a number");
        let line = usize::try_from(number(&rule["lineNumber"])).expect("a line");
        (line, u16::try_from(number(&rule["status"])).expect("a status"))
    };
    let theirs: Vec<_> = theirs["rules"].as_array().expect("a list").iter().map(line).collect();
    counts.add("_redirects: lines that agree", ours.len());
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("we read {ours:?}, they read {theirs:?}\n{text}"))
    }
}

/// URLs that are asked for.
pub(super) fn asked() -> Vec<String> {
    let paths = [
        "",
        "a",
        "a?q=1",
        "a/",
        "a/b",
        "a/b?q",
        "a/b/z",
        "a/x/y/z",
        "x/y.js",
        "p/1-2.html",
        "q/abc",
        "a.b/c",
        "a-b",
        "a(b)",
        "a%20b",
        ":1",
        "c",
        "1.html",
        "a/b/c/d",
        "a/b%2Fc",
    ];
    paths.iter().map(|path| format!("https://example.org/{path}")).collect()
}

/// What both accept leads to the same place.
pub(super) fn found(text: &str, asked: &[String], theirs: &Value, counts: &mut Counts) -> Compared {
    if !theirs["invalid"].as_array().expect("a list").is_empty() {
        return Ok(());
    }
    let from = |line: &str| line.split_whitespace().next().unwrap_or_default().contains("//");
    if text.lines().any(from) {
        counts.add("_redirects: files with slashes in a row, which are one here", 1);
        return Ok(());
    }
    let redirects = Redirects::parse("_redirects", text).expect("what is left is good");
    for (url, theirs) in asked.iter().zip(theirs["found"].as_array().expect("a list")) {
        let target = &url["https://example.org".len()..];
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let ours = match redirects.find(path, query) {
            None => Value::Null,
            Some(Redirect::Rewrite { target, .. }) => json!({ "status": 200, "target": target }),
            Some(Redirect::To { status, location, .. }) => {
                let location = location.to_str().expect("text");
                json!({ "status": status.as_u16(), "target": location })
            }
        };
        counts.add("_redirects: targets that agree", 1);
        if ours != *theirs {
            return Err(format!("{url}: we find {ours}, they find {theirs}\n{text}"));
        }
    }
    Ok(())
}
