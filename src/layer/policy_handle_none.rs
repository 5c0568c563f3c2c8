//! No header policy: the feature that brings it is off.

use std::num::NonZeroU64;

use http::Request;

/// Nobody can set one.
#[derive(Clone, Default)]
pub(crate) struct PolicySetting(());

/// Nothing is asked of requests.
#[derive(Debug)]
pub(crate) enum PolicyTarget {}

impl PolicySetting {
    #[inline]
    #[expect(clippy::unused_self, reason = "where there may be a policy, it is asked")]
    pub(super) const fn is_set(&self) -> bool {
        false
    }
}

impl PolicyTarget {
    pub(super) const fn applied(&self) -> Option<NonZeroU64> {
        match *self {}
    }

    pub(super) const fn of<B>(_request: &Request<B>) -> Option<Self> {
        None
    }
}
