//! Threads and processes that may less: other users, filters, Landlock, user namespaces.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs, thread};

use rustix::process::{Gid, Uid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use crate::observe::{Told, observe};

/// Where a child process observes, and where it writes what it was told.
const OBSERVED: &str = "LETTERHEAD_OBSERVED";

/// On a thread of its own, after `before`.
pub(crate) fn after(directory: &Path, before: impl FnOnce() + Send) -> BTreeSet<Told> {
    let work = || {
        before();
        observe(directory)
    };
    thread::scope(|scope| scope.spawn(work).join().unwrap())
}

pub(crate) fn become_nobody() {
    let (uid, gid) = (Uid::from_raw(65534), Gid::from_raw(65534));
    rustix::thread::set_thread_groups(&[]).unwrap();
    rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
    rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
}

/// Calls, and which of them by a flag in one of their arguments.
pub(crate) type Calls = &'static [(libc::c_long, Option<(u8, u64)>)];

/// From now on this thread, and those that it starts, get `errno` for these calls.
pub(crate) fn deny(calls: Calls, errno: i32) {
    let mut rules = std::collections::BTreeMap::new();
    for (call, flag) in calls {
        let narrow = flag.map(|(argument, flag)| {
            let op = if argument == 1 { SeccompCmpOp::Eq } else { SeccompCmpOp::MaskedEq(flag) };
            let length = SeccompCmpArgLen::Dword;
            let condition = SeccompCondition::new(argument, length, op, flag).unwrap();
            SeccompRule::new(vec![condition]).unwrap()
        });
        rules.insert(*call, narrow.into_iter().collect::<Vec<_>>());
    }
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let arch = env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}

/// From now on this thread, and those that it starts, may not do this to any file (`LANDLOCK_ACCESS_FS_..`).
#[expect(unsafe_code, reason = "calls that no crate of the tests has")]
pub(crate) fn landlock(rights: u64) {
    rustix::thread::set_no_new_privs(true).unwrap();
    let size = size_of_val(&rights);
    // SAFETY: the kernel reads the rights, and gives a descriptor that is closed with the process.
    let done = unsafe {
        let ruleset =
            libc::syscall(libc::SYS_landlock_create_ruleset, &raw const rights, size, 0_u32);
        libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0_u32)
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// In a process of its own, which this command starts.
pub(crate) fn by(command: &[&str], directory: &Path, told: &Path) -> BTreeSet<Told> {
    fs::write(told, "").unwrap();
    rustix::fs::chmod(told, rustix::fs::Mode::from_raw_mode(0o666)).unwrap();
    let (program, arguments) = command.split_first().unwrap();
    let output = Command::new(program)
        .args(arguments)
        .arg(env::current_exe().unwrap())
        .args(["confined::a_child_observes_where_it_is_told_to", "--exact", "--nocapture"])
        .env(OBSERVED, format!("{}\n{}", directory.display(), told.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let lines = fs::read_to_string(told).unwrap();
    let told = |line: &str| {
        let mut words = line.splitn(3, '\t').map(str::to_owned);
        let mut next = || words.next().unwrap();
        Told { operation: next(), errno: next().parse().unwrap(), why: next() }
    };
    lines.lines().map(told).collect()
}

#[test]
fn a_child_observes_where_it_is_told_to() {
    let Ok(observed) = env::var(OBSERVED) else { return };
    let (directory, told) = observed.split_once('\n').unwrap();
    let line = |told: &Told| format!("{}\t{}\t{}\n", told.operation, told.errno, told.why);
    let lines: String = observe(Path::new(directory)).iter().map(line).collect();
    fs::write(told, lines).unwrap();
}
