//! Whose `_headers` a file is, and how much of it may be.

/// Whose grammar and whose precedence a `_headers` file follows.
///
/// Both have blocks: a line with a path pattern, then lines with a field each.
///
/// # Examples
///
/// ```
/// use letterhead::policy::{Dialect, Policy};
///
/// // A pattern with two stars is no pattern to Cloudflare, and one to Netlify.
/// let text = "/*/img/*\n  X-Robots-Tag: noindex\n";
/// assert!(Policy::parse("_headers", text, Dialect::Cloudflare).is_err());
/// assert!(Policy::parse("_headers", text, Dialect::Netlify).is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Cloudflare's: every block that matches applies, and values that several of them give to one
    /// field are joined with commas. A pattern is a path or a URL with `https://`; it has at most one
    /// `*`, and `:name` for a part without a slash. Values may have `:splat` and `:name` in them.
    #[default]
    Cloudflare,
    /// Netlify's: of several blocks that match, the last one gives a field its value. A pattern is
    /// a path with any number of `*`; letter case and a slash at the end make no difference. Values are
    /// taken as they are.
    Netlify,
}

/// The most blocks of a file. Cloudflare documents 100.
pub const MAX_RULES: usize = 10_000;

/// The most bytes of a line, without the blanks around it. Cloudflare documents 2,000.
pub const MAX_LINE: usize = 16_384;

/// The most blocks that Cloudflare takes.
pub(super) const THEIR_RULES: usize = 100;

/// The longest line that Cloudflare takes.
pub(super) const THEIR_LINE: usize = 2_000;
