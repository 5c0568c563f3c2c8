//! Bytes of a file that are read only by whoever looks at them.
//!
//! A span of a file is data like any other: its length is known, and who asks for its bytes gets them,
//! read from the file at that moment and held against its first look. So a layer that copies,
//! compresses, hashes or keeps what it passes on sees what the file has.
//!
//! Only a server that is about to hand a span to its own socket [arms](super::lane) it. From then on its
//! vectored view, and no other, is a stretch of memory that has nothing in it: it says *where* the bytes
//! belong, and the socket sends them from the file.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::io::IoSlice;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::{Buf, Bytes};

use super::lane::{Armed, Line};
use super::open::Handle;
use super::read::read_at;
use super::refusal::Refusal;
use super::stat::{Change, Stat};

/// The longest span: 1 MiB.
pub(crate) const LONGEST: usize = 1024 * 1024;

/// What is read at once by whoever looks at a span.
const PIECE: usize = 64 * 1024;

thread_local! {
    static OFFERED: Cell<bool> = const { Cell::new(false) };
}

/// How many spans of one connection in a row have views at places of their own: as many buffers as hyper
/// has in its queue at most.
const PLACES: usize = 16;

/// Memory that nobody reads and that therefore takes no room. A view of a span points into it.
static BLANK: LazyLock<Box<[u8]>> = LazyLock::new(|| vec![0; PLACES * LONGEST].into_boxed_slice());

/// Runs `poll` with word that what it makes goes to a socket that can send spans. It is no promise: a
/// span that comes to be something else is read.
pub(crate) fn offering<T>(poll: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            OFFERED.set(self.0);
        }
    }
    let _restore = Restore(OFFERED.replace(true));
    poll()
}

/// Whether spans are worth making now.
pub(crate) fn is_offered() -> bool {
    OFFERED.get()
}

/// Whether `view` is that of an armed span.
pub(crate) fn is_blank(view: &[u8]) -> bool {
    !view.is_empty() && BLANK.as_ptr_range().contains(&view.as_ptr())
}

/// The view of an armed span of `length` bytes of which `sent` have gone, which is number `turn` of its connection.
pub(super) fn view(turn: usize, sent: usize, length: usize) -> &'static [u8] {
    let place = turn % PLACES * LONGEST;
    BLANK.get(place + sent..place + length).unwrap_or_default()
}

/// The view of a connection's first armed span, of `length` bytes of which `left` have not gone.
#[cfg(test)]
pub(crate) fn armed_view(left: usize, length: usize) -> &'static [u8] {
    view(0, length - left, length)
}

/// One version of an open file, as far as the next bytes of it are concerned.
#[derive(Clone)]
pub(super) struct Version {
    handle: Arc<Handle>,
    seen: Stat,
    /// Dropped when the file is closed, as far as spans are concerned.
    keeps: Option<Arc<dyn Any + Send + Sync>>,
}

/// Why bytes of a version could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Changed(Change),
    Short,
    Refused(i32),
}

impl Version {
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether the file is still that version.
    pub(super) fn check(&self) -> Result<(), Lost> {
        match Stat::of(&self.handle).map_err(refused)?.since(&self.seen) {
            Change::Same | Change::Explained => Ok(()),
            change @ (Change::Unexplained | Change::Grew | Change::Written | Change::Another) => {
                Err(Lost::Changed(change))
            }
        }
    }

    /// Reads up to a piece of what is there; it may block if the bytes have left the memory.
    pub(super) fn read(&self, at: u64, wanted: usize) -> Result<Vec<u8>, Lost> {
        let mut piece = vec![0; wanted.min(PIECE)];
        let read = read_at(&self.handle, &mut piece, at).map_err(refused)?;
        self.check()?;
        if read < piece.len() { Err(Lost::Short) } else { Ok(piece) }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what is left of it")]
fn refused(refusal: Refusal) -> Lost {
    Lost::Refused(refusal.raw_os_error())
}

/// Data of a body that may be a stretch of a file: what [`ZeroCopy`](crate::files::ZeroCopy) sends.
///
/// It is a [`Buf`], and any `Bytes` can be made into one. A stretch of a file is read when it is looked
/// at, so whatever a layer does with the data, it does it with what the file has.
/// [`letterhead::serve`](crate::serve()) does not look: it has the kernel send it.
///
/// # Panics
///
/// To look at a stretch whose file has been written to or cut short since it was opened panics: there
/// are no bytes that could be given. A body is polled by its connection's task, so it is that one
/// connection which ends.
///
/// # Examples
///
/// ```
/// use bytes::{Buf, Bytes};
/// use letterhead::files::FileData;
///
/// let mut data = FileData::from(Bytes::from_static(b"some bytes"));
/// assert_eq!(data.copy_to_bytes(4), "some");
/// assert_eq!(data.remaining(), 6);
/// ```
pub struct FileData(Inner);

enum Inner {
    Bytes(Bytes),
    Span(Box<Span>),
}

struct Span {
    version: Version,
    at: u64,
    left: usize,
    /// What somebody looked at, from `at` on.
    read: OnceLock<Bytes>,
    armed: Option<Arc<Armed>>,
}

impl FileData {
    /// `length` bytes of `handle` from `at` on, of the version that was `seen`; no more than
    /// [`LONGEST`].
    pub(crate) fn span(handle: &Arc<Handle>, seen: Stat, at: u64, length: usize) -> Self {
        let version = Version { handle: Arc::clone(handle), seen, keeps: None };
        let left = length.min(LONGEST);
        Self(Inner::Span(Box::new(Span { version, at, left, read: OnceLock::new(), armed: None })))
    }

    /// The same, with something that is wanted as long as the file is open.
    pub(crate) fn keeping(mut self, thing: Arc<dyn Any + Send + Sync>) -> Self {
        if let Inner::Span(span) = &mut self.0 {
            span.version.keeps = Some(thing);
        }
        self
    }

    /// It is of a file, and not in memory.
    pub(crate) const fn is_span(&self) -> bool {
        matches!(self.0, Inner::Span(_))
    }

    /// Makes its vectored view one for the socket of `line`.
    pub(super) fn arm(&mut self, line: &Arc<Line>) {
        if let Inner::Span(span) = &mut self.0 {
            if span.armed.is_none() && span.read.get().is_none() && span.left > 0 {
                span.armed = Some(line.arm(span.version.clone(), span.at, span.left));
            }
        }
    }
}

impl Span {
    /// What is there at this moment. Whoever asks has it from here on, and the socket no more.
    fn look(&self) -> &Bytes {
        self.read.get_or_init(|| {
            if let Some(armed) = &self.armed {
                armed.withdraw(self.left);
            }
            match self.version.read(self.at, self.left) {
                Ok(piece) => piece.into(),
                Err(lost) => panic!("{lost}"),
            }
        })
    }

    /// The span as its socket has it, unless somebody has looked at it.
    fn armed(&self) -> Option<&Armed> {
        self.armed.as_deref().filter(|armed| !armed.is_withdrawn())
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.left, "wanted {count} bytes of a file, found {}", self.left);
        self.at = self.at.saturating_add(count as u64);
        self.left -= count;
        if let Some(armed) = self.armed() {
            armed.consumed(self.left);
        }
        match self.read.get_mut() {
            Some(piece) if count < piece.len() => piece.advance(count),
            Some(_) => drop(self.read.take()),
            None => {}
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(armed) = self.armed().filter(|_| self.left > 0) {
            armed.dropped();
        }
    }
}

impl From<Bytes> for FileData {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Bytes(bytes))
    }
}

impl Buf for FileData {
    fn remaining(&self) -> usize {
        match &self.0 {
            Inner::Bytes(bytes) => bytes.len(),
            Inner::Span(span) => span.left,
        }
    }

    fn chunk(&self) -> &[u8] {
        match &self.0 {
            Inner::Bytes(bytes) => bytes,
            Inner::Span(span) if span.left == 0 => &[],
            Inner::Span(span) => span.look(),
        }
    }

    fn chunks_vectored<'a>(&'a self, views: &mut [IoSlice<'a>]) -> usize {
        let Some(first) = views.first_mut() else { return 0 };
        let view = match &self.0 {
            Inner::Bytes(bytes) => bytes,
            Inner::Span(span) => {
                span.armed().map_or_else(|| self.chunk(), |armed| armed.view(span.left))
            }
        };
        if view.is_empty() {
            return 0;
        }
        *first = IoSlice::new(view);
        1
    }

    fn advance(&mut self, count: usize) {
        match &mut self.0 {
            Inner::Bytes(bytes) => bytes.advance(count),
            Inner::Span(span) => span.advance(count),
        }
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        match &mut self.0 {
            Inner::Bytes(bytes) => bytes.copy_to_bytes(length),
            Inner::Span(_) => {
                assert!(length <= self.remaining(), "wanted more bytes of a file than are left");
                let mut copy = Vec::with_capacity(length);
                while copy.len() < length {
                    let piece = self.chunk();
                    let count = piece.len().min(length - copy.len());
                    copy.extend_from_slice(&piece[..count]);
                    self.advance(count);
                }
                copy.into()
            }
        }
    }
}

impl fmt::Debug for FileData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileData").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(_) => f.write_str(
                "wanted the rest of the version of a file that was opened, found that it changed",
            ),
            Self::Short => f.write_str("wanted as many bytes as the file has, found fewer"),
            Self::Refused(errno) => {
                write!(
                    f,
                    "wanted bytes of a file, found {}",
                    std::io::Error::from_raw_os_error(*errno)
                )
            }
        }
    }
}
