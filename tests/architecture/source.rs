//! The project's Rust files, and what of them is code: without comments, and without items for tests.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A file of `src`.
pub(crate) struct Source {
    /// The path below `src`, with `/`.
    pub(crate) path: String,
    /// The module at the top of the crate that it belongs to.
    pub(crate) module: String,
    pub(crate) text: String,
    /// Its tokens without the items that are compiled for tests alone.
    pub(crate) tokens: TokenStream,
    tests: Vec<RangeInclusive<usize>>,
}

impl Source {
    fn read(src: &Path, file: &Path) -> Self {
        let path = file.strip_prefix(src).unwrap().to_str().unwrap().replace('\\', "/");
        let module = path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(file).unwrap();
        let mut tests = Vec::new();
        let tokens = without_tests(text.parse().unwrap(), &mut tests);
        Self { path, module, text, tokens, tests }
    }

    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The lines of code: no comments, no items for tests.
    pub(crate) fn code(&self) -> Vec<(usize, &str)> {
        let is_code = |at: usize| !self.tests.iter().any(|range| range.contains(&at));
        self.text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or("")))
            .filter(|(at, line)| is_code(*at) && !line.trim().is_empty())
            .collect()
    }
}

/// Whether this is the `[cfg(test)]` or `[cfg(all(test, ..))]` of an attribute.
fn is_for_tests(attribute: &TokenTree) -> bool {
    let TokenTree::Group(group) = attribute else { return false };
    let text: String = group.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,") || text.starts_with("cfg_attr(test,")
}

/// Leaves out what is behind `#[cfg(test)]`, at any depth; its lines go into `ranges`.
fn without_tests(tokens: TokenStream, ranges: &mut Vec<RangeInclusive<usize>>) -> TokenStream {
    let mut left = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        if is_hash && tokens.peek().is_some_and(is_for_tests) {
            let from = token.span().start().line;
            let mut to = from;
            for skipped in tokens.by_ref() {
                to = skipped.span().end().line;
                let is_end = match skipped {
                    TokenTree::Punct(punct) => matches!(punct.as_char(), ';' | ','),
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    TokenTree::Ident(_) | TokenTree::Literal(_) => false,
                };
                if is_end {
                    break;
                }
            }
            ranges.push(from..=to);
            continue;
        }
        left.push(match token {
            TokenTree::Group(group) => {
                let inner = without_tests(group.stream(), ranges);
                let mut inner = proc_macro2::Group::new(group.delimiter(), inner);
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => token,
        });
    }
    left.into_iter().collect()
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every Rust file of the project.
pub(crate) fn all_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for directory in ["src", "tests", "examples", "benches"] {
        rust_files(Path::new(directory), &mut files);
    }
    assert!(files.len() > 30, "found only {} files", files.len());
    files
}

/// The files of `src`, but for the command: that is a crate of its own, above all floors.
pub(crate) fn sources() -> Vec<Source> {
    let src = Path::new("src");
    let mut files = Vec::new();
    rust_files(src, &mut files);
    files.retain(|file| !file.starts_with("src/bin"));
    assert!(files.len() > 20, "found only {} files under {}", files.len(), src.display());
    files.iter().map(|file| Source::read(src, file)).collect()
}

/// A source of this text.
pub(crate) fn of(path: &str, text: &str) -> Source {
    let mut tests = Vec::new();
    let tokens = without_tests(text.parse().unwrap(), &mut tests);
    let module = path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
    Source { path: path.to_owned(), module, text: text.to_owned(), tokens, tests }
}
