//! How the crate is built.
