//! Whoever waits for a lock keeps nobody from reading.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use letterhead::store::{StoreError, When};
use tokio::runtime::Builder;

use crate::scratch::Scratch;
use crate::tools::text;

#[test]
fn readers_have_threads_while_writers_wait_for_a_lock() {
    let scratch = Scratch::new();
    let store = scratch.store().lock_wait(Duration::from_secs(60));
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(40).build();
    let runtime = runtime.unwrap();
    runtime.block_on(store.put("a", When::New, text("x"))).unwrap();
    // Where nobody is in the way no patience is needed.
    let hasty = store.clone().lock_wait(Duration::ZERO);
    runtime.block_on(hasty.put("b", When::New, text("x"))).unwrap();

    // Somebody who sweeps has the lock of the directory, and does not go on.
    let (told, stopped) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let sweeper = scratch.store().on_notice(move |_| {
        told.send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
    });
    std::fs::write(scratch.path(".letterhead-0.tmp"), "").unwrap();
    let sweeping = thread::spawn(move || {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(sweeper.sweep(Duration::ZERO)).unwrap()
    });
    stopped.recv().unwrap();

    let busy = runtime.block_on(hasty.remove("b", None)).unwrap_err();
    assert!(busy.is_busy() && busy.status() == 503, "{busy}");
    assert_eq!(busy.retry_after(), Some(Duration::from_secs(1)));
    let missing = runtime.block_on(store.head("none", None)).unwrap_err();
    assert_eq!((missing.status().as_u16(), missing.retry_after()), (404, None));

    runtime.block_on(async {
        let store = Arc::new(store);
        let writers: Vec<_> = (0..100)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.remove("none", None).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let read = tokio::time::timeout(Duration::from_secs(20), store.head("a", None)).await;
        // Whatever came of it, nothing is left waiting.
        go_on.send(()).unwrap();
        assert_eq!(read.expect("a reader waits for nobody").unwrap().generation(), 1);
        for writer in writers {
            assert!(writer.await.unwrap().as_ref().is_err_and(StoreError::is_not_found));
        }
    });
    assert_eq!(sweeping.join().unwrap(), 1);
}
