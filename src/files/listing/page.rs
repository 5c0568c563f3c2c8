//! A list as text, in any of its forms, a piece at a time.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderValue;
use sha2::{Digest as _, Sha256};

use super::form::{Column, Form, Sort};
use super::rows::{Entry, Rows};
use super::words::{Date, escaped, percent_encoded, shown, size};
use crate::answer::EntityTag;
use crate::field::json::quoted;
use crate::files::path::FilePath;

/// About as many bytes are made at once.
const PIECE: usize = 64 * 1024;

/// About as long is a row.
const ROW: usize = 128;

/// The colours are the browser's own, for light and dark.
const STYLE: &str = ":root{color-scheme:light dark}\
body{font:1rem/1.6 system-ui,sans-serif;max-width:64rem;margin:1rem auto;padding:0 1rem}\
h1{font-size:1.25rem;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.1rem 0;vertical-align:top;overflow-wrap:anywhere;\
border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent)}\
th+th,td+td{text-align:right;white-space:nowrap;padding-left:1.5rem;font-variant-numeric:tabular-nums}";

/// The page has no script, and no style but that one, which is named by its SHA-256 (CSP Level 3, section 2.3.1).
/// It needs nothing from anywhere.
pub(in crate::files) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'sha256-T09WF2Rq0YuG8pZTZyE6aOoeBeOx7gnGHnVhvFrPo0U='; base-uri 'none'; \
     form-action 'none'",
);

/// Changes with what is made of the same rows, so that nobody takes another text for it.
const EDITION: &[u8] = concat!("1 ", env!("CARGO_PKG_VERSION")).as_bytes();

/// A list of one state of a directory, in one form and order.
pub(in crate::files) struct Page {
    path: FilePath,
    /// What stands before each name in a link.
    prefix: String,
    up: &'static str,
    form: Form,
    sort: Sort,
    rows: Arc<Rows>,
}

impl Page {
    /// `target` is the path of the request as the client has it, to which the links are relative.
    pub(in crate::files) fn new(
        path: &FilePath,
        target: &str,
        form: Form,
        sort: Sort,
        rows: Arc<Rows>,
    ) -> Self {
        // Without a slash at the end, names are relative to the directory above.
        let last = target.rsplit('/').next().unwrap_or_default();
        let (prefix, up) = match last {
            // No `./` before a name: a colon in it is encoded, and programs that look for links compare them.
            "" => (String::new(), "../"),
            last if last.contains(':') => (format!("./{last}/"), "./"),
            last => (format!("{last}/"), "./"),
        };
        let prefix = if form == Form::Json { within(&prefix) } else { escaped(&prefix) };
        Self { path: path.clone(), prefix, up, form, sort, rows }
    }

    /// In bytes.
    pub(in crate::files) fn length(&self) -> u64 {
        let rows = self.rows.length(self.form, || self.counted());
        let (count, prefix) = (self.rows.len() as u64, self.prefix.len() as u64);
        let between = if self.form == Form::Json { BETWEEN.len() as u64 } else { 0 };
        let around = (self.head().len() + self.foot().len()) as u64;
        around + rows + count * prefix + count.saturating_sub(1) * between
    }

    /// All rows, without a prefix and what stands between them.
    fn counted(&self) -> u64 {
        let (mut text, mut length) = (String::new(), 0);
        for entry in self.rows.entries() {
            text.clear();
            row(self.form, "", entry, &mut text);
            length += text.len() as u64;
        }
        length
    }

    /// A name for these very bytes: of all that they are made of.
    pub(in crate::files) fn tag(&self) -> EntityTag {
        let mut hasher = Sha256::new();
        hasher.update(EDITION);
        for part in [&self.head(), &self.prefix, &self.foot(), self.sort.column.word()] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update([u8::from(self.form == Form::Json), u8::from(self.sort.descending)]);
        hasher.update(self.rows.digest());
        let digest: [u8; 32] = hasher.finalize().into();
        EntityTag::of_digest(digest.get(..16).unwrap_or(&digest))
    }

    fn head(&self) -> String {
        let path = shown(&self.path.join(""));
        let path = if path.is_empty() { String::from("/") } else { format!("/{path}") };
        match self.form {
            Form::Page | Form::Plain => self.html_head(&escaped(&path)),
            Form::Json => {
                let (path, cut) = (quoted(&path), self.rows.is_cut());
                format!("{{\"path\":{path},\"truncated\":{cut},\"entries\":[\n")
            }
        }
    }

    fn html_head(&self, path: &str) -> String {
        // Search engines need one order only.
        let robots = if self.sort == Sort::default() {
            ""
        } else {
            "<meta name=\"robots\" content=\"noindex\">"
        };
        let mut text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\">{robots}\
             <title>Index of {path}</title><style>{STYLE}</style></head>\n\
             <body><h1>Index of <bdi>{path}</bdi></h1>\n<table><thead><tr>"
        );
        for (column, title) in Column::ALL.into_iter().zip(["Name", "Size", "Modified (UTC)"]) {
            self.heading(column, title, &mut text);
        }
        text.push_str("</tr></thead><tbody>\n");
        if !self.path.as_bytes().is_empty() {
            let up = self.up;
            let _ = writeln!(text, "<tr><td><a href=\"{up}\">../</a></td><td></td><td></td></tr>");
        }
        text
    }

    fn heading(&self, column: Column, title: &str, text: &mut String) {
        let (sorted, arrow) = match (self.sort.column == column, self.sort.descending) {
            (false, _) => ("", ""),
            (true, false) => (" aria-sort=\"ascending\"", " \u{2191}"),
            (true, true) => (" aria-sort=\"descending\"", " \u{2193}"),
        };
        let _ = write!(text, "<th scope=\"col\"{sorted}>");
        let _ = if self.form == Form::Page {
            let to = self.sort.turned_to(column);
            let (column, order) = (column.word(), to.direction());
            let query = format_args!("?sort={column}&amp;order={order}");
            write!(text, "<a href=\"{query}\" rel=\"nofollow\">{title}</a>{arrow}</th>")
        } else {
            write!(text, "{title}{arrow}</th>")
        };
    }

    fn foot(&self) -> String {
        if self.form == Form::Json {
            return String::from("\n]}\n");
        }
        let rest = if self.rows.is_cut() {
            format!("<p>There are more; {} are listed.</p>\n", self.rows.len())
        } else {
            String::new()
        };
        format!("</tbody></table>\n{rest}</body></html>\n")
    }

    /// The text, a piece at a time.
    pub(in crate::files) fn into_pieces(self) -> Pieces {
        Pieces { page: self, at: Place::Head }
    }
}

/// What stands between two entries in JSON.
const BETWEEN: &str = ",\n";

fn row(form: Form, prefix: &str, entry: Entry<'_>, text: &mut String) {
    match form {
        Form::Page | Form::Plain => html_row(prefix, entry, text),
        Form::Json => json_row(prefix, entry, text),
    }
}

fn html_row(prefix: &str, entry: Entry<'_>, text: &mut String) {
    let (slash, name) = (if entry.is_file { "" } else { "/" }, escaped(&shown(entry.name)));
    let _ = write!(text, "<tr><td><a href=\"{prefix}");
    percent_encoded(entry.name, text);
    let _ = write!(text, "{slash}\"><bdi>{name}</bdi>{slash}</a></td><td");
    if entry.is_file {
        let bytes = if entry.size == 1 { "byte" } else { "bytes" };
        let _ = write!(text, " title=\"{} {bytes}\">", entry.size);
        size(entry.size, text);
    } else {
        text.push('>');
    }
    text.push_str("</td><td>");
    Date::of(entry.modified).minute(text);
    text.push_str("</td></tr>\n");
}

fn json_row(prefix: &str, entry: Entry<'_>, text: &mut String) {
    let (kind, slash) = if entry.is_file { ("file", "") } else { ("directory", "/") };
    let name = quoted(&String::from_utf8_lossy(entry.name));
    let _ = write!(text, "{{\"name\":{name},\"href\":\"{prefix}");
    percent_encoded(entry.name, text);
    let _ = write!(text, "{slash}\",\"kind\":\"{kind}\",\"size\":");
    let _ = if entry.is_file { write!(text, "{}", entry.size) } else { write!(text, "null") };
    text.push_str(",\"modified\":");
    let start = text.len();
    text.push('"');
    if Date::of(entry.modified).instant(text) {
        text.push('"');
    } else {
        text.truncate(start);
        text.push_str("null");
    }
    text.push('}');
}

/// As it stands between the quotes of a JSON string.
fn within(text: &str) -> String {
    let quoted = quoted(text);
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// The text of a page. Made as the client takes it: a response that nobody reads has a piece or two, and its
/// share of the rows.
pub(in crate::files) struct Pieces {
    page: Page,
    at: Place,
}

enum Place {
    Head,
    Row(usize),
    End,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let Page { form, sort, ref prefix, ref rows, .. } = self.page;
        let mut text = match self.at {
            Place::Head => self.page.head(),
            Place::Row(_) => String::new(),
            Place::End => return None,
        };
        let mut at = if let Place::Row(at) = self.at { at } else { 0 };
        // Most rows are shorter.
        text.reserve(rows.len().saturating_sub(at).min(PIECE / ROW) * ROW);
        while let Some(entry) = rows.sorted(sort, at).filter(|_| text.len() < PIECE) {
            if form == Form::Json && at > 0 {
                text.push_str(BETWEEN);
            }
            row(form, prefix, entry, &mut text);
            at += 1;
        }
        self.at = Place::Row(at);
        if at == rows.len() {
            text.push_str(&self.page.foot());
            self.at = Place::End;
        }
        Some(Bytes::from(text))
    }
}

#[cfg(test)]
mod tests;
