//! A server under attack that gets no descriptor, or no thread: it serves what it can, and goes on.

use std::fs::File;
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use letterhead::serve::{Cut, Event};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use tokio::net::{TcpSocket, TcpStream};

use crate::apart::{in_child, runtime};
use crate::client::{H2, Raw, asks};
use crate::running::{Running, soon};
use crate::scratch::Scratch;

const CLIENTS: usize = 60;
/// Descriptors that are left for the server's ends.
const ROOM: usize = 12;

#[test]
fn clients_beyond_the_descriptors_are_served_as_others_leave() {
    in_child("starved::clients_beyond_the_descriptors_are_served_as_others_leave", || {
        runtime().block_on(crowded());
    });
}

async fn crowded() {
    let mut server = Running::start(|serve| serve).await;
    // The clients have their sockets before the descriptors go.
    let sockets: Vec<_> = (0..CLIENTS).map(|_| TcpSocket::new_v4().unwrap()).collect();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..limit }).unwrap();
    let mut hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(hoard.len() > ROOM, "only {} descriptors were left", hoard.len());
    hoard.truncate(hoard.len() - ROOM);
    let mut waiting: Vec<Raw> = Vec::new();
    for socket in sockets {
        let mut raw = Raw::over(soon(socket.connect(server.addr)).await.unwrap());
        raw.get("/").await;
        waiting.push(raw);
    }
    // No more than there is room for at first; whoever leaves makes room for two, its own end and the server's.
    let mut failures = 0;
    for (nth, mut raw) in waiting.into_iter().enumerate() {
        if nth == ROOM {
            let event = server.event().await;
            let Event::AcceptFailed { error, pause } = event else { panic!("{event:?}") };
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            assert_eq!(pause, Duration::from_millis(5));
            failures += 1;
        }
        assert_eq!(raw.answer().await, (200, b"hello".to_vec()), "client {nth}");
    }
    // It tried again when somebody left, or after a pause that grows: it did not spin.
    failures += server.told().len();
    assert!(failures <= CLIENTS + 12, "{failures} times it was tried to accept");
    drop(hoard);
    let mut raw = Raw::connect(server.addr).await;
    raw.get("/").await;
    assert_eq!(raw.answer().await.0, 200);
    assert_eq!(server.stopped().await.accepted, CLIENTS as u64 + 1);
}

/// From now on this thread, and those that it starts, get no thread, as at a limit of processes.
fn no_threads() {
    let rules = [libc::SYS_clone, libc::SYS_clone3].map(|call| (call, Vec::new()));
    let action = SeccompAction::Errno(libc::EAGAIN.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let rules = rules.into_iter().collect();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).unwrap();
    apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
}

#[test]
fn without_threads_attacks_are_cut_and_others_are_answered() {
    let scratch = Scratch::new();
    scratch.write("many", vec![b'x'; 200 * letterhead::FileSender::CHUNK]).write("d/a", "a");
    let routes = Router::new().nest_service("/files", scratch.sender().listing(9));
    // The filter goes with the thread.
    let work = move || {
        runtime().block_on(async {
            let server = Running::routed(routes, |serve| {
                let time = Duration::from_millis(500);
                serve.header_timeout(time).write_timeout(time).idle_timeout(Duration::MAX)
            });
            let server = server.await;
            no_threads();
            attacked(server).await;
        });
    };
    std::thread::spawn(work).join().unwrap();
}

async fn attacked(mut server: Running) {
    const ATTACKERS: usize = 20;
    let addr = server.addr;
    let silent = join_all((0..ATTACKERS).map(|_| Raw::connect(addr))).await;
    let withheld = join_all((0..ATTACKERS).map(|_| async {
        let h2 = H2::windowed(soon(TcpStream::connect(addr)).await.unwrap(), 0).await;
        let answers = asks(&h2, "/files/many", 20).await;
        (h2, answers)
    }))
    .await;
    for _ in 0..ATTACKERS {
        let mut raw = Raw::connect(addr).await;
        raw.get("/").await;
        assert_eq!(raw.answer().await, (200, b"hello".to_vec()));
        // What needs a thread is refused at once.
        raw.get("/files/d/").await;
        let head = raw.head().await;
        assert!(head.starts_with("http/1.1 503 "), "{head}");
        assert!(head.contains("\r\nretry-after: 1\r\n"), "{head}");
    }
    let (mut heads, mut writes) = (0, 0);
    while heads < ATTACKERS || writes < ATTACKERS {
        let cut = server.cut().await;
        if cut == Cut::Head {
            heads += 1;
        } else {
            assert_eq!(cut, Cut::Write);
            writes += 1;
        }
    }
    for (_h2, answers) in withheld {
        assert_eq!(soon(answers.join_all()).await, [false; 20]);
    }
    drop(silent);
    assert_eq!((heads, writes), (ATTACKERS, ATTACKERS));
    assert_eq!(server.stopped().await.cut, 0);
}
