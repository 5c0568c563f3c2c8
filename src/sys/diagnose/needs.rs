//! What each operation needs to be allowed: a table, which asks nobody.

use super::bit::Bit;
use crate::sys::operation::Operation;

/// What has to be given for an operation on a name beneath a root. Each directory on the way has to be
/// searchable besides, where a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Of what has the name.
    pub(crate) target: &'static [Bit],
    /// Of the directory that has the name in it.
    pub(crate) directory: &'static [Bit],
    /// To own what has the name, or else this capability.
    pub(crate) owner: Option<Capability>,
    /// What is changed: attributes and mounts forbid it whatever mode bits say.
    pub(crate) change: Change,
}

/// What an operation changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    /// Bytes, room or length of a file.
    Content,
    /// A name comes to the directory.
    NewName,
    /// A name goes, or another file takes it over.
    Name,
    /// Mode, owner or extended attributes.
    Attributes,
}

/// A capability that takes the place of owning a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capability {
    Lease,
    Owner,
}

const NONE: Needs = Needs { target: &[], directory: &[], owner: None, change: Change::Nothing };

impl Needs {
    pub(crate) const fn of(operation: Operation) -> Self {
        use Bit::{Read, Search, Write};
        match operation {
            Operation::Open | Operation::Resolve | Operation::Read => {
                Self { target: &[Read], ..NONE }
            }
            // Its names are read through a descriptor of their own, which is opened in it.
            Operation::List => Self { target: &[Search, Read], ..NONE },
            // inotify wants to read what it tells of.
            Operation::Watch => Self { target: &[Read], ..NONE },
            Operation::Lease => Self { owner: Some(Capability::Lease), ..NONE },
            Operation::Stat
            | Operation::Mount
            | Operation::Sync
            | Operation::SyncDirectory
            | Operation::Thread => NONE,
            Operation::Modify | Operation::Lock => {
                Self { target: &[Read, Write], change: Change::Content, ..NONE }
            }
            Operation::Reserve | Operation::Write | Operation::Map | Operation::Resize => {
                Self { change: Change::Content, ..NONE }
            }
            Operation::Create | Operation::Link => {
                Self { directory: &[Write, Search], change: Change::NewName, ..NONE }
            }
            Operation::Rename | Operation::Remove => {
                Self { directory: &[Write, Search], change: Change::Name, ..NONE }
            }
            Operation::Attributes => {
                Self { owner: Some(Capability::Owner), change: Change::Attributes, ..NONE }
            }
        }
    }

    /// As [`of`](Self::of), where it is known whether the name is there: what is made if it is not needs what
    /// making needs.
    pub(crate) const fn at(operation: Operation, is_there: bool) -> Self {
        let is_made = matches!(operation, Operation::Lock) && !is_there;
        Self::of(if is_made { Operation::Create } else { operation })
    }
}

impl Capability {
    pub(crate) const fn bit(self) -> u64 {
        match self {
            Self::Lease => 1 << 28,
            Self::Owner => 1 << 3,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lease => "CAP_LEASE",
            Self::Owner => "CAP_FOWNER",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect_file;

    use super::*;

    #[test]
    fn what_each_operation_needs() {
        let mut table = String::new();
        for operation in Operation::ALL.iter().copied() {
            let Needs { target, directory, owner, change } = Needs::of(operation);
            let owner = owner.map_or("-", Capability::name);
            let name = operation.as_str();
            writeln!(table, "{name}: {target:?} {directory:?} {owner} {change:?}")
                .expect("a string");
        }
        assert_eq!(Needs::at(Operation::Lock, false), Needs::of(Operation::Create));
        assert_eq!(Needs::at(Operation::Lock, true), Needs::of(Operation::Modify));
        expect_file!["needs.txt"].assert_eq(&table);
        // As capabilities(7) numbers them.
        assert_eq!((Capability::Lease.bit(), Capability::Owner.bit()), (0x1000_0000, 8));
    }
}
