//! Spans: what whoever looks at one sees, and what must not happen to one that is armed.

use std::fs::{self, File};
use std::io::{IoSlice, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bytes::{Buf, Bytes};

use super::super::lane::{Breach, Lane};
use super::super::open::Handle;
use super::super::span::{self, FileData, LONGEST};
use super::{Scratch, file};
use crate::skip;

pub(super) const LENGTH: usize = 300_000;

fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(length as u64).fill(&mut bytes);
    bytes
}

/// A file, its content, and a way to make spans of it.
pub(super) struct Spanned {
    scratch: Scratch,
    pub(super) content: Vec<u8>,
    pub(super) handle: Arc<Handle>,
}

impl Spanned {
    pub(super) fn new() -> Self {
        Self::on(&std::env::temp_dir())
    }

    fn on(parent: &Path) -> Self {
        let scratch = Scratch::on(parent);
        let content = noise(LENGTH);
        scratch.write("file", &content);
        let handle = Arc::new(file(&scratch.root(""), "file"));
        Self { scratch, content, handle }
    }

    pub(super) fn span(&self, at: usize, length: usize) -> FileData {
        FileData::span(&self.handle, *self.handle.stat(), at as u64, length)
    }

    fn written_to(&self) {
        let file = File::options().write(true).open(self.scratch.path("file")).unwrap();
        file.write_all_at(b"other", 0).unwrap();
    }
}

/// Whether the view of it is one for a socket, and how long that is.
fn view(data: &FileData) -> (bool, usize) {
    let mut views = [IoSlice::new(&[]), IoSlice::new(&[])];
    match data.chunks_vectored(&mut views) {
        0 => (false, 0),
        1 => (span::is_blank(&views[0]), views[0].len()),
        views => panic!("{views} views"),
    }
}

/// What a socket does with the view of it: up to `most` bytes.
pub(super) fn send(
    lane: &Lane,
    data: &FileData,
    socket: impl AsFd,
    most: usize,
) -> std::io::Result<usize> {
    let mut views = [IoSlice::new(&[])];
    assert_eq!(data.chunks_vectored(&mut views), 1);
    let due = lane.due()?.unwrap();
    assert!(due.is_next(&views[0]));
    due.send(socket, most.min(views[0].len()))
}

/// A socket, and all that comes out at its other end.
pub(super) fn socket() -> (TcpStream, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, _) = listener.accept().unwrap();
    let all = thread::spawn(move || {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).unwrap();
        bytes
    });
    (socket, all)
}

#[test]
fn whoever_looks_at_a_span_sees_the_file() {
    let spanned = Spanned::new();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..50 {
        let from = random.usize(..LENGTH);
        let length = random.usize(1..=LENGTH - from);
        let mut data = spanned.span(from, length);
        let mut wanted = &spanned.content[from..from + length];
        while data.has_remaining() {
            assert_eq!(data.remaining(), wanted.len());
            let count = random.usize(..=wanted.len().min(100_000));
            match random.u8(..4) {
                0 => assert!(data.copy_to_bytes(count) == wanted[..count]),
                1 => data.advance(count),
                2 => {
                    let piece = data.chunk();
                    assert!(!piece.is_empty() && *piece == wanted[..piece.len()]);
                    continue;
                }
                _ => {
                    assert_eq!(view(&data), (false, data.chunk().len()));
                    continue;
                }
            }
            wanted = &wanted[count..];
        }
        assert!(data.chunk().is_empty() && view(&data) == (false, 0));
    }
}

#[test]
fn bytes_stay_what_they_are() {
    let lane = Lane::default();
    let mut data = FileData::from(Bytes::from_static(b"some bytes"));
    lane.arm(&mut data);
    assert!(lane.is_idle() && lane.due() == Ok(None));
    assert_eq!((view(&data), data.chunk()), ((false, 10), &b"some bytes"[..]));
    let whole = data.copy_to_bytes(10);
    assert_eq!((whole.as_ref(), view(&data)), (&b"some bytes"[..], (false, 0)));
}

#[test]
fn no_span_is_longer_than_the_memory_for_its_view() {
    let spanned = Spanned::new();
    assert_eq!(spanned.span(0, usize::MAX).remaining(), LONGEST);
}

#[test]
fn to_look_at_what_the_file_no_longer_has_is_a_panic() {
    let look = |data: &FileData| {
        let said = catch_unwind(AssertUnwindSafe(|| data.chunk().len())).unwrap_err();
        *said.downcast::<String>().unwrap()
    };
    let spanned = Spanned::new();
    let data = spanned.span(100, 200);
    spanned.written_to();
    assert!(look(&data).contains("found that it changed"), "{}", look(&data));
    // The version that is there now, beyond its end.
    let handle = Arc::new(file(&spanned.scratch.root(""), "file"));
    let data = FileData::span(&handle, *handle.stat(), LENGTH as u64 - 5, 6);
    assert!(look(&data).contains("found fewer"), "{}", look(&data));
}

#[test]
fn an_armed_span_is_sent_from_its_file_however_it_is_cut() {
    let spanned = Spanned::new();
    let (socket, all) = socket();
    let lane = Lane::default();
    let mut random = fastrand::Rng::with_seed(8);
    let mut wanted = Vec::new();
    for _ in 0..20 {
        let from = random.usize(..LENGTH);
        let length = random.usize(1..=LENGTH - from);
        wanted.extend_from_slice(&spanned.content[from..from + length]);
        let mut data = spanned.span(from, length);
        lane.arm(&mut data);
        while data.has_remaining() {
            assert_eq!(view(&data), (true, data.remaining()));
            let sent = send(&lane, &data, &socket, random.usize(1..100_000)).unwrap();
            data.advance(sent);
        }
        assert!(lane.is_idle());
    }
    drop(socket);
    assert!(all.join().unwrap() == wanted);
}

#[test]
fn several_spans_go_in_their_order() {
    let spanned = Spanned::new();
    let (socket, all) = socket();
    let lane = Lane::default();
    let (mut first, mut second) = (spanned.span(0, 10), spanned.span(10, 20));
    lane.arm(&mut first);
    lane.arm(&mut second);
    assert_eq!(send(&lane, &first, &socket, 10).unwrap(), 10);
    first.advance(10);
    drop(first);
    assert_eq!(send(&lane, &second, &socket, 20).unwrap(), 20);
    second.advance(20);
    assert!(lane.is_idle());
    drop(socket);
    assert!(all.join().unwrap() == spanned.content[..30]);
}

#[test]
fn a_view_is_of_what_is_to_be_sent_next_and_of_no_more() {
    let spanned = Spanned::new();
    let (socket, _all) = socket();
    let lane = Lane::default();
    let mut data = spanned.span(0, 100);
    lane.arm(&mut data);
    let due = lane.due().unwrap().unwrap();
    assert!(due.is_next(span::view(0, 0, 100)) && due.is_next(span::view(0, 0, 1)));
    assert!(!due.is_next(span::view(0, 1, 100)) && !due.is_next(span::view(0, 0, 101)));
    assert!(!due.is_next(&spanned.content[..100]));
    send(&lane, &data, &socket, 40).unwrap();
    assert!(due.is_next(span::view(0, 40, 100)) && !due.is_next(span::view(0, 0, 100)));
    data.advance(40);
    assert_eq!(view(&data), (true, 60));
    assert!(!span::is_blank(&spanned.content) && !span::is_blank(&[]));
}

#[test]
fn spans_of_one_length_are_told_apart() {
    let spanned = Spanned::new();
    let (socket, _all) = socket();
    let lane = Lane::default();
    let mut datas: Vec<_> = (0..40).map(|_| spanned.span(0, 100)).collect();
    for data in &mut datas {
        lane.arm(data);
    }
    for at in 0..datas.len() {
        let due = lane.due().unwrap().unwrap();
        for (other, data) in datas.iter().enumerate().skip(at).take(16) {
            let mut views = [IoSlice::new(&[])];
            assert_eq!(data.chunks_vectored(&mut views), 1);
            assert!(span::is_blank(&views[0]));
            assert_eq!(due.is_next(&views[0]), other == at, "{other} in place of {at}");
        }
        assert_eq!(send(&lane, &datas[at], &socket, 100).unwrap(), 100);
        datas[at].advance(100);
    }
}

#[test]
fn an_armed_span_that_is_looked_at_is_bytes_from_then_on() {
    let spanned = Spanned::new();
    let (socket, all) = socket();
    let lane = Lane::default();
    let mut data = spanned.span(0, 100_000);
    lane.arm(&mut data);
    let sent = send(&lane, &data, &socket, 30_000).unwrap();
    data.advance(sent);
    assert!(*data.chunk() == spanned.content[sent..sent + data.chunk().len()]);
    assert_eq!(view(&data), (false, data.chunk().len()));
    assert_eq!(lane.due(), Ok(None));
    assert!(lane.is_idle());
    assert!(data.copy_to_bytes(100_000 - sent) == spanned.content[sent..100_000]);
    assert_eq!(lane.due(), Ok(None));
    drop(socket);
    assert!(all.join().unwrap() == spanned.content[..sent]);
}

#[test]
fn what_was_looked_at_before_is_not_armed() {
    let spanned = Spanned::new();
    let lane = Lane::default();
    let mut data = spanned.span(0, 100_000);
    assert!(!data.chunk().is_empty());
    lane.arm(&mut data);
    assert_eq!(lane.due(), Ok(None));
    assert!(!view(&data).0);
}

/// Whatever `offend` does with an armed span, nothing can be sent any more.
fn check(offend: impl FnOnce(&Lane, FileData, &TcpStream), found: Breach) {
    let spanned = Spanned::new();
    let (socket, _all) = socket();
    let lane = Lane::default();
    let mut data = spanned.span(0, 100_000);
    lane.arm(&mut data);
    offend(&lane, data, &socket);
    assert_eq!(lane.due(), Err(found));
    assert!(!lane.is_idle());
    // And it stays so.
    let mut next = spanned.span(0, 10);
    lane.arm(&mut next);
    assert_eq!(lane.due(), Err(found));
    drop(next);
    assert_eq!(lane.due(), Err(found));
}

#[test]
fn what_else_becomes_of_an_armed_span_is_a_breach() {
    check(|_, data, _| drop(data), Breach::Dropped);
    check(|_, mut data, _| data.advance(1), Breach::NotSent);
    check(|_, mut data, _| data.advance(100_000), Breach::NotSent);
    check(
        |lane, mut data, socket| {
            // Taken for written, what was: and one byte more.
            let sent = send(lane, &data, socket, 5000).unwrap();
            data.advance(sent + 1);
        },
        Breach::NotSent,
    );
    check(
        |lane, data, socket| {
            // Sent, and then read where it begins.
            send(lane, &data, socket, 5000).unwrap();
            let _ = data.chunk();
        },
        Breach::NotSent,
    );
    check(
        |lane, mut data, socket| {
            let sent = send(lane, &data, socket, 5000).unwrap();
            data.advance(sent);
        },
        Breach::Dropped,
    );
    check(
        |lane, data, _| {
            lane.break_off(Breach::NotInSight);
            drop(data);
        },
        Breach::NotInSight,
    );
}

#[test]
fn nothing_is_sent_of_another_version() {
    let spanned = Spanned::new();
    let (socket, all) = socket();
    let lane = Lane::default();
    let mut data = spanned.span(0, 100_000);
    lane.arm(&mut data);
    let sent = send(&lane, &data, &socket, 20_000).unwrap();
    data.advance(sent);
    spanned.written_to();
    let error = send(&lane, &data, &socket, 20_000).unwrap_err();
    assert!(error.to_string().contains("found that it changed"), "{error}");
    assert!(matches!(lane.due(), Err(Breach::Lost(_))));
    drop(socket);
    assert_eq!(all.join().unwrap().len(), sent);
}

#[test]
fn a_file_that_ends_early_is_not_waited_for() {
    let spanned = Spanned::new();
    let (socket, all) = socket();
    let lane = Lane::default();
    // As if the length had not been looked at.
    let mut data = spanned.span(LENGTH - 10, 20);
    lane.arm(&mut data);
    let sent = send(&lane, &data, &socket, 20).unwrap();
    assert_eq!(sent, 10);
    data.advance(sent);
    let error = send(&lane, &data, &socket, 20).unwrap_err();
    assert!(error.to_string().contains("found fewer"), "{error}");
    drop(socket);
    assert!(all.join().unwrap() == spanned.content[LENGTH - 10..]);
}

#[test]
fn where_the_kernel_sends_none_it_is_read_and_written() {
    // A device of its own, as that is remembered.
    if !Path::new("/dev/shm").is_dir() {
        return skip::place("/dev/shm");
    }
    let spanned = Spanned::on(Path::new("/dev/shm"));
    let path = spanned.scratch.path("out");
    // What is appended to is no place to send to.
    let out = File::options().create(true).append(true).open(&path).unwrap();
    let lane = Lane::default();
    let mut data = spanned.span(1, LENGTH - 1);
    lane.arm(&mut data);
    while data.has_remaining() {
        let due = lane.due().unwrap().unwrap();
        let sent = due.send(&out, data.remaining()).unwrap();
        data.advance(sent);
    }
    assert!(fs::read(path).unwrap() == spanned.content[1..]);
}

#[test]
fn a_connection_that_ends_leaves_no_file_open() {
    let spanned = Spanned::new();
    let lane = Lane::default();
    let mut data = spanned.span(0, 100);
    lane.arm(&mut data);
    drop(lane);
    drop(data);
    assert_eq!(Arc::strong_count(&spanned.handle), 1);
}
