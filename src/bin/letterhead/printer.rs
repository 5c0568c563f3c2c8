//! What the operator reads, printed by a thread of its own: whoever prints may have to wait for its reader.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// How many texts wait to be printed; more are left out.
const WAITING: usize = 1024;

/// How long the last texts may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread that prints to standard error.
pub(crate) struct Printer {
    texts: SyncSender<Option<String>>,
    /// Ends with the thread.
    over: Receiver<()>,
}

impl Printer {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (texts, waiting) = sync_channel::<Option<String>>(WAITING);
        let (running, over) = sync_channel(0);
        std::thread::Builder::new().name("letterhead-print".to_owned()).spawn(move || {
            let _running: SyncSender<()> = running;
            while let Ok(Some(text)) = waiting.recv() {
                // In one piece, for the access log writes there, too.
                let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
            }
        })?;
        Ok(Self { texts, over })
    }

    /// What prints a text, or leaves it out.
    pub(crate) fn handle(&self) -> impl Fn(String) + Clone + Send + Sync + 'static {
        let texts = self.texts.clone();
        move |text| drop(texts.try_send(Some(text)))
    }

    /// Waits a moment for what is to be printed.
    pub(crate) fn finish(self) {
        if self.texts.try_send(None).is_ok() {
            let _ = self.over.recv_timeout(PATIENCE);
        }
    }
}
