//! Signed trees on a page of their own: which list is in force, and which files are not as it says.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::escape::Escaped;
use super::html::{counted, page, put};
use super::iso::iso;
use super::json::SCHEMA;
use super::trees::Trees;
use crate::files::TreeState;
use crate::trust::Mismatch;

pub(super) fn json(trees: &Trees) -> Value {
    json!({ "schema": SCHEMA, "trees": trees.states().map(|state| tree(&state)).collect::<Vec<_>>() })
}

pub(super) fn html(base: &str, trees: &Trees) -> String {
    let mut body = String::from("<h1>Signed trees</h1>\n");
    for state in trees.states() {
        section(&mut body, &state);
    }
    page(base, "Signed trees", false, &body)
}

fn tree(state: &TreeState) -> Value {
    let TreeState { tree, files, expires, is_enforced, counts, breakers, last_refused } = state;
    json!({
        "tree": tree,
        "version": counts.version,
        "files": files,
        "expires": iso(*expires),
        "enforced": is_enforced,
        "admitted": counts.admitted,
        "sealed": counts.sealed,
        "mismatches": counts.mismatches,
        "unlisted": counts.unlisted,
        "refused": counts.refused,
        "last_refused": last_refused.as_ref().map(ToString::to_string),
        "open": breakers.iter().map(open).collect::<Vec<_>>(),
    })
}

fn open(mismatch: &Mismatch) -> Value {
    let ((wanted, sum), (found, found_sum)) = (mismatch.wanted, mismatch.found);
    json!({
        "path": mismatch.path.escape_ascii().to_string(),
        "block": mismatch.block,
        "wanted": { "length": wanted, "sha256": hex(&sum) },
        "found": { "length": found, "sha256": found_sum.as_ref().map(hex) },
        "since": iso(mismatch.since),
    })
}

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        put!(text, "{byte:02x}");
        text
    })
}

fn section(html: &mut String, state: &TreeState) {
    let TreeState { tree, files, expires, is_enforced, counts, breakers, last_refused } = state;
    put!(html, "<h2>{}</h2>\n<dl class=\"facts\">\n", Escaped(tree));
    let mut fact = |name: &str, value: &dyn std::fmt::Display| {
        put!(html, "<div><dt>{name}</dt><dd>{}</dd></div>\n", Escaped(value));
    };
    fact("Version", &counts.version);
    fact("Files", files);
    fact("Expires", &iso(*expires));
    fact("Other files", if *is_enforced { &"not sent" } else { &"sent, and reported" });
    fact("Admitted", &counts.admitted);
    fact("Mismatches", &counts.mismatches);
    fact("Not listed", &counts.unlisted);
    fact("Lists refused", &counts.refused);
    if let Some(error) = last_refused {
        fact("The last refused", error);
    }
    html.push_str("</dl>\n");
    if breakers.is_empty() {
        html.push_str("<p>Every file that was read is as it is listed.</p>\n");
        return;
    }
    put!(html, "<p>{} not as listed:</p>\n<ul>\n", counted(breakers.len() as u64, "file"));
    for mismatch in breakers {
        put!(html, "<li><code>{}</code>, since {}</li>\n", Escaped(mismatch), iso(mismatch.since));
    }
    html.push_str("</ul>\n");
}
