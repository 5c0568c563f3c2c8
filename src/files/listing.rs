//! A list of the names in a directory: rows that many responses share, made into a page or JSON.

mod form;
mod rows;
mod desk;
mod words;
mod page;

pub(super) use desk::{Ahead, Desk, Known, Ticket};
pub(super) use form::{Form, Sort};
pub(super) use page::{POLICY, Page};
pub(super) use rows::{Draft, Entry, Rows};
