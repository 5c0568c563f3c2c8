//! A root that is looked for anew, for trees that are put in place by turning a link.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::sender::FileSender;
use super::settings::Settings;
use super::source::{Name, rule};
use crate::sys::{Place, Refusal, Root};

/// How long a root counts as the present one.
const LASTS: Duration = Duration::from_secs(1);

/// A path, and what it led to lately.
pub(super) struct Following {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    settings: Arc<Settings>,
    looked: Instant,
}

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
        let following = Following::new(root.as_ref().to_owned(), &sender.settings);
        sender.following = Some(Arc::new(following));
        Ok(sender)
    }
}

impl Following {
    pub(super) fn new(path: PathBuf, settings: &Arc<Settings>) -> Self {
        let state = State { settings: Arc::clone(settings), looked: Instant::now() };
        Self { path, state: Mutex::new(state) }
    }

    /// The same path, for a sender that was told something else.
    pub(super) fn again(&self, settings: &Arc<Settings>) -> Self {
        Self::new(self.path.clone(), settings)
    }

    /// What was served last.
    pub(super) fn last(&self) -> Arc<Settings> {
        Arc::clone(&self.state().settings)
    }

    /// What is served now; `None` if that has to be looked up where waiting is allowed.
    pub(super) fn current(&self) -> Option<Arc<Settings>> {
        let state = self.state();
        if state.looked.elapsed() < LASTS {
            return Some(Arc::clone(&state.settings));
        }
        let is_near = state.settings.root.place() != Place::Elsewhere;
        drop(state);
        // A look at a link and a directory of this machine. What goes wrong is told elsewhere.
        if is_near { self.look().ok() } else { None }
    }

    /// As [`current`](Self::current), where waiting is allowed.
    pub(super) fn current_blocking(&self) -> Arc<Settings> {
        let began = Instant::now();
        self.look().unwrap_or_else(|refusal| {
            let mut state = self.state();
            state.looked = state.looked.max(began);
            let settings = Arc::clone(&state.settings);
            drop(state);
            let name = Name::Foreign(self.path.as_os_str().as_encoded_bytes().to_vec());
            rule(&settings, &name, &refusal, u32::MAX, false);
            settings
        })
    }

    /// Follows the path.
    fn look(&self) -> Result<Arc<Settings>, Refusal> {
        let began = Instant::now();
        let root = Root::open(&self.path)?;
        let mut state = self.state();
        // Whoever began later knows better.
        if began >= state.looked {
            state.looked = began;
            if !root.is_same(&state.settings.root)? {
                let settings = Settings::clone(&state.settings);
                let shared = settings.shared.again(&settings);
                state.settings = Arc::new(Settings { root: Arc::new(root), shared, ..settings });
            }
        }
        Ok(Arc::clone(&state.settings))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
