//! Why the kernel said `EPERM` or `EACCES`: for the report, never for the client.
#![cfg_attr(not(test), expect(dead_code, reason = "the fast path is not there yet"))]

pub(super) mod modes;
pub(super) mod process;

use std::fmt;
use std::os::fd::AsFd;

use super::door;
use super::refusal::{Found, Refusal};
use super::root::Root;
pub(crate) use modes::Lacking;
pub(crate) use process::Process;

/// Everything that can be seen from here and may be the cause. What cannot be seen is absent.
///
/// It prints as one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// The first component of the path that lacks a mode bit for this process.
    pub(crate) lacking: Option<Lacking>,
    /// An access control list somewhere on the way; its entries are not read.
    pub(crate) has_acl: bool,
    pub(crate) process: Process,
    pub(crate) attributes: Attributes,
    pub(crate) mount: Option<Mount>,
    /// `name=value` of the file's security label.
    pub(crate) file_label: Option<String>,
    /// Security modules of this kernel, if it tells.
    pub(crate) modules: Option<String>,
    /// Mode bits and capabilities allow it, and this process may be in a Landlock domain. The kernel
    /// does not tell; the other modules that are on may be the cause as well.
    pub(crate) landlock_possible: bool,
}

/// Attributes against which permissions do not help.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) immutable: bool,
    pub(crate) append_only: bool,
}

/// Flags of the mount that the file is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) read_only: bool,
    pub(crate) nosuid: bool,
    pub(crate) noatime: bool,
}

/// The labels that security modules keep on files.
const LABELS: [&str; 4] =
    ["security.selinux", "security.SMACK64", "security.apparmor", "security.capability"];

impl Diagnosis {
    /// Looks for the cause of `refusal`, if it is one of permission. Everything read is bounded; what
    /// cannot be read is left out. Ask on the thread that was refused, since credentials and
    /// filters belong to threads.
    pub(crate) fn of(refusal: &Refusal, root: &Root, relative: &[u8]) -> Option<Self> {
        if !is_about_permission(refusal) {
            return None;
        }
        let process = Process::of_this_thread();
        let seen = modes::look(root, relative, &process);
        let mut diagnosis =
            Self { lacking: seen.lacking, has_acl: seen.has_acl, ..Self::default() };
        diagnosis.look_at(seen.last.as_ref().map_or_else(|| root.as_fd(), AsFd::as_fd));
        diagnosis.modules = process::security_modules();
        let modules = diagnosis.modules.as_deref();
        diagnosis.landlock_possible = diagnosis.lacking.is_none()
            && refusal.raw_os_error() == libc::EACCES
            && modules.is_none_or(|modules| modules.split(',').any(|name| name == "landlock"));
        diagnosis.process = process;
        Some(diagnosis)
    }

    /// The same for a root that could not be opened: its path, from `/` on.
    pub(crate) fn of_root(refusal: &Refusal, path: &[u8]) -> Option<Self> {
        if !is_about_permission(refusal) {
            return None;
        }
        let process = Process::of_this_thread();
        let seen = modes::look_from_the_top(path, &process);
        let mut diagnosis =
            Self { lacking: seen.lacking, has_acl: seen.has_acl, ..Self::default() };
        if let Some(last) = &seen.last {
            diagnosis.look_at(last.as_fd());
        }
        diagnosis.process = process;
        Some(diagnosis)
    }

    fn look_at(&mut self, last: impl AsFd) {
        self.attributes = door::attributes(&last).unwrap_or_default();
        self.mount = door::mount(&last);
        let mut value = [0; 256];
        self.file_label = LABELS.iter().find_map(|name| {
            let length = door::attribute(&last, name, &mut value).ok()?;
            Some(format!("{name}={}", process::printable(&value[..length])))
        });
    }
}

fn is_about_permission(refusal: &Refusal) -> bool {
    refusal.found() == Found::Errno && matches!(refusal.raw_os_error(), libc::EPERM | libc::EACCES)
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.lacking {
            Some(lacking) => write!(f, "{lacking}")?,
            None => f.write_str("no component lacks a mode bit")?,
        }
        write!(f, "; {}", self.process)?;
        let facts = [
            (self.has_acl, "an access control list on the way"),
            (self.attributes.immutable, "immutable"),
            (self.attributes.append_only, "append-only"),
            (self.mount.is_some_and(|mount| mount.read_only), "mounted read-only"),
            (self.mount.is_some_and(|mount| mount.nosuid), "mounted nosuid"),
            (self.mount.is_some_and(|mount| mount.noatime), "mounted noatime"),
            (self.landlock_possible, "landlock possible"),
        ];
        for (_, words) in facts.iter().filter(|(holds, _)| *holds) {
            write!(f, "; {words}")?;
        }
        if let Some(label) = &self.file_label {
            write!(f, "; file label {label}")?;
        }
        match &self.modules {
            Some(modules) => write!(f, "; security modules {modules}"),
            None => Ok(()),
        }
    }
}
