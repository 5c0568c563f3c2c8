//! What a request leaves behind that is dear to make, kept by each thread for its next requests.

use std::cell::RefCell;
use std::sync::Arc;

use http::{Extensions, Method};

use crate::head::{Ability, Shared};

/// The most of each kind that a thread keeps.
const MOST: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<Arc<Shared>>> = const { RefCell::new(Vec::new()) };
    static EXTENSIONS: RefCell<Vec<Extensions>> = const { RefCell::new(Vec::new()) };
}

/// A fresh state: one that was used before, or a new one.
pub(crate) fn take(ability: Ability, method: Method) -> Arc<Shared> {
    let spare = SPARE.try_with(|spare| spare.try_borrow_mut().ok()?.pop());
    if let Ok(Some(mut shared)) = spare {
        if let Some(unshared) = Arc::get_mut(&mut shared) {
            unshared.renew(ability, method);
            return shared;
        }
    }
    Arc::new(Shared::new(ability, method))
}

/// Keeps `shared` for later, if the caller is the last who has it. What was written to it is dropped now.
pub(crate) fn give(shared: &mut Arc<Shared>) {
    if Arc::strong_count(shared) > 1 {
        return;
    }
    if shared.may_hold() {
        if let Some(unshared) = Arc::get_mut(shared) {
            unshared.forget();
        }
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

/// Extensions for a response that has none; what is in them is nobody's any more.
pub(crate) fn take_extensions() -> Extensions {
    let spare = EXTENSIONS.try_with(|spare| spare.try_borrow_mut().ok()?.pop());
    spare.ok().flatten().unwrap_or_default()
}

/// Keeps extensions for later.
pub(crate) fn give_extensions(extensions: Extensions) {
    if extensions.is_empty() {
        return;
    }
    let mut extensions = Some(extensions);
    let _ = EXTENSIONS.try_with(|spare| {
        if let Ok(mut spare) = spare.try_borrow_mut() {
            if spare.len() < MOST {
                spare.extend(extensions.take());
            }
        }
    });
}
