//! The layer's settings, shared by all its services.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::HeaderName;

use super::Hold;
use super::deny_rules::DenyRules;
use super::policy_handle::PolicySetting;
use super::recoverer::Recoverer;
use super::sign_setting::SignSetting;
use crate::head::Receipt;
use crate::report::{AccessLog, Reporter};
use crate::rules::{Action, Rule, Rules};
use crate::sys::timer::Timers;

/// Who wants the receipt of every response.
type OnEnd = Arc<dyn Fn(&Receipt) + Send + Sync>;

/// The layer's settings.
pub(crate) struct Settings {
    pub(crate) hold: Hold,
    pub(crate) recoverer: Recoverer,
    pub(crate) on_end: Option<OnEnd>,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) linger: Duration,
    /// Trailers of bodies that may be merged into the head.
    pub(crate) merged_trailers: Arc<[HeaderName]>,
    /// What is watched, and for whom; `None` if nobody looks, and then nothing is paid for it.
    pub(crate) watch: Option<Watch>,
    pub(crate) sampling: Sampling,
    /// Times are sent to clients.
    pub(crate) server_timing: bool,
    pub(crate) policy: PolicySetting,
    pub(crate) deny: DenyRules,
    pub(crate) sign: SignSetting,
    /// Access log, policy, deny rules, signers or times want something of each request.
    pub(crate) keeps_requests: bool,
    pub(crate) timers: Timers,
    pub(crate) said: Said,
}

/// What is said once for each layer.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) nested: Once,
    pub(crate) no_timer: Once,
    pub(crate) misordered: OnceEach,
}

/// What receipts must have that costs something.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// When the response came how far.
    pub(crate) times: bool,
    /// The span of the request.
    pub(crate) span: bool,
    /// A link to a reporter's page.
    pub(crate) page: bool,
}

/// What is watched, and for whom.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) rules: Arc<Rules>,
    pub(crate) reporters: Vec<Arc<dyn Reporter>>,
    pub(crate) needs: Needs,
    /// The head itself says who wrote what.
    pub(crate) explained: bool,
    /// A rejected response says why.
    pub(crate) candid: bool,
    pub(crate) secrets: Arc<[HeaderName]>,
}

impl Watch {
    /// Whether somebody wants to know how a response ended.
    pub(crate) fn listens(&self) -> bool {
        !self.reporters.is_empty() || self.rules.is_strict()
    }

    /// Whether receipts are made for somebody who may look at the request.
    pub(crate) fn wants_receipts(&self) -> bool {
        !self.reporters.is_empty() || self.needs.times
    }

    pub(super) fn new() -> Self {
        // Nothing is judged before rules are given.
        let rules = Rule::ALL
            .into_iter()
            .fold(Rules::standard(), |rules, rule| rules.on(rule, Action::Allow));
        Self {
            rules: Arc::new(rules),
            reporters: Vec::new(),
            needs: Needs::default(),
            explained: false,
            candid: false,
            secrets: Arc::from([]),
        }
    }
}

/// Which requests are watched.
#[derive(Clone, Debug)]
pub(crate) struct Sampling {
    /// One request in so many; 0 is none.
    every: u64,
    seen: Arc<AtomicU64>,
}

impl Sampling {
    pub(super) fn new(every: u64) -> Self {
        Self { every, seen: Arc::default() }
    }

    /// Whether this request is one of those that are watched.
    pub(crate) fn takes(&self) -> bool {
        match self.every {
            0 => false,
            1 => true,
            every => self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(every),
        }
    }
}

/// Something that is said once in the life of a layer.
#[derive(Debug, Default)]
pub(crate) struct Once(AtomicBool);

impl Once {
    /// Whether this is the first time.
    pub(crate) fn first(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

/// Things that are each said once in the life of a layer.
#[derive(Debug, Default)]
pub(crate) struct OnceEach(Mutex<BTreeSet<String>>);

impl OnceEach {
    /// Whether this is the first time; never for the last of very many.
    pub(crate) fn first(&self, text: &str) -> bool {
        const MOST: usize = 64;
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.len() < MOST && said.insert(text.to_owned())
    }
}
