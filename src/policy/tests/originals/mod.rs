//! Generated files, read by us and by Cloudflare's and Netlify's own code: `.ci/policy/compare` runs it.

mod generate;
mod headers;
mod leads;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::*;

/// What was counted, by what it is.
#[derive(Debug, Default)]
struct Counts(BTreeMap<String, usize>);

impl Counts {
    fn add(&mut self, what: &str, more: usize) {
        *self.0.entry(what.to_owned()).or_default() += more;
    }

    fn of(&self, what: &str) -> usize {
        self.0.get(what).copied().unwrap_or(0)
    }
}

/// What the originals make of `input`.
fn ask(originals: &Path, input: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/policy/originals.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .arg(originals)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node");
    let mut stdin = node.stdin.take().expect("a pipe");
    let text = input.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = node.wait_with_output().expect("an end");
    writer.join().expect("no panic").expect("it reads");
    assert!(output.status.success(), "node: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn our_readers_agree_with_the_originals() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let Some(originals) = std::env::var_os("LETTERHEAD_ORIGINALS") else {
        return crate::skip::place("the parsers that .ci/policy/compare installs");
    };
    let files = usize::try_from(number("LETTERHEAD_FILES").unwrap_or(500)).expect("a number");
    let mut random = fastrand::Rng::with_seed(number("LETTERHEAD_SEED").unwrap_or(1));
    let policies: Vec<_> = (0..files).map(|_| generate::headers(&mut random)).collect();
    let redirects: Vec<_> = (0..files).map(|_| generate::redirects(&mut random)).collect();
    // The same files without what we refuse: what is left is accepted by both.
    let reduced: Vec<_> =
        policies.iter().map(|text| headers::reduced(text, Dialect::Cloudflare)).collect();
    let of_netlify: Vec<_> =
        policies.iter().map(|text| headers::reduced(text, Dialect::Netlify)).collect();
    let reduced_redirects: Vec<_> = redirects.iter().map(|text| leads::reduced(text)).collect();
    let asked = headers::asked();
    let paths = leads::asked();
    let input = json!({
        "headers": policies.iter().chain(&reduced).chain(&of_netlify)
            .map(|text| json!({ "text": text, "asked": asked })).collect::<Vec<_>>(),
        "redirects": redirects.iter().chain(&reduced_redirects)
            .map(|text| json!({ "text": text, "asked": paths })).collect::<Vec<_>>(),
    });
    let output = ask(Path::new(&originals), &input);
    let mut counts = Counts::default();
    let mut differences = String::new();
    for (at, text) in policies.iter().enumerate() {
        let (whole, left) = (&output["headers"][at], &output["headers"][files + at]);
        let compared = headers::refusals(text, whole, &mut counts)
            .and_then(|()| headers::rules(&reduced[at], left, &mut counts))
            .and_then(|()| headers::heads(&reduced[at], &asked, left, &mut counts))
            .and_then(|()| {
                headers::netlify(&of_netlify[at], &output["headers"][2 * files + at], &mut counts)
            });
        if let Err(difference) = compared {
            let _ = writeln!(differences, "_headers {at}: {difference}\n{text}---");
        }
    }
    for (at, text) in redirects.iter().enumerate() {
        let (whole, left) = (&output["redirects"][at], &output["redirects"][files + at]);
        let compared = leads::refusals(text, whole, &mut counts)
            .and_then(|()| leads::lines(&reduced_redirects[at], left, &mut counts))
            .and_then(|()| leads::found(&reduced_redirects[at], &paths, left, &mut counts));
        if let Err(difference) = compared {
            let _ = writeln!(differences, "_redirects {at}: {difference}\n{text}---");
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
    for (what, count) in &counts.0 {
        println!("{count:>7} {what}");
    }
    // What compares nothing finds nothing.
    for what in [
        "_headers: rules that agree",
        "_headers: heads that agree",
        "Netlify: rules that agree",
        "_redirects: lines that agree",
    ] {
        assert!(counts.of(what) >= files, "{what}: {}", counts.of(what));
    }
}
