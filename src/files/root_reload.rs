//! A root that is looked for again, for trees that are put in place by turning a link.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::admission::Admission;
use super::opened::Name;
use super::os_errors::OsErrors;
use super::settings::Settings;
use crate::sys::{Refusal, Root};

/// How long a root counts as the present one.
const LASTS: Duration = Duration::from_secs(1);

/// A path, and what it led to lately.
pub(super) struct ReloadedRoot {
    /// `None`: the root stays, and only the list of what is served may be another.
    path: Option<PathBuf>,
    state: Mutex<State>,
    /// Held while the list of another tree is read: of requests that find the tree turned one reads it.
    loading: Mutex<()>,
}

struct State {
    settings: Arc<Settings>,
    directory: Directory,
    looked: Instant,
    /// A tree whose list was not taken, and when.
    refused: Option<(Directory, Instant)>,
}

/// Device and number of a directory, if they could be had.
type Directory = Option<(u64, u64)>;

impl ReloadedRoot {
    /// A path that has just led to the root of these settings.
    pub(super) fn of(path: &Path, settings: &Settings) -> Self {
        let settings = own(settings, Arc::clone(&settings.os_errors.root));
        let directory = directory(settings.root()).ok();
        Self::new(Some(path.to_owned()), settings, directory, Instant::now())
    }

    fn new(
        path: Option<PathBuf>,
        settings: Arc<Settings>,
        directory: Directory,
        looked: Instant,
    ) -> Self {
        let state = Mutex::new(State { settings, directory, looked, refused: None });
        Self { path, state, loading: Mutex::default() }
    }

    /// The root of these settings, which stays.
    #[allow(dead_code, reason = "a list of files is an option")]
    pub(super) fn fixed(settings: &Settings) -> Self {
        let settings = own(settings, Arc::clone(&settings.os_errors.root));
        Self::new(None, settings, None, Instant::now())
    }

    /// Puts another list in force, unless something else came in the place of these settings meanwhile; whether it did.
    #[allow(dead_code, reason = "a list of files is an option")]
    pub(super) fn put(&self, last: &Arc<Settings>, admission: &Arc<Admission>) -> bool {
        let mut state = self.state();
        if !Arc::ptr_eq(&state.settings, last) {
            return false;
        }
        let settings = Settings { admission: Some(Arc::clone(admission)), ..Settings::clone(last) };
        state.settings = own(&settings, Arc::clone(&last.os_errors.root));
        drop(state);
        admission.loaded(last.admission.as_deref());
        true
    }

    /// The same path and what it led to lately, for a sender with other settings.
    pub(super) fn again(&self, settings: &Settings) -> Self {
        let state = self.state();
        let in_force = state.settings.admission.as_ref();
        let admission = Admission::later(settings.admission.as_ref(), in_force).map(Arc::clone);
        let settings = Settings { admission, ..settings.clone() };
        let settings = own(&settings, Arc::clone(&state.settings.os_errors.root));
        let (directory, looked) = (state.directory, state.looked);
        drop(state);
        Self::new(self.path.clone(), settings, directory, looked)
    }

    /// What was served last.
    pub(super) fn last(&self) -> Arc<Settings> {
        Arc::clone(&self.state().settings)
    }

    /// What is served now; `None` if that has to be looked up on the blocking pool.
    pub(super) fn current(&self) -> Option<Arc<Settings>> {
        let state = self.state();
        (self.path.is_none() || state.looked.elapsed() < LASTS).then(|| Arc::clone(&state.settings))
    }

    /// As [`current`](Self::current), on the blocking pool.
    pub(super) fn current_blocking(&self) -> Arc<Settings> {
        let began = Instant::now();
        self.look().unwrap_or_else(|refusal| {
            let mut state = self.state();
            // Of those that looked at the same time one reports.
            let is_news = began.saturating_duration_since(state.looked) >= LASTS;
            state.looked = state.looked.max(began);
            let settings = Arc::clone(&state.settings);
            drop(state);
            if is_news {
                let path = self.path.as_deref().unwrap_or(Path::new("")).as_os_str();
                let name = Name::Foreign(path.as_encoded_bytes().to_vec());
                settings.os_errors.give_up(&name, &refusal);
            }
            settings
        })
    }

    /// Follows the path.
    fn look(&self) -> Result<Arc<Settings>, Refusal> {
        let began = Instant::now();
        // The kernel is asked before the lock is taken: it may be a network that answers.
        let Some(path) = &self.path else { return Ok(self.last()) };
        let root = Root::open(path)?;
        let directory = Some(directory(&root)?);
        let (settings, is_known) = self.known(directory);
        let is_loaded = settings.admission.is_some() && !is_known;
        let _loading = is_loaded.then(|| self.loading.lock());
        // Somebody may have read the list meanwhile.
        let (settings, is_known) = self.known(directory);
        // A tree whose list is not taken is not taken either.
        let (takes, admission) = match &settings.admission {
            Some(_) if is_known => (false, None),
            Some(list) => {
                let next = list.again(&root);
                (next.is_some(), next)
            }
            None => (true, None),
        };
        let mut state = self.state();
        if settings.admission.is_some() && !is_known && !takes {
            state.refused = Some((directory, Instant::now()));
        }
        // Whoever began later knows better.
        let is_latest = began >= state.looked;
        state.looked = state.looked.max(began);
        // A list was held against the one in force then; another one may be since, and the tree is for a later look.
        let is_after = admission.is_none() || Arc::ptr_eq(&state.settings, &settings);
        let is_new = is_latest && takes && is_after && directory != state.directory;
        let mut before = None;
        if is_new {
            before.clone_from(&state.settings.admission);
            state.directory = directory;
            let settings = Settings { admission, ..Settings::clone(&state.settings) };
            state.settings = own(&settings, Arc::new(root));
        }
        let settings = Arc::clone(&state.settings);
        drop(state);
        if let Some(list) = settings.admission.as_ref().filter(|_| is_new) {
            list.loaded(before.as_deref());
        }
        Ok(settings)
    }

    /// What is served, and whether it is of this directory, or that one was refused just now.
    fn known(&self, directory: Directory) -> (Arc<Settings>, bool) {
        let state = self.state();
        let is_refused =
            state.refused.is_some_and(|(which, at)| which == directory && at.elapsed() < LASTS);
        (Arc::clone(&state.settings), is_refused || state.directory == directory)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is served beneath this root, with nothing in memory of any other.
fn own(settings: &Settings, root: Arc<Root>) -> Arc<Settings> {
    let os_errors = Arc::new(OsErrors { root, ..OsErrors::clone(&settings.os_errors) });
    let shared = settings.shared.again(settings.memory.cache, settings.memory.freshness);
    Arc::new(Settings { os_errors, shared, ..settings.clone() })
}

fn directory(root: &Root) -> Result<(u64, u64), Refusal> {
    root.stat().map(|stat| (stat.identity.dev, stat.identity.ino))
}
