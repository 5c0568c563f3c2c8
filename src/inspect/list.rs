//! The list of exchanges, newest first.

use std::fmt::Write as _;
use std::sync::Arc;

use super::bar::millis;
use super::escape::Escaped;
use super::filter::Filter;
use super::html::{counted, page, put, shortened, status};
use super::iso::{iso, of_day};
use super::kept::Kept;
use super::ring::Fill;
use crate::head::Note;
use crate::rules::Rule;

/// The most rows of one page.
pub(super) const MOST_ROWS: usize = 200;

/// What is listed.
pub(super) struct Listing {
    pub(super) filter: Filter,
    pub(super) shown: Vec<Arc<Kept>>,
    /// There are older ones that are asked for.
    pub(super) more: bool,
    /// The newest exchange that was looked at; `None` on a page of older ones.
    pub(super) newest: Option<u64>,
    pub(super) fill: Fill,
    /// There is a page of signed trees.
    pub(super) has_trees: bool,
}

/// The page.
pub(super) fn list(base: &str, listing: &Listing) -> String {
    let Listing { filter, shown, more, newest, fill, has_trees } = listing;
    let mut body = String::from("<h1>Responses</h1>\n");
    if *has_trees {
        put!(body, "<p><a href=\"{}/trust\">Signed trees</a></p>\n", Escaped(base));
    }
    form(&mut body, base, filter);
    let query = filter.query();
    let and = if query.is_empty() { "" } else { "&amp;" };
    let query = Escaped(&query);
    body.push_str("<div id=\"live\"");
    if let Some(newest) = newest {
        let base = Escaped(base);
        put!(
            body,
            " data-events=\"{base}/events?{query}{and}after={newest}\" data-most=\"{MOST_ROWS}\""
        );
    }
    put!(
        body,
        ">\n<p id=\"state\" role=\"status\">{}, of {} that are kept ({} KiB) and {} since the start{}.</p>\n\
         <button type=\"button\" id=\"pause\" hidden>Pause</button>\n</div>\n",
        counted(shown.len() as u64, "response"),
        fill.exchanges,
        fill.bytes / 1024,
        fill.seen,
        if filter.is_set() { "; the list is filtered" } else { "" },
    );
    body.push_str(
        "<section class=\"wide\" tabindex=\"0\" aria-labelledby=\"caption\">\n<table class=\"list\">\n\
         <caption id=\"caption\">Responses, newest first</caption>\n<thead>\n<tr>\
         <th scope=\"col\">Ended (UTC)</th><th scope=\"col\">Request</th><th scope=\"col\">Status</th>\
         <th scope=\"col\">Outcome</th><th scope=\"col\">Found</th><th scope=\"col\" class=\"n\">Sent (bytes)</th><th scope=\"col\" class=\"n\">Took</th>\
         </tr>\n</thead>\n<tbody id=\"rows\">\n",
    );
    for kept in shown {
        row(&mut body, base, kept);
        body.push('\n');
    }
    if shown.is_empty() {
        let text =
            if filter.is_set() { "Nothing that is kept is like that." } else { "Nothing yet." };
        put!(body, "<tr id=\"empty\"><td colspan=\"7\">{text}</td></tr>\n");
    }
    body.push_str("</tbody>\n</table>\n</section>\n");
    if let Some(last) = shown.last().filter(|_| *more) {
        let (base, before) = (Escaped(base), last.id);
        put!(
            body,
            "<nav aria-label=\"Pages\"><a href=\"{base}/?{query}{and}before={before}\">Older</a></nav>\n"
        );
    }
    page(base, "Responses", true, &body)
}

/// One row; there is no line break in it.
pub(super) fn row(html: &mut String, base: &str, kept: &Kept) {
    let receipt = &kept.receipt;
    let path = shortened(receipt.path().unwrap_or("(path not known)"), 120);
    put!(
        html,
        "<tr><td><time datetime=\"{}\">{}</time></td>\
         <th scope=\"row\"><a href=\"{}/{}\"><span class=\"method\">{}</span> {}</a></th>\
         <td>{}</td><td><span class=\"outcome {outcome}\">{outcome}</span></td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
        iso(kept.at),
        of_day(kept.at),
        Escaped(base),
        kept.id,
        Escaped(shortened(receipt.method().as_str(), 20)),
        Escaped(path),
        status(receipt.status()),
        found(kept),
        receipt.sent_bytes(),
        receipt.times().map(|times| millis(times.ended())).unwrap_or_default(),
        outcome = receipt.outcome().as_str(),
    );
}

/// What a look at the exchange is worth.
fn found(kept: &Kept) -> String {
    const MOST: usize = 4;
    let receipt = &kept.receipt;
    let mut html = String::new();
    for conflict in receipt.conflicts().iter().take(MOST) {
        let rule = conflict.rule().as_str();
        let field = conflict.field().map_or("", |field| field.as_str());
        put!(html, "<span class=\"flag\">{rule} {}</span> ", Escaped(shortened(field, 40)));
    }
    let more = receipt.conflicts().len().saturating_sub(MOST) as u64 + receipt.conflicts_cut();
    if more > 0 {
        put!(html, "<span class=\"flag\">{more} more</span> ");
    }
    let late = receipt.late_writes().count() as u64;
    let is_listed = receipt.conflicts().iter().take(MOST).any(|one| one.rule() == Rule::LateWrite);
    if late > 0 && !is_listed {
        put!(html, "<span class=\"flag\">{}</span> ", counted(late, "late write"));
    }
    if receipt.denied().is_some() {
        html.push_str("<span class=\"flag bad\">denied</span> ");
    }
    if receipt.failure().is_some() {
        html.push_str("<span class=\"flag bad\">failed</span> ");
    }
    if receipt.notes().iter().any(|note| matches!(note, Note::Mended(_))) {
        html.push_str("<span class=\"flag\">framing mended</span> ");
    }
    html.truncate(html.trim_end().len());
    html
}

/// The question, as a form that needs no script.
fn form(html: &mut String, base: &str, filter: &Filter) {
    put!(
        html,
        "<form method=\"get\" action=\"{}/\" class=\"filter\" role=\"search\">\n",
        Escaped(base)
    );
    for (name, label, value, hint) in [
        ("path", "Path or route", &filter.path, ""),
        ("status", "Status", &filter.status, "404, 5xx"),
        ("field", "Field", &filter.field, "vary: origin"),
        ("writer", "Writer", &filter.writer, "cors, src/app.rs"),
    ] {
        put!(
            html,
            "<p><label for=\"f-{name}\">{label}</label>\
             <input type=\"text\" id=\"f-{name}\" name=\"{name}\" value=\"{}\" placeholder=\"{hint}\"></p>\n",
            Escaped(value)
        );
    }
    let rules = ["any"].into_iter().chain(Rule::ALL.into_iter().map(Rule::as_str));
    choice(html, ("conflict", "Conflict"), rules, &filter.conflict);
    let outcomes = ["handed", "upgraded", "aborted", "dropped", "unwound"];
    choice(html, ("outcome", "Outcome"), outcomes, &filter.outcome);
    let checked = if filter.late { " checked" } else { "" };
    put!(
        html,
        "<p class=\"check\"><input type=\"checkbox\" id=\"f-late\" name=\"late\" value=\"1\"{checked}>\
         <label for=\"f-late\">Late writes</label></p>\n\
         <p class=\"check\"><button type=\"submit\">Filter</button> <a href=\"{}/\">All</a></p>\n</form>\n",
        Escaped(base)
    );
}

fn choice(
    html: &mut String,
    (name, label): (&str, &str),
    words: impl IntoIterator<Item = &'static str>,
    chosen: &str,
) {
    put!(
        html,
        "<p><label for=\"f-{name}\">{label}</label><select id=\"f-{name}\" name=\"{name}\">\
         <option value=\"\">(all)</option>"
    );
    for word in words {
        let selected = if word == chosen { " selected" } else { "" };
        put!(html, "<option{selected}>{word}</option>");
    }
    html.push_str("</select></p>\n");
}
