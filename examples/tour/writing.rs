//! Routes that write to the head: early, late, too late, in hooks, and behind the content.

use axum::body::Body;
use http::{Response, StatusCode};
use letterhead::{Head, Placed};

use crate::{Frames, send, streamed};

/// The handler returns; a task writes a field, then the first frame.
pub(crate) async fn late(head: Head) -> Response<Body> {
    streamed(async move |frames: Frames| {
        let _ = head.insert("x-late", "landed");
        send(&frames, "the field came before the first frame\n").await;
    })
}

/// A write after the head is gone.
pub(crate) async fn too_late(head: Head) -> Response<Body> {
    streamed(async move |frames: Frames| {
        send(&frames, "the head is on its way\n").await;
        // The channel holds one frame: when the second fits, the first has been taken, and with
        // it the head was committed.
        send(&frames, "now a field is written\n").await;
        send(&frames, "").await;
        let placed: Placed = head.insert("x-too-late", "lost");
        send(&frames, format!("{placed}\n")).await;
    })
}

/// Two trailers, if the client takes any.
pub(crate) async fn trailer(head: Head) -> Response<Body> {
    // A refusal here is in the receipt, too.
    let _ = head.promise("server-timing");
    let _ = head.promise("x-checksum");
    streamed(async move |frames: Frames| {
        send(&frames, "content\n").await;
        send(&frames, "more content\n").await;
        send(&frames, "").await;
        let _ = head.insert("server-timing", "db;dur=53");
        let _ = head.insert("x-checksum", "8d9e");
    })
}

/// Hooks run last registered first, on the whole head.
pub(crate) async fn hooks(head: Head) -> Result<&'static str, StatusCode> {
    let number = |n: &'static str| {
        move |draft: &mut letterhead::HeadDraft<'_>| {
            let _ = draft.append("x-hook", n);
        }
    };
    let registered = [
        head.before_commit(number("first registered")),
        head.before_commit(|draft| {
            let _ = draft.append("x-hook", "second registered, sets the status");
            let _ = draft.set_status(StatusCode::ACCEPTED);
        }),
        head.before_commit(number("third registered")),
    ];
    if registered.iter().any(Result::is_err) {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    Ok("see x-hook\n")
}

/// Two statuses; the receipt names both writers.
pub(crate) async fn twice(head: Head) -> &'static str {
    let _ = head.set_status(StatusCode::CREATED);
    let _ = head.set_status(StatusCode::ACCEPTED);
    "the last one wins\n"
}
