//! Runs code that is not ours and turns its panic into a value.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a caught panic carried.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs `code`; a panic comes back as its payload.
///
/// It is safe in `Drop` and while the thread unwinds: the panic does not leave this call. What
/// `code` borrowed may be half changed, so a caller drops it or does not look at it again.
pub(crate) fn caught<R>(code: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(code))
}

/// Runs `code` and forgets its panic, even one that its payload throws when it is dropped.
pub(crate) fn contained(code: impl FnOnce()) {
    if let Err(payload) = caught(code) {
        discard(payload);
    }
}

/// Drops a payload; one that panics in its own drop is leaked.
pub(crate) fn discard(payload: Payload) {
    if let Err(second) = caught(move || drop(payload)) {
        std::mem::forget(second);
    }
}

/// The text of a panic.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "(a payload that is not text)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any(1_u8);
        }
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_contained() {
        contained(|| std::panic::panic_any(Bomb));
    }

    #[test]
    fn the_text_of_a_panic_is_found() {
        let text = |code: fn()| {
            let payload = caught(code).expect_err("a panic");
            message(payload.as_ref()).to_owned()
        };
        assert_eq!(text(|| panic!("plain")), "plain");
        assert_eq!(text(|| panic!("{}", 7)), "7");
        assert_eq!(text(|| std::panic::panic_any(7_u8)), "(a payload that is not text)");
    }
}
