//! Words of HTTP, parsed and judged: lengths, lists, and what kind of thing a field is.

pub(crate) mod length;
pub(crate) mod list;
pub(crate) mod nature;
