//! The paths that a file names, in `use` and in passing, and the file that each of them leads to.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source::Source;

/// A path as it is written: `crate::head::Head`, `super::list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
    /// The name that a `use` gives to it; none for a path in passing.
    pub(crate) given: Option<String>,
}

/// Every path of two segments or more, and whatever is behind `use`.
pub(crate) fn named(tokens: &TokenStream) -> Vec<Named> {
    let mut found = Vec::new();
    walk(tokens, &mut found);
    found
}

fn walk(tokens: &TokenStream, found: &mut Vec<Named>) {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Group(group) => walk(&group.stream(), found),
            TokenTree::Ident(word) if word == "use" => {
                let end = tokens.iter().skip(at).position(|token| is_punct(token, ';'));
                let end = end.map_or(tokens.len(), |end| at + end);
                used(&tokens[at + 1..end], &[], found);
                at = end;
            }
            TokenTree::Ident(word) => {
                let mut segments = vec![word.to_string()];
                let line = word.span().start().line;
                while let Some(next) = segment(&tokens, at + 1) {
                    segments.push(next);
                    at += 3;
                }
                if segments.len() > 1 {
                    found.push(Named { line, segments, given: None });
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// The name behind `::` at this place.
fn segment(tokens: &[TokenTree], at: usize) -> Option<String> {
    let [first, second, TokenTree::Ident(name)] = tokens.get(at..at + 3)? else { return None };
    (is_punct(first, ':') && is_punct(second, ':')).then(|| name.to_string())
}

/// The paths of a `use` tree, or of several with commas between them.
fn used(tokens: &[TokenTree], before: &[String], found: &mut Vec<Named>) {
    for tree in tokens.split(|token| is_punct(token, ',')) {
        let mut segments = before.to_vec();
        let (mut line, mut given, mut is_alias) = (0, None, false);
        for token in tree {
            line = token.span().start().line;
            match token {
                TokenTree::Ident(word) if word == "as" => is_alias = true,
                TokenTree::Ident(word) if is_alias => given = Some(word.to_string()),
                TokenTree::Ident(word) => segments.push(word.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == '*' => segments.push("*".to_owned()),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    used(&inner, &segments, found);
                    segments.clear();
                }
                TokenTree::Punct(_) | TokenTree::Group(_) | TokenTree::Literal(_) => {}
            }
        }
        if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
            segments.pop();
        }
        if let Some(last) = segments.last() {
            let given = given.or_else(|| Some(last.clone()));
            found.push(Named { line, segments, given });
        }
    }
}

/// The module at the top of the crate that a path names, if it begins with `crate` or leaves its module by `super`.
pub(crate) fn top(from: &[String], segments: &[String]) -> Option<String> {
    let up = segments.iter().take_while(|segment| *segment == "super").count();
    match segments.first()?.as_str() {
        "crate" => segments.get(1).cloned(),
        "super" if up == from.len() => segments.get(up).cloned(),
        "super" => from.first().cloned(),
        _ => None,
    }
}

/// All modules, and which file each of them is.
pub(crate) struct Modules<'a> {
    by_path: BTreeMap<Vec<String>, &'a Source>,
    files: Vec<(Vec<String>, &'a Source)>,
    paths: BTreeMap<&'a str, Vec<Named>>,
}

/// `layer/named.rs` and `layer/named/mod.rs` are the module `layer::named`.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The files that stand for a module of another name, by `#[path]`, below the folder of this one.
fn renamed(source: &Source) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut file = None;
    for line in source.text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("#[path = \"") {
            file = name.strip_suffix("\"]").map(str::to_owned);
        } else if let (Some(name), Some(file)) = (line.strip_suffix(';'), file.take()) {
            let mut module = module_of(&source.path);
            module.extend(name.rsplit(' ').next().map(str::to_owned));
            let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            found.push((format!("{folder}/{file}"), module));
        }
    }
    found
}

impl<'a> Modules<'a> {
    pub(crate) fn of(sources: &'a [Source]) -> Self {
        let sources = || sources.iter().filter(|source| !source.is_test());
        let renamed: BTreeMap<_, _> = sources().flat_map(renamed).collect();
        let module = |source: &Source| {
            renamed.get(&source.path).cloned().unwrap_or_else(|| module_of(&source.path))
        };
        let files: Vec<_> = sources().map(|source| (module(source), source)).collect();
        let by_path = files.iter().cloned().collect();
        let paths = sources().map(|source| (&*source.path, named(&source.tokens))).collect();
        Self { by_path, files, paths }
    }

    /// The modules that this one uses, with the line of the first use of each.
    pub(crate) fn uses(&self, from: &[String], source: &Source) -> BTreeMap<Vec<String>, usize> {
        let mut uses = BTreeMap::new();
        for path in self.paths.get(&*source.path).into_iter().flatten() {
            let Some(to) = self.leads_to(from, &path.segments) else { continue };
            if to != from {
                uses.entry(to).or_insert(path.line);
            }
        }
        uses
    }

    /// The module that has what a path names, seen from a module.
    fn leads_to(&self, from: &[String], segments: &[String]) -> Option<Vec<String>> {
        let absolute = self.absolute(from, segments)?;
        self.home(&absolute, &mut BTreeSet::new())
    }

    fn absolute(&self, from: &[String], segments: &[String]) -> Option<Vec<String>> {
        let first = segments.first()?;
        let mut base = from.to_vec();
        let mut rest = segments;
        match &**first {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|first| first == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            _ => {
                base.push(first.clone());
                if !self.by_path.contains_key(&base) {
                    return None;
                }
                base.pop();
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// Where a name is at home: re-exports are followed.
    fn home(&self, absolute: &[String], passed: &mut BTreeSet<Vec<String>>) -> Option<Vec<String>> {
        if !passed.insert(absolute.to_vec()) {
            return None;
        }
        let longest =
            (0..=absolute.len()).rev().find(|end| self.by_path.contains_key(&absolute[..*end]))?;
        let (module, names) = absolute.split_at(longest);
        let Some(name) = names.first() else { return Some(module.to_vec()) };
        let source = self.by_path.get(module)?;
        for path in self.paths.get(&*source.path).into_iter().flatten() {
            let Some(given) = &path.given else { continue };
            let mut segments = path.segments.clone();
            if given == "*" {
                segments.pop();
                segments.push(name.clone());
            } else if given != name {
                continue;
            }
            let Some(target) = self.absolute(module, &segments) else { continue };
            if let Some(home) =
                self.home(&target, passed).filter(|home| given != "*" || home != module)
            {
                return Some(home);
            }
        }
        Some(module.to_vec())
    }

    pub(crate) fn source(&self, module: &[String]) -> Option<&'a Source> {
        self.by_path.get(module).copied()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&Vec<String>, &'a Source)> {
        self.files.iter().map(|(path, source)| (path, *source))
    }
}
