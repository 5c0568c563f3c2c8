//! Thousands of connections with nothing under way, each in a process whose descriptors suffice for both ends.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncReadExt as _;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::apart::{in_child, runtime, until};
use crate::client::{H2, Raw, whole};
use crate::figures::figures;
use crate::running::Running;
use crate::skip;

const CROWD: usize = 5000;
const STREAMS: usize = 1000;
/// Longer than it takes to make a crowd.
const IDLE: Duration = Duration::from_secs(600);

/// Whether this process may have so many connections with both of their ends.
fn has_room_for(connections: usize) -> bool {
    let wanted = 2 * connections as u64 + 200;
    let found = getrlimit(Resource::Nofile);
    if found.maximum.is_some_and(|most| most < wanted) {
        skip::place(format_args!("{wanted} descriptors, found {:?}", found.maximum));
        return false;
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..found }).unwrap();
    true
}

/// Memory of this process that is in use, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// So many clients, each of which has had an answer, and when it had it.
async fn crowd(server: &Running, clients: usize) -> Vec<(Raw, tokio::time::Instant)> {
    let mut crowd = Vec::with_capacity(clients);
    // No more at once than the system's queue takes.
    while crowd.len() < clients {
        crowd.extend(
            join_all((0..100.min(clients - crowd.len())).map(|_| async {
                let mut raw = Raw::connect(server.addr).await;
                raw.get("/").await;
                assert_eq!(raw.answer().await.0, 200);
                (raw, tokio::time::Instant::now())
            }))
            .await,
        );
    }
    crowd
}

#[test]
fn five_thousand_idle_connections_are_held_and_end_with_the_server() {
    in_child("crowds::five_thousand_idle_connections_are_held_and_end_with_the_server", || {
        if !has_room_for(CROWD + 500) {
            return;
        }
        runtime().block_on(async {
            let mut server = Running::start(|serve| serve.idle_timeout(Duration::MAX)).await;
            let alive = || Handle::current().metrics().num_alive_tasks();
            let (tasks, before) = (alive(), resident());
            let mut idle = crowd(&server, CROWD).await;
            let each = (resident() - before).div_ceil(CROWD as u64);
            assert_eq!(alive() - tasks, CROWD);
            // Whoever comes now is answered as ever.
            let begun = Instant::now();
            drop(crowd(&server, 500).await);
            let took = begun.elapsed();
            until("those to be gone", || alive() - tasks == CROWD).await;
            let begun = Instant::now();
            server.stop();
            for (raw, _) in &mut idle {
                assert_eq!(raw.rest().await, "");
            }
            assert!(server.told().is_empty());
            let served = server.stopped().await;
            assert_eq!((served.accepted, served.cut), (CROWD as u64 + 500, 0));
            figures(
                "serve-crowd",
                &format!(
                    "{CROWD} idle connections: {each} KiB for both ends of each; 500 more clients \
                     answered in {took:?}; over {:?} after the stop",
                    begun.elapsed()
                ),
            );
        });
    });
}

#[test]
fn five_thousand_idle_connections_are_closed_in_their_time() {
    in_child("crowds::five_thousand_idle_connections_are_closed_in_their_time", || {
        if !has_room_for(CROWD) {
            return;
        }
        runtime().block_on(async {
            let mut server = Running::start(|serve| serve.idle_timeout(IDLE)).await;
            let alive = || Handle::current().metrics().num_alive_tasks();
            let tasks = alive();
            let begun = tokio::time::Instant::now();
            let crowd = crowd(&server, CROWD).await;
            let span = begun.elapsed();
            // From here on the clock goes to whatever is due next, as soon as there is nothing else to do: what is
            // measured is what the server waited for, and not how busy the machine is.
            tokio::time::pause();
            let mut ends = JoinSet::new();
            for (mut raw, answered) in crowd {
                ends.spawn(async move {
                    assert_eq!(raw.stream.read(&mut [0; 64]).await.unwrap(), 0);
                    answered.elapsed()
                });
            }
            let took = ends.join_all().await;
            let (first, last) = (took.iter().min().unwrap(), took.iter().max().unwrap());
            // A client sees its answer some time after the server has written it.
            assert!(*first + span >= IDLE, "{first:?}, all within {span:?}");
            let most = IDLE + Duration::from_secs(1);
            assert!(*last <= most, "wanted at most {most:?}, found {last:?}");
            tokio::time::resume();
            until("their tasks to be gone", || alive() <= tasks).await;
            // An idle connection ends in peace.
            assert!(server.told().is_empty());
            assert_eq!(server.stopped().await.accepted, CROWD as u64);
            figures(
                "serve-crowd-idle",
                &format!("{CROWD} connections, idle_timeout {IDLE:?}: closed {first:?} to {last:?} after their answers"),
            );
        });
    });
}

#[test]
fn a_thousand_idle_connections_of_the_new_version_end_with_the_server() {
    in_child("crowds::a_thousand_idle_connections_of_the_new_version_end_with_the_server", || {
        if !has_room_for(STREAMS) {
            return;
        }
        runtime().block_on(async {
            let mut server = Running::start(|serve| serve.grace(Duration::MAX)).await;
            let mut idle = Vec::new();
            for _ in 0..STREAMS {
                let h2 = H2::connect(server.addr).await;
                assert_eq!(whole(h2.get("/").await.unwrap()).await.unwrap(), b"hello");
                idle.push(h2);
            }
            let begun = Instant::now();
            server.stop();
            for h2 in idle {
                // Asked to go, each goes; its end is no error.
                h2.task.await.unwrap().unwrap();
                drop(h2.send);
            }
            assert!(server.told().is_empty());
            let served = server.stopped().await;
            assert_eq!((served.accepted, served.cut), (STREAMS as u64, 0));
            figures(
                "serve-crowd-streams",
                &format!(
                    "{STREAMS} idle HTTP/2 connections: over {:?} after the stop",
                    begun.elapsed()
                ),
            );
        });
    });
}
