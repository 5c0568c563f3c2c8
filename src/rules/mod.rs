//! Judgement: what may go out as it was written, and what has to be mended first.

pub(crate) mod framing;
pub(crate) mod meter;
