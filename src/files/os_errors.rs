//! What is decided about each refusal of the kernel, and who hears of it.

use std::sync::Arc;

use super::opened::Name;
use super::refused::Refused;
use super::single_flight;
use crate::sys::{Diagnosis, Operation, Recovery, Refusal, Root, Ruling};

/// Takes what was refused.
type OnRefusal = Arc<dyn Fn(&Refused) + Send + Sync>;

/// Decides about refusals of what is beneath a root, and reports them.
#[derive(Clone)]
pub(super) struct OsErrors {
    pub(super) root: Arc<Root>,
    pub(super) recovery: Recovery,
    pub(super) on_refusal: Option<OnRefusal>,
}

impl OsErrors {
    /// Decides about a refusal, and reports it.
    pub(super) fn decide(
        &self,
        name: &Name,
        refusal: &Refusal,
        attempt: u32,
        committed: bool,
    ) -> Ruling {
        let ruling = self.decide_quietly(refusal, attempt, committed);
        // That there is no such name is an answer, and the most common one; but not of the root.
        let is_news = refusal.operation() == Operation::Open
            || !matches!(refusal.raw_os_error(), libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG);
        if is_news {
            self.report(name, refusal, ruling);
        }
        ruling
    }

    /// Decides about a refusal that is not reported.
    pub(super) fn decide_quietly(
        &self,
        refusal: &Refusal,
        attempt: u32,
        committed: bool,
    ) -> Ruling {
        self.recovery.judge(refusal, attempt, committed)
    }

    /// Decides about a refusal, before the head is out, where nothing is tried again; and reports it.
    pub(super) fn give_up(&self, name: &Name, refusal: &Refusal) -> Ruling {
        self.decide(name, refusal, u32::MAX, false)
    }

    /// Calls the application's callback with a refusal and what was decided. A panic of it is contained.
    pub(super) fn report(&self, name: &Name, refusal: &Refusal, ruling: Ruling) {
        let Some(callback) = &self.on_refusal else { return };
        let diagnosis = || match (name, refusal.operation()) {
            (Name::Beneath(path), _) => Diagnosis::of(refusal, &self.root, path),
            // The root's own path.
            (Name::Foreign(path), Operation::Open) => Diagnosis::of_root(refusal, path),
            (Name::Foreign(_), _) => Diagnosis::of_process(refusal),
        };
        let diagnosis = match refusal.diagnosis() {
            Some(known) => Some(known.to_owned()),
            None => diagnosis().map(|diagnosis| diagnosis.to_string()),
        };
        let (Name::Beneath(path) | Name::Foreign(path)) = name;
        let refused = Refused::new(path, refusal, ruling, diagnosis);
        single_flight::release_waiters();
        crate::caught::contained(|| callback(&refused));
    }
}
