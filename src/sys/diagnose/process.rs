//! What this thread is to the kernel: its ids, its capabilities, its confinement.

use std::fmt;
use std::io::Read as _;

use super::bit::Bit;

/// The most that is read of any file of `/proc`.
const MOST: u64 = 16 * 1024;

/// Reads any file and searches any directory.
const CAP_DAC_OVERRIDE: u64 = 1 << 1;
/// Reads any file and searches any directory, no more than that.
const CAP_DAC_READ_SEARCH: u64 = 1 << 2;
/// Either frees a process from the limit of its user's threads.
const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_SYS_RESOURCE: u64 = 1 << 24;

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
    pub(crate) namespace: Namespace,
}

/// Which users and groups the user namespace has; all of them, if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Namespace {
    users: Option<Ids>,
    groups: Option<Ids>,
}

/// The ids that are mapped, and the one as which any other shows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ids {
    mapped: Vec<(u32, u32)>,
    overflow: u32,
}

impl Ids {
    /// Reads `/proc/.../uid_map`: the first id inside, the first outside, how many. None if it has all.
    fn read(map: &str, overflow: &str) -> Option<Self> {
        let mut mapped = Vec::new();
        for line in map.lines() {
            let mut numbers = line.split_whitespace().map(str::parse::<u32>);
            let (inside, _, count) =
                (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
            mapped.push((inside, count));
        }
        let all = |(inside, count): &(u32, u32)| *inside == 0 && *count == u32::MAX;
        let overflow = overflow.trim().parse().ok()?;
        (!mapped.iter().any(all)).then_some(Self { mapped, overflow })
    }

    /// Whether an id that a file shows is known to stand for one that is not mapped.
    fn lack(&self, shown: u32) -> bool {
        let within =
            |(inside, count): &(u32, u32)| shown.checked_sub(*inside).is_some_and(|n| n < *count);
        shown == self.overflow && !self.mapped.iter().any(within)
    }
}

#[cfg(test)]
impl Namespace {
    /// What `uid_map` and `gid_map` say, and the number that stands for others.
    pub(super) fn of(users: &str, groups: &str, overflow: &str) -> Self {
        Self { users: Ids::read(users, overflow), groups: Ids::read(groups, overflow) }
    }
}

impl Namespace {
    fn now() -> Self {
        let ids = |map: &str, overflow: &str| Ids::read(&read(map)?, &read(overflow)?);
        Self {
            users: ids("/proc/thread-self/uid_map", "/proc/sys/kernel/overflowuid"),
            groups: ids("/proc/thread-self/gid_map", "/proc/sys/kernel/overflowgid"),
        }
    }

    /// Who of a file's owner and group is not mapped; such a file no capability of the namespace helps with.
    pub(super) fn lacks(&self, uid: u32, gid: u32) -> Option<&'static str> {
        let lacks = |ids: &Option<Ids>, id| ids.as_ref().is_some_and(|ids| ids.lack(id));
        match (lacks(&self.users, uid), lacks(&self.groups, gid)) {
            (true, true) => Some("its owner and its group are"),
            (true, false) => Some("its owner is"),
            (false, true) => Some("its group is"),
            (false, false) => None,
        }
    }
}

/// Whether system calls are filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seccomp {
    Off,
    Strict,
    Filter,
}

impl Process {
    pub(crate) fn of_this_thread() -> Self {
        let status = read("/proc/thread-self/status").unwrap_or_default();
        let mut process = Self::from_status(&status).unwrap_or_else(Self::from_calls);
        // AppArmor has a place of its own where several modules are on.
        let label = read("/proc/thread-self/attr/apparmor/current")
            .or_else(|| read("/proc/thread-self/attr/current"));
        process.namespace = Namespace::now();
        process.label = label.and_then(|label| said(&label));
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
            namespace: Namespace::default(),
        })
    }

    /// Without `/proc`: no more than the ids.
    pub(crate) fn from_calls() -> Self {
        let groups = rustix::process::getgroups().unwrap_or_default();
        Self {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            groups: groups.into_iter().map(rustix::process::Gid::as_raw).collect(),
            ..Self::default()
        }
    }

    /// Whether this mode bit does not matter, by a capability.
    pub(super) fn overrides(&self, bit: Bit) -> bool {
        match bit {
            Bit::Read | Bit::Search => self.has(CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH),
            Bit::Write => self.has(CAP_DAC_OVERRIDE),
        }
    }

    /// Whether it has one of these capabilities.
    pub(super) fn has(&self, capabilities: u64) -> bool {
        self.capabilities.map_or(self.uid == 0, |set| set & capabilities != 0)
    }

    /// Whether the limit of its user's threads holds for it: not for root outside user namespaces, nor with a
    /// capability that counts there (`copy_process` in the kernel's fork.c).
    pub(super) fn is_bound_in_threads(&self) -> bool {
        let is_within = self.namespace.users.is_some();
        is_within || (self.uid != 0 && !self.has(CAP_SYS_ADMIN | CAP_SYS_RESOURCE))
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
            namespace: Namespace::default(),
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
        if self.namespace != Namespace::default() {
            f.write_str(", in a user namespace")?;
        }
        match &self.label {
            Some(label) => write!(f, ", label {label}"),
            None => Ok(()),
        }
    }
}

/// The names of the security modules that are on, separated by commas.
pub(super) fn security_modules() -> Option<String> {
    said(&read("/sys/kernel/security/lsm")?)
}

/// What a file says, unless that is nothing.
fn said(text: &str) -> Option<String> {
    Some(printable(text.as_bytes())).filter(|text| !text.is_empty())
}

/// The beginning of a small file, if it can be had.
pub(super) fn read(path: &str) -> Option<String> {
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
        assert!(process.overrides(Bit::Read) && process.overrides(Bit::Search));
    }

    #[test]
    fn a_file_that_says_nothing_says_nothing() {
        assert_eq!(["", "\0\n", "\n"].map(said), [None, None, None]);
        assert_eq!(said("nginx (enforce)\n"), Some("nginx (enforce)".to_owned()));
        // Not every kernel has one.
        let on = std::fs::read_to_string("/sys/kernel/security/lsm").ok();
        assert_eq!(security_modules(), on.map(|on| on.trim_end().to_owned()));
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
        assert!(process.overrides(Bit::Read) && process.overrides(Bit::Search));
        assert_ne!(Process::from_calls().uid, u32::MAX);
    }

    #[test]
    fn who_is_not_mapped_shows() {
        let root = |overflow| {
            let (users, groups) =
                ("         0       1000          1\n", "0 1000 1\n100000 200000 65536\n");
            Namespace::of(users, groups, overflow)
        };
        let namespace = root("65534\n");
        assert_eq!(namespace.lacks(65534, 65534), Some("its owner and its group are"));
        assert_eq!(namespace.lacks(65534, 100_001), Some("its owner is"));
        assert_eq!(namespace.lacks(0, 65534), Some("its group is"));
        assert_eq!(namespace.lacks(0, 0), None);
        // One that is mapped may be the true one.
        assert_eq!(root("100000").lacks(0, 100_000), None);
        assert_eq!(Ids::read("0 0 4294967295\n", "65534"), None, "the first namespace has all");
        assert_eq!(Ids::read("0 0\n", "65534"), None);
        // One that is neither mapped nor shown for those that are not.
        assert_eq!(namespace.lacks(5, 5), None);
        // The last of a range, and the one behind it.
        let wide = |overflow| Namespace::of("0 1000 65534\n", "0 1000 65534\n", overflow);
        assert_eq!(wide("65533").lacks(65533, 0), None);
        assert_eq!(wide("65534").lacks(65534, 0), Some("its owner is"));
        // All that are there, but not from the first on; and from the first on, but not all.
        assert!(Ids::read("1 0 4294967295\n", "65534").is_some());
        assert!(Ids::read("0 0 4294967294\n", "65534").is_some());
    }

    #[test]
    fn each_word_of_a_status_counts() {
        let said = |more: &str| {
            let ids = "Uid:\t0\t0\t0\t7\nGid:\t0\t0\t0\t8\nGroups:\t\n";
            Process::from_status(&format!("{ids}{more}")).expect("a status").to_string()
        };
        assert_eq!(said("NoNewPrivs:\t0\nSeccomp:\t0\n"), "as uid 7 gid 8");
        assert_eq!(said("NoNewPrivs:\t1\n"), "as uid 7 gid 8, no new privileges");
        assert_eq!(said("Seccomp:\t1\n"), "as uid 7 gid 8, seccomp strict");
        assert_eq!(said("Seccomp:\t2\n"), "as uid 7 gid 8, seccomp filter");
        assert_eq!(said("CapEff:\t0\n"), "as uid 7 gid 8, no capabilities");
        let seccomp = |mode| {
            let status = format!("Uid:\t0 0 0 0\nGid:\t0 0 0 0\nGroups:\t\nSeccomp:\t{mode}\n");
            Process::from_status(&status).expect("a status").seccomp
        };
        let found = ["0", "1", "2", "3"].map(seccomp);
        assert_eq!(found, [Some(Seccomp::Off), Some(Seccomp::Strict), Some(Seccomp::Filter), None]);
        let within = Process {
            namespace: Namespace::of("0 1 1\n", "0 1 1\n", "9"),
            label: Some("kept".to_owned()),
            ..Process::default()
        };
        let (uid, all) = (u32::MAX, "in a user namespace, label kept");
        assert_eq!(within.to_string(), format!("as uid {uid} gid {uid}, {all}"));
    }

    #[test]
    fn a_capability_overrides_what_it_is_about() {
        let with = |capabilities, uid| Process { uid, capabilities, ..Process::default() };
        let overrides = |process: &Process| {
            [Bit::Read, Bit::Write, Bit::Search].map(|bit| process.overrides(bit))
        };
        assert_eq!(overrides(&with(Some(CAP_DAC_OVERRIDE), 7)), [true; 3]);
        assert_eq!(overrides(&with(Some(CAP_DAC_READ_SEARCH), 7)), [true, false, true]);
        assert_eq!(overrides(&with(Some(1 << 3), 7)), [false; 3]);
        assert_eq!(overrides(&with(Some(0), 0)), [false; 3], "root without any");
        // Where nothing tells, root has all.
        assert_eq!(overrides(&with(None, 7)), [false; 3]);
        assert_eq!(overrides(&with(None, 0)), [true; 3]);
        // As capabilities(7) numbers them.
        assert_eq!((CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH), (2, 4));
    }

    #[test]
    fn calls_tell_the_same_ids_as_the_status() {
        let (mut calls, mut status) = (Process::from_calls(), Process::of_this_thread());
        for process in [&mut calls, &mut status] {
            process.groups.sort_unstable();
        }
        let ids = |process: &Process| (process.uid, process.gid, process.groups.clone());
        assert_eq!(ids(&calls), ids(&status));
        assert_eq!(status.uid, rustix::process::geteuid().as_raw());
        assert!(status.capabilities.is_some() && status.seccomp.is_some(), "{status}");
        assert_ne!(status.label.as_deref(), Some(""));
        assert_ne!(security_modules().as_deref(), Some(""));
    }

    #[test]
    fn of_a_long_file_the_beginning_is_read() {
        let path = std::env::temp_dir().join(format!("letterhead-long-{}", std::process::id()));
        for (length, wanted) in [(5, 5), (16_384, 16_384), (20_000, 16_384)] {
            std::fs::write(&path, "x".repeat(length)).expect("a place for files");
            let text = read(&path.display().to_string()).expect("it is there");
            assert_eq!(text, "x".repeat(wanted));
        }
        std::fs::remove_file(&path).expect("it is there");
        assert_eq!(read(&path.display().to_string()), None);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        assert_eq!(printable(b"unconfined\n\0"), "unconfined");
        assert_eq!(printable(b"a\x1b[31m\xff"), "a?[31m\u{fffd}");
    }
}
