//! A file as blocks, or as all that is wrong with it.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::HeaderName;

use super::Dialect;
use super::dialect::{MAX_LINE, MAX_RULES, THEIR_LINE};
use super::error::{Fault, PolicyError};
use super::expectations::{Demand, Expectations};
use super::fields::{self, Nature};
use super::line::{Line, Operation};
use super::pattern::Pattern;
use super::rule::{Act, How, Rule, Target, Write};
use super::value::Value;
use super::when::When;
use crate::field::class::{self, Shape};

/// Reads a file line by line.
#[derive(Debug)]
pub(super) struct Parser {
    file: Arc<str>,
    dialect: Dialect,
    pub(super) rules: Vec<Rule>,
    pub(super) expectations: Expectations,
    /// Every field that the file names, with its number.
    pub(super) numbers: HashMap<HeaderName, usize>,
    pub(super) errors: Vec<PolicyError>,
    /// The lines that are longer than Cloudflare takes.
    pub(super) long_lines: Vec<usize>,
    block: Block,
}

/// The block that lines belong to.
#[derive(Debug)]
enum Block {
    None,
    /// Its pattern is bad, which is enough said.
    Bad,
    Open(Box<Draft>),
}

/// A block that is being read.
#[derive(Debug)]
struct Draft {
    rule: Rule,
    demands: Vec<Demand>,
    /// It has lines, bad ones too.
    has_lines: bool,
}

impl Parser {
    pub(super) fn read(file: Arc<str>, text: &str, dialect: Dialect) -> Self {
        let mut parser = Self {
            file,
            dialect,
            rules: Vec::new(),
            expectations: Expectations::default(),
            numbers: HashMap::new(),
            errors: Vec::new(),
            long_lines: Vec::new(),
            block: Block::None,
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (at, line) in text.split('\n').enumerate() {
            if let Err(fault) = parser.line(at + 1, line) {
                parser.error(at + 1, fault);
                if let Block::Open(draft) = &mut parser.block {
                    draft.has_lines = true;
                }
            }
        }
        parser.close();
        parser.errors.sort_by_key(PolicyError::line);
        parser
    }

    fn error(&mut self, line: usize, fault: Fault) {
        self.errors.push(PolicyError { file: Arc::clone(&self.file), line, fault });
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), Fault> {
        let length = line.trim().len();
        if length > MAX_LINE {
            let wanted = format!("a line of at most {MAX_LINE} bytes");
            return Err(Fault::words(wanted, format!("{length} bytes")));
        }
        if length > THEIR_LINE {
            self.long_lines.push(number);
        }
        match Line::parse(line, self.dialect)? {
            Line::Empty => Ok(()),
            Line::Pattern(pattern) => self.open(number, pattern),
            Line::When(conditions) => match &mut self.block {
                Block::Open(draft) => draft.rule.when.add(conditions),
                Block::Bad => Ok(()),
                Block::None => Err(Fault::text("a path before the first condition", conditions)),
            },
            Line::Field(operation, name, value) => self.field(number, operation, name, value),
        }
    }

    /// Begins a block.
    fn open(&mut self, line: usize, pattern: &str) -> Result<(), Fault> {
        self.close();
        self.block = Block::Bad;
        if self.rules.len() >= MAX_RULES {
            return Err(Fault::words(format!("at most {MAX_RULES} blocks"), "another one"));
        }
        let pattern = Pattern::parse(pattern, self.dialect)?;
        let rule = Rule { line, pattern, when: When::default(), writes: Vec::new() };
        let draft = Draft { rule, demands: Vec::new(), has_lines: false };
        self.block = Block::Open(Box::new(draft));
        Ok(())
    }

    /// Ends the block, if there is one.
    fn close(&mut self) {
        let Block::Open(draft) = std::mem::replace(&mut self.block, Block::None) else { return };
        let Draft { mut rule, demands, has_lines } = *draft;
        if !has_lines {
            let wanted = "a field below the pattern";
            self.error(rule.line, Fault::text(wanted, &rule.pattern.written));
        }
        for demand in demands {
            if let Err(fault) = self.expectations.add(&demand, &rule, self.dialect) {
                self.error(demand.line, fault);
            }
        }
        if !rule.writes.is_empty() {
            rule.writes.sort_by_key(|write| !write.is_first);
            self.rules.push(rule);
        }
    }

    /// A line that is about a field.
    fn field(
        &mut self,
        line: usize,
        operation: Operation,
        name: &str,
        value: &str,
    ) -> Result<(), Fault> {
        if let Block::None = self.block {
            return Err(Fault::text("a path before the first field", name));
        }
        let start = name.strip_suffix('*').filter(|_| operation == Operation::Remove);
        if let Some(start) = start {
            let start = prefix(start)?;
            self.add(line, false, Act::RemoveAll(start));
            return Ok(());
        }
        let name = field_name(name)?;
        let captures: &[_] = match (&self.block, self.dialect) {
            (Block::Open(draft), Dialect::Cloudflare) => &draft.rule.pattern.names,
            _ => &[],
        };
        let read = |value: &str| Value::parse(&name, value, captures);
        let shape = class::of(&name).shape();
        let how = match (operation, shape) {
            (Operation::Require | Operation::Forbid, _) => {
                let is_required = operation == Operation::Require;
                if let Block::Open(draft) = &mut self.block {
                    draft.demands.push(Demand { line, field: name, is_required });
                    draft.has_lines = true;
                }
                return Ok(());
            }
            (Operation::Set, _) => How::Set(read(value)?),
            (Operation::Detach | Operation::Remove, _) => How::Remove,
            (Operation::Default, _) => How::Default(read(value)?),
            (Operation::Append, Shape::List | Shape::Lines | Shape::Unknown) => {
                How::Append(read(value)?)
            }
            (Operation::Merge, Shape::List | Shape::Lines) => How::Merge(read(value)?),
            (Operation::Append | Operation::Merge, Shape::Single | Shape::Framing) => {
                let found = format!("{name}, which has one value");
                return Err(Fault::words("a field whose values make a list", found));
            }
            (Operation::Merge, Shape::Unknown) => {
                let found = format!("{name}, which nobody registered; @append takes it for a list");
                return Err(Fault::words("a field whose values make a list", found));
            }
        };
        let next = self.numbers.len();
        let number = *self.numbers.entry(name.clone()).or_insert(next);
        let nature = Nature::of(&name);
        let act = Act::Change(Target { name, number, nature }, how);
        self.add(line, operation == Operation::Detach, act);
        Ok(())
    }

    fn add(&mut self, line: usize, is_first: bool, act: Act) {
        if let Block::Open(draft) = &mut self.block {
            draft.rule.writes.push(Write { line, is_first, act });
            draft.has_lines = true;
        }
    }
}

/// A field that a policy may touch.
fn field_name(name: &str) -> Result<HeaderName, Fault> {
    let Ok(field) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(Fault::text("a field name of letters, digits and hyphens", name));
    };
    match fields::refused(&field) {
        Some(reason) => {
            Err(Fault::words("a field that a policy may touch", format!("{field}, {reason}")))
        }
        None => Ok(field),
    }
}

/// What the names of several fields begin with, in lower case.
fn prefix(start: &str) -> Result<Box<str>, Fault> {
    match HeaderName::from_bytes(start.as_bytes()) {
        Ok(start) => Ok(start.as_str().into()),
        Err(_) => Err(Fault::text("the beginning of field names before the star", start)),
    }
}
