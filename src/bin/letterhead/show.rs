//! What goes to standard output: a reader that has gone is no error of ours.

use std::io::Write as _;

/// Writes text.
pub(crate) fn out(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Lines with columns as wide as their widest cell; the last one is as long as it is.
pub(crate) fn table(rows: &[[String; 3]]) -> String {
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let (first, second) = (width(0), width(1));
    rows.iter().fold(String::new(), |text, [one, two, three]| {
        let line = format!("{one:<first$}  {two:<second$}  {three}");
        text + line.trim_end() + "\n"
    })
}
