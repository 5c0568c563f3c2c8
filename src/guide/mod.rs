//! The guide: how the crate is built, and how it meets its neighbours.

pub mod architecture;
