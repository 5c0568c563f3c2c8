//! Writes in their order and the sync behind them, as one thing that is asked for at once.

use rustix::io::Errno;

use crate::sys::operation::Operation;
use crate::sys::refusal::Refusal;

/// What has to be on the disk behind the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Nothing yet.
    Nothing,
    /// Bytes and length.
    Data,
    /// All of the file.
    All,
}

/// Writes of a file, each begun only when those before it are done whole, and the sync behind them.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    writes: Vec<(&'a [u8], u64)>,
    flush: Flush,
}

/// How far a chain came that nothing refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// To its end, the sync included.
    Whole,
    /// Not as far: a write was short, and what was behind it was not begun.
    Short,
    /// It cannot be asked for at once, as this error number says. What is left of it is not begun.
    Elsewhere(i32),
}

impl<'a> Chain<'a> {
    /// Bytes, each with its offset.
    pub(crate) fn new(writes: impl IntoIterator<Item = (&'a [u8], u64)>, flush: Flush) -> Self {
        let writes = writes.into_iter().filter(|(bytes, _)| !bytes.is_empty()).collect();
        Self { writes, flush }
    }

    /// What is still to be written.
    pub(crate) fn writes(&self) -> &[(&'a [u8], u64)] {
        &self.writes
    }

    pub(crate) const fn flush(&self) -> Flush {
        self.flush
    }

    /// As much of it as a file may become long; the sync only if that is all of it.
    pub(super) fn within(&self, limit: u64) -> Result<Self, Refusal> {
        let mut within = Self { writes: Vec::new(), flush: self.flush };
        for (bytes, offset) in &self.writes {
            let room = usize::try_from(limit.saturating_sub(*offset)).unwrap_or(usize::MAX);
            match bytes.get(..room) {
                None => within.writes.push((bytes, *offset)),
                Some(_) if room == bytes.len() => within.writes.push((bytes, *offset)),
                Some([]) if within.writes.is_empty() => {
                    return Err(Refusal::errno(Operation::Write, Errno::FBIG));
                }
                Some(bytes) => {
                    within.flush = Flush::Nothing;
                    within.writes.extend((!bytes.is_empty()).then_some((bytes, *offset)));
                    break;
                }
            }
        }
        Ok(within)
    }

    /// So many bytes of it were written.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let mut done = bytes;
        self.writes.retain_mut(|(rest, offset)| {
            let here = done.min(rest.len());
            done -= here;
            *rest = rest.get(here..).unwrap_or_default();
            *offset = offset.saturating_add(here as u64);
            !rest.is_empty()
        });
    }

    /// Takes off what was done, by what the kernel said of each write in turn and then of the sync: bytes,
    /// or an error number below zero. Fewer answers than there are writes are of as many as were asked for.
    pub(crate) fn settle(&mut self, answers: &[i32]) -> Result<Ended, Refusal> {
        let asked: Vec<usize> = self.writes.iter().map(|(bytes, _)| bytes.len()).collect();
        let mut done = 0;
        let mut ended = None;
        for (nth, answer) in answers.iter().enumerate() {
            let wanted = asked.get(nth).copied();
            let operation = if wanted.is_some() { Operation::Write } else { Operation::Sync };
            ended = Some(match (wanted, usize::try_from(*answer)) {
                (Some(wanted), Ok(written)) => {
                    done += written.min(wanted);
                    match written {
                        // No room, and nothing that says so.
                        0 => Err(Refusal::errno(operation, Errno::NOSPC)),
                        written if written < wanted => Ok(Ended::Short),
                        _ => continue,
                    }
                }
                (None, Ok(_)) => Ok(Ended::Whole),
                // Nothing before it was refused or short: it was not begun at all.
                (_, Err(_)) if *answer == -libc::ECANCELED => Ok(Ended::Elsewhere(libc::ECANCELED)),
                // Before Linux 6.0, of a file that is open with O_NONBLOCK on a device that knows no writes that
                // do not wait (an encrypted one): nothing of it was written.
                (Some(_), Err(_)) if *answer == -libc::EAGAIN => Ok(Ended::Elsewhere(libc::EAGAIN)),
                (_, Err(_)) => {
                    let errno = Errno::from_raw_os_error(answer.saturating_neg());
                    Err(Refusal::errno(operation, errno))
                }
            });
            break;
        }
        self.advance(done);
        let is_whole = self.writes.is_empty() && self.flush == Flush::Nothing;
        ended.unwrap_or(Ok(if is_whole { Ended::Whole } else { Ended::Short }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of three writes of 4, 2 and 3 bytes and a sync, and how it ended.
    #[track_caller]
    fn check(answers: &[i32], left: &[(&[u8], u64)], wanted: Result<Ended, (Operation, i32)>) {
        let writes: [(&[u8], u64); 4] = [(b"head", 100), (b"", 7), (b"ab", 0), (b"xyz", 50)];
        let mut chain = Chain::new(writes, Flush::All);
        let ended = chain.settle(answers);
        let ended = ended.map_err(|refusal| (refusal.operation(), refusal.raw_os_error()));
        assert_eq!((chain.writes(), ended), (left, wanted), "{answers:?}");
    }

    #[test]
    fn every_answer_of_a_chain_counts() {
        const OFF: i32 = -libc::ECANCELED;
        let all: [(&[u8], u64); 3] = [(b"head", 100), (b"ab", 0), (b"xyz", 50)];
        check(&[4, 2, 3, 0], &[], Ok(Ended::Whole));
        check(&[4, 1, OFF, OFF], &[(b"b", 1), (b"xyz", 50)], Ok(Ended::Short));
        check(&[4, 2], &all[2..], Ok(Ended::Short));
        check(&[4, 2, 3], &[], Ok(Ended::Short));
        check(&[], &all, Ok(Ended::Short));
        check(&[4, 0, OFF, OFF], &all[1..], Err((Operation::Write, libc::ENOSPC)));
        check(&[-libc::EIO, OFF, OFF, OFF], &all, Err((Operation::Write, libc::EIO)));
        check(&[4, -libc::EFBIG, OFF, OFF], &all[1..], Err((Operation::Write, libc::EFBIG)));
        check(&[4, 2, 3, -libc::EIO], &[], Err((Operation::Sync, libc::EIO)));
        check(&[4, OFF, OFF, OFF], &all[1..], Ok(Ended::Elsewhere(libc::ECANCELED)));
        check(&[4, -libc::EAGAIN, OFF, OFF], &all[1..], Ok(Ended::Elsewhere(libc::EAGAIN)));
        check(&[4, 2, 3, -libc::EAGAIN], &[], Err((Operation::Sync, libc::EAGAIN)));
        // A kernel that went on behind a short write is not believed.
        check(&[4, 1, 3, 0], &[(b"b", 1), (b"xyz", 50)], Ok(Ended::Short));
    }

    #[test]
    fn nothing_is_asked_for_beyond_the_limit_of_a_file() {
        let chain = Chain::new([(&b"head"[..], 10), (&b"ab"[..], 0)], Flush::All);
        let within = |limit| {
            let within = chain.within(limit).map_err(|refusal| refusal.raw_os_error())?;
            Ok((within.writes.iter().map(|(bytes, _)| bytes.len()).collect(), within.flush))
        };
        assert_eq!(within(u64::MAX), Ok((vec![4, 2], Flush::All)));
        assert_eq!(within(14), Ok((vec![4, 2], Flush::All)));
        assert_eq!(within(13), Ok((vec![3], Flush::Nothing)));
        assert_eq!(within(10), Err(libc::EFBIG));
        let chain = Chain::new([(&b"ab"[..], 0), (&b"head"[..], 10)], Flush::All);
        let within = chain.within(9).expect("some of it");
        assert_eq!((within.writes, within.flush), (vec![(&b"ab"[..], 0)], Flush::Nothing));
    }

    #[test]
    fn without_a_sync_the_last_write_is_the_end() {
        let mut chain = Chain::new([(&b"head"[..], 0)], Flush::Nothing);
        assert_eq!(chain.settle(&[3]).ok(), Some(Ended::Short));
        assert_eq!(chain.settle(&[1]).ok(), Some(Ended::Whole));
    }
}
