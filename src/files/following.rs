//! A root that is looked for anew, for trees that are put in place by turning a link.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::sender::FileSender;
use super::settings::Settings;
use super::source::{Name, rule};
use crate::sys::{Refusal, Root};

/// How long a root counts as the present one.
const LASTS: Duration = Duration::from_secs(1);

/// A path, and what it led to lately.
pub(super) struct Following {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    settings: Arc<Settings>,
    directory: Directory,
    looked: Instant,
}

/// Device and number of a directory, if they could be had.
type Directory = Option<(u64, u64)>;

impl FileSender {
    /// As [`new`](Self::new), but what `root` leads to is looked up anew, at most once a second: for a link
    /// `current` that a deployment turns from one tree to the next.
    ///
    /// A request that begins a second after the turn, or later, is served from the new tree, and no request from
    /// both. A download that has begun goes on with the file that it has open. If the path leads nowhere for a
    /// while, the last tree stays, and [`on_refusal`](Self::on_refusal) hears of it, once a second at most.
    ///
    /// Turn the link by renaming a new one over it. What is beneath the root follows [`Links`](super::Links) as
    /// ever.
    ///
    /// # Errors
    ///
    /// The `io::Error` with which the directory could not be opened now.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::FileSender;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = "src";
    /// // let path = "/srv/site/current";
    /// let files = FileSender::following(path)?;
    /// # let _ = files;
    /// # Ok(())
    /// # }
    /// ```
    pub fn following(root: impl AsRef<Path>) -> io::Result<Self> {
        let mut sender = Self::new(root.as_ref())?;
        let settings = own(&sender.settings, Arc::clone(&sender.settings.root));
        let directory = directory(&settings.root).ok();
        let state = Mutex::new(State { settings, directory, looked: Instant::now() });
        sender.following = Some(Arc::new(Following { path: root.as_ref().to_owned(), state }));
        Ok(sender)
    }
}

impl Following {
    /// The same path and what it led to lately, for a sender that was told something else.
    pub(super) fn again(&self, settings: &Settings) -> Self {
        let state = self.state();
        let settings = own(settings, Arc::clone(&state.settings.root));
        let (directory, looked) = (state.directory, state.looked);
        drop(state);
        Self { path: self.path.clone(), state: Mutex::new(State { settings, directory, looked }) }
    }

    /// What was served last.
    pub(super) fn last(&self) -> Arc<Settings> {
        Arc::clone(&self.state().settings)
    }

    /// What is served now; `None` if that has to be looked up where waiting is allowed.
    pub(super) fn current(&self) -> Option<Arc<Settings>> {
        let state = self.state();
        (state.looked.elapsed() < LASTS).then(|| Arc::clone(&state.settings))
    }

    /// As [`current`](Self::current), where waiting is allowed.
    pub(super) fn current_blocking(&self) -> Arc<Settings> {
        let began = Instant::now();
        self.look().unwrap_or_else(|refusal| {
            let mut state = self.state();
            // Of those that looked at the same time one tells.
            let is_news = began.saturating_duration_since(state.looked) >= LASTS;
            state.looked = state.looked.max(began);
            let settings = Arc::clone(&state.settings);
            drop(state);
            if is_news {
                let name = Name::Foreign(self.path.as_os_str().as_encoded_bytes().to_vec());
                rule(&settings, &name, &refusal, u32::MAX, false);
            }
            settings
        })
    }

    /// Follows the path.
    fn look(&self) -> Result<Arc<Settings>, Refusal> {
        let began = Instant::now();
        // The kernel is asked before the lock is taken: it may be a network that answers.
        let root = Root::open(&self.path)?;
        let directory = Some(directory(&root)?);
        let mut state = self.state();
        // Whoever began later knows better.
        if began >= state.looked {
            state.looked = began;
            if directory != state.directory {
                state.directory = directory;
                state.settings = own(&state.settings, Arc::new(root));
            }
        }
        Ok(Arc::clone(&state.settings))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is served beneath this root, with nothing in memory of any other.
fn own(settings: &Settings, root: Arc<Root>) -> Arc<Settings> {
    let shared = settings.shared.again(settings);
    Arc::new(Settings { root, shared, ..settings.clone() })
}

fn directory(root: &Root) -> Result<(u64, u64), Refusal> {
    root.stat().map(|stat| (stat.identity.dev, stat.identity.ino))
}
