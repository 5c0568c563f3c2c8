//! What this kernel turned out to have: asked once, remembered, reported.

use std::fmt;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use rustix::io::Errno;

use super::door;
use super::errno::Named;

/// What is known of one ability of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probed {
    /// It was not needed yet.
    Unknown,
    /// It is there.
    There,
    /// It is not: a known-good use of it was refused with this number.
    Missing(i32),
}

/// What the process knows, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Probes {
    /// `openat2`; without it paths are walked component by component.
    pub(crate) openat2: Probed,
    /// `RESOLVE_CACHED`; without it no path is opened inline.
    pub(crate) cached: Probed,
    /// Devices whose filesystem does not know `RWF_NOWAIT`.
    pub(crate) without_nowait: Vec<u64>,
}

/// Where it is remembered: one for the process, and some for tests.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    openat2: Slot,
    cached: Slot,
    without_nowait: Devices,
}

/// One ability: 0 is unknown, -1 is there, else the error number of its absence.
#[derive(Debug, Default)]
pub(super) struct Slot(AtomicI32);

/// Devices without something, as complements so that 0 is an empty place. A device that finds
/// no place costs one refused call each time, nothing else.
#[derive(Debug, Default)]
pub(super) struct Devices([AtomicU64; 16]);

/// What this process remembers.
pub(crate) fn memory() -> &'static Memory {
    static MEMORY: Memory = Memory {
        openat2: Slot(AtomicI32::new(0)),
        cached: Slot(AtomicI32::new(0)),
        without_nowait: Devices::none(),
    };
    &MEMORY
}

impl Memory {
    pub(crate) fn probes(&self) -> Probes {
        Probes {
            openat2: self.openat2.get(),
            cached: self.cached.get(),
            without_nowait: self.without_nowait.all().collect(),
        }
    }

    pub(super) const fn openat2(&self) -> &Slot {
        &self.openat2
    }

    pub(super) const fn cached(&self) -> &Slot {
        &self.cached
    }

    /// Whether `openat2` is missing, now that it was refused with a number that may say so.
    ///
    /// Old container runtimes answer `EPERM` for what they do not know, and a true `EPERM` looks
    /// the same: so a directory that everybody may name is opened, and that answer counts. "There"
    /// is asked again on each such refusal, as a filter may have come later; "missing" is not.
    pub(super) fn openat2_is_missing(&self) -> bool {
        self.openat2.ask(|| door::probe_openat2(false))
    }

    /// Whether `RESOLVE_CACHED` is missing (before Linux 5.12).
    pub(super) fn cached_is_missing(&self) -> bool {
        self.cached.ask(|| door::probe_openat2(true))
    }

    pub(crate) fn knows_nowait(&self, device: u64) -> bool {
        !self.without_nowait.has(device)
    }

    pub(crate) fn has_no_nowait(&self, device: u64) {
        self.without_nowait.add(device);
    }
}

impl Slot {
    pub(super) fn get(&self) -> Probed {
        match self.0.load(Ordering::Relaxed) {
            0 => Probed::Unknown,
            -1 => Probed::There,
            errno => Probed::Missing(errno),
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// It was used with success.
    pub(super) fn worked(&self) {
        if self.get() == Probed::Unknown {
            let _ = self.0.compare_exchange(0, -1, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// It is known not to be there.
    pub(super) fn fails_with(&self, errno: Errno) {
        self.0.store(errno.raw_os_error(), Ordering::Relaxed);
    }

    fn ask(&self, probe: impl FnOnce() -> Result<(), Errno>) -> bool {
        match probe() {
            Ok(()) => self.worked(),
            Err(errno @ (Errno::NOSYS | Errno::PERM | Errno::INVAL)) => self.fails_with(errno),
            // No descriptor left, no memory: that says nothing about the kernel.
            Err(_) => {}
        }
        self.is_missing()
    }
}

impl Devices {
    pub(super) const fn none() -> Self {
        Self([const { AtomicU64::new(0) }; 16])
    }

    pub(super) fn has(&self, device: u64) -> bool {
        self.all().any(|known| known == device)
    }

    pub(super) fn add(&self, device: u64) {
        let (mark, order) = (!device, Ordering::Relaxed);
        for place in &self.0 {
            match place.compare_exchange(0, mark, order, order) {
                Ok(_) => return,
                Err(taken) if taken == mark => return,
                Err(_) => {}
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|place| place.load(Ordering::Relaxed)).take_while(|m| *m != 0).map(|m| !m)
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("not asked"),
            Self::There => f.write_str("there"),
            Self::Missing(errno) => write!(f, "missing, {}", Named(*errno)),
        }
    }
}

impl fmt::Display for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "openat2: {}; RESOLVE_CACHED: {}", self.openat2, self.cached)?;
        write!(f, "; devices without RWF_NOWAIT: {}", self.without_nowait.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_about_the_kernel_is_remembered() {
        let slot = Slot::default();
        assert!(!slot.ask(|| Err(Errno::MFILE)));
        assert_eq!(slot.get(), Probed::Unknown);
        assert!(!slot.ask(|| Ok(())));
        assert_eq!(slot.get(), Probed::There);
        assert!(slot.ask(|| Err(Errno::PERM)));
        assert_eq!(slot.get(), Probed::Missing(libc::EPERM));
        slot.worked();
        assert!(slot.is_missing());
    }

    #[test]
    fn sixteen_devices_are_remembered_and_more_do_no_harm() {
        let memory = Memory::default();
        for device in [7, 7, 0].into_iter().chain(100..200) {
            assert!(device == 7 || memory.knows_nowait(device));
            memory.has_no_nowait(device);
        }
        assert!(!memory.knows_nowait(7) && !memory.knows_nowait(0) && memory.knows_nowait(150));
        let probes = memory.probes();
        assert_eq!(probes.without_nowait.len(), 16);
        assert_eq!(
            probes.to_string(),
            "openat2: not asked; RESOLVE_CACHED: not asked; devices without RWF_NOWAIT: 16"
        );
    }
}
