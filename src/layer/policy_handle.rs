//! The header policy that is in force, and what it asks of a request.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use http::Request;

use super::request_target::RequestTarget;
use crate::head::origin::{ask_for_files, ask_for_layers};
use crate::policy::Policy;

/// The [policy](Policy) that is in force, which may be replaced while requests are served.
///
/// Clones are the same handle. A response has the version that is in force when its head is committed, and
/// has it whole.
///
/// # Examples
///
/// ```
/// use letterhead::policy::{Dialect, Policy};
/// use letterhead::{LetterheadLayer, PolicyHandle};
///
/// # fn main() -> Result<(), letterhead::policy::PolicyErrors> {
/// let policy = Policy::parse("_headers", "/*\n  X-Frame-Options: DENY\n", Dialect::Cloudflare)?;
/// let handle = PolicyHandle::new(policy);
/// let layer = LetterheadLayer::new().policy(handle.clone());
/// assert_eq!(handle.version(), 1);
///
/// // From the next commit on.
/// let policy = Policy::parse("_headers", "/*\n  X-Frame-Options: SAMEORIGIN\n", Dialect::Cloudflare)?;
/// assert_eq!(handle.replace(policy), 2);
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PolicyHandle {
    current: Arc<ArcSwap<Version>>,
}

/// A policy and its number.
pub(super) struct Version {
    pub(super) policy: Arc<Policy>,
    pub(super) number: NonZeroU64,
}

impl PolicyHandle {
    /// A handle whose first version is this policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        ask(&policy);
        let first = Version { policy: Arc::new(policy), number: NonZeroU64::MIN };
        Self { current: Arc::new(ArcSwap::from_pointee(first)) }
    }

    /// Puts another policy in force, and returns its version: one more than the last.
    #[allow(clippy::must_use_candidate, reason = "who replaces a policy need not count")]
    pub fn replace(&self, policy: Policy) -> u64 {
        ask(&policy);
        let policy = Arc::new(policy);
        let last = self.current.rcu(|last| {
            let (policy, number) = (Arc::clone(&policy), last.number.saturating_add(1));
            Version { policy, number }
        });
        last.number.saturating_add(1).get()
    }

    /// The number of the version that is in force; the first is 1.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.current.load().number.get()
    }
}

/// Has named layers mark their responses, if the policy goes by them.
fn ask(policy: &Policy) {
    if policy.is_by_layer {
        ask_for_layers();
    }
}

impl From<Policy> for PolicyHandle {
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}

impl fmt::Debug for PolicyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyHandle").field("version", &self.version()).finish_non_exhaustive()
    }
}

/// The layer's policies, in the order in which they are applied.
#[derive(Clone, Default)]
pub(crate) struct PolicySetting(Vec<PolicyHandle>);

impl PolicySetting {
    pub(super) fn add(&mut self, handle: PolicyHandle) {
        ask_for_files();
        self.0.push(handle);
    }

    /// The versions that are in force now.
    #[inline(never)]
    pub(super) fn current(&self) -> Vec<Arc<Version>> {
        self.0.iter().map(|handle| handle.current.load_full()).collect()
    }

    #[inline]
    pub(super) const fn is_set(&self) -> bool {
        !self.0.is_empty()
    }
}

/// What a policy asks of a request, kept until the commit.
#[derive(Debug)]
pub(crate) struct PolicyTarget {
    pub(super) request: RequestTarget,
    /// The version that was applied; 0 as long as none was.
    version: AtomicU64,
}

impl PolicyTarget {
    /// Always something; without the feature there is nothing to keep.
    #[expect(clippy::unnecessary_wraps, reason = "without the feature it is nothing")]
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        Some(Self { request: RequestTarget::of(request), version: AtomicU64::new(0) })
    }

    /// Notes which version the response has; of several policies, of the last one.
    pub(super) fn apply(&self, version: &Version) {
        self.version.store(version.number.get(), Ordering::Relaxed);
    }

    /// The version that the response has.
    pub(super) fn applied(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.version.load(Ordering::Relaxed))
    }
}
