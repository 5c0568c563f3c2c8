//! In the place of spans where there are none: without files, or where the kernel sends none.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

#[derive(Debug, Default)]
pub(super) struct Lane {}

#[derive(Debug, Default)]
pub(super) struct Sending {}

#[expect(clippy::extra_unused_type_parameters, reason = "the other one asks for it")]
pub(super) fn offering<D: 'static, T>(_direct: bool, poll: impl FnOnce() -> T) -> T {
    poll()
}

pub(super) const fn arm<D: 'static>(_: &Lane, _: &mut D) -> bool {
    false
}

impl Sending {
    pub(super) fn poll_write(
        _: &Lane,
        tcp: &mut TcpStream,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(tcp).poll_write(cx, bytes)
    }

    #[expect(clippy::unused_self, reason = "the other one has something to remember")]
    pub(super) fn poll_write_vectored(
        &mut self,
        _: &Lane,
        tcp: &mut TcpStream,
        cx: &mut Context<'_>,
        views: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(tcp).poll_write_vectored(cx, views)
    }
}
