//! What is in a directory: one state of it, sorted, that many responses share.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use super::form::{Column, Form, Sort};
use crate::files::natural::natural_order;

/// The names of one state of a directory, in natural order, directories first.
///
/// A name costs 24 bytes and its own, and 8 more once somebody has sorted by size and by date.
pub(in crate::files) struct Rows {
    /// Every name, one behind the other.
    names: Box<[u8]>,
    all: Box<[Row]>,
    /// How many of the rows are directories.
    directories: usize,
    /// There are more names than were wanted.
    is_cut: bool,
    digest: [u8; 32],
    by_size: OnceLock<Box<[u32]>>,
    by_date: OnceLock<Box<[u32]>>,
    page: OnceLock<u64>,
    json: OnceLock<u64>,
}

struct Row {
    /// Where its name begins.
    start: u32,
    length: u16,
    is_file: bool,
    size: u64,
    modified: i64,
}

/// What a page shows of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::files) struct Entry<'a> {
    pub(in crate::files) name: &'a [u8],
    pub(in crate::files) is_file: bool,
    pub(in crate::files) size: u64,
    /// In seconds since the epoch.
    pub(in crate::files) modified: i64,
}

/// Rows as they come from the kernel.
#[derive(Default)]
pub(in crate::files) struct Draft {
    names: Vec<u8>,
    rows: Vec<Row>,
    is_cut: bool,
}

impl Draft {
    pub(in crate::files) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row, if there is room for it: for 4 GiB of names, none longer than 64 KiB.
    pub(in crate::files) fn push(&mut self, entry: Entry<'_>) {
        let (start, length) = (u32::try_from(self.names.len()), u16::try_from(entry.name.len()));
        let (Ok(start), Ok(length)) = (start, length) else { return self.cut() };
        let Entry { is_file, size, modified, .. } = entry;
        self.names.extend_from_slice(entry.name);
        self.rows.push(Row { start, length, is_file, size, modified });
    }

    /// There are more names.
    pub(in crate::files) fn cut(&mut self) {
        self.is_cut = true;
    }

    /// In order, and no larger than need be.
    pub(in crate::files) fn finish(self) -> Rows {
        let Self { names, mut rows, is_cut } = self;
        rows.sort_unstable_by(|one, two| one.order(two, &names));
        let mut rows = Rows {
            names: names.into(),
            directories: rows.iter().filter(|row| !row.is_file).count(),
            all: rows.into(),
            is_cut,
            digest: [0; 32],
            by_size: OnceLock::new(),
            by_date: OnceLock::new(),
            page: OnceLock::new(),
            json: OnceLock::new(),
        };
        rows.digest = rows.digested();
        rows
    }
}

impl Rows {
    pub(in crate::files) const fn len(&self) -> usize {
        self.all.len()
    }

    pub(in crate::files) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Of everything that a page shows of the directory: two states with one digest are one.
    pub(in crate::files) const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// What stands there in natural order.
    pub(in crate::files) fn entry(&self, at: usize) -> Option<Entry<'_>> {
        let row = self.all.get(at)?;
        let Row { is_file, size, modified, .. } = *row;
        Some(Entry { name: row.name(&self.names), is_file, size, modified })
    }

    pub(in crate::files) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).map_while(|at| self.entry(at))
    }

    /// What stands there in this order.
    pub(in crate::files) fn sorted(&self, sort: Sort, at: usize) -> Option<Entry<'_>> {
        if at >= self.len() {
            return None;
        }
        let order = match sort.column {
            Column::Name => None,
            Column::Size => Some(self.by_size.get_or_init(|| self.ordered(Row::length_of_file))),
            Column::Modified => Some(self.by_date.get_or_init(|| self.ordered(|row| row.modified))),
        };
        // Directories stay in front; they have no size to be sorted by.
        let is_directory = at < self.directories;
        let kind = if is_directory { 0..self.directories } else { self.directories..self.len() };
        let at = if sort.descending && !(is_directory && sort.column == Column::Size) {
            (kind.start + kind.end).checked_sub(at + 1)?
        } else {
            at
        };
        match order {
            None => self.entry(at),
            Some(order) => self.entry(usize::try_from(*order.get(at)?).ok()?),
        }
    }

    /// Where each row is found that comes in the order of `key`, those of one key in natural order.
    fn ordered<K: Ord>(&self, key: impl Fn(&Row) -> K) -> Box<[u32]> {
        let numbers = |range: Range<usize>| range.filter_map(|at| u32::try_from(at).ok());
        let mut order: Vec<u32> = numbers(0..self.len()).collect();
        let key = |at: &u32| {
            let row = usize::try_from(*at).ok().and_then(|at| self.all.get(at));
            row.map(|row| (row.is_file, key(row)))
        };
        order.sort_by_key(key);
        order.into()
    }

    /// How long all rows are in this form, which whoever asks first counts by `count`.
    pub(in crate::files) fn length(&self, form: Form, count: impl FnOnce() -> u64) -> u64 {
        let known = match form {
            Form::Page | Form::Plain => &self.page,
            Form::Json => &self.json,
        };
        *known.get_or_init(count)
    }

    fn digested(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update([u8::from(self.is_cut)]);
        for Entry { name, is_file, size, modified } in self.entries() {
            hasher.update([u8::from(is_file)]);
            hasher.update(size.to_le_bytes());
            hasher.update(modified.to_le_bytes());
            hasher.update((name.len() as u64).to_le_bytes());
            hasher.update(name);
        }
        hasher.finalize().into()
    }
}

impl Row {
    fn name<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        names.get(start..).and_then(|rest| rest.get(..usize::from(self.length))).unwrap_or_default()
    }

    /// Of a directory it means nothing.
    fn length_of_file(&self) -> Option<u64> {
        self.is_file.then_some(self.size)
    }

    fn order(&self, other: &Self, names: &[u8]) -> Ordering {
        let kind = self.is_file.cmp(&other.is_file);
        kind.then_with(|| natural_order(self.name(names), other.name(names)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(entries: &[(&str, Option<u64>, i64)]) -> Rows {
        let mut draft = Draft::default();
        for (name, size, modified) in entries {
            draft.push(Entry {
                name: name.as_bytes(),
                is_file: size.is_some(),
                size: size.unwrap_or(4096),
                modified: *modified,
            });
        }
        draft.finish()
    }

    fn some() -> Rows {
        rows(&[
            ("b", Some(5), 30),
            ("a10", Some(7), 20),
            ("z", None, 10),
            ("a2", Some(5), 10),
            ("y", None, 40),
        ])
    }

    #[test]
    fn rows_are_sorted_by_each_column_and_directories_stay_in_front() {
        use Column::{Modified, Name, Size};
        let rows = some();
        for (column, descending, expected) in [
            (Name, false, ["y", "z", "a2", "a10", "b"]),
            (Name, true, ["z", "y", "b", "a10", "a2"]),
            (Size, false, ["y", "z", "a2", "b", "a10"]),
            (Size, true, ["y", "z", "a10", "b", "a2"]),
            (Modified, false, ["z", "y", "a2", "a10", "b"]),
            (Modified, true, ["y", "z", "b", "a10", "a2"]),
        ] {
            let sort = Sort { column, descending };
            let names: Vec<_> = (0..).map_while(|at| rows.sorted(sort, at)).collect();
            let names: Vec<_> = names.iter().map(|entry| entry.name).collect();
            assert_eq!(names, expected.map(str::as_bytes), "{column:?} {descending}");
        }
        for column in Column::ALL {
            for descending in [false, true] {
                let sort = Sort { column, descending };
                assert_eq!(self::rows(&[]).sorted(sort, 0), None);
                assert_eq!(rows.sorted(sort, usize::MAX), None);
            }
        }
    }

    #[test]
    fn a_digest_is_of_everything_that_is_told_and_of_nothing_else() {
        let again = rows(&[
            ("y", None, 40),
            ("z", None, 10),
            ("a10", Some(7), 20),
            ("a2", Some(5), 10),
            ("b", Some(5), 30),
        ]);
        assert_eq!(some().digest(), again.digest(), "the order of the kernel means nothing");
        let one = rows(&[("a", Some(1), 1)]);
        for other in [
            rows(&[]),
            rows(&[("b", Some(1), 1)]),
            rows(&[("a", Some(2), 1)]),
            rows(&[("a", Some(1), 2)]),
            rows(&[("a", None, 1)]),
        ] {
            assert_ne!(one.digest(), other.digest());
        }
        let mut cut = Draft::default();
        cut.cut();
        assert_ne!(cut.finish().digest(), rows(&[]).digest());
    }

    #[test]
    fn a_row_costs_what_is_said_of_it() {
        assert_eq!(size_of::<Row>(), 24);
    }
}
