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

/// What clients do that take every place: each of them once.
#[derive(Clone, Copy, Debug)]
enum Idle {
    /// Connects, and says nothing.
    Silent,
    /// Half a head.
    HalfHead,
    /// One request, and no other behind it.
    KeepAlive,
    /// One on HTTP/2.
    Streams,
}

impl Idle {
    /// The connection as it is then.
    async fn connect(self, server: &Running, socket: TcpSocket) -> Box<dyn std::any::Any> {
        let stream = soon(socket.connect(server.addr)).await.unwrap();
        let mut raw = match self {
            Self::Streams => {
                let h2 = H2::over(stream).await;
                assert_eq!(h2.get("/").await.unwrap().status(), 200);
                return Box::new(h2);
            }
            Self::Silent | Self::HalfHead | Self::KeepAlive => Raw::over(stream),
        };
        match self {
            Self::HalfHead => raw.send("GET / HTTP/1.1\r\nhost: ").await,
            Self::KeepAlive => {
                raw.get("/").await;
                assert_eq!(raw.answer().await.0, 200);
            }
            Self::Silent | Self::Streams => {}
        }
        Box::new(raw)
    }
}

const ATTACKS: [Idle; 4] = [Idle::Silent, Idle::HalfHead, Idle::KeepAlive, Idle::Streams];

/// As many descriptors as this has the server while it starts.
const FEW: u64 = 40;

#[test]
fn idle_connections_leave_handlers_descriptors_and_others_places() {
    in_child("starved::idle_connections_leave_handlers_descriptors_and_others_places", || {
        for attack in ATTACKS {
            runtime().block_on(besieged(attack));
        }
    });
}

async fn besieged(attack: Idle) {
    let usual = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(FEW), ..usual }).unwrap();
    let forever = Duration::MAX;
    let server = Running::start(|serve| serve.header_timeout(forever).idle_timeout(forever));
    let mut server = server.await;
    // The clients' own sockets do not count here.
    setrlimit(Resource::Nofile, usual).unwrap();
    let places = usize::try_from(FEW * 3 / 4).unwrap();
    let mut idle = Vec::new();
    for _ in 0..places {
        idle.push(attack.connect(&server, TcpSocket::new_v4().unwrap()).await);
    }
    assert!(server.told().is_empty(), "{attack:?}: there was a place for each");
    for nth in 0..6 {
        let mut raw = Raw::connect(server.addr).await;
        raw.get("/").await;
        assert_eq!(raw.answer().await, (200, b"hello".to_vec()), "{attack:?}: client {nth}");
        idle.push(Box::new(raw));
    }
    let told = server.told();
    assert!(matches!(told[0], Event::Full { .. }), "{attack:?}: {told:?}");
    let cut = |event: &Event| matches!(event, Event::Cut { why: Cut::Head, .. });
    let cuts = told.iter().filter(|event| cut(event)).count();
    // Who has begun a head is cut; others are closed as any idle connection is.
    assert_eq!(cuts > 0, matches!(attack, Idle::HalfHead), "{attack:?}: {told:?}");
    let others = told.iter().filter(|event| !cut(event) && !matches!(event, Event::Full { .. }));
    assert_eq!(others.count(), 0, "{attack:?}: {told:?}");
    drop(idle);
    assert_eq!(server.stopped().await.accepted, places as u64 + 6);
}

#[test]
fn without_a_descriptor_an_idle_connection_makes_room() {
    in_child("starved::without_a_descriptor_an_idle_connection_makes_room", || {
        for attack in ATTACKS {
            runtime().block_on(exhausted(attack));
        }
    });
}

/// As many connections as there are descriptors, although nobody set a limit to them.
async fn exhausted(attack: Idle) {
    let forever = Duration::MAX;
    let server = Running::start(|serve| {
        serve.max_connections(usize::MAX).header_timeout(forever).idle_timeout(forever)
    });
    let mut server = server.await;
    let mut sockets: Vec<_> = (0..=ROOM).map(|_| TcpSocket::new_v4().unwrap()).collect();
    let usual = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..usual }).unwrap();
    let mut hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    hoard.truncate(hoard.len() - ROOM);
    let last = sockets.pop().unwrap();
    let mut idle = Vec::new();
    for socket in sockets {
        idle.push(attack.connect(&server, socket).await);
    }
    let mut raw = Raw::over(soon(last.connect(server.addr)).await.unwrap());
    raw.get("/").await;
    assert_eq!(raw.answer().await, (200, b"hello".to_vec()), "{attack:?}");
    let event = server.event().await;
    let Event::AcceptFailed { error, .. } = event else { panic!("{event:?}") };
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
    drop((hoard, idle, raw));
    setrlimit(Resource::Nofile, usual).unwrap();
    server.stopped().await;
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
