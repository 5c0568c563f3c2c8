//! A pattern's pieces: texts, placeholders and stars.

use super::{Dialect, uri};

/// One piece of a pattern.
pub(super) enum Piece<'a> {
    Text(String),
    Name(&'a str),
    Star,
}

pub(super) fn pieces(text: &str, dialect: Dialect) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let name = match dialect {
            Dialect::Cloudflare => name_at(rest),
            // A whole segment.
            Dialect::Netlify if text[..at].ends_with('/') => {
                rest.strip_prefix(':').map(|rest| &rest[..rest.find('/').unwrap_or(rest.len())])
            }
            Dialect::Netlify => None,
        };
        let piece = match name {
            Some(name) => Piece::Name(name),
            None if rest.starts_with('*') => Piece::Star,
            None => {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
        };
        if from < at {
            pieces.push(Piece::Text(uri::unmarked(&text[from..at])));
        }
        at += 1 + name.map_or(0, str::len);
        from = at;
        pieces.push(piece);
    }
    if from < text.len() {
        pieces.push(Piece::Text(uri::unmarked(&text[from..])));
    }
    pieces
}

/// The name of a placeholder at the start: a colon, a letter, and letters, digits or underscores.
fn name_at(text: &str) -> Option<&str> {
    let name = text
        .strip_prefix(':')
        .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    name.get(..end)
}
