//! Layers that stand where they do not see what they are meant to: found while a request passes them.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Extensions;

use crate::ledger::{LayerKind, LayerName};

/// Layers in the wrong place.
#[derive(Clone, Debug)]
pub(crate) enum Misorder {
    /// This one has a name, and stands outside of the layer that watches.
    Outside(LayerName),
    /// The first stands outside of the second, which is of this kind.
    Swapped(LayerName, LayerName, LayerKind),
}

impl fmt::Display for Misorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside(name) => {
                let name = name.as_str();
                write!(
                    f,
                    "layer {name} stands outside of LetterheadLayer: what it writes is neither seen nor judged; \
                     put LetterheadLayer outermost"
                )
            }
            Self::Swapped(outer, inner, kind) => {
                let (outer, inner) = (outer.as_str(), inner.as_str());
                let what = match kind {
                    LayerKind::SetRequestId | LayerKind::PropagateRequestId => {
                        "finds no id on the request, and puts none on the response"
                    }
                    LayerKind::Cors | LayerKind::Timeout => {
                        "answers without the fields of CORS, so that scripts of other origins cannot see why"
                    }
                };
                write!(f, "layer {outer} stands outside of layer {inner}: it {what}; swap them")
            }
        }
    }
}

/// Any layer stood outside.
static IS_ANY_OUTSIDE: AtomicBool = AtomicBool::new(false);

/// In the extensions of a request: the named layers that it came through without a head.
#[derive(Clone)]
struct CameThrough(Vec<LayerName>);

/// The most of them that are named.
const MOST: usize = 8;

/// Notes that a request without a head comes through this layer.
#[cold]
pub(crate) fn note_outside(extensions: &mut Extensions, name: &LayerName) {
    if !name.may_be_outside() {
        return;
    }
    IS_ANY_OUTSIDE.store(true, Ordering::Relaxed);
    match extensions.get_mut::<CameThrough>() {
        Some(CameThrough(names)) if names.len() < MOST => names.push(name.clone()),
        Some(_) => {}
        None => drop(extensions.insert(CameThrough(vec![name.clone()]))),
    }
}

/// The named layers that the request came through before it had a head.
pub(crate) fn outside(extensions: &Extensions) -> &[LayerName] {
    let found = IS_ANY_OUTSIDE.load(Ordering::Relaxed).then(|| extensions.get::<CameThrough>());
    found.flatten().map_or(&[], |CameThrough(names)| names)
}
