//! What every page has: its frame, links, and how writers and statuses are written.

use std::fmt::{self, Write as _};

use http::StatusCode;

use super::escape::Escaped;
use super::settings::Settings;
use crate::ledger::Writer;

/// The sheet of styles, one for light and dark.
pub(super) const STYLE: &str = include_str!("style.css");

/// What adds rows as they come; the pages do without it.
pub(super) const SCRIPT: &str = include_str!("script.js");

/// What a browser may do with a page: nothing but what these pages need, and all of that from here.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page; `body` is HTML already, `title` is not.
pub(super) fn page(base: &str, title: &str, script: bool, body: &str) -> String {
    let (base, title) = (Escaped(base), Escaped(title));
    let script = if script {
        format!("<script src=\"{base}/script.js\" defer></script>\n")
    } else {
        String::new()
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <link rel=\"stylesheet\" href=\"{base}/style.css\">\n{script}</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">To the content</a>\n\
         <header>\n<a class=\"home\" href=\"{base}/\">letterhead</a>\n<span>response heads</span>\n</header>\n\
         <main id=\"main\">\n{body}</main>\n</body>\n</html>\n"
    )
}

/// Adds to a page. A string takes everything.
macro_rules! put {
    ($page:expr, $($rest:tt)*) => {
        write!($page, $($rest)*).unwrap_or_default()
    };
}
pub(super) use put;

/// A writer, as a link into an editor where there is one.
pub(super) struct By<'a>(pub(super) &'a Writer, pub(super) &'a Settings);

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(writer, settings) = self;
        let text = Escaped(writer);
        match settings.link(writer) {
            Some(link) => write!(f, "<a class=\"by\" href=\"{}\">{text}</a>", Escaped(link)),
            None => write!(f, "<span class=\"by\">{text}</span>"),
        }
    }
}

/// A status, with a class for its hundred.
pub(super) fn status(status: Option<StatusCode>) -> String {
    match status {
        Some(status) => {
            let (code, hundred) = (status.as_u16(), status.as_u16() / 100);
            format!("<span class=\"status s{hundred}\">{code}</span>")
        }
        None => "<span class=\"status none\">none</span>".to_owned(),
    }
}

/// So many bytes of a text, with a mark where there were more.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(most).collect();
    if chars.next().is_some() {
        short.push('\u{2026}');
    }
    short
}

/// A text of our own in which code stands between backquotes.
pub(super) fn in_code(text: &str) -> String {
    let mut html = String::new();
    for (number, part) in text.split('`').enumerate() {
        let part = Escaped(part);
        if number % 2 == 1 {
            put!(html, "<code>{part}</code>");
        } else {
            put!(html, "{part}");
        }
    }
    html
}

/// A number and a noun.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// A form that sends the token.
pub(super) fn token_form(base: &str) -> String {
    let mut body = String::from("<h1>Token</h1>\n");
    put!(
        body,
        "<form method=\"get\" action=\"{}/\" class=\"filter\">\n\
         <p><label for=\"token\">The token of this inspector</label>\n\
         <input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"off\" required></p>\n\
         <p><button type=\"submit\">Open</button></p>\n</form>\n",
        Escaped(base)
    );
    page(base, "Token", false, &body)
}

/// There is no such page.
pub(super) fn not_found(base: &str, what: &str) -> String {
    let mut body = String::from("<h1>Not here</h1>\n");
    put!(body, "<p>{} <a href=\"{}/\">All that is there.</a></p>\n", Escaped(what), Escaped(base));
    page(base, "Not here", false, &body)
}
