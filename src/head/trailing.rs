//! What may still be written once the head is gone, and what goes out behind the content.

use http::header::{HeaderMap, HeaderName};

use super::Ability;
use super::write::{Change, Write};
use crate::field::nature;
use crate::ledger::{Fate, Placed, Refusal};

/// The most trailers that late writes may add to one response.
const MOST_LATE: usize = 256;

/// The trailers that were promised before the commit.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    names: Vec<HeaderName>,
}

impl Promises {
    /// Notes `name`, if the request lets it be a trailer.
    pub(crate) fn add(&mut self, name: &HeaderName, ability: Ability) -> Placed {
        if let Err(refusal) = ability.trailers() {
            return Placed::Refused(refusal);
        }
        if !nature::may_be_trailer(name) {
            return Placed::Refused(Refusal::ForbiddenName);
        }
        if !self.names.contains(name) {
            if self.names.len() >= MOST_LATE {
                return Placed::Refused(Refusal::TooMany);
            }
            self.names.push(name.clone());
        }
        Placed::Trailers
    }

    pub(crate) fn names(&self) -> &[HeaderName] {
        &self.names
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// What a late write finds.
#[derive(Debug)]
pub(crate) enum Trailing {
    /// Nothing may follow the content, for this reason.
    Closed(Refusal),
    /// These names may follow; what was written for them waits for the end of the body.
    Open { promised: Vec<HeaderName>, late: Vec<Write> },
}

impl Trailing {
    pub(crate) const fn open(promised: Vec<HeaderName>) -> Self {
        Self::Open { promised, late: Vec::new() }
    }

    /// Where a write that came after the commit may be put; else why nowhere.
    pub(crate) fn accepts(&mut self, write: &Write) -> Result<&mut Vec<Write>, Refusal> {
        let Some(name) = write.change.field() else { return Err(Refusal::HeadSealed) };
        let may_be_trailer = nature::may_be_trailer(name);
        let (promised, late) = match self {
            // To promise it would not have helped: it belongs into the head, and that is gone.
            Self::Closed(_) if !may_be_trailer => return Err(Refusal::HeadSealed),
            Self::Closed(refusal) => return Err(*refusal),
            Self::Open { .. } if !may_be_trailer => return Err(Refusal::ForbiddenName),
            Self::Open { promised, late } => (promised, late),
        };
        if !promised.contains(name) {
            return Err(Refusal::NotDeclared);
        }
        // A removal undoes what was written late; it cannot reach into the head.
        let removes = matches!(write.change, Change::Remove(_));
        if removes && !late.iter().any(|earlier| earlier.change.field() == Some(name)) {
            return Err(Refusal::HeadSealed);
        }
        if late.len() >= MOST_LATE { Err(Refusal::TooMany) } else { Ok(late) }
    }

    /// The trailers to send: the body's own, then the late writes on top.
    pub(crate) fn collect(self, own: Option<HeaderMap>, ability: Ability) -> Collected {
        let (mut trailers, mut dropped) = permitted(own.unwrap_or_default());
        let (promised, late) = match self {
            Self::Closed(_) => (Vec::new(), Vec::new()),
            Self::Open { promised, late } => (promised, late),
        };
        // HTTP/1.1 sends announced trailers only; h2 needs no announcement.
        if !ability.has_streams() {
            let unannounced: Vec<HeaderName> =
                trailers.keys().filter(|name| !promised.contains(name)).cloned().collect();
            for name in &unannounced {
                trailers.remove(name);
            }
            dropped.extend(unannounced);
        }
        let mut fates: Vec<(HeaderName, Fate)> = Vec::new();
        for write in late {
            let Some(name) = write.change.field().cloned() else { continue };
            let supersedes = matches!(write.change, Change::Insert(..) | Change::Remove(_));
            let mut fate = write.change.apply_to_fields(&mut trailers);
            if fate == Fate::Applied {
                fate = Fate::Trailers;
            }
            if supersedes && fate == Fate::Trailers {
                for (earlier, fate) in &mut fates {
                    if *earlier == name && *fate == Fate::Trailers {
                        *fate = Fate::Overridden;
                    }
                }
            }
            fates.push((name, fate));
        }
        let fates = fates.into_iter().map(|(_, fate)| fate).collect();
        Collected { trailers, dropped, fates }
    }
}

/// What goes out behind the content.
pub(crate) struct Collected {
    pub(crate) trailers: HeaderMap,
    /// The names of the body's own trailers that may not be sent.
    pub(crate) dropped: Vec<HeaderName>,
    /// What became of the late writes, in their order.
    pub(crate) fates: Vec<Fate>,
}

/// `trailers` without the names that may not be there, and those names.
fn permitted(mut trailers: HeaderMap) -> (HeaderMap, Vec<HeaderName>) {
    let forbidden: Vec<HeaderName> =
        trailers.keys().filter(|name| !nature::may_be_trailer(name)).cloned().collect();
    for name in &forbidden {
        trailers.remove(name);
    }
    (trailers, forbidden)
}
