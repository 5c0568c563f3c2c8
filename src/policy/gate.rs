//! The ends of a text, compared at a glance: most patterns are passed over for one of them.

/// The first and the last eight bytes of a text, padded with zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    first: u64,
    last: u64,
}

impl Ends {
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let first = bytes.first_chunk().copied().unwrap_or_else(|| {
            let mut first = [0; 8];
            first[..bytes.len()].copy_from_slice(bytes);
            first
        });
        let last = bytes.last_chunk().copied().unwrap_or_else(|| {
            let mut last = [0; 8];
            last[8 - bytes.len()..].copy_from_slice(bytes);
            last
        });
        Self { first: u64::from_le_bytes(first), last: u64::from_be_bytes(last) }
    }
}

/// What the ends of a text have to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    ends: Ends,
    mask: Ends,
}

impl Gate {
    /// For texts that begin and end so.
    pub(super) fn new(prefix: &str, suffix: &str) -> Self {
        let mask = |length: usize| match length.min(8) {
            8 => u64::MAX,
            length => (1 << (8 * length)) - 1,
        };
        let mask = Ends { first: mask(prefix.len()), last: mask(suffix.len()) };
        let first = Ends::of(prefix).first & mask.first;
        Self { ends: Ends { first, last: Ends::of(suffix).last & mask.last }, mask }
    }

    /// Whether a text with these ends may be meant; a text that is shorter than an end is not.
    pub(super) const fn admits(&self, ends: Ends) -> bool {
        ends.first & self.mask.first == self.ends.first
            && ends.last & self.mask.last == self.ends.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_admits_whatever_has_its_ends() {
        let parts = ["", "/", "/a", "/abcdefg", "/abcdefgh", "/abcdefghi", ".js", "longer.html"];
        for prefix in parts {
            for suffix in parts {
                let gate = Gate::new(prefix, suffix);
                for inside in parts {
                    let text = format!("{prefix}{inside}{suffix}");
                    assert!(gate.admits(Ends::of(&text)), "{prefix} {suffix} {text}");
                }
                for text in parts {
                    let has_short = |end: &str, of: &str| end.len() > 8 || of.len() < end.len();
                    let is_out = !text.starts_with(prefix) || !text.ends_with(suffix);
                    if is_out && !has_short(prefix, text) && !has_short(suffix, text) {
                        assert!(!gate.admits(Ends::of(text)), "{prefix} {suffix} {text}");
                    }
                }
            }
        }
    }
}
