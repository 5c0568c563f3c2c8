//! Calls that a socket sees, and the bytes in them.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::sync::Mutex;
use std::task::Waker;

use super::*;
use crate::serve::memory::Memory;

/// What a socket was given, call by call; it takes no more than its room.
#[derive(Debug, Default)]
struct Socket {
    calls: Arc<Mutex<Vec<Vec<u8>>>>,
    room: Arc<Mutex<usize>>,
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut room = self.room.lock().unwrap();
        let count = bytes.len().min(*room);
        *room -= count;
        if count == 0 {
            return Poll::Pending;
        }
        self.calls.lock().unwrap().push(bytes[..count].to_vec());
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = slices.iter().map(|slice| &**slice).collect::<Vec<&[u8]>>().concat();
        self.poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Bench {
    gather: Gather<Socket>,
    watch: Arc<Watch>,
    calls: Arc<Mutex<Vec<Vec<u8>>>>,
    room: Arc<Mutex<usize>>,
}

impl Bench {
    fn new(h2: bool) -> Self {
        let watch = Watch::new(tokio::time::Instant::now(), Memory::new(usize::MAX), usize::MAX);
        let (watch, socket) = (Arc::new(watch), Socket::default());
        if h2 {
            watch.is_h2();
        }
        watch.begin(false);
        let (calls, room) = (Arc::clone(&socket.calls), Arc::clone(&socket.room));
        *room.lock().unwrap() = usize::MAX;
        Self { gather: Gather::new(socket, Arc::clone(&watch)), watch, calls, room }
    }

    /// The lengths of the calls since the last look.
    fn lengths(&self) -> Vec<usize> {
        self.calls.lock().unwrap().drain(..).map(|call| call.len()).collect()
    }

    fn write(&mut self, slices: &[&[u8]]) -> Poll<usize> {
        let slices: Vec<_> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(&mut self.gather).poll_write_vectored(&mut cx, &slices).map(Result::unwrap)
    }

    fn flush(&mut self) -> Poll<()> {
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(&mut self.gather).poll_flush(&mut cx).map(Result::unwrap)
    }

    fn read(&mut self) -> Poll<()> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut space = [0; 8];
        let mut buffer = ReadBuf::new(&mut space);
        Pin::new(&mut self.gather).poll_read(&mut cx, &mut buffer).map(Result::unwrap)
    }
}

#[test]
fn the_older_version_goes_through_as_it_is() {
    let mut bench = Bench::new(false);
    bench.watch.begin_turn();
    assert_eq!(bench.write(&[b"head", b"body"]), Poll::Ready(8));
    assert_eq!(bench.lengths(), [8]);
    assert!(!bench.watch.end_turn());
}

#[test]
fn before_the_first_request_nothing_is_gathered() {
    let mut bench = Bench::new(false);
    let watch = Watch::new(tokio::time::Instant::now(), Memory::new(usize::MAX), usize::MAX);
    bench.watch = Arc::new(watch);
    bench.watch.is_h2();
    bench.gather.watch = Arc::clone(&bench.watch);
    bench.watch.begin_turn();
    assert_eq!(bench.write(&[b"settings"]), Poll::Ready(8));
    assert_eq!(bench.lengths(), [8]);
}

#[test]
fn the_frames_of_a_turn_are_one_call() {
    let mut bench = Bench::new(true);
    bench.watch.begin_turn();
    // As h2 does it: each frame of data is flushed, and all of them are at the end.
    for _ in 0..8 {
        assert_eq!(bench.write(&[&[1; 9], &[2; 1024]]), Poll::Ready(1033));
        assert_eq!(bench.flush(), Poll::Ready(()));
    }
    assert_eq!(bench.lengths(), [0; 0]);
    assert_eq!(bench.flush(), Poll::Ready(()));
    assert_eq!(bench.lengths(), [8 * 1033]);
    assert!(!bench.watch.end_turn(), "nothing is left for which hyper has to flush again");
    assert_eq!(bench.gather.joined.capacity(), 0);
}

#[test]
fn what_was_flushed_once_asks_for_another_flush() {
    for ends in [Bench::flush as fn(&mut Bench) -> Poll<()>, Bench::read] {
        let mut bench = Bench::new(true);
        bench.watch.begin_turn();
        assert_eq!(bench.write(&[b"ping"]), Poll::Ready(4));
        assert_eq!(bench.flush(), Poll::Ready(()));
        assert!(bench.watch.end_turn());
        assert_eq!(bench.lengths(), [0; 0]);
        let _ = ends(&mut bench);
        assert_eq!(bench.lengths(), [4]);
    }
}

#[test]
fn large_frames_are_not_copied_and_say_that_more_follows() {
    let mut bench = Bench::new(true);
    bench.watch.begin_turn();
    let large = vec![3; JOINED];
    assert_eq!(bench.write(&[b"small"]), Poll::Ready(5));
    assert_eq!(bench.write(&[&[1; 9], &large]), Poll::Ready(9 + JOINED));
    assert_eq!(bench.lengths(), [5, 9 + JOINED]);
    assert!(!bench.watch.has_more(), "that is said of one write alone");
    assert!(bench.watch.end_turn(), "the socket waits for more until a flush");
    assert_eq!(bench.flush(), Poll::Ready(()));
    bench.watch.begin_turn();
    assert!(!bench.watch.end_turn());
}

#[test]
fn a_shutdown_comes_behind_what_is_joined() {
    let mut bench = Bench::new(true);
    bench.watch.begin_turn();
    assert_eq!(bench.write(&[b"goaway"]), Poll::Ready(6));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut bench.gather).poll_shutdown(&mut cx).is_ready());
    assert_eq!(bench.lengths(), [6]);
}

#[test]
fn whatever_the_socket_takes_the_bytes_arrive_once_and_in_order() {
    let pool: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(256 * 1024).collect();
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bench = Bench::new(true);
        let (mut wanted, mut found) = (Vec::new(), Vec::new());
        for _ in 0..random.usize(1..60) {
            *bench.room.lock().unwrap() = random.usize(0..200_000);
            bench.watch.begin_turn();
            for _ in 0..random.usize(0..12) {
                let length = random.usize(1..90_000);
                let frame = &pool[random.usize(..pool.len() - length)..][..length];
                let (head, rest) = frame.split_at(random.usize(..length));
                // A socket that is full is asked again in another turn, for the same bytes.
                let Poll::Ready(count) = bench.write(&[head, rest]) else { break };
                wanted.extend_from_slice(&frame[..count]);
                if bench.flush().is_pending() {
                    break;
                }
            }
            let _ = bench.flush();
            if bench.watch.end_turn() {
                let _ = bench.flush();
            }
        }
        *bench.room.lock().unwrap() = usize::MAX;
        assert_eq!(bench.flush(), Poll::Ready(()));
        for call in bench.calls.lock().unwrap().iter() {
            found.extend_from_slice(call);
        }
        assert!(wanted == found, "seed {seed}: {} and {} bytes", wanted.len(), found.len());
    }
}
