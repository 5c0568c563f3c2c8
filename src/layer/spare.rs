//! Shared states that nobody holds any more, kept by each thread for its next requests.

use std::cell::RefCell;
use std::sync::Arc;

use http::Method;

use crate::head::{Ability, Shared};

/// The most states that a thread keeps.
const MOST: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<Arc<Shared>>> = const { RefCell::new(Vec::new()) };
}

/// A fresh state: one that was used before, or a new one.
pub(crate) fn take(ability: Ability, method: Method) -> Arc<Shared> {
    let spare = SPARE.try_with(|spare| spare.try_borrow_mut().ok()?.pop());
    if let Ok(Some(mut shared)) = spare {
        if let Some(unshared) = Arc::get_mut(&mut shared) {
            *unshared = Shared::new(ability, method);
            return shared;
        }
    }
    Arc::new(Shared::new(ability, method))
}

/// Keeps `shared` for later, if the caller is the last who has it.
pub(crate) fn give(shared: &Arc<Shared>) {
    if Arc::strong_count(shared) > 1 {
        return;
    }
    // A thread that is going away keeps nothing.
    let _ = SPARE.try_with(|spare| {
        if let Ok(mut spare) = spare.try_borrow_mut() {
            if spare.len() < MOST {
                spare.push(Arc::clone(shared));
            }
        }
    });
}
