//! Whether a value is cloned because the extensions that it lies in are.
//!
//! A layer that retries, or a handler that asks another one, copies the extensions of its request, and
//! with them the [`Head`](crate::Head). An extractor clones it as well, and that means nothing. The two
//! are distinguished by the place that calls `clone`: one line of the `http` crate clones what lies in
//! extensions, and a value of our own that is cloned there says which line it is.

use std::panic::Location;
use std::sync::OnceLock;

use http::Extensions;

/// Remembers from where it was cloned.
struct Witness(Option<&'static Location<'static>>);

impl Clone for Witness {
    #[track_caller]
    fn clone(&self) -> Self {
        Self(Some(Location::caller()))
    }
}

/// Whether `caller`, which clones a value, does so because it clones extensions.
///
/// It never is where the compiler leaves such places out.
pub(crate) fn clones_extensions(caller: &Location<'static>) -> bool {
    static PLACE: OnceLock<Option<&'static Location<'static>>> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        let here = Witness(None).clone().0;
        let mut extensions = Extensions::new();
        extensions.insert(Witness(None));
        let there = extensions.clone().get::<Witness>().and_then(|witness| witness.0);
        there.filter(|there| here != Some(*there))
    });
    *place == Some(caller)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    static WAS_COPIED: AtomicBool = AtomicBool::new(false);

    struct Value;

    impl Clone for Value {
        #[track_caller]
        fn clone(&self) -> Self {
            WAS_COPIED.store(clones_extensions(Location::caller()), Ordering::Relaxed);
            Self
        }
    }

    #[test]
    fn a_clone_of_extensions_is_told_from_a_clone_of_what_lies_in_them() {
        let mut extensions = Extensions::new();
        extensions.insert(Value);
        let was_copied = || WAS_COPIED.load(Ordering::Relaxed);
        let copy = extensions.clone();
        assert!(was_copied());
        assert!(extensions.get::<Value>().cloned().is_some());
        assert!(!was_copied());
        assert!(copy.clone().get::<Value>().is_some());
        assert!(was_copied());
        assert!(copy.get::<Value>().cloned().is_some());
        assert!(!was_copied());
    }
}
