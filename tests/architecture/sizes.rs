//! How long functions are, and how many fields structs have.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::source::Source;

/// A function or a struct, and its lines or fields.
pub(crate) struct Item {
    /// Its file and its own name.
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) size: usize,
}

/// Every function of a file, with the lines from `fn` to its last brace.
pub(crate) fn functions(source: &Source) -> Vec<Item> {
    let mut found = Vec::new();
    walk(&source.tokens, &mut |tokens, at| {
        let Some(name) = named(tokens, at, "fn") else { return };
        let from = tokens[at].span().start().line;
        if let Some(body) = body(&tokens[at..]) {
            let to = body.span_close().end().line;
            found.push(Item { name: place(source, &name), line: from, size: to - from + 1 });
        }
    });
    found
}

/// Every struct of a file that has named fields, with how many.
pub(crate) fn structs(source: &Source) -> Vec<Item> {
    let mut found = Vec::new();
    walk(&source.tokens, &mut |tokens, at| {
        let Some(name) = named(tokens, at, "struct") else { return };
        if let Some(body) = body(&tokens[at..]) {
            let from = tokens[at].span().start().line;
            found.push(Item {
                name: place(source, &name),
                line: from,
                size: fields(&body.stream()),
            });
        }
    });
    found
}

fn place(source: &Source, name: &str) -> String {
    format!("{} {name}", source.path)
}

/// Calls `visit` for each token, at any depth.
fn walk(tokens: &TokenStream, visit: &mut impl FnMut(&[TokenTree], usize)) {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        visit(&tokens, at);
        if let TokenTree::Group(group) = token {
            walk(&group.stream(), visit);
        }
    }
}

/// The name behind this keyword.
fn named(tokens: &[TokenTree], at: usize, keyword: &str) -> Option<String> {
    match (&tokens[at], tokens.get(at + 1)) {
        (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if word == keyword => {
            Some(name.to_string())
        }
        _ => None,
    }
}

/// The braces of an item; none where a semicolon ends it before.
fn body(item: &[TokenTree]) -> Option<&proc_macro2::Group> {
    for token in item {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => return None,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return Some(group),
            TokenTree::Group(_)
            | TokenTree::Ident(_)
            | TokenTree::Punct(_)
            | TokenTree::Literal(_) => {}
        }
    }
    None
}

/// Names that a single colon follows.
fn fields(body: &TokenStream) -> usize {
    let tokens: Vec<_> = body.clone().into_iter().collect();
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Alone);
    let is_field =
        |window: &&[TokenTree]| matches!(&window[0], TokenTree::Ident(_)) && is_colon(&window[1]);
    tokens.windows(2).filter(is_field).count()
}
