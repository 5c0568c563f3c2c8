//! Header policy: a `_headers` file, parsed, and what it makes of a response's fields at the commit.
//!
//! [The guide](crate::guide::policy) has the grammar, and where it differs from Cloudflare's and Netlify's.

mod dialect;
mod error;
mod exchange;
mod fields;
mod uri;
mod gate;
mod pieces;
mod text;
mod pattern;
mod value;
mod when;
mod rule;
mod expectations;
mod line;
mod parse;
#[allow(clippy::module_inception, reason = "the file of the noun that the room is named after")]
mod policy;
mod secure;
mod join;
mod apply;
mod listing;
mod explain;
mod doubts;
mod warning;
mod target;
mod redirects;
#[cfg(test)]
mod tests;

#[allow(unused_imports, reason = "the type of a parameter that the layer passes")]
pub(crate) use apply::Record;
pub use dialect::{Dialect, MAX_LINE, MAX_RULES};
pub use error::{PolicyError, PolicyErrors};
pub(crate) use exchange::{Edit, Origin, Request, Response};
pub(crate) use expectations::Expectations;
pub use explain::{PolicyChange, PolicyEffect, Unchanged};
pub use listing::PolicyLine;
pub use policy::Policy;
pub use redirects::{MAX_REDIRECTS, Redirect, Redirects};
pub use warning::Warning;
