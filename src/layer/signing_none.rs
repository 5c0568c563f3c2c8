//! Nothing is signed: the feature is off.

use std::sync::Arc;

use http_body::Body;

use super::apply_policy::Applied;
use super::enclosed::Enclosed;
use super::exchange::Exchange;
use super::holding::Held;
use super::terms::Terms;
use crate::head::{Sealing, Trailing};
use crate::rules::Judged;

/// Nothing is ever refused.
pub(crate) const fn sign<B: Body>(
    _exchange: &Exchange,
    _sealing: &mut Sealing,
    _held: &mut Held<B>,
    _by: (Option<&Applied>, &[Arc<Enclosed>]),
    _judged: &mut Judged,
) -> Option<(Terms, Trailing)> {
    None
}
