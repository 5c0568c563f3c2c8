//! What a socket holds that its client has not taken.

use std::os::fd::{AsFd, AsRawFd as _};

/// Bytes that were written to the socket and that the other end has not acknowledged (`SIOCOUTQ`); `None`
/// if the kernel does not say.
#[expect(unsafe_code, reason = "a call that rustix does not have")]
pub(crate) fn unsent(socket: &impl AsFd) -> Option<u64> {
    let mut count: libc::c_int = 0;
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed for the call, which writes one int to `count`.
    let done = unsafe { libc::ioctl(descriptor, libc::TIOCOUTQ, &raw mut count) };
    if done == 0 { u64::try_from(count).ok() } else { None }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use super::unsent;

    #[test]
    fn what_the_client_took_is_not_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut socket, _) = listener.accept().unwrap();
        assert_eq!(unsent(&socket), Some(0));
        socket.set_nonblocking(true).unwrap();
        let chunk = vec![0; 64 * 1024];
        let mut written = 0;
        while let Ok(count) = socket.write(&chunk) {
            written += count as u64;
        }
        let held = unsent(&socket).unwrap();
        assert!(held > 0 && held <= written, "{held} of {written}");
        let mut rest = written;
        let mut buffer = vec![0; 64 * 1024];
        while rest > 0 {
            rest -= client.read(&mut buffer).unwrap() as u64;
        }
        // The last acknowledgement may be delayed.
        let begun = Instant::now();
        while unsent(&socket) > Some(0) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?} are left", unsent(&socket));
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_is_no_socket_says_nothing() {
        assert_eq!(unsent(&std::fs::File::open("/dev/null").unwrap()), None);
    }
}
