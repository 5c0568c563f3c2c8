//! A root that is turned, and what that means to what is kept, and what a sender with more settings does.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Scratch, later};
use crate::files::{FileSender, Freshness};

/// Turns the link `current` to another tree.
fn turn(scratch: &Scratch, target: &str) {
    let next = scratch.0.join("next");
    std::os::unix::fs::symlink(target, &next).unwrap();
    fs::rename(next, scratch.0.join("current")).unwrap();
}

fn trees() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("one/f", "one").write("two/f", "two");
    turn(&scratch, "one");
    scratch
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_told_more_after_a_turn_serves_the_new_tree() {
    let scratch = trees();
    let sender = FileSender::following(scratch.0.join("current")).unwrap();
    assert_eq!(later(&sender, "GET", "/f", &[]).await.body, "one");
    let before = sender.counts().pooled;
    turn(&scratch, "two");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(later(&sender, "GET", "/f", &[]).await.body, "two");
    // The path may lead to a network: that is not looked up where nothing may wait.
    assert_eq!(sender.counts().pooled, before + 1);
    // It was not that sender's last look that is a second old, but that of the first tree.
    let received = sender.clone().hidden(true);
    assert_eq!(later(&received, "GET", "/f", &[]).await.body, "two");
    turn(&scratch, "one");
    tokio::time::advance(Duration::from_secs(60)).await;
    let received = received.slash(false);
    assert_eq!(later(&received, "GET", "/f", &[]).await.body, "one");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_a_tree_that_is_not_served_any_more() {
    let scratch = trees();
    let sender = FileSender::following(scratch.0.join("current"))
        .unwrap()
        .freshness(Freshness::Watched { max_age: Duration::from_secs(1) });
    later(&sender, "GET", "/f", &[]).await;
    assert_eq!(sender.counts().files, 1);
    turn(&scratch, "two");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(later(&sender, "GET", "/f", &[]).await.body, "two");
    assert_eq!(sender.counts().files, 1);
    // The path of a setting of the sender itself is no place for files.
    assert_eq!(sender.settings.shared.counts().files, 0);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_requests_tells_once_that_a_root_leads_nowhere() {
    let scratch = trees();
    let received: Arc<Mutex<u32>> = Arc::default();
    let count = Arc::clone(&received);
    let sender = FileSender::following(scratch.0.join("current"))
        .unwrap()
        .on_refusal(move |_| *count.lock().unwrap() += 1);
    fs::remove_file(scratch.0.join("current")).unwrap();
    for seconds in 1..=2 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let burst: Vec<_> = (0..32).map(|_| later(&sender, "GET", "/f", &[])).collect();
        let answers = futures_util::future::join_all(burst).await;
        assert!(answers.iter().all(|answer| answer.body == "one"));
        assert_eq!(*received.lock().unwrap(), seconds);
    }
}
