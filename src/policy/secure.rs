//! A policy to begin with.

use std::sync::Arc;

use super::parse::Parser;
use super::{Dialect, Policy};

/// The lines of [`Policy::secure`].
const TEXT: &str = include_str!("secure.txt");

impl Policy {
    /// What most sites should begin with, as [the guide](crate::guide::policy) explains line by line: fields of
    /// security for responses that have none of their own, and fields that tell too much taken away.
    ///
    /// Its lines are named `secure` in the ledger. Put your own file on top of it: a layer applies
    /// policies in the order in which it is [given](crate::LetterheadLayer::policy) them.
    ///
    /// - `Strict-Transport-Security` goes out over TLS alone, without `includeSubDomains` and without `preload`: both
    ///   bind other hosts than this one.
    /// - The content security policy begins report-only, but for `frame-ancestors`: what it would have blocked is
    ///   in the browser's console.
    /// - Where a page asks for a [nonce](crate::Head::nonce), its scripts have it.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::LetterheadLayer;
    /// use letterhead::policy::{Dialect, Policy};
    ///
    /// # fn main() -> Result<(), letterhead::policy::PolicyErrors> {
    /// let own = Policy::parse("_headers", "/embed/*\n  ! Cross-Origin-Resource-Policy\n", Dialect::Cloudflare)?;
    /// let layer = LetterheadLayer::new().policy(Policy::secure()).policy(own);
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn secure() -> Self {
        // A test holds the text to have no bad line.
        let name: Arc<str> = Arc::from("secure");
        let parser = Parser::read(Arc::clone(&name), TEXT, Dialect::Cloudflare);
        Self::of(name, Dialect::Cloudflare, parser)
    }

    /// The text of [`secure`](Self::secure), to be copied into a file of one's own.
    #[must_use]
    pub const fn secure_text() -> &'static str {
        TEXT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_no_bad_line_and_nothing_to_warn_of() {
        let policy = Policy::parse("secure", TEXT, Dialect::Cloudflare);
        let policy = policy.unwrap_or_else(|errors| panic!("{errors}"));
        let warnings: Vec<_> = policy.warnings().iter().map(ToString::to_string).collect();
        assert!(warnings.is_empty(), "{warnings:#?}");
        assert!(policy.lines().count() > 20);
        assert_eq!(Policy::secure().lines().count(), policy.lines().count());
    }
}
