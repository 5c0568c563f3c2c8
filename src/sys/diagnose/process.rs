//! What this thread is to the kernel: its ids, its capabilities, its confinement.

use std::fmt;
use std::io::Read as _;

/// The most that is read of any file of `/proc`.
const MOST: u64 = 16 * 1024;

/// Reads any file and searches any directory.
const CAP_DAC_OVERRIDE: u64 = 1 << 1;
/// Reads any file and searches any directory, no more than that.
const CAP_DAC_READ_SEARCH: u64 = 1 << 2;

/// The thread's credentials. `None` is what could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// The user for whom files are opened.
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    pub(crate) capabilities: Option<u64>,
    pub(crate) no_new_privs: Option<bool>,
    pub(crate) seccomp: Option<Seccomp>,
    /// The security module's label or profile.
    pub(crate) label: Option<String>,
}

/// Whether system calls are filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seccomp {
    Off,
    Strict,
    Filter,
}

impl Process {
    pub(super) fn of_this_thread() -> Self {
        let status = read("/proc/thread-self/status").unwrap_or_default();
        let mut process = Self::from_status(&status).unwrap_or_else(Self::from_calls);
        // AppArmor has a place of its own where several modules are on.
        let label = read("/proc/thread-self/attr/apparmor/current")
            .or_else(|| read("/proc/thread-self/attr/current"));
        process.label = label.map(|label| printable(label.as_bytes())).filter(|l| !l.is_empty());
        process
    }

    /// Reads `/proc/.../status`; the ids for files are the fourth of their kind.
    fn from_status(status: &str) -> Option<Self> {
        let line = |name: &str| {
            let mut lines = status.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(found, _)| *found == name).map(|(_, rest)| rest.trim())
        };
        let fourth = |ids: &str| ids.split_whitespace().nth(3)?.parse().ok();
        Some(Self {
            uid: fourth(line("Uid")?)?,
            gid: fourth(line("Gid")?)?,
            groups: line("Groups")?.split_whitespace().filter_map(|id| id.parse().ok()).collect(),
            capabilities: line("CapEff").and_then(|hex| u64::from_str_radix(hex, 16).ok()),
            no_new_privs: line("NoNewPrivs").map(|flag| flag == "1"),
            seccomp: line("Seccomp").and_then(|mode| match mode {
                "0" => Some(Seccomp::Off),
                "1" => Some(Seccomp::Strict),
                "2" => Some(Seccomp::Filter),
                _ => None,
            }),
            label: None,
        })
    }

    /// Without `/proc`: no more than the ids.
    fn from_calls() -> Self {
        let groups = rustix::process::getgroups().unwrap_or_default();
        Self {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            groups: groups.into_iter().map(rustix::process::Gid::as_raw).collect(),
            ..Self::default()
        }
    }

    /// Whether mode bits do not matter for reading.
    pub(super) fn reads_everything(&self) -> bool {
        match self.capabilities {
            Some(set) => set & (CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH) != 0,
            None => self.uid == 0,
        }
    }

    pub(super) fn is_in(&self, group: u32) -> bool {
        self.gid == group || self.groups.contains(&group)
    }
}

impl Default for Process {
    fn default() -> Self {
        Self {
            uid: u32::MAX,
            gid: u32::MAX,
            groups: Vec::new(),
            capabilities: None,
            no_new_privs: None,
            seccomp: None,
            label: None,
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as uid {} gid {}", self.uid, self.gid)?;
        match self.capabilities {
            Some(0) => f.write_str(", no capabilities")?,
            Some(set) => write!(f, ", capabilities {set:#x}")?,
            None => {}
        }
        if self.no_new_privs == Some(true) {
            f.write_str(", no new privileges")?;
        }
        match self.seccomp {
            Some(Seccomp::Strict) => f.write_str(", seccomp strict")?,
            Some(Seccomp::Filter) => f.write_str(", seccomp filter")?,
            Some(Seccomp::Off) | None => {}
        }
        match &self.label {
            Some(label) => write!(f, ", label {label}"),
            None => Ok(()),
        }
    }
}

/// The names of the security modules that are on, separated by commas.
pub(super) fn security_modules() -> Option<String> {
    let modules = read("/sys/kernel/security/lsm")?;
    Some(printable(modules.as_bytes())).filter(|modules| !modules.is_empty())
}

/// The beginning of a small file, if it can be had.
fn read(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Bytes for one line of a report: no NUL at the end, nothing that a terminal obeys.
pub(super) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches(['\0', '\n']);
    text.chars().take(256).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n\
                          CapEff:\t0000000000000004\nNoNewPrivs:\t1\nSeccomp:\t2\n";

    #[test]
    fn a_status_is_read_and_printed() {
        let process = Process::from_status(STATUS);
        let process = process.expect("a status");
        assert_eq!(
            process.to_string(),
            "as uid 4 gid 8, capabilities 0x4, no new privileges, seccomp filter"
        );
        assert!(process.is_in(8) && process.is_in(9) && process.is_in(10) && !process.is_in(5));
        assert!(process.reads_everything());
    }

    #[test]
    fn half_a_status_is_none() {
        for end in 0..STATUS.len() {
            let _ = Process::from_status(&STATUS[..end]);
        }
        assert_eq!(Process::from_status("Uid:\t1\nGid:\t1\nGroups:\n"), None);
        let short = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\nSeccomp:\t9\nCapEff:\tx\n";
        let process = Process::from_status(short).expect("ids are enough");
        assert_eq!(process.to_string(), "as uid 0 gid 0");
        assert!(process.reads_everything());
        assert_ne!(Process::from_calls().uid, u32::MAX);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        assert_eq!(printable(b"unconfined\n\0"), "unconfined");
        assert_eq!(printable(b"a\x1b[31m\xff"), "a?[31m\u{fffd}");
    }
}
