//! Without the feature `trust` there is no list, and every file is as good as another.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::Extensions;

use super::failed::Trouble;
use crate::head::ErrorAnswer;
use crate::sys::{Identity, Root};

/// A list of files; there is none.
pub(super) struct Admission(Infallible);

/// How the blocks of a file are checked; there is none that is.
pub(super) struct Checks(Infallible);

impl Admission {
    pub(super) fn refuses_all(&self, _: SystemTime) -> Option<ErrorAnswer> {
        match self.0 {}
    }

    pub(super) fn hides(&self, _: &[u8]) -> bool {
        match self.0 {}
    }

    pub(super) fn hides_lists(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn takes_page(&self, _: &[u8], _: &[u8], _: Identity) -> bool {
        match self.0 {}
    }

    pub(super) fn mark(&self, _: &mut Extensions) {
        match self.0 {}
    }

    pub(super) fn again(&self, _: &Root) -> Option<Arc<Self>> {
        match self.0 {}
    }

    pub(super) fn loaded(&self, _: Option<&Self>) {
        match self.0 {}
    }

    pub(super) fn later<'a>(
        _: Option<&'a Arc<Self>>,
        _: Option<&'a Arc<Self>>,
    ) -> Option<&'a Arc<Self>> {
        None
    }
}

impl Checks {
    pub(super) fn at(&self, _: u64, _: usize) -> Option<Bytes> {
        match self.0 {}
    }

    pub(super) fn block_of(&self, _: u64) -> Range<u64> {
        match self.0 {}
    }

    pub(super) fn take(&mut self, _: u64, _: Bytes, _: Identity) -> Result<(), Trouble> {
        match self.0 {}
    }
}
