//! How strict rules end a test: the text of the panic.

use crate::rules::Conflict;

/// The text with which a strict rule ends a test.
pub(crate) fn indictment(conflicts: &[Conflict], explained: &str) -> String {
    let mut text = String::from("a response head broke the rules:\n");
    for conflict in conflicts {
        text.push_str("- ");
        text.push_str(&conflict.to_string());
        text.push('\n');
    }
    text + "the head:\n" + explained
}
