//! No header policy is applied: the feature that brings it is off.

use std::sync::Arc;

use http_body::Body;

use super::enclosed::Enclosed;
use super::exchange::Exchange;
use super::holding::Held;
use crate::head::Sealing;
use crate::rules::Expected;

/// Nothing is ever applied.
pub(crate) enum Applied {}

/// Who made a response.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    Handler,
    Error,
    Panic,
}

impl Applied {
    #[inline]
    pub(crate) fn of(_exchange: &Exchange, _inside: &[Arc<Enclosed>]) -> Option<Self> {
        None
    }

    pub(crate) fn expected(&self) -> Vec<Expected<'_>> {
        match *self {}
    }

    pub(crate) fn apply<B: Body>(
        &self,
        _exchange: &Exchange,
        _held: &mut Held<B>,
        _sealing: Option<&mut Sealing>,
        _origin: Origin,
    ) {
        match *self {}
    }
}

/// There are no nonces.
pub(crate) const fn put_nonce<B: Body>(
    _applied: bool,
    _held: &mut Held<B>,
    _sealing: Option<&mut Sealing>,
) {
}

/// There are no nonces.
pub(crate) const fn withdraw_nonce<B: Body>(_held: &mut Held<B>, _sealing: &Sealing) -> bool {
    false
}
