//! How late things are on this runtime, whatever the reason: a machine that is busy is not the server's fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

/// A task that sleeps again and again, and knows by how much it has overslept at most.
pub(crate) struct Late {
    most: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Late {
    pub(crate) fn watch() -> Self {
        const NAP: Duration = Duration::from_millis(5);
        let most = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&most);
        let task = tokio::spawn(async move {
            loop {
                let begun = Instant::now();
                tokio::time::sleep(NAP).await;
                let over = begun.elapsed().saturating_sub(NAP);
                let over = u64::try_from(over.as_micros()).unwrap_or(u64::MAX);
                seen.fetch_max(over, Ordering::Relaxed);
            }
        });
        Self { most, task }
    }

    pub(crate) fn most(&self) -> Duration {
        Duration::from_micros(self.most.load(Ordering::Relaxed))
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        self.task.abort();
    }
}
