//! A table of attacks: each is made by many clients at once, ends within its time, and leaves nothing behind.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use letterhead::serve::{Cut, Event, Serve};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::apart::until;
use crate::client::{H2, Raw, asks};
use crate::figures::figures;
use crate::late::Late;
use crate::protocols::configs;
use crate::running::Running;

/// Each time-out of the servers under attack.
const TIME: Duration = Duration::from_millis(800);
/// How much later than its time an attack may end.
const LATE: Duration = Duration::from_secs(1);
/// How many clients attack at once.
const CLIENTS: usize = 30;

/// As much of HTTP/2 as a connection needs to be one.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[derive(Clone, Copy, Debug)]
enum Attack {
    SaysNothing,
    HalfPreface,
    HalfHandshake,
    SlowHead,
    SlowSecondHead,
    IdleAfterARequest,
    IdleStreams,
    NoContent,
    HalfContentOnAStream,
    ReadsNothing,
    NoWindow,
    Pings,
}

const ATTACKS: [Attack; 12] = [
    Attack::SaysNothing,
    Attack::HalfPreface,
    Attack::HalfHandshake,
    Attack::SlowHead,
    Attack::SlowSecondHead,
    Attack::IdleAfterARequest,
    Attack::IdleStreams,
    Attack::NoContent,
    Attack::HalfContentOnAStream,
    Attack::ReadsNothing,
    Attack::NoWindow,
    Attack::Pings,
];

impl Attack {
    /// What is told of each of its connections; some end in peace.
    const fn cut(self) -> Option<Cut> {
        match self {
            Self::SaysNothing
            | Self::HalfPreface
            | Self::HalfHandshake
            | Self::SlowHead
            | Self::SlowSecondHead => Some(Cut::Head),
            Self::ReadsNothing | Self::NoWindow => Some(Cut::Write),
            Self::Pings => Some(Cut::Flood),
            Self::IdleStreams => Some(Cut::Lingering),
            Self::IdleAfterARequest | Self::NoContent | Self::HalfContentOnAStream => None,
        }
    }

    /// How long it may go on.
    fn time(self) -> Duration {
        match self {
            // It is asked to go, and has the time of a slow reader to do so.
            Self::IdleStreams => TIME * 2,
            // The answer comes in time, and is lingered for.
            Self::HalfContentOnAStream => TIME * 3,
            Self::Pings => Duration::ZERO,
            Self::SaysNothing
            | Self::HalfPreface
            | Self::HalfHandshake
            | Self::SlowHead
            | Self::SlowSecondHead
            | Self::IdleAfterARequest
            | Self::NoContent
            | Self::ReadsNothing
            | Self::NoWindow => TIME,
        }
    }

    /// Attacks, and says how long the server let it.
    async fn run(self, addr: SocketAddr) -> Duration {
        match self {
            Self::SaysNothing => ends(addr, b"").await,
            Self::HalfPreface => ends(addr, &PREFACE[..9]).await,
            // The first bytes of a hello of TLS, which says how many more there will be.
            Self::HalfHandshake => ends(addr, b"\x16\x03\x01\x02\x00\x01\x00").await,
            Self::IdleStreams => ends(addr, PREFACE).await,
            Self::SlowHead => trickles(addr, "").await,
            Self::SlowSecondHead => trickles(addr, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await,
            Self::IdleAfterARequest => {
                let mut raw = Raw::connect(addr).await;
                raw.get("/").await;
                raw.answer().await;
                let begun = Instant::now();
                raw.rest().await;
                begun.elapsed()
            }
            Self::NoContent => {
                let head = "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nfo";
                let mut raw = Raw::connect(addr).await;
                raw.send(head).await;
                let begun = Instant::now();
                assert!(raw.head().await.starts_with("http/1.1 408 "));
                begun.elapsed()
            }
            Self::HalfContentOnAStream => {
                let h2 = H2::connect(addr).await;
                let (answer, mut content) = h2.post("/echo", &[]).await;
                content.send_data("fo".into(), false).unwrap();
                let begun = Instant::now();
                assert_eq!(answer.await.unwrap().status(), 408);
                begun.elapsed()
            }
            Self::ReadsNothing => {
                let mut raw = Raw::connect(addr).await;
                raw.get("/endless").await;
                raw.head().await;
                let begun = Instant::now();
                until_reset(&raw).await;
                begun.elapsed()
            }
            Self::NoWindow => {
                let h2 = H2::windowed(TcpStream::connect(addr).await.unwrap(), 0).await;
                let answers = asks(&h2, "/whole", 20).await;
                let begun = Instant::now();
                assert_eq!(answers.join_all().await, vec![false; 20]);
                begun.elapsed()
            }
            Self::Pings => {
                let mut raw = Raw::connect(addr).await;
                raw.send(PREFACE).await;
                let flood = b"\0\0\x08\x06\0\0\0\0\0abcdefgh".repeat(200);
                let begun = Instant::now();
                // It reads the answers too, so that it is the pings it is cut for.
                let (mut reading, mut writing) = raw.stream.split();
                let flooding = async { while writing.write_all(&flood).await.is_ok() {} };
                let mut sink = tokio::io::sink();
                let reading = tokio::io::copy(&mut reading, &mut sink);
                let _ = tokio::join!(flooding, reading);
                begun.elapsed()
            }
        }
    }
}

/// Says this and nothing more.
async fn ends(addr: SocketAddr, bytes: &[u8]) -> Duration {
    let mut raw = Raw::connect(addr).await;
    raw.send(bytes).await;
    let begun = Instant::now();
    raw.rest().await;
    begun.elapsed()
}

/// Asks for this, and then sends a head that does not end.
async fn trickles(addr: SocketAddr, before: &str) -> Duration {
    let mut raw = Raw::connect(addr).await;
    if !before.is_empty() {
        raw.send(before).await;
        raw.answer().await;
    }
    raw.send("GET / HTTP/1.1\r\nx: ").await;
    let begun = Instant::now();
    let (mut reading, mut writing) = raw.stream.split();
    let trickle = async {
        while writing.write_all(b"a").await.is_ok() {
            tokio::time::sleep(TIME / 20).await;
        }
    };
    let mut sink = tokio::io::sink();
    tokio::select! {
        () = trickle => {}
        _ = tokio::io::copy(&mut reading, &mut sink) => {}
    }
    begun.elapsed()
}

/// Waits for the reset without reading a byte.
async fn until_reset(raw: &Raw) {
    until("a reset", || raw.stream.take_error().unwrap().is_some()).await;
}

fn set(serve: Serve<Router>) -> Serve<Router> {
    serve
        .header_timeout(TIME)
        .idle_timeout(TIME)
        .write_timeout(TIME)
        .body_timeout(TIME)
        .max_control_frames(1000)
}

/// What came of a round of an attack.
struct Round {
    took: Vec<Duration>,
    /// How late everything was that ran beside it.
    late: Duration,
}

/// Many attack at once, while others ask and are answered. `None`: the machine was too busy with something else to
/// tell anything by it.
async fn round(attack: Attack) -> Option<Round> {
    let is_secure = matches!(attack, Attack::HalfHandshake);
    let config = configs(&[]).0;
    let alive = || Handle::current().metrics().num_alive_tasks();
    let late = Late::watch();
    let tasks = alive();
    let mut server =
        Running::start(|serve| if is_secure { set(serve).tls(config) } else { set(serve) }).await;
    let addr = server.addr;
    let mut attackers = JoinSet::new();
    for _ in 0..CLIENTS {
        attackers.spawn(attack.run(addr));
    }
    let polite = tokio::spawn(async move {
        // Its connection is a new one each time, as the others' are.
        for _ in 0..if is_secure { 0 } else { 20 } {
            let mut raw = Raw::connect(addr).await;
            raw.get("/").await;
            assert_eq!(raw.answer().await, (200, b"hello".to_vec()), "{attack:?}");
        }
    });
    let polite = polite.await;
    let mut took = Vec::new();
    let mut failed = polite.err();
    while let Some(ended) = attackers.join_next().await {
        match ended {
            Ok(after) => took.push(after),
            Err(error) => failed = Some(error),
        }
    }
    // The server's task is left, and that of the one who watches.
    until("every connection to end", || alive() <= tasks + 1).await;
    let mut events = server.told();
    assert_eq!(server.stopped().await.cut, 0, "{attack:?}");
    let late = late.most();
    if let Some(failed) = failed {
        // Whoever was cut before it could do what it wanted to had no time to do it in.
        assert!(late > TIME / 8, "{attack:?}: {failed}");
        return None;
    }
    if let Some(cut) = attack.cut() {
        events.retain(|event| !matches!(event, Event::Cut { why, .. } if *why == cut));
        assert!(late > TIME / 8 || events.is_empty(), "{attack:?}: {events:?}");
    }
    Some(Round { took, late })
}

#[tokio::test]
async fn every_attack_ends_in_its_time_and_leaves_nothing() {
    let mut table = format!("{CLIENTS} clients each, every time-out {TIME:?}: ended after\n");
    for attack in ATTACKS {
        let mut told = None;
        for _ in 0..5 {
            told = round(attack).await;
            if told.is_some() {
                break;
            }
        }
        let Some(Round { took, late }) = told else {
            crate::skip::place(format_args!("a machine that is less busy, for {attack:?}"));
            continue;
        };
        let (first, last) = (took.iter().min().unwrap(), took.iter().max().unwrap());
        writeln!(table, "{:<22} {first:?} to {last:?}", format!("{attack:?}")).unwrap();
        let most = attack.time() + LATE + late * 4;
        assert!(*last <= most, "{attack:?}: wanted at most {most:?}, found {last:?}");
    }
    figures("serve-hostile", &table);
}
