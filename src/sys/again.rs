//! A call that a signal interrupted is made again, a bounded number of times.

use rustix::io::Errno;

/// Signals come now and then; 32 in a row at one call are a storm, and the caller hears of it.
const MOST: u32 = 32;

pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    for _ in 1..MOST {
        match call() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
    call()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_outlived_and_a_storm_is_told() {
        let mut calls = 0;
        let done = uninterrupted(|| {
            calls += 1;
            if calls < 5 { Err(Errno::INTR) } else { Ok(calls) }
        });
        assert_eq!(done, Ok(5));
        let mut calls = 0;
        let done = uninterrupted(|| {
            calls += 1;
            Err::<(), _>(Errno::INTR)
        });
        assert_eq!((done, calls), (Err(Errno::INTR), MOST));
        assert_eq!(uninterrupted(|| Err::<(), _>(Errno::IO)), Err(Errno::IO));
    }
}
