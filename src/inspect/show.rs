//! The page of one exchange.

use std::fmt::Write as _;
use std::sync::Arc;

use http::header::HeaderName;

use super::bar::bar;
use super::diff::changed;
use super::escape::Escaped;
use super::html::{By, in_code, page, put, shortened, status};
use super::iso::iso;
use super::json::causes;
use super::kept::{Kept, Value};
use super::merged::merged;
use super::server::additions;
use super::settings::Settings;
use super::steps::{StepView, Ways};
use crate::head::deny::Denial;
use crate::head::{CommitCause, Outcome};
use crate::ledger::{Fate, Shown};
use crate::rules::{Action, Conflict};

/// The page.
pub(super) fn show(
    base: &str,
    kept: &Kept,
    previous: Option<&Arc<Kept>>,
    curl: Option<&str>,
    settings: &Settings,
) -> String {
    let receipt = &kept.receipt;
    let path = receipt.path().unwrap_or("(path not known)");
    let (method, ways) = (receipt.method().as_str(), Ways::of(kept));
    let mut body = String::new();
    put!(
        body,
        "<h1><span class=\"method\">{}</span> <span class=\"path\">{}</span> {}</h1>\n",
        Escaped(shortened(method, 64)),
        Escaped(shortened(path, 1024)),
        status(receipt.status())
    );
    let base_of = Escaped(base);
    put!(body, "<nav aria-label=\"Exchanges\"><a href=\"{base_of}/\">All</a> ");
    if kept.id > 1 {
        put!(body, "<a href=\"{base_of}/{}\" rel=\"prev\">Earlier</a> ", kept.id - 1);
    }
    put!(
        body,
        "<a href=\"{base_of}/{next}\" rel=\"next\">Later</a> <a href=\"{base_of}/{id}.json\">JSON</a></nav>\n",
        next = kept.id + 1,
        id = kept.id
    );
    commit(&mut body, kept);
    conflicts(&mut body, kept, settings);
    head(&mut body, kept, &ways, settings);
    gone(&mut body, &ways, settings);
    trailers(&mut body, &ways, settings);
    notes(&mut body, kept);
    if let Some(before) = previous {
        difference(&mut body, base, before, kept);
    }
    if let Some(curl) = curl {
        put!(
            body,
            "<section aria-labelledby=\"repeat\">\n<h2 id=\"repeat\">Ask again</h2>\n\
             <pre tabindex=\"0\"><code>{}</code></pre>\n\
             <p class=\"aside\">The query, the fields and the content of the request are not kept.</p>\n</section>\n",
            Escaped(curl)
        );
    }
    page(base, &format!("{} {}", shortened(method, 20), shortened(path, 80)), false, &body)
}

/// Why and when the head went out, and how it ended.
fn commit(html: &mut String, kept: &Kept) {
    let receipt = &kept.receipt;
    html.push_str("<section aria-labelledby=\"commit\">\n<h2 id=\"commit\">Commit</h2>\n<dl class=\"facts\">\n");
    let mut fact = |name: &str, value: &dyn std::fmt::Display| {
        put!(html, "<div><dt>{name}</dt><dd>{}</dd></div>\n", Escaped(value));
    };
    fact("Committed by", &receipt.cause().map_or("nothing: no head went out", CommitCause::as_str));
    fact("Held", &format_args!("{} bytes", receipt.held_bytes()));
    fact("Hooks", &receipt.hooks_run());
    fact("Sent", &format_args!("{} bytes", receipt.sent_bytes()));
    fact("Outcome", &receipt.outcome().as_str());
    if !matches!(receipt.outcome(), Outcome::Handed | Outcome::Upgraded) {
        fact("While", &receipt.last_stage());
    }
    fact("Protocol", &format_args!("{:?}", receipt.version()));
    if let Some(route) = receipt.route() {
        fact("Route", &route);
    }
    if let Some(peer) = receipt.peer() {
        fact("Peer", &peer.addr);
    }
    if let Some(id) = receipt.request_id() {
        fact("Request id", &id);
    }
    if let Some(trace) = receipt.trace() {
        fact("Trace", &trace.trace_id());
    }
    for (name, version) in
        [("Policy version", receipt.policy_version()), ("List version", receipt.list_version())]
    {
        if let Some(version) = version {
            fact(name, &version);
        }
    }
    fact("Ended", &iso(kept.at));
    html.push_str("</dl>\n");
    if let Some(times) = receipt.times() {
        html.push_str(&bar(times));
    }
    for (name, error) in
        [("Broken off", receipt.outcome().error()), ("Failed before the commit", receipt.failure())]
    {
        let causes = causes(error);
        if !causes.is_empty() {
            put!(html, "<h3>{name}</h3>\n<ol class=\"causes\">\n");
            for cause in causes {
                put!(html, "<li>{}</li>\n", Escaped(cause));
            }
            html.push_str("</ol>\n");
        }
    }
    if let Some(denial) = receipt.denied() {
        denied(html, denial);
    }
    html.push_str("</section>\n");
}

/// What denied it.
fn denied(html: &mut String, denial: &Denial) {
    html.push_str("<h3>Denied</h3>\n<ul>\n");
    for message in denial.messages() {
        put!(html, "<li>{}</li>\n", Escaped(message));
    }
    if denial.cut() > 0 {
        put!(html, "<li>{} more</li>\n", denial.cut());
    }
    html.push_str("</ul>\n");
}

fn conflicts(html: &mut String, kept: &Kept, settings: &Settings) {
    let receipt = &kept.receipt;
    if receipt.conflicts().is_empty() && receipt.conflicts_cut() == 0 {
        return;
    }
    html.push_str("<section aria-labelledby=\"conflicts\">\n<h2 id=\"conflicts\">Conflicts</h2>\n");
    for conflict in receipt.conflicts() {
        one_conflict(html, kept, conflict, settings);
    }
    if receipt.conflicts_cut() > 0 {
        put!(html, "<p>{} more are not kept.</p>\n", receipt.conflicts_cut());
    }
    html.push_str("</section>\n");
}

fn one_conflict(html: &mut String, kept: &Kept, conflict: &Conflict, settings: &Settings) {
    let field = conflict.field().map_or("", HeaderName::as_str);
    put!(
        html,
        "<div class=\"conflict\">\n<h3><span class=\"flag\">{}</span> {}</h3>\n<dl class=\"facts\">\n",
        conflict.rule().as_str(),
        Escaped(field)
    );
    let mut fact = |name: &str, value: &dyn std::fmt::Display| {
        put!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>\n");
    };
    match (conflict.first(), conflict.second()) {
        (Some(first), Some(second)) => {
            fact("First", &By(first, settings));
            fact("Then", &By(second, settings));
        }
        (Some(one), None) | (None, Some(one)) => fact("By", &By(one, settings)),
        (None, None) => {}
    }
    if let Some((was, is)) = conflict.statuses() {
        fact("Status", &format_args!("{} became {}", was.as_u16(), is.as_u16()));
    }
    let code = |values: Shown<'_>| format!("<code>{}</code>", Escaped(values.whole()));
    if !conflict.before().is_empty() {
        fact("Before", &code(conflict.before()));
    }
    if !conflict.after().is_empty() {
        fact("After", &code(conflict.after()));
    }
    if let Some(detail) = conflict.detail() {
        fact("Detail", &in_code(detail));
    }
    let settled = conflict.settled().as_str();
    if conflict.action() == Action::Report {
        fact("What was done", &settled);
    } else {
        fact("What was done", &format_args!("{settled} ({})", conflict.action()));
    }
    if let Some(values) = merged(kept, conflict) {
        let secrecy = conflict.secrecy;
        let shown = Shown::new(&values, secrecy, false);
        fact("Merge would send", &code(shown));
    }
    fact("What helps", &in_code(conflict.rule().remedy()));
    if let Some(defined) = conflict.defined_in() {
        fact("Defined in", &Escaped(defined));
    }
    html.push_str("</dl>\n</div>\n");
}

/// The head as it went out.
fn head(html: &mut String, kept: &Kept, ways: &Ways<'_>, settings: &Settings) {
    html.push_str(
        "<section aria-labelledby=\"head\">\n<h2 id=\"head\">Head</h2>\n<table class=\"head\">\n\
         <caption>What went out, and how it came to be</caption>\n\
         <thead><tr><th scope=\"col\">Field</th><th scope=\"col\">Value</th><th scope=\"col\">Steps</th></tr></thead>\n<tbody>\n",
    );
    put!(html, "<tr><th scope=\"row\">status</th><td>{}</td><td>", status(kept.receipt.status()));
    let of_status = ways.of_status();
    if of_status.is_empty() && kept.receipt.status().is_some() {
        html.push_str("<ol><li>set by <span class=\"by\">the handler</span></li></ol>");
    }
    steps(html, &of_status, settings);
    html.push_str("</td></tr>\n");
    let lines: Vec<_> = kept.fields().collect();
    for of_field in lines.chunk_by(|one, two| one.name == two.name) {
        for (number, line) in of_field.iter().enumerate() {
            put!(html, "<tr><th scope=\"row\">{}</th><td>", Escaped(line.name));
            match &line.value {
                Value::Shown(shown) => put!(html, "<code>{}</code>", Escaped(shown)),
                Value::TooLarge(_) => put!(html, "<em>{}</em>", Escaped(&line.value)),
            }
            if number == 0 {
                put!(html, "</td><td rowspan=\"{}\">", of_field.len());
                steps(html, &ways.of_field(line.name), settings);
            }
            html.push_str("</td></tr>\n");
        }
    }
    for name in additions(kept) {
        put!(
            html,
            "<tr class=\"unseen\"><th scope=\"row\">{name}</th><td><em>not seen here</em></td>\
             <td>the server may add it, behind the layer</td></tr>\n"
        );
    }
    html.push_str("</tbody>\n</table>\n");
    if kept.fields_cut > 0 {
        put!(html, "<p>{} more lines are not kept.</p>\n", kept.fields_cut);
    }
    let cut = kept.receipt.writes_cut();
    if cut > 0 {
        put!(html, "<p>{cut} more writes are not kept.</p>\n");
    }
    html.push_str("</section>\n");
}

/// The steps of a field as a list.
fn steps(html: &mut String, steps: &[StepView<'_>], settings: &Settings) {
    if steps.is_empty() {
        return;
    }
    html.push_str("<ol>");
    for view in steps {
        step(html, view, settings);
    }
    html.push_str("</ol>");
}

fn step(html: &mut String, view: &StepView<'_>, settings: &Settings) {
    put!(html, "<li>{} by {}", view.verb, By(view.writer, settings));
    if let Some(status) = view.entry.and_then(crate::ledger::Entry::status) {
        put!(html, " <code>{}</code>", status.as_u16());
    }
    match (view.before, view.after) {
        (Some(before), Some(after)) => {
            put!(html, "<br><code class=\"old\">{}</code> &rarr; ", Escaped(before));
            put!(html, "<code>{}</code>", Escaped(after));
        }
        (None, Some(after)) => {
            put!(html, "<br><code>{}</code>", Escaped(after));
        }
        (Some(before), None) => {
            put!(html, "<br><code class=\"old\">{}</code> &rarr; nothing", Escaped(before));
        }
        (None, None) => {}
    }
    if view.is_late() {
        html.push_str(" <span class=\"flag\">late</span>");
    }
    let fate = view.fate().filter(|fate| *fate != Fate::Applied);
    if let Some(fate) = fate {
        put!(html, " <span class=\"fate\">{}</span>", in_code(&fate.to_string()));
    }
    html.push_str("</li>");
}

/// What was written and did not go out.
fn gone(html: &mut String, ways: &Ways<'_>, settings: &Settings) {
    let names = ways.gone();
    if names.is_empty() {
        return;
    }
    html.push_str(
        "<section aria-labelledby=\"gone\">\n<h2 id=\"gone\">Not in the head</h2>\n<table class=\"head\">\n\
         <caption>Fields that were written, and did not go out in the head</caption>\n\
         <thead><tr><th scope=\"col\">Field</th><th scope=\"col\">Steps</th></tr></thead>\n<tbody>\n",
    );
    for name in names {
        put!(html, "<tr><th scope=\"row\">{}</th><td>", Escaped(name));
        steps(html, &ways.of_field(name), settings);
        html.push_str("</td></tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</section>\n");
}

/// Promises, and what went out behind the content.
fn trailers(html: &mut String, ways: &Ways<'_>, settings: &Settings) {
    let trailers = ways.of_trailers();
    if trailers.is_empty() {
        return;
    }
    html.push_str(
        "<section aria-labelledby=\"trailers\">\n<h2 id=\"trailers\">Trailers</h2>\n<table class=\"head\">\n\
         <caption>What was promised, and what was written for the trailers</caption>\n\
         <thead><tr><th scope=\"col\">Field</th><th scope=\"col\">Step</th></tr></thead>\n<tbody>\n",
    );
    for (name, view) in &trailers {
        put!(html, "<tr><th scope=\"row\">{}</th><td>", Escaped(name));
        steps(html, std::slice::from_ref(view), settings);
        html.push_str("</td></tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</section>\n");
}

fn notes(html: &mut String, kept: &Kept) {
    // Denials stand above.
    let notes = kept.receipt.notes().iter().filter(|note| note.denied().is_none());
    if notes.clone().next().is_none() && kept.notes_cut == 0 {
        return;
    }
    html.push_str("<section aria-labelledby=\"notes\">\n<h2 id=\"notes\">Notes</h2>\n<ul>\n");
    for note in notes {
        put!(html, "<li>{}</li>\n", Escaped(note));
    }
    if kept.notes_cut > 0 {
        put!(html, "<li>{} more are not kept</li>\n", kept.notes_cut);
    }
    html.push_str("</ul>\n</section>\n");
}

fn difference(html: &mut String, base: &str, before: &Kept, after: &Kept) {
    put!(
        html,
        "<section aria-labelledby=\"difference\">\n<h2 id=\"difference\">Against the one before</h2>\n\
         <p>The response before on this route is <a href=\"{}/{}\">number {}</a>.</p>\n",
        Escaped(base),
        before.id,
        before.id
    );
    let (was, is) = (before.receipt.status(), after.receipt.status());
    let changed = changed(before, after);
    if was == is && changed.is_empty() {
        html.push_str("<p>Status and fields are the same.</p>\n</section>\n");
        return;
    }
    html.push_str(
        "<table class=\"head\">\n<caption>What is different</caption>\n\
         <thead><tr><th scope=\"col\">Field</th><th scope=\"col\">Then</th><th scope=\"col\">Now</th></tr></thead>\n<tbody>\n",
    );
    if was != is {
        let (was, is) = (status(was), status(is));
        put!(html, "<tr><th scope=\"row\">status</th><td>{was}</td><td>{is}</td></tr>\n");
    }
    for one in changed {
        put!(html, "<tr><th scope=\"row\">{}</th>", Escaped(&one.name));
        for lines in [&one.before, &one.after] {
            let lines: Vec<_> =
                lines.iter().map(|line| format!("<code>{}</code>", Escaped(line))).collect();
            let text =
                if lines.is_empty() { "<em>not there</em>".to_owned() } else { lines.join("<br>") };
            put!(html, "<td>{text}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</section>\n");
}
