//! What the operator reads of refusals, by a thread of its own: one that prints may have to wait for its reader.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// How many lines wait to be printed; more are left out.
const WAITING: usize = 1024;

/// How long the last lines may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The printing thread.
pub(crate) struct Refusals {
    lines: SyncSender<Option<String>>,
    /// Ends with the thread.
    over: Receiver<()>,
}

impl Refusals {
    pub(crate) fn new() -> Self {
        let (lines, waiting) = sync_channel::<Option<String>>(WAITING);
        let (running, over) = sync_channel(0);
        std::thread::spawn(move || {
            let _running: SyncSender<()> = running;
            while let Ok(Some(line)) = waiting.recv() {
                // In one piece, for the access log writes there, too.
                let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
            }
        });
        Self { lines, over }
    }

    /// What prints a line, or leaves it out.
    pub(crate) fn printer(&self) -> impl Fn(String) + Send + Sync + 'static {
        let lines = self.lines.clone();
        move |line| drop(lines.try_send(Some(line)))
    }

    /// Waits a moment for what is to be printed.
    pub(crate) fn finish(self) {
        if self.lines.try_send(None).is_ok() {
            let _ = self.over.recv_timeout(PATIENCE);
        }
    }
}
