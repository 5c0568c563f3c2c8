//! A real limit of threads, of a cgroup and of a user's: 503 at once while it holds, and no name is lost by it.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use letterhead::{FileSender, Operation};

use crate::apart::{in_child, runtime};
use crate::client::{H2, h1_get};
use crate::limit::Limit;
use crate::scratch::Scratch;
use crate::serve::{Server, serve, soon};

/// How many clients ask at once, over each protocol.
const CLIENTS: usize = 50;

/// Statuses, and when to ask again, of as many requests for a directory that has to be read.
async fn ask(server: &Server, path: &str) -> Vec<(u16, Option<String>)> {
    let h2 = H2::connect(server).await;
    let h1 = (0..CLIENTS).map(|_| async {
        let answer = h1_get(server, path, "").await;
        (answer.status(), answer.field("retry-after").map(str::to_owned))
    });
    let h2 = (0..CLIENTS).map(|_| async {
        let answer = h2.get(path).await.unwrap();
        (answer.status.as_u16(), answer.field("retry-after").map(str::to_owned))
    });
    let both = futures_util::future::join(
        futures_util::future::join_all(h1),
        futures_util::future::join_all(h2),
    );
    let (mut answers, more) = soon(both).await;
    answers.extend(more);
    answers
}

/// The sender has no thread yet, and none is to be had; or one, which is busy for good.
async fn check(limit: &Limit, files: FileSender, is_busy: bool) {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    if is_busy {
        let (begin, begun) = tokio::sync::oneshot::channel();
        drop(tokio::task::spawn_blocking(move || {
            begin.send(()).unwrap();
            held.recv()
        }));
        begun.await.unwrap();
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let server = serve(files.on_refusal(move |refused| {
        ear.lock().unwrap().push((refused.operation(), refused.errno()));
    }))
    .await;
    limit.shut();
    let before = limit.refused();
    let begun = Instant::now();
    // The later ones come when the first have been answered.
    for _ in 0..2 {
        let refused = vec![(503, Some("1".to_owned())); 2 * CLIENTS];
        assert_eq!(ask(&server, "/d/").await, refused, "busy: {is_busy}");
    }
    let took = begun.elapsed();
    println!("busy: {is_busy}, {} answers after {took:?}", 4 * CLIENTS);
    let asked = limit.refused().zip(before).map(|(after, before)| after - before);
    // Each would be asked for its own otherwise.
    assert!(asked.is_none_or(|asked| (1..200).contains(&asked)), "{asked:?} threads refused");
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    assert_eq!(heard, vec![(Operation::Thread, libc::EAGAIN); 4 * CLIENTS]);
    // What needs no thread is sent all the same.
    assert_eq!(ask(&server, "/d/a").await, vec![(200, None); 2 * CLIENTS]);
    limit.lift();
    // What the kernel said is believed for a moment.
    while h1_get(&server, "/d/", "").await.status() == 503 {}
    assert_eq!(ask(&server, "/d/").await, vec![(200, None); 2 * CLIENTS], "it goes on");
    drop(hold);
}

fn checks(limit: &Limit, scratch: &Scratch) {
    for is_busy in [false, true] {
        // Each with a pool that has no thread.
        runtime().block_on(check(limit, scratch.sender().listing(9), is_busy));
    }
}

#[test]
fn a_cgroup_that_is_full_is_503_at_once_and_nobody_waits_behind_it() {
    in_child("pids::a_cgroup_that_is_full_is_503_at_once_and_nobody_waits_behind_it", || {
        let scratch = Scratch::new();
        scratch.write("d/a", "a");
        if let Some(limit) = Limit::of_a_cgroup() {
            checks(&limit, &scratch);
        }
    });
}

#[test]
fn a_user_that_runs_as_many_as_it_may_is_503_at_once_and_nobody_waits_behind_it() {
    let name = "pids::a_user_that_runs_as_many_as_it_may_is_503_at_once_and_nobody_waits_behind_it";
    in_child(name, || {
        let scratch = Scratch::new();
        scratch.write("d/a", "a");
        let own = || {
            if let Some(limit) = Limit::of_a_user() {
                checks(&limit, &scratch);
            }
        };
        // The harness goes on as it was.
        std::thread::scope(|scope| scope.spawn(own).join().unwrap());
    });
}
