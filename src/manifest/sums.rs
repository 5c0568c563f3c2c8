//! A list as `sha256sum` reads it.

use super::hex;
use super::list::Manifest;

/// The files as lines for `sha256sum --check`, run in the root of the tree.
///
/// A name with a backslash in it has its line marked and the backslash doubled, as the tool wants it.
#[must_use]
pub fn sha256sum_lines(manifest: &Manifest) -> String {
    manifest.entries().fold(String::new(), |mut lines, (path, entry)| {
        if path.contains('\\') {
            lines.push('\\');
        }
        lines += &hex::encode(entry.sha256());
        lines += "  ";
        lines += &path.replace('\\', "\\\\");
        lines.push('\n');
        lines
    })
}
