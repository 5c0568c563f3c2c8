//! What is known of a stored file, as text.

use std::fmt::Write as _;

use letterhead::store::{SlotState, Stored};

pub(crate) fn explain(name: &str, stored: &Stored) -> String {
    let mut text = format!("{name}: generation {}\n", stored.generation());
    let slots = match stored.state() {
        SlotState::Equal => "both are the same",
        SlotState::Unequal => "one is newer: an update is under way, or was cut short",
        SlotState::OneBad => "one is not whole, the other is used; scrub mends it",
        _ => "another state",
    };
    let hex =
        |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let _ = writeln!(text, "slots: {slots}");
    let _ = writeln!(text, "signature: {}", stored.signed());
    let _ = writeln!(text, "payload: {} bytes, id {}", stored.length(), hex(stored.payload_id()));
    let _ = writeln!(text, "sha-256: {}", hex(stored.digest()));
    let head = stored.head();
    let _ = writeln!(text, "status: {}", head.status());
    for (name, value) in head.headers() {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    text
}
