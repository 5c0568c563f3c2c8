//! No signatures: the feature that brings them is off.

use http::Request;

/// Nobody can set one.
#[derive(Clone, Default)]
pub(crate) struct SignSetting(());

/// Nothing is asked of requests.
#[derive(Debug)]
pub(crate) enum SignTarget {}

impl SignSetting {
    #[inline]
    #[expect(clippy::unused_self, reason = "where there may be signers, they are asked")]
    pub(super) const fn is_set(&self) -> bool {
        false
    }
}

impl SignTarget {
    pub(super) const fn of<B>(_request: &Request<B>, _setting: &SignSetting) -> Option<Self> {
        None
    }
}
