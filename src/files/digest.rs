//! Digests of files: made once for each version, under the same guard as the bytes that are sent.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;

use sha2::{Digest as _, Sha256, Sha512};

use super::failed::Trouble;
use super::opened::{Name, OpenedFile};
use super::options::CHUNK;
use super::os_errors::OsErrors;
use super::writers::{confirmed, wants_asking};
use crate::answer::{DigestAlgorithm, Piece, Plan};
use crate::sys::{Change, Decision, Identity, Stat, read_at};

/// Of how many versions the digests are remembered, some 300 bytes for each.
const MOST_KNOWN: usize = 4096;

/// How many digests are made in the background at once.
const MOST_PENDING: usize = 2;

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
    /// The digest of a version, made by `make` if it is not known; without a lock, as a listener that hears of
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

    /// Forgets the digests of a version, so that they are made again.
    #[allow(dead_code, reason = "a list alone says that one is wrong, and is an option")]
    pub(super) fn forget(&self, identity: &Identity) {
        let mut table = locked(&self.0);
        if table.sums.remove(identity).is_some() {
            table.order.retain(|known| known != identity);
        }
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
    os_errors: &OsErrors,
    known: &Known,
    file: &OpenedFile,
    algorithm: DigestAlgorithm,
) -> Result<Arc<[u8]>, Trouble> {
    let identity = file.handle.stat().identity;
    known.sum(identity, algorithm, || {
        let mut hasher = Hasher::new(algorithm);
        feed(os_errors, file, 0..identity.size, &mut hasher)?;
        Ok(hasher.sum())
    })
}

/// The digest of what a plan sends of a file. It blocks.
pub(super) fn planned(
    os_errors: &OsErrors,
    known: &Known,
    file: &OpenedFile,
    algorithm: DigestAlgorithm,
    plan: &Plan,
) -> Result<Arc<[u8]>, Trouble> {
    let mut hasher = Hasher::new(algorithm);
    match plan {
        Plan::Whole => return whole(os_errors, known, file, algorithm),
        Plan::Nothing => {}
        Plan::Part(part) => feed(os_errors, file, part.clone(), &mut hasher)?,
        Plan::Parts(parts) => {
            for piece in parts.pieces() {
                match piece {
                    Piece::Glue(glue) => hasher.update(&glue),
                    Piece::Content(part) => feed(os_errors, file, part, &mut hasher)?,
                }
            }
        }
    }
    Ok(hasher.sum())
}

/// Reads a part of the version that was opened, and no other. It blocks.
pub(super) fn feed(
    os_errors: &OsErrors,
    file: &OpenedFile,
    part: Range<u64>,
    hasher: &mut Hasher,
) -> Result<(), Trouble> {
    let handle = &file.handle;
    let most = part.end.saturating_sub(part.start).min(CHUNK as u64);
    let mut buffer = vec![0; usize::try_from(most).unwrap_or(CHUNK)];
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
        let ruling = os_errors.decide(&file.name, &refusal, attempt, false);
        attempt = attempt.saturating_add(1);
        match ruling.decision() {
            Decision::Retry { after } => sleep(after),
            Decision::Next => {}
            // The file is opened again, and this begun again.
            Decision::ReResolve if matches!(file.name, Name::Beneath(_)) => {
                return Err(Trouble::Changed(Change::Another));
            }
            Decision::ReResolve => {
                let ruling = os_errors.give_up(&file.name, &refusal);
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
