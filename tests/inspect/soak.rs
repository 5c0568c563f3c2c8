//! As many requests as there are cores for, with 64 viewers of the list as it grows: bounded memory, and nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use letterhead::inspect::Inspector;
use letterhead::report::{Begun, Reporter};
use letterhead::{LetterheadLayer, Receipt, Rules};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tower::Layer as _;

use crate::app::soon;
use crate::figures::figures;

/// How many look at the list.
const VIEWERS: usize = 64;

/// How many ask, each the next request as soon as it has the answer.
const CLIENTS: usize = 8;

/// The longest that one report may take: the machine may have given the core to somebody else meanwhile.
const STALL: Duration = Duration::from_secs(2);

/// So long it may take longer until the viewer that does not read is cut.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most that the process may grow while it goes on.
const GROWTH: usize = 96 << 20;

/// So long it goes on: two seconds, or what `LETTERHEAD_VIEWERS_SECONDS` says.
fn time() -> Duration {
    let given = std::env::var("LETTERHEAD_VIEWERS_SECONDS").ok();
    Duration::from_secs(given.map_or(2, |seconds| seconds.parse().expect("a number of seconds")))
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// The inspector, with a watch on how long its reports take.
struct Timed(Inspector, Arc<AtomicU64>);

impl Reporter for Timed {
    fn report(&self, receipt: &Receipt) {
        let begun = Instant::now();
        self.0.report(receipt);
        self.1.fetch_max(u64::try_from(begun.elapsed().as_nanos()).unwrap(), Ordering::Relaxed);
    }

    fn needs_times(&self) -> bool {
        true
    }

    fn has_pages(&self) -> bool {
        self.0.has_pages()
    }

    fn page(&self, request: &Begun<'_>) -> Option<letterhead::report::PageLink> {
        self.0.page(request)
    }
}

/// How long answers took, in steps of a twentieth.
struct Latencies(Vec<u64>);

impl Latencies {
    const STEP: f64 = 1.05;

    fn new() -> Self {
        Self(vec![0; 512])
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bounded place")]
    fn add(&mut self, time: Duration) {
        let micros = time.as_secs_f64() * 1e6;
        let place = micros.max(1.0).log(Self::STEP) as usize;
        self.0[place.min(511)] += 1;
    }

    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(one, more)| *one += more);
    }

    fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Microseconds within which so many of a thousand answers came.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a printed figure")]
    fn within(&self, thousandths: u64) -> u64 {
        let mut left = self.count() * thousandths / 1000;
        let place = self.0.iter().position(|count| {
            let found = *count > left;
            left = left.saturating_sub(*count);
            found
        });
        Self::STEP.powi(i32::try_from(place.unwrap_or(511)).unwrap() + 1) as u64
    }
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path).header("host", "localhost").body(Empty::new()).unwrap()
}

async fn connect(addr: std::net::SocketAddr) -> http1::SendRequest<Empty<Bytes>> {
    let stream = TokioIo::new(TcpStream::connect(addr).await.unwrap());
    let (sender, connection) = http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Asks until it is over.
async fn ask_on(addr: std::net::SocketAddr, over: Arc<AtomicBool>) -> Latencies {
    let mut latencies = Latencies::new();
    let mut sender = connect(addr).await;
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let answer = soon(sender.send_request(request("/a"))).await.unwrap();
        assert_eq!(answer.status(), 200);
        soon(answer.into_body().collect()).await.unwrap();
        latencies.add(begun.elapsed());
    }
    latencies
}

/// Reads the list as it grows, and comes again where it was cut, as browsers do. How many events it had.
async fn look_on(addr: std::net::SocketAddr, over: Arc<AtomicBool>) -> usize {
    let mut events = 0;
    while !over.load(Ordering::Relaxed) {
        let mut sender = connect(addr).await;
        let answer = soon(sender.send_request(request("/_head/events"))).await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut body = answer.into_body();
        while !over.load(Ordering::Relaxed) {
            let Ok(frame) = tokio::time::timeout(Duration::from_millis(500), body.frame()).await
            else {
                continue;
            };
            let Some(Ok(frame)) = frame else { break };
            let data = frame.into_data().unwrap_or_default();
            events += data.windows(4).filter(|four| four == b"id: ").count();
        }
    }
    events
}

/// A server with this layer, asked for a while; `viewers` look on, and one more that does not read.
async fn load(
    layer: LetterheadLayer,
    inspector: &Inspector,
    viewers: usize,
) -> (Latencies, usize, usize) {
    // Small buffers, so that it does not take minutes until a viewer that does not read is noticed.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1024).unwrap();
    let addr = listener.local_addr().unwrap();
    let app = Router::new().route("/a", get(|| async { "a" }));
    let app = layer.layer(app.nest_service("/_head", inspector.service()));
    let server = tokio::spawn(async move { letterhead::serve(listener, app).peer().await });
    let over = Arc::new(AtomicBool::new(false));
    let (mut asking, mut looking) = (JoinSet::new(), JoinSet::new());
    for _ in 0..viewers {
        looking.spawn(look_on(addr, Arc::clone(&over)));
    }
    let mut asleep = None;
    if viewers > 0 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(addr).await.unwrap();
        stream.write_all(b"GET /_head/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        asleep = Some(stream);
    }
    for _ in 0..CLIENTS {
        asking.spawn(ask_on(addr, Arc::clone(&over)));
    }
    // What is allocated once is there after the first half of a second.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (before, end) = (resident(), Instant::now() + time());
    let mut most = before;
    let is_cut = || viewers == 0 || inspector.viewers_cut() > 0;
    while Instant::now() < end || (!is_cut() && Instant::now() < end + PATIENCE) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        most = most.max(resident());
    }
    over.store(true, Ordering::Relaxed);
    let mut latencies = Latencies::new();
    while let Some(one) = asking.join_next().await {
        latencies.join(&one.unwrap());
    }
    let mut events = 0;
    while let Some(one) = looking.join_next().await {
        let seen = one.unwrap();
        assert!(seen > 0, "a viewer that reads saw nothing");
        events += seen;
    }
    drop(asleep);
    server.abort();
    (latencies, most - before, events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_viewers_stall_nobody_and_take_no_memory_without_end() {
    let plain = LetterheadLayer::new();
    let (off, _, _) = load(plain, &Inspector::new(), 0).await;
    let (inspector, longest) = (Inspector::new().in_release(true), Arc::new(AtomicU64::new(0)));
    let timed = Timed(inspector.clone(), Arc::clone(&longest));
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(timed);
    let (on, grown, events) = load(layer, &inspector, VIEWERS).await;
    let longest = Duration::from_nanos(longest.load(Ordering::Relaxed));
    let each = |name: &str, latencies: &Latencies| {
        let (half, most) = (latencies.within(500), latencies.within(990));
        format!(
            "{name}: {} answers, half within {half} us, 99 of 100 within {most} us",
            latencies.count()
        )
    };
    figures(
        "inspector",
        &format!(
            "{CLIENTS} clients for {} s\n{}\n{}\n{VIEWERS} viewers had {events} events, {} were cut; grown by {} KiB, \
             {} KiB kept; the longest report took {longest:?}",
            time().as_secs(),
            each("without the inspector", &off),
            each("with it and its viewers", &on),
            inspector.viewers_cut(),
            grown / 1024,
            inspector.bytes() / 1024,
        ),
    );
    assert!(longest < STALL, "a report took {longest:?}");
    assert!(inspector.viewers_cut() > 0, "a viewer that did not read was not cut");
    assert!(inspector.bytes() <= Inspector::KEEP_BYTES && inspector.len() <= Inspector::KEEP);
    assert!(grown < GROWTH, "grown by {grown} bytes");
}
