//! A bare sendfile loop: no HTTP but a path between two spaces, descriptors and heads kept for ever.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use letterhead_peers::{anywhere, arguments, say};
use rustix::event::epoll;
use rustix::net::{SendFlags, send};

/// The mark of the listener among the sockets.
const LISTENER: u64 = u64::MAX;

/// A file as it is kept: its descriptor, its length, its whole head.
struct Kept {
    file: File,
    length: usize,
    head: Vec<u8>,
}

/// A connection and the answer that is on its way.
struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    kept: Option<Arc<Kept>>,
    head: usize,
    offset: u64,
}

impl Connection {
    /// Does what can be done; false when the client has gone.
    fn go_on(&mut self, root: &str, files: &mut HashMap<Vec<u8>, Arc<Kept>>) -> io::Result<bool> {
        loop {
            if let Some(kept) = &self.kept {
                while self.head < kept.head.len() {
                    match send(&self.stream, &kept.head[self.head..], SendFlags::MORE) {
                        Ok(sent) => self.head += sent,
                        Err(rustix::io::Errno::AGAIN) => return Ok(true),
                        Err(error) => return Err(error.into()),
                    }
                }
                while self.offset < kept.length as u64 {
                    let rest = kept.length - self.offset as usize;
                    let offset = Some(&mut self.offset);
                    match rustix::fs::sendfile(&self.stream, &kept.file, offset, rest) {
                        Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                        Ok(_) => {}
                        Err(rustix::io::Errno::AGAIN) => return Ok(true),
                        Err(error) => return Err(error.into()),
                    }
                }
                self.kept = None;
            }
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let path = self.read.split(|byte| *byte == b' ').nth(1).unwrap_or(b"/").to_vec();
                self.read.drain(..end + 4);
                self.kept = Some(find(&path, root, files)?);
                (self.head, self.offset) = (0, 0);
                continue;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => self.read.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
    }
}

fn find(path: &[u8], root: &str, files: &mut HashMap<Vec<u8>, Arc<Kept>>) -> io::Result<Arc<Kept>> {
    if let Some(kept) = files.get(path) {
        return Ok(Arc::clone(kept));
    }
    let file = File::open(format!("{root}{}", String::from_utf8_lossy(path)))?;
    let length = usize::try_from(file.metadata()?.len()).unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {length}\r\n\
         last-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\netag: \"400-18867251edfa0000\"\r\n\
         accept-ranges: bytes\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
    );
    let kept = Arc::new(Kept { file, length, head: head.into_bytes() });
    files.insert(path.to_vec(), Arc::clone(&kept));
    Ok(kept)
}

fn main() -> io::Result<()> {
    let (root, _) = arguments();
    let listener = TcpListener::bind(anywhere())?;
    listener.set_nonblocking(true)?;
    say(listener.local_addr()?);
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut connections: HashMap<u64, Connection> = HashMap::new();
    let mut files = HashMap::new();
    let mut next = 0;
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            // A tracer came or went.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let mark = event.data.u64();
            if mark == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    let flags =
                        epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
                    epoll::add(&poll, stream.as_fd(), epoll::EventData::new_u64(next), flags)?;
                    let connection =
                        Connection { stream, read: Vec::new(), kept: None, head: 0, offset: 0 };
                    connections.insert(next, connection);
                    next += 1;
                }
            } else if let Some(connection) = connections.get_mut(&mark) {
                if !connection.go_on(&root, &mut files).unwrap_or(false) {
                    connections.remove(&mark);
                }
            }
        }
    }
}
