//! Texts with captures in them, and how they are compared.

use super::error::Fault;
use super::gate::Gate;
use super::pieces::Piece;
use crate::field::glob;

/// The most captures of one pattern.
pub(super) const MOST_CAPTURES: usize = 8;

/// The place of what is captured for nobody.
const NO_SLOT: usize = MOST_CAPTURES;

/// What the captures of one pattern stand for, by their place.
pub(super) type Captures<'t> = [&'t str; MOST_CAPTURES];

/// A text that is compared.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Exact(Box<str>),
    /// One star between two texts.
    Around {
        before: Box<str>,
        after: Box<str>,
        slot: usize,
    },
    /// Netlify's star at the end: what stands before its slash, and all below.
    Below(Box<str>),
    /// Stars anywhere, which capture nothing.
    Glob(Box<str>),
    /// Segment by segment, between separators.
    Segments(Box<Segments>),
}

/// Segments between separators, each with its captures.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    /// What every match begins with, and what it ends with.
    prefix: Box<str>,
    suffix: Box<str>,
    separator: u8,
    before: Vec<Segment>,
    /// The segment that has the star, and whatever segments it stands for.
    star: Option<Star>,
    after: Vec<Segment>,
    /// Whether more segments may follow.
    is_open: bool,
}

#[derive(Clone, Debug)]
struct Star {
    before: Box<str>,
    after: Box<str>,
    slot: usize,
}

/// A segment in which each capture has at least one letter.
#[derive(Clone, Debug, Default)]
struct Segment {
    first: String,
    /// A capture's place, and the text behind it.
    rest: Vec<(usize, String)>,
}

/// Gives each capture its place; nobody asks for captures where there are no names.
struct Places<'a> {
    names: Option<&'a mut Vec<Box<str>>>,
    has_star: bool,
    /// The whole pattern.
    whole: &'a str,
}

impl Places<'_> {
    fn of_name(&mut self, name: &str) -> Result<usize, Fault> {
        let Some(names) = &mut self.names else { return Ok(NO_SLOT) };
        if names.iter().any(|known| **known == *name) {
            return Err(Fault::text(format!(":{name} once in a pattern"), self.whole));
        }
        names.push(name.into());
        Ok(names.len() - 1)
    }

    fn of_star(&mut self) -> Result<usize, Fault> {
        if std::mem::replace(&mut self.has_star, true) {
            return Err(Fault::text("at most one * in a pattern", self.whole));
        }
        self.of_name("splat")
    }
}

/// Puts pieces together in the form that is compared the fastest.
pub(super) fn assemble(
    pieces: Vec<Piece<'_>>,
    separator: u8,
    whole: &str,
    names: Option<&mut Vec<Box<str>>>,
) -> Result<Text, Fault> {
    let mut places = Places { names, has_star: false, whole };
    let text = |text: &String| text.as_str().into();
    let (before, after) = match &*pieces {
        [] => return Ok(Text::Exact("".into())),
        [Piece::Text(one)] => return Ok(Text::Exact(text(one))),
        [Piece::Star] => ("".into(), "".into()),
        [Piece::Text(before), Piece::Star] => (text(before), "".into()),
        [Piece::Star, Piece::Text(after)] => ("".into(), text(after)),
        [Piece::Text(before), Piece::Star, Piece::Text(after)] => (text(before), text(after)),
        _ => return Ok(Text::Segments(Box::new(segments(pieces, separator, &mut places)?))),
    };
    Ok(Text::Around { before, after, slot: places.of_star()? })
}

fn segments(
    pieces: Vec<Piece<'_>>,
    separator: u8,
    places: &mut Places<'_>,
) -> Result<Segments, Fault> {
    let text = |piece: Option<&Piece<'_>>| match piece {
        Some(Piece::Text(text)) => text.as_str().into(),
        Some(Piece::Name(_) | Piece::Star) | None => "".into(),
    };
    let (prefix, suffix) = (text(pieces.first()), text(pieces.last()));
    let (mut all, mut segment) = (Vec::new(), Segment::default());
    let mut star = None;
    for piece in pieces {
        match piece {
            Piece::Text(text) => {
                for (at, part) in text.split(char::from(separator)).enumerate() {
                    if at > 0 {
                        all.push(std::mem::take(&mut segment));
                    }
                    segment.last().push_str(part);
                }
            }
            Piece::Name(name) => segment.rest.push((places.of_name(name)?, String::new())),
            Piece::Star => {
                segment.rest.push((places.of_star()?, String::new()));
                star = Some(all.len());
            }
        }
    }
    all.push(segment);
    let segments = Segments { prefix, suffix, separator, ..Segments::default() };
    let Some(at) = star else { return Ok(Segments { before: all, ..segments }) };
    let after = all.split_off(at + 1);
    let Segment { first, rest } = all.pop().unwrap_or_default();
    let [(slot, behind)] = &*rest else {
        let wanted = "a slash between a star and a placeholder";
        return Err(Fault::text(wanted, places.whole));
    };
    let star = Star { before: first.into(), after: behind.as_str().into(), slot: *slot };
    Ok(Segments { before: all, star: Some(star), after, ..segments })
}

impl Text {
    /// What lets most other texts be passed over.
    pub(super) fn gate(&self) -> Gate {
        match self {
            Self::Exact(text) => Gate::new(text, text),
            Self::Around { before, after, .. } => Gate::new(before, after),
            Self::Below(before) => Gate::new(before, ""),
            Self::Glob(pattern) => {
                let before = pattern.split('*').next().unwrap_or_default();
                Gate::new(before, pattern.rsplit('*').next().unwrap_or_default())
            }
            Self::Segments(segments) => Gate::new(&segments.prefix, &segments.suffix),
        }
    }

    /// Whatever is below is meant, too.
    pub(super) fn and_below(self) -> Self {
        match self {
            Self::Exact(path) => Self::Below(path),
            Self::Segments(segments) => {
                Self::Segments(Box::new(Segments { is_open: true, suffix: "".into(), ..*segments }))
            }
            other @ (Self::Around { .. } | Self::Below(_) | Self::Glob(_)) => other,
        }
    }

    /// Whether every text that `other` is about is one that this is about, as far as their ends show it.
    pub(super) fn includes(&self, other: &Self) -> bool {
        let is_below = |before: &str, path: &str| {
            path.strip_prefix(before).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match (self, other) {
            (Self::Exact(one), Self::Exact(other)) => one == other,
            (Self::Around { before, after, .. }, Self::Exact(path)) => {
                path.strip_prefix(&**before).is_some_and(|rest| rest.ends_with(&**after))
            }
            (Self::Around { before, after, .. }, Self::Around { before: b, after: a, .. }) => {
                b.starts_with(&**before) && a.ends_with(&**after)
            }
            (Self::Around { before, after, .. }, Self::Segments(other)) => {
                other.prefix.starts_with(&**before) && other.suffix.ends_with(&**after)
            }
            (Self::Below(before), Self::Exact(path) | Self::Below(path)) => is_below(before, path),
            _ => false,
        }
    }

    pub(super) fn matches<'t>(&self, text: &'t str, captures: &mut Captures<'t>) -> bool {
        match self {
            Self::Exact(wanted) => **wanted == *text,
            Self::Around { before, after, slot } => {
                let inside =
                    text.strip_prefix(&**before).and_then(|text| text.strip_suffix(&**after));
                if let (Some(inside), Some(slot)) = (inside, captures.get_mut(*slot)) {
                    *slot = inside;
                }
                inside.is_some()
            }
            Self::Below(before) => text
                .strip_prefix(&**before)
                .is_some_and(|below| below.is_empty() || below.starts_with('/')),
            Self::Glob(pattern) => glob::matches(pattern.as_bytes(), text.as_bytes()),
            Self::Segments(segments) => segments.matches(text, captures),
        }
    }
}

impl Segments {
    fn matches<'t>(&self, text: &'t str, captures: &mut Captures<'t>) -> bool {
        if !text.starts_with(&*self.prefix) || !text.ends_with(&*self.suffix) {
            return false;
        }
        let mut left = Some(text);
        for segment in &self.before {
            let Some(text) = left else { return false };
            let (head, rest) = match text.bytes().position(|byte| byte == self.separator) {
                Some(at) => (&text[..at], Some(&text[at + 1..])),
                None => (text, None),
            };
            if !segment.matches(head, captures) {
                return false;
            }
            left = rest;
        }
        let Some(star) = &self.star else { return self.is_open || left.is_none() };
        for segment in self.after.iter().rev() {
            let Some(text) = left else { return false };
            let Some(at) = text.bytes().rposition(|byte| byte == self.separator) else {
                return false;
            };
            if !segment.matches(&text[at + 1..], captures) {
                return false;
            }
            left = Some(&text[..at]);
        }
        let Some(inside) = left
            .and_then(|text| text.strip_prefix(&*star.before))
            .and_then(|text| text.strip_suffix(&*star.after))
        else {
            return false;
        };
        if let Some(slot) = captures.get_mut(star.slot) {
            *slot = inside;
        }
        true
    }
}

impl Segment {
    /// The text at its end.
    fn last(&mut self) -> &mut String {
        self.rest.last_mut().map_or(&mut self.first, |(_, text)| text)
    }

    /// Whether `text` is such a segment: each capture takes as much as it can, the first one first.
    fn matches<'t>(&self, text: &'t str, captures: &mut Captures<'t>) -> bool {
        let Some(text) = text.strip_prefix(&*self.first) else { return false };
        if self.rest.is_empty() {
            return text.is_empty();
        }
        // From the right, each text as far to the right as can be.
        let mut left = text;
        for (at, (slot, behind)) in self.rest.iter().enumerate().rev() {
            let is_last = at + 1 == self.rest.len();
            let capture;
            if is_last {
                let Some(before) = left.strip_suffix(behind.as_str()) else { return false };
                left = before;
            }
            if at == 0 {
                (capture, left) = (left, "");
            } else {
                // At least one letter is this capture's.
                let between = self.rest[at - 1].1.as_str();
                let Some(most) = left.len().checked_sub(1).and_then(|end| left.get(..end)) else {
                    return false;
                };
                let Some(found) = most.rfind(between) else { return false };
                capture = &left[found + between.len()..];
                left = &left[..found];
            }
            if capture.is_empty() {
                return false;
            }
            if let Some(slot) = captures.get_mut(*slot) {
                *slot = capture;
            }
        }
        true
    }
}
