//! One response in the making: what was asked, of which sender, on which kind of thread, and what it has so far.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;

use super::cache::Cache;
use super::failed::Trouble;
use super::found::LookupError;
use super::open_limit::OpenPermit;
use super::opened::Name;
use super::request::FileRequest;
use super::settings::Settings;
use crate::sys::{Place, Refusal};

/// How long it is remembered at most that a directory is behind a link: one that is put in its place is found then.
pub(super) const LINKS: Duration = Duration::from_secs(10);

/// One response in the making.
pub(super) struct Context<'a> {
    pub(super) settings: &'a Arc<Settings>,
    pub(super) request: &'a FileRequest,
    pub(super) mode: Mode,
    /// To have a file open, if that is limited.
    pub(super) permit: Option<OpenPermit>,
    /// How often something was tried again.
    pub(super) attempts: u32,
    /// Whether what the client takes decides what it gets.
    pub(super) by_accept: bool,
}

/// On which kind of thread a response is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// On one of the runtime's own: nothing may block.
    Inline,
    /// On the blocking pool.
    Blocking,
}

/// The response can only be made on the blocking pool.
pub(super) struct NeedsBlocking {
    /// The file, or its digest, may be kept when it was read: others may wait for that.
    pub(super) is_shared: bool,
}

/// Why a response was not begun.
pub(super) enum Interrupted {
    Trouble(Trouble),
    NeedsBlocking(NeedsBlocking),
    /// This is answered in place of the file.
    #[allow(dead_code, reason = "a list of files is an option")]
    Answered(StatusCode, Option<Duration>),
}

impl<'a> Context<'a> {
    pub(super) const fn new(
        settings: &'a Arc<Settings>,
        request: &'a FileRequest,
        mode: Mode,
    ) -> Self {
        Self { settings, request, mode, permit: None, attempts: 0, by_accept: false }
    }

    /// The cache, if anything may be kept: not of files behind a network or a daemon, where even a stat may block.
    pub(super) fn cache(&self) -> Option<&Cache> {
        let is_near = self.settings.root().place() != Place::Elsewhere;
        self.settings.shared.cache.as_ref().filter(|_| is_near)
    }

    /// Acquires a permit to have a file open, unless this response holds one.
    pub(super) fn acquire_permit(
        &mut self,
        name: impl FnOnce() -> Name,
    ) -> Result<(), LookupError> {
        let Some(limit) =
            self.settings.sending.open_limit.as_ref().filter(|_| self.permit.is_none())
        else {
            return Ok(());
        };
        self.permit = limit.acquire();
        if self.permit.is_some() {
            return Ok(());
        }
        if self.mode == Mode::Inline {
            return Err(LookupError::NeedsBlocking);
        }
        let refusal = Refusal::too_many_open();
        let ruling = self.settings.os_errors.give_up(&name(), &refusal);
        Err(LookupError::Refused(refusal, ruling))
    }

    /// Which time it is, in steps of [`LINKS`].
    pub(super) fn term(&self) -> u64 {
        let since = self.request.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.as_secs() / LINKS.as_secs()
    }

    /// Counts a response that was made without the blocking pool.
    pub(super) fn count_inline(&self) {
        if self.mode == Mode::Inline {
            self.settings.shared.counters.inline.add();
        }
    }
}
