//! A thread that takes each version of the file soon after it is there.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

use super::followed::{Looked, Reload};
use super::path::directories;
use super::{DenyFile, PolicyFile, PolicyFileError, RedirectsFile, Reloaded};
use crate::caught::contained;
use crate::sys::{Mark, Marked, Operation, Refusal, Watcher};

/// How often the file is looked at where the kernel reports nothing: behind a network, through FUSE, by another link.
const POLL: Duration = Duration::from_secs(1);

/// How soon a file that is being written is looked at again.
const AGAIN: Duration = Duration::from_millis(10);

/// How long a writer may take over the file before the operator hears of it.
const WRITER_PATIENCE: Duration = Duration::from_secs(2);

/// The least time between two looks, for directories in which a lot happens.
const PAUSE: Duration = Duration::from_millis(2);

/// Watches a file of policy, redirects or deny rules; the watching ends when this is dropped.
#[must_use = "the watching ends with it"]
pub struct PolicyWatch {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes the thread.
struct Signal {
    is_over: AtomicBool,
    /// Room for one: what is not taken yet need not be said twice.
    wake: SyncSender<()>,
}

impl Signal {
    fn wake(&self) {
        let _ = self.wake.try_send(());
    }
}

impl PolicyFile {
    /// Takes each new version of the file as soon as it is there, until the [`PolicyWatch`] is dropped.
    ///
    /// The kernel reports changes (inotify, Linux) in every directory on the way to the file, symbolic links
    /// included: a file that is renamed over, a link `current` that is turned, the `..data` of a Kubernetes
    /// `ConfigMap`. Where it does not, a look once a second finds the change. A file that somebody has open
    /// for writing is not read before it is closed; where the kernel does not say so (the file is another
    /// user's, a network), it has to be 40 ms old. A writer that stays for 2 s is reported once.
    ///
    /// `on_reload` hears of each version that was taken, once of each that was refused (what was in force
    /// before stays), and once when what was refused is well again: then the version is
    /// [not new](Reloaded::is_new). It runs on the watching thread; a panic in it is caught and forgotten.
    ///
    /// # Errors
    ///
    /// The `io::Error` with which the kernel refused a thread. Refused watches are no error: then the file is
    /// looked at once a second.
    pub fn watch(
        &self,
        on_reload: impl FnMut(Result<Reloaded, PolicyFileError>) + Send + 'static,
    ) -> io::Result<PolicyWatch> {
        watch(self.clone(), on_reload)
    }
}

impl RedirectsFile {
    /// Takes each new version of the file as soon as it is there, as [`PolicyFile::watch`] does.
    ///
    /// # Errors
    ///
    /// The `io::Error` with which the kernel refused a thread.
    pub fn watch(
        &self,
        on_reload: impl FnMut(Result<Reloaded, PolicyFileError>) + Send + 'static,
    ) -> io::Result<PolicyWatch> {
        watch(self.clone(), on_reload)
    }
}

impl DenyFile {
    /// Takes each new version of the file as soon as it is there, as [`PolicyFile::watch`] does.
    ///
    /// # Errors
    ///
    /// The `io::Error` with which the kernel refused a thread.
    pub fn watch(
        &self,
        on_reload: impl FnMut(Result<Reloaded, PolicyFileError>) + Send + 'static,
    ) -> io::Result<PolicyWatch> {
        watch(self.clone(), on_reload)
    }
}

fn watch(
    file: impl Reload + Send + 'static,
    on_reload: impl FnMut(Result<Reloaded, PolicyFileError>) + Send + 'static,
) -> io::Result<PolicyWatch> {
    let (wake, woken) = sync_channel(1);
    let signal = Arc::new(Signal { is_over: AtomicBool::new(false), wake });
    let wakes = Arc::clone(&signal);
    let thread = thread::Builder::new()
        .name("letterhead-policy".to_owned())
        .spawn(move || run(&file, &wakes, &woken, on_reload))?;
    Ok(PolicyWatch { signal, thread: Some(thread) })
}

fn run(
    file: &impl Reload,
    signal: &Arc<Signal>,
    woken: &Receiver<()>,
    mut on_reload: impl FnMut(Result<Reloaded, PolicyFileError>),
) {
    let wakes = Arc::clone(signal);
    let watcher = Watcher::calling(move || wakes.wake()).ok();
    let followed = file.followed();
    let mut marks = Vec::new();
    let mut refused = None;
    let mut written_since = None;
    while !signal.is_over.load(Ordering::Acquire) {
        let began = Instant::now();
        // What happens from here on wakes again. The old marks go when the new ones are there.
        marks = watcher.as_ref().map(|watcher| mark(watcher, followed.path())).unwrap_or(marks);
        let mut next = POLL;
        let mut found = followed.look(file, true);
        if let Ok(Looked::Unsettled) = found {
            // A writer that stays does not keep this thread busy, and is no secret.
            if written_since.get_or_insert(began).elapsed() >= WRITER_PATIENCE {
                found = Err(PolicyFileError::unsettled(followed.path()));
            } else {
                next = AGAIN;
            }
        } else {
            written_since = None;
        }
        match found {
            Ok(Looked::Unsettled | Looked::Wrong) => {}
            Ok(Looked::Taken(reloaded)) => {
                let was_refused = refused.take().is_some();
                if reloaded.is_new() || was_refused {
                    contained(|| on_reload(Ok(reloaded)));
                }
            }
            Err(error) => {
                let text = format!("{error:#}");
                if refused.as_ref() != Some(&text) {
                    refused = Some(text);
                    contained(|| on_reload(Err(error)));
                }
            }
        }
        if woken.recv_timeout(next).is_ok() {
            thread::sleep(PAUSE.saturating_sub(began.elapsed()));
        }
    }
}

/// Marks the file and the directories on the way to it.
fn mark(watcher: &Watcher, path: &Path) -> Vec<Arc<Mark>> {
    let directories = directories(path);
    let on_the_way = directories.iter().map(|directory| (&**directory, Marked::Directory));
    let all = on_the_way.chain([(path, Marked::File)]);
    all.filter_map(|(path, what)| mark_one(watcher, path, what).ok()).collect()
}

fn mark_one(watcher: &Watcher, path: &Path, what: Marked) -> Result<Arc<Mark>, Refusal> {
    let descriptor = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| Refusal::errno(Operation::Watch, errno))?;
    watcher.mark(descriptor, what)
}

impl Drop for PolicyWatch {
    fn drop(&mut self) {
        self.signal.is_over.store(true, Ordering::Release);
        self.signal.wake();
        let own = thread::current().id();
        // Dropped by its own callback it cannot wait for itself.
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != own) {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for PolicyWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyWatch").finish_non_exhaustive()
    }
}
