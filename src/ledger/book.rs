//! The ledger itself: the entries of one head, in the order in which they took effect; bounded.

use std::collections::HashSet;
use std::sync::Arc;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::values::weight;
use super::{Entry, Fate, LayerName, Refusal, Secrecy, Values, Verb, Writer};

/// The most entries that one head keeps; what comes after is counted, not kept.
const MOST_ENTRIES: usize = 1024;

/// The most bytes of values that one ledger keeps alive, with 64 for each value.
const MOST_BYTES: usize = 256 * 1024;

/// So many layers of a head are distinguished.
const MOST_LAYERS: usize = 32;

/// The entries of one head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    cut: u64,
    /// Set when somebody watches: values are kept.
    watch: Option<Watch>,
}

/// What a ledger that is watched keeps besides its entries.
#[derive(Clone, Debug)]
struct Watch {
    /// Fields whose values are never shown, besides those that never are.
    secrets: Arc<[HeaderName]>,
    sequence: u64,
    bytes: usize,
}

impl Ledger {
    /// Keeps values from now on.
    pub(crate) fn watch(&mut self, secrets: Arc<[HeaderName]>) {
        self.watch = Some(Watch { secrets, sequence: 0, bytes: 0 });
    }

    /// Whether values are kept.
    pub(crate) const fn watches(&self) -> bool {
        self.watch.is_some()
    }

    /// Whether it is as new: nothing was written down, and values are not kept.
    pub(crate) fn is_new(&self) -> bool {
        self.entries.is_empty() && self.cut == 0 && !self.watches()
    }

    /// How much of this field's values may be shown.
    pub(crate) fn secrecy(&self, name: &HeaderName) -> Secrecy {
        let configured = |watch: &Watch| watch.secrets.contains(name);
        Secrecy::with(name, self.watch.as_ref().is_some_and(configured))
    }

    /// Writes `entry` down; whatever it takes the place of is marked so.
    pub(crate) fn record(&mut self, entry: Entry) {
        if matches!(entry.writer, Writer::Rule) {
            self.settle_by_rule(&entry);
        } else if entry.fate == Fate::Applied && supersedes(entry.verb) {
            self.supersede(&entry);
        }
        if self.entries.len() >= MOST_ENTRIES {
            self.cut += 1;
            return;
        }
        self.entries.push(entry);
        if let (Some(watch), Some(entry)) = (&mut self.watch, self.entries.last_mut()) {
            watch.number(entry);
        }
    }

    /// What stood there before is gone.
    fn supersede(&mut self, entry: &Entry) {
        let applied = self.entries.iter_mut().filter(|earlier| earlier.fate == Fate::Applied);
        match &entry.field {
            Some(field) => applied
                .filter(|earlier| earlier.is_about(field) && earlier.verb != Verb::Promise)
                .for_each(|earlier| earlier.fate = Fate::Overridden),
            None => applied
                .filter(|earlier| same_target(earlier, entry))
                .for_each(|earlier| earlier.fate = Fate::Overridden),
        }
    }

    /// A rule decided: what it let stand stands, and what it left out is overridden.
    fn settle_by_rule(&mut self, entry: &Entry) {
        let after = entry.seen.as_ref().map(|seen| members(&seen.after)).unwrap_or_default();
        for earlier in &mut self.entries {
            let of_head = matches!(earlier.fate, Fate::Applied | Fate::Overridden);
            if !of_head || !same_target(earlier, entry) {
                continue;
            }
            let wrote = earlier.seen.as_ref().map(|seen| members(&seen.after)).unwrap_or_default();
            let stands = !wrote.is_empty() && wrote.is_subset(&after)
                || entry.verb == Verb::Status && earlier.status == entry.status;
            earlier.fate = if stands { Fate::Applied } else { Fate::Overridden };
        }
    }

    /// Marks what an error answer dropped: every applied write whose field is not `kept`.
    pub(crate) fn replaced(&mut self, kept: impl Fn(&HeaderName) -> bool) {
        for entry in &mut self.entries {
            let survives = entry.field.as_ref().is_some_and(&kept);
            if entry.fate == Fate::Applied && !survives {
                entry.fate = Fate::Replaced;
            }
        }
    }

    /// Another response takes the place of the one that writes through `Head` were put on: those that it
    /// does not repeat went with that.
    pub(crate) fn discard(&mut self, status: StatusCode, fields: &HeaderMap) {
        for entry in &mut self.entries {
            let landed = matches!(entry.writer, Writer::Place(_)) && entry.fate.reached_head();
            if landed && !entry.is_repeated(status, fields) {
                entry.fate = Fate::Discarded;
            }
        }
    }

    /// The promise of `field` was not kept, and why.
    pub(crate) fn refuse_promise(&mut self, field: &HeaderName, refusal: Refusal) {
        for entry in &mut self.entries {
            if entry.verb == Verb::Promise && entry.field.as_ref() == Some(field) {
                entry.fate = Fate::Refused(refusal);
            }
        }
    }

    /// Adds the lines that were written while this ledger was away.
    #[inline]
    pub(crate) fn join(&mut self, later: Self) {
        self.cut += later.cut;
        for entry in later.entries {
            self.record(entry);
        }
    }

    /// Gives layers of one name numbers, in the order in which they wrote first.
    pub(crate) fn tell_apart(&mut self) {
        if self.entries.len() < 2 {
            return;
        }
        let mut known: [Option<&LayerName>; MOST_LAYERS] = [None; MOST_LAYERS];
        let mut any = false;
        for layer in self.entries.iter().filter_map(|entry| entry.writer.place_of()) {
            for place in &mut known {
                match place {
                    Some(other) if other.is(layer) => break,
                    Some(other) => any |= other.as_str() == layer.as_str(),
                    None => {
                        *place = Some(layer);
                        break;
                    }
                }
            }
        }
        if !any {
            return;
        }
        let layers: Vec<LayerName> = known.into_iter().flatten().cloned().collect();
        for entry in &mut self.entries {
            let author = entry.seen.as_mut().and_then(|seen| seen.superseded_by.as_deref_mut());
            let layer = author.and_then(Writer::place_mut).into_iter();
            layer.chain(entry.writer.place_mut()).for_each(|layer| layer.tell_apart(&layers));
        }
    }

    /// The framing guard changed or removed `field`.
    pub(crate) fn mended(&mut self, field: &HeaderName) {
        for entry in &mut self.entries {
            if entry.fate == Fate::Applied && entry.field.as_ref() == Some(field) {
                entry.fate = Fate::Mended;
            }
        }
    }

    /// Gives the late writes that were taken for trailers, in their order, their true fates.
    pub(crate) fn settle_late(&mut self, fates: impl Iterator<Item = Fate>) {
        let late = self.entries.iter_mut().filter(|entry| {
            entry.fate == Fate::Trailers && entry.is_late() && entry.verb != Verb::Promise
        });
        for (entry, fate) in late.zip(fates) {
            entry.fate = fate;
        }
    }

    /// No head was committed, so nothing was announced.
    pub(crate) fn promises_unsent(&mut self) {
        for entry in &mut self.entries {
            if entry.verb == Verb::Promise && entry.fate == Fate::Trailers {
                entry.fate = Fate::Unsent;
            }
        }
    }

    /// Who wrote `field` last, if anybody did that is known.
    #[allow(dead_code, reason = "nonces alone ask, and are an option")]
    pub(crate) fn last_writer(&self, field: &HeaderName) -> Option<Writer> {
        let wrote = |entry: &&Entry| entry.is_about(field) && entry.fate.reached_head();
        self.entries.iter().rev().find(wrote).map(|entry| entry.writer.clone())
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Lets `keep` change each entry, and counts those that it does not want as ones that there was no room for.
    #[allow(dead_code, reason = "the inspector alone makes copies smaller, and is an option")]
    pub(crate) fn retain(&mut self, keep: impl FnMut(&mut Entry) -> bool) {
        let all = self.entries.len();
        self.entries.retain_mut(keep);
        self.entries.shrink_to_fit();
        self.cut += (all - self.entries.len()) as u64;
    }

    /// How many lines were written down, with those that there was no room for.
    pub(crate) fn written(&self) -> u64 {
        self.entries.len() as u64 + self.cut
    }

    /// How many entries there was no room for.
    pub(crate) const fn cut(&self) -> u64 {
        self.cut
    }
}

impl Watch {
    /// Gives an entry its place, and keeps its values if there is room.
    fn number(&mut self, entry: &mut Entry) {
        self.sequence += 1;
        let seen = entry.seen.get_or_insert_default();
        seen.sequence = self.sequence;
        seen.secret = entry.field.as_ref().is_some_and(|field| self.secrets.contains(field));
        let lost: usize = seen.lost.0.iter().map(|(_, value)| weight(value)).sum();
        let bytes = seen.before.weight() + seen.after.weight() + lost;
        if self.bytes + bytes <= MOST_BYTES {
            self.bytes += bytes;
            return;
        }
        seen.over = !seen.before.is_empty();
        (seen.before, seen.after) = (Values::None, Values::None);
        for (_, value) in &mut seen.lost.0 {
            *value = HeaderValue::from_static("");
        }
        seen.cut = true;
    }
}

/// The members of values, or the values themselves where they are no lists.
fn members(values: &Values) -> HashSet<&[u8]> {
    let lines = values.as_slice().iter().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii).collect()
}

/// Whether a write with this verb leaves nothing of what stood there before.
const fn supersedes(verb: Verb) -> bool {
    match verb {
        Verb::Insert | Verb::Remove | Verb::Status | Verb::Answer => true,
        Verb::Append | Verb::Default | Verb::Promise => false,
    }
}

fn same_target(earlier: &Entry, later: &Entry) -> bool {
    if later.verb == Verb::Answer {
        // A new head: whatever was written to a field that is gone went with the old one.
        return match &earlier.field {
            Some(field) => later.lost().any(|lost| lost == field),
            None => earlier.verb == Verb::Status,
        };
    }
    let kind = |entry: &Entry| matches!(entry.verb, Verb::Status | Verb::Answer);
    kind(earlier) == kind(later) && earlier.field == later.field && earlier.verb != Verb::Promise
}
