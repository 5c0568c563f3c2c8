//! Digests of files: made once for each version, under the same guard as the bytes that are sent.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;

use sha2::{Digest as _, Sha256, Sha512};

use super::sender::FileSender;
use super::settings::Settings;
use super::source::{Name, Trouble, confirmed, rule, wants_asking};
use crate::answer::{DigestAlgorithm, Piece, Plan};
use crate::sys::{Change, Decision, Handle, Identity, Stat, read_at};

/// Of how many versions the digests are remembered, some 300 bytes for each.
const MOST_KNOWN: usize = 4096;

/// How many digests are made in the background at once.
const MOST_PENDING: usize = 2;

impl FileSender {
    /// Sends `Repr-Digest` and `Content-Digest` (RFC 9530) to clients that want them, with 200s and 206s of settled
    /// files that are up to `most` bytes long. With 0, the default, to nobody.
    ///
    /// Clients ask with `Want-Repr-Digest` and `Want-Content-Digest`, for `sha-256` or `sha-512`, whichever they
    /// prefer. `Repr-Digest` is of the whole file in the coding that was chosen, also with a part of it and to a `HEAD`.
    /// `Content-Digest` is of the bytes that are sent; a `HEAD` has none.
    ///
    /// Such a file is read once more before its head is told, where blocking is allowed: some milliseconds for
    /// each megabyte, less than one if the processor has instructions for it. Digests of whole files are remembered by
    /// version, 4096 of them; those of parts are made each time.
    #[must_use]
    pub fn digests(self, most: u64) -> Self {
        self.with(|settings| settings.digested = most)
    }

    /// Up to this length, in bytes, the tag of a file whose date is none is made before its first response:
    /// 16 MiB, some 10 ms of reading if the processor has instructions for SHA-256, 80 ms if not.
    ///
    /// It goes for files that are dated before 1990, and for all with
    /// [`constant_dates`](Self::constant_dates). Of longer ones the digest is made in the background, two at a time,
    /// when the first client asks for them. Until it is there they have no tag and no date, a `Range` is ignored,
    /// and the response says `Cache-Control: no-cache` unless a pattern says otherwise.
    pub const CONTENT_TAG: u64 = 16 * 1024 * 1024;

    /// Makes the tags of settled files that are up to `most` bytes long from their content (SHA-256), and not
    /// from size and modification time. With 0, the default, of those alone whose date
    /// [is none](Self::CONTENT_TAG).
    ///
    /// So the tag is the same wherever and whenever the same bytes are put in place, and another where two
    /// versions have the same size and time. `Last-Modified` is sent as ever. A version is read once more before it
    /// is told for the first time, as for [`digests`](Self::digests).
    #[must_use]
    pub fn content_tags(self, most: u64) -> Self {
        self.with(|settings| settings.tagged = most)
    }
}

/// What is remembered of versions.
#[derive(Default)]
pub(super) struct Known(Mutex<Table>);

#[derive(Default)]
struct Table {
    sums: HashMap<Identity, Sums>,
    /// The oldest first.
    order: VecDeque<Identity>,
    /// Those that are made in the background now.
    pending: Vec<Identity>,
}

/// A digest that is made in the background. Dropped before it is done, somebody else may make it.
pub(super) struct Pending {
    known: Arc<Known>,
    version: Identity,
}

impl Pending {
    /// Leave to make the SHA-256 of this version, unless somebody does or enough others are made.
    pub(super) fn of(known: &Arc<Known>, version: Identity) -> Option<Self> {
        let mut table = locked(&known.0);
        if table.pending.len() >= MOST_PENDING || table.pending.contains(&version) {
            return None;
        }
        table.pending.push(version);
        Some(Self { known: Arc::clone(known), version })
    }

    pub(super) fn done(self, sum: Arc<[u8]>) {
        *locked(&self.known.0).slot(self.version, DigestAlgorithm::Sha256) = Some(sum);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        locked(&self.known.0).pending.retain(|version| *version != self.version);
    }
}

/// The digests of one version.
#[derive(Default)]
struct Sums {
    sha256: Option<Arc<[u8]>>,
    sha512: Option<Arc<[u8]>>,
}

impl Known {
    /// The digest of a version, made by `make` if it is not known; without a lock, as whoever is told of
    /// a fault meanwhile may ask for it, too.
    fn sum<E>(
        &self,
        identity: Identity,
        algorithm: DigestAlgorithm,
        make: impl FnOnce() -> Result<Arc<[u8]>, E>,
    ) -> Result<Arc<[u8]>, E> {
        if let Some(sum) = self.get(identity, algorithm) {
            return Ok(sum);
        }
        let sum = make()?;
        *locked(&self.0).slot(identity, algorithm) = Some(Arc::clone(&sum));
        Ok(sum)
    }

    /// The digest of a version, if that is known.
    pub(super) fn get(&self, identity: Identity, algorithm: DigestAlgorithm) -> Option<Arc<[u8]>> {
        let table = locked(&self.0);
        let sums = table.sums.get(&identity)?;
        match algorithm {
            DigestAlgorithm::Sha256 => sums.sha256.clone(),
            DigestAlgorithm::Sha512 => sums.sha512.clone(),
        }
    }
}

impl Table {
    fn slot(&mut self, identity: Identity, algorithm: DigestAlgorithm) -> &mut Option<Arc<[u8]>> {
        if !self.sums.contains_key(&identity) {
            if self.order.len() == MOST_KNOWN {
                if let Some(oldest) = self.order.pop_front() {
                    self.sums.remove(&oldest);
                }
            }
            self.order.push_back(identity);
        }
        let sums = self.sums.entry(identity).or_default();
        match algorithm {
            DigestAlgorithm::Sha256 => &mut sums.sha256,
            DigestAlgorithm::Sha512 => &mut sums.sha512,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub(super) fn new(algorithm: DigestAlgorithm) -> Self {
        match algorithm {
            DigestAlgorithm::Sha256 => Self::Sha256(Sha256::new()),
            DigestAlgorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn sum(self) -> Arc<[u8]> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().as_slice().into(),
            Self::Sha512(hasher) => hasher.finalize().as_slice().into(),
        }
    }
}

/// The digest of a whole file, as it was opened. It blocks.
pub(super) fn whole(
    settings: &Settings,
    name: &Name,
    handle: &Handle,
    algorithm: DigestAlgorithm,
) -> Result<Arc<[u8]>, Trouble> {
    let identity = handle.stat().identity;
    settings.known.sum(identity, algorithm, || {
        let mut hasher = Hasher::new(algorithm);
        feed(settings, name, handle, 0..identity.size, &mut hasher)?;
        Ok(hasher.sum())
    })
}

/// The digest of what a plan sends of a file. It blocks.
pub(super) fn planned(
    settings: &Settings,
    name: &Name,
    handle: &Handle,
    algorithm: DigestAlgorithm,
    plan: &Plan,
) -> Result<Arc<[u8]>, Trouble> {
    let mut hasher = Hasher::new(algorithm);
    match plan {
        Plan::Whole => return whole(settings, name, handle, algorithm),
        Plan::Nothing => {}
        Plan::Part(part) => feed(settings, name, handle, part.clone(), &mut hasher)?,
        Plan::Parts(parts) => {
            for piece in parts.pieces() {
                match piece {
                    Piece::Glue(glue) => hasher.update(&glue),
                    Piece::Content(part) => feed(settings, name, handle, part, &mut hasher)?,
                }
            }
        }
    }
    Ok(hasher.sum())
}

/// Reads a part of the version that was opened, and no other. It blocks.
pub(super) fn feed(
    settings: &Settings,
    name: &Name,
    handle: &Handle,
    part: Range<u64>,
    hasher: &mut Hasher,
) -> Result<(), Trouble> {
    let most = part.end.saturating_sub(part.start).min(FileSender::CHUNK as u64);
    let mut buffer = vec![0; usize::try_from(most).unwrap_or(FileSender::CHUNK)];
    let (mut at, mut attempt) = (part.start, 0_u32);
    while at < part.end {
        let left = part.end.saturating_sub(at);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = buffer.get_mut(..wanted).unwrap_or_default();
        let looked =
            read_at(handle, bytes, at).and_then(|read| Stat::of(handle).map(|now| (read, now)));
        let looked = match looked {
            Ok((read, now)) => {
                let now = if wants_asking(handle) { confirmed(handle, now)? } else { now };
                Ok((read, now.since(handle.stat())))
            }
            Err(refusal) => Err(refusal),
        };
        let refusal = match looked {
            Ok((read, Change::Same | Change::Explained)) if read == wanted => {
                hasher.update(bytes);
                (at, attempt) = (at.saturating_add(read as u64), 0);
                continue;
            }
            Ok((_, Change::Same | Change::Explained)) => return Err(Trouble::Short),
            Ok((_, change)) => return Err(Trouble::Changed(change)),
            Err(refusal) => refusal,
        };
        let ruling = rule(settings, name, &refusal, attempt, false);
        attempt = attempt.saturating_add(1);
        match ruling.decision() {
            Decision::Retry { after } => sleep(after),
            Decision::Next => {}
            // The file is opened anew, and this begun again.
            Decision::ReResolve if matches!(name, Name::Beneath(_)) => {
                return Err(Trouble::Changed(Change::Another));
            }
            Decision::ReResolve => {
                let ruling = rule(settings, name, &refusal, u32::MAX, false);
                return Err(Trouble::Refused(refusal, ruling));
            }
            Decision::Answer { .. } | Decision::Abort => {
                return Err(Trouble::Refused(refusal, ruling));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Moment;

    fn version(ino: u64) -> Identity {
        let at = Moment { seconds: 1, nanos: 0 };
        Identity { dev: 1, ino, size: 1, mtime: at, ctime: at }
    }

    #[test]
    fn a_digest_is_made_once_and_the_oldest_are_forgotten() {
        use DigestAlgorithm::{Sha256, Sha512};
        let known = Known::default();
        let made = std::cell::Cell::new(0);
        let sum = |ino: u64, algorithm| {
            known.sum(version(ino), algorithm, || {
                made.set(made.get() + 1);
                Ok::<_, ()>(Arc::from(ino.to_be_bytes().as_slice()))
            })
        };
        for _ in 0..3 {
            assert_eq!(&*sum(1, Sha256).expect("made"), 1_u64.to_be_bytes().as_slice());
        }
        assert_eq!(made.get(), 1);
        assert!(known.get(version(1), Sha256).is_some());
        assert!(known.get(version(1), Sha512).is_none() && known.get(version(2), Sha256).is_none());
        sum(1, Sha512).expect("made");
        assert_eq!(made.get(), 2);
        // What failed is not known.
        assert_eq!(
            known.sum(version(9), Sha256, || Err::<Arc<[u8]>, _>("refused")),
            Err("refused")
        );
        assert!(known.get(version(9), Sha256).is_none());
        for ino in 10..10 + MOST_KNOWN as u64 {
            sum(ino, Sha256).expect("made");
        }
        let table = locked(&known.0);
        assert_eq!((table.sums.len(), table.order.len()), (MOST_KNOWN, MOST_KNOWN));
        drop(table);
        assert!(known.get(version(1), Sha256).is_none());
    }

    #[test]
    fn whoever_is_told_of_a_fault_may_ask_for_the_digest_of_the_same_file() {
        let known = Arc::<Known>::default();
        let (done, made) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let ask = || known.sum(version(1), DigestAlgorithm::Sha256, || Ok(Arc::from([1])));
            let sum = known.sum(version(1), DigestAlgorithm::Sha256, || {
                // As in a callback.
                ask()?;
                Ok::<Arc<[u8]>, ()>(Arc::from([1]))
            });
            let _ = done.send(sum);
        });
        let sum = made.recv_timeout(std::time::Duration::from_secs(20)).expect("no deadlock");
        assert_eq!(sum.as_deref(), Ok(&[1][..]));
    }
}
