//! What is known to be in memory, and what becomes of a span that is not.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use bytes::Buf as _;

use super::super::filesystem::Place;
use super::super::lane::Lane;
use super::super::span::FileData;
use super::file;
use super::span::{LENGTH, Spanned, send, socket};
use crate::cold::leaves_memory;
use crate::skip;

#[test]
fn what_has_left_the_memory_is_known_and_fetched() {
    let spanned = Spanned::new();
    let (all, end) = (LENGTH as u64, LENGTH as u64 - 1);
    if !spanned.handle.is_at_hand(0, all) || spanned.handle.place() != Place::Disk {
        return skip::place("cachestat, and a disk for temporary files");
    }
    assert!(spanned.handle.is_at_hand(end, 1) && spanned.handle.is_at_hand(4095, 2));

    // A span is not looked after until its socket was full.
    // Not one of TCP: a full one finds room again when its acknowledgements arrive.
    let (mut socket, _client) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    while socket.write(&spanned.content).is_ok() {}
    let lane = Lane::default();
    let mut data = spanned.span(40_000, 100_000);
    lane.arm(&mut data);
    let due = lane.due().unwrap().unwrap();
    let forget = || leaves_memory(&spanned.handle);
    assert!(forget());
    assert!(!spanned.handle.is_at_hand(0, all) && !spanned.handle.is_at_hand(40_000, 1));
    assert!(!due.is_cold());
    let error = send(&lane, &data, &socket, 100_000).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    assert!(forget());
    assert!(due.is_cold());
    due.warm();
    assert!(!due.is_cold() && spanned.handle.is_at_hand(40_000, 100_000));
}

#[test]
fn of_an_overlay_it_is_not_known_what_is_in_memory() {
    let Some(overlay) = super::overlay() else { return skip::right("root, to mount an overlay") };
    let root = overlay.root("merged");
    let handle = Arc::new(file(&root, "below"));
    let found = (handle.place(), handle.is_at_hand(0, 5));
    let (socket, all) = socket();
    let lane = Lane::default();
    let mut data = FileData::span(&handle, *handle.stat(), 0, 5);
    lane.arm(&mut data);
    data.advance(send(&lane, &data, &socket, 5).unwrap());
    drop((lane, data, socket, handle, root));
    let unmounted = super::tool("umount", &[&overlay.path("merged").display().to_string()]);
    assert!(unmounted);
    assert_eq!((found, all.join().unwrap()), ((Place::Disk, false), b"below".to_vec()));
}
