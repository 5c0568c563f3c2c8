//! A filesystem in this process that answers as it is told: any errno, at any step, at once or late.
//!
//! The kernel's side of it is `<linux/fuse.h>`; the numbers here are those of that file. It has one
//! directory with two files of `a`, [`FAULTY`] and [`SLOW`], and is meant for a mount namespace that
//! goes with its process.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use letterhead::FileSender;

/// The file whose faults are told by [`Fuse::refuse`].
pub(crate) const FAULTY: &str = "faulty";
/// The file whose answers are held back by [`Fuse::hold`].
pub(crate) const SLOW: &str = "slow";
/// No such file.
pub(crate) const MISSING: &str = "missing";
/// The size of both.
pub(crate) const SIZE: u64 = 2 * FileSender::CHUNK as u64;

/// What the kernel asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Lookup = 1,
    Getattr = 3,
    Open = 14,
    Read = 15,
    /// What is asked at each close of a descriptor.
    Flush = 25,
}

/// A step, and from which offset on it is meant; a look counts as at the last read before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) asks: Asks,
    pub(crate) from: u64,
}

pub(crate) struct Fuse(Arc<Shared>);

struct Shared {
    device: File,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    fault: Option<(Step, i32)>,
    hold: Option<(&'static str, Step)>,
    /// The answer that is held back.
    held: Option<Vec<u8>>,
    /// Whether the kernel may keep names and attributes.
    kept: bool,
    /// What [`FAULTY`] has become longer by, and how many looks find its time moved only.
    growth: Option<(u64, u64)>,
    /// The offset of the last read of each file since it was opened.
    offsets: [u64; 2],
}

impl Fuse {
    /// Mounts it; `Err` says why that cannot be done here.
    pub(crate) fn mount(at: &Path) -> Result<Self, String> {
        let device = File::options().read(true).write(true).open("/dev/fuse");
        let device = device.map_err(|error| format!("/dev/fuse: {error}"))?;
        let input = device.try_clone().unwrap();
        let output = Command::new("mount")
            .args(["--internal-only", "--types", "fuse", "--options"])
            .arg("fd=0,rootmode=40000,user_id=0,group_id=0,allow_other")
            .args([Path::new("letterhead"), at])
            .stdin(Stdio::from(input))
            .output()
            .unwrap();
        if !output.status.success() {
            return Err(format!("fuse: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { device, state, changed });
        let serving = Arc::clone(&shared);
        // It ends with the mount, which ends with the process.
        std::thread::spawn(move || serving.serve());
        Ok(Self(shared))
    }

    /// From now on this step of [`FAULTY`] is refused with this number; 0 refuses nothing.
    pub(crate) fn refuse(&self, step: Step, errno: i32) {
        self.0.state.lock().unwrap().fault = (errno != 0).then_some((step, errno));
    }

    /// From now on the kernel keeps names and attributes, or asks for them each time.
    pub(crate) fn keep(&self, kept: bool) {
        self.0.state.lock().unwrap().kept = kept;
    }

    /// [`FAULTY`] is appended to: so many looks find a later time and the old size, as in the middle of
    /// a write.
    pub(crate) fn append(&self, bytes: u64, looks: u64) {
        self.0.state.lock().unwrap().growth = Some((bytes, looks));
    }

    /// The next answer of this step of the file `name` is held back until it is released.
    pub(crate) fn hold(&self, name: &'static str, step: Step) {
        self.0.state.lock().unwrap().hold = Some((name, step));
    }

    /// Whether an answer is held back.
    pub(crate) fn is_holding(&self) -> bool {
        self.0.state.lock().unwrap().held.is_some()
    }

    /// Lets the answer go that is held back.
    pub(crate) fn release(&self) {
        let mut state = self.0.state.lock().unwrap();
        state.hold = None;
        if let Some(answer) = state.held.take() {
            self.0.answer(&answer);
        }
        self.0.changed.notify_all();
    }

    /// Waits for [`release`](Self::release), but not for ever: then the answer is let go, and this is
    /// `false`. It blocks.
    pub(crate) fn is_released_within(&self, patience: Duration) -> bool {
        let state = self.0.state.lock().unwrap();
        let waiting = |state: &mut State| state.hold.is_some();
        let (state, waited) = self.0.changed.wait_timeout_while(state, patience, waiting).unwrap();
        drop(state);
        if waited.timed_out() {
            self.release();
        }
        !waited.timed_out()
    }
}

/// The names of the files are the nodes 2 and 3.
const NAMES: [&str; 2] = [FAULTY, SLOW];

/// A question as it comes: 40 bytes of head, then what belongs to its kind.
struct Question<'a> {
    asks: u32,
    unique: u64,
    node: u64,
    rest: &'a [u8],
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

impl Shared {
    fn serve(&self) {
        let mut buffer = vec![0; 1 << 17];
        loop {
            match (&self.device).read(&mut buffer) {
                Ok(read) => {
                    let bytes = &buffer[..read];
                    let asks = u32::from_ne_bytes(bytes[4..8].try_into().unwrap());
                    let (unique, node) = (number(bytes, 8), number(bytes, 16));
                    self.take(&Question { asks, unique, node, rest: &bytes[40..] });
                }
                // No longer mounted.
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return,
                // A question that was withdrawn.
                Err(_) => {}
            }
        }
    }

    fn take(&self, question: &Question<'_>) {
        let mut state = self.state.lock().unwrap();
        let Some(done) = state.done(question) else { return };
        let (errno, content) = match done {
            Ok(content) => (0, content),
            Err(errno) => (errno, Vec::new()),
        };
        let length = u32::try_from(16 + content.len()).unwrap();
        let mut answer = length.to_ne_bytes().to_vec();
        answer.extend((-errno).to_ne_bytes());
        answer.extend(question.unique.to_ne_bytes());
        answer.extend(content);
        if state.held.is_none()
            && state.hold.is_some_and(|(name, step)| state.is(question, name, step))
        {
            state.held = Some(answer);
            return;
        }
        self.answer(&answer);
    }

    fn answer(&self, answer: &[u8]) {
        // Whoever asked may have been interrupted; then nobody wants to know.
        let _ = (&self.device).write(answer);
    }
}

impl State {
    /// The content of an answer, or an error number; `None`: this is not answered.
    fn done(&mut self, question: &Question<'_>) -> Option<Result<Vec<u8>, i32>> {
        const FORGET: u32 = 2;
        const READ: u32 = Asks::Read as u32;
        const OPEN: u32 = Asks::Open as u32;
        const GETATTR: u32 = Asks::Getattr as u32;
        const LOOKUP: u32 = Asks::Lookup as u32;
        const RELEASE: u32 = 18;
        const FLUSH: u32 = Asks::Flush as u32;
        const INIT: u32 = 26;
        const INTERRUPT: u32 = 36;
        const BATCH_FORGET: u32 = 42;
        match question.asks {
            READ => self.offsets[question.file()] = number(question.rest, 8),
            OPEN => self.offsets[question.file()] = 0,
            _ => {}
        }
        if let Some((_, errno)) = self.fault.filter(|(step, _)| self.is(question, FAULTY, *step)) {
            return Some(Err(errno));
        }
        Some(match question.asks {
            FORGET | INTERRUPT | BATCH_FORGET => return None,
            INIT => Ok(init()),
            LOOKUP => match NAMES.iter().position(|name| question.is_about(name)) {
                Some(file) => {
                    let valid = self.valid();
                    let node = file as u64 + 2;
                    let head = [node, 0, valid, valid, 0].map(u64::to_ne_bytes).concat();
                    Ok([head, self.attributes(node)].concat())
                }
                None => Err(libc::ENOENT),
            },
            GETATTR => {
                let head = [self.valid(), 0].map(u64::to_ne_bytes).concat();
                Ok([head, self.attributes(question.node)].concat())
            }
            // FOPEN_DIRECT_IO: each read is asked for here, none is answered from the page cache.
            OPEN => Ok([question.node, 1].map(u64::to_ne_bytes).concat()),
            READ => {
                let left = SIZE.saturating_sub(number(question.rest, 8));
                let wanted = number(question.rest, 16) & u64::from(u32::MAX);
                Ok(vec![b'a'; usize::try_from(wanted.min(left)).unwrap()])
            }
            RELEASE | FLUSH => Ok(Vec::new()),
            _ => Err(libc::ENOSYS),
        })
    }

    /// Whether a question is this step of the file `name`.
    fn is(&self, question: &Question<'_>, name: &str, step: Step) -> bool {
        let about = if step.asks == Asks::Lookup {
            question.is_about(name)
        } else {
            question.node > 1 && NAMES[question.file()] == name
        };
        question.asks == step.asks as u32
            && about
            && (step.from == 0 || self.offsets[question.file()] >= step.from)
    }

    /// Size, times (long settled) and mode of a node.
    fn attributes(&mut self, node: u64) -> Vec<u8> {
        let (mut size, mut time) = (if node == 1 { 0 } else { SIZE }, 784_111_777);
        if let Some((bytes, looks)) = self.growth.as_mut().filter(|_| node == 2) {
            time += 1;
            if *looks == 0 {
                size += *bytes;
            }
            *looks = looks.saturating_sub(1);
        }
        let mut bytes = [node, size, size / 512, time, time, time].map(u64::to_ne_bytes).concat();
        let mode = if node == 1 { libc::S_IFDIR | 0o755 } else { libc::S_IFREG | 0o644 };
        bytes.extend([0, 0, 0, mode, 1, 0, 0, 0, 4096, 0_u32].map(u32::to_ne_bytes).concat());
        bytes
    }

    /// For how many seconds the kernel may keep a name.
    fn valid(&self) -> u64 {
        if self.kept { 3600 } else { 0 }
    }
}

impl Question<'_> {
    /// Which file an opened node is.
    fn file(&self) -> usize {
        usize::try_from(self.node - 2).unwrap()
    }

    fn is_about(&self, name: &str) -> bool {
        self.rest.strip_suffix(b"\0") == Some(name.as_bytes())
    }
}

fn init() -> Vec<u8> {
    // Version 7.31, no readahead, and FUSE_PARALLEL_DIROPS: a lookup waits for no other one.
    let mut answer = [7_u32, 31, 0, 1 << 18].map(u32::to_ne_bytes).concat();
    answer.extend([12_u16, 9].map(u16::to_ne_bytes).concat());
    // The largest write, and times by the nanosecond.
    answer.extend([4096_u32, 1].map(u32::to_ne_bytes).concat());
    answer.resize(64, 0);
    answer
}
