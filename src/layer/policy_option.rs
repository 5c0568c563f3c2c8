//! The layer's option for a header policy.

use super::LetterheadLayer;
use super::policy_handle::PolicyHandle;

impl LetterheadLayer {
    /// Applies a header policy to every response that passes this layer, just before its head is committed:
    /// after handlers, layers, late writes and hooks, and to error answers as well.
    ///
    /// Give it a [`Policy`](crate::policy::Policy), a [`PolicyHandle`] or what a [`PolicyFile`](crate::PolicyFile) hands out. Where the layer
    /// has [rules](Self::rules) or a reporter, each field that the policy writes is in the ledger, with the line that it
    /// stands on ([`Writer::Policy`](crate::Writer::Policy)), and what it takes from others is a conflict like any other.
    ///
    /// Called again, it adds a policy that is applied after the others and may replace what they set: a file on top
    /// of [`Policy::secure`](crate::policy::Policy::secure). The receipt has the version of the last one.
    ///
    /// Of a layer inside of another one, as around one of several routers, the policy goes with each response to the
    /// outer one, which applies it before its own. An answer that the outer layer makes itself because nothing came out of the inner
    /// one (a panic, an error of the service) has its own policy alone.
    ///
    /// Answers that never pass a layer are not reached: hyper's own to a request that it cannot read (400, 414,
    /// 431).
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::LetterheadLayer;
    /// use letterhead::policy::{Dialect, Policy};
    ///
    /// # fn main() -> Result<(), letterhead::policy::PolicyErrors> {
    /// let text = "\
    /// /*
    ///   X-Content-Type-Options: nosniff
    /// /assets/*
    ///   Cache-Control: public, max-age=31536000, immutable
    /// ";
    /// let layer = LetterheadLayer::new().policy(Policy::parse("_headers", text, Dialect::Cloudflare)?);
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn policy(self, policy: impl Into<PolicyHandle>) -> Self {
        let policy = policy.into();
        self.with(|settings| settings.policy.add(policy))
    }
}
