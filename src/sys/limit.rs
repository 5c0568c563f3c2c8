//! The limits of this process, asked for so that a kernel that does not answer is no limit of zero.
//!
//! A filter of system calls may deny `prlimit64`. rustix takes the call for one that cannot fail, and returns what
//! stood in memory before; so libc is asked, and then `/proc`.

use std::io::Read as _;

/// A limit that a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// How many descriptors it may have.
    Descriptors,
    /// How long a file may become by its writes, in bytes. Beyond that the kernel does not only refuse, it
    /// sends a signal that ends the process.
    #[allow(dead_code, reason = "only a store writes")]
    FileSize,
    /// How many threads its user may have. Root and some capabilities are free of it.
    #[allow(dead_code, reason = "only the diagnosis of files asks")]
    Threads,
}

/// How many descriptors this process may have.
pub(crate) fn most_descriptors() -> u64 {
    Limit::Descriptors.now()
}

/// The most that is read of `/proc/self/limits`.
const MOST: u64 = 16 * 1024;

impl Limit {
    /// The soft limit; where there is none, or nobody tells, as many as there are numbers.
    pub(super) fn now(self) -> u64 {
        self.by_call().or_else(|| self.in_text(&limits()?)).unwrap_or(u64::MAX)
    }

    #[expect(unsafe_code, reason = "rustix has it only as a call that cannot fail")]
    pub(super) fn by_call(self) -> Option<u64> {
        let resource = match self {
            Self::Descriptors => libc::RLIMIT_NOFILE,
            Self::FileSize => libc::RLIMIT_FSIZE,
            Self::Threads => libc::RLIMIT_NPROC,
        };
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the kernel writes one `rlimit` where one is.
        let done = unsafe { libc::getrlimit(resource, &raw mut limit) };
        #[allow(clippy::useless_conversion, reason = "its type differs between systems")]
        (done == 0).then(|| u64::from(limit.rlim_cur))
    }

    /// Reads `/proc/self/limits`: a name, the soft limit, the hard one, the unit.
    fn in_text(self, text: &str) -> Option<u64> {
        let name = match self {
            Self::Descriptors => "Max open files",
            Self::FileSize => "Max file size",
            Self::Threads => "Max processes",
        };
        let soft = text.lines().find_map(|line| line.strip_prefix(name))?;
        match soft.split_whitespace().next()? {
            "unlimited" => Some(u64::MAX),
            number => number.parse().ok(),
        }
    }
}

fn limits() -> Option<String> {
    let mut text = String::new();
    std::fs::File::open("/proc/self/limits").ok()?.take(MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_limits_is_read() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max file size             1048576              unlimited            bytes     \n\
                    Max processes             95986                95986                processes \n\
                    Max open files            unlimited            4096                 files     \n";
        assert_eq!(Limit::FileSize.in_text(text), Some(1 << 20));
        assert_eq!(Limit::Descriptors.in_text(text), Some(u64::MAX));
        assert_eq!(Limit::Threads.in_text(text), Some(95_986));
        for text in ["", "Max file size", "Max file size  x  y", "Max file siz"] {
            assert_eq!(Limit::FileSize.in_text(text), None, "{text:?}");
        }
    }
}
