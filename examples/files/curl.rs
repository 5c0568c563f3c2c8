//! The curl lines to try, of what there is in the directory.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// No more names than these are looked at.
const LOOKED_AT: usize = 1000;

/// From this length on a file is worth to be watched while it is sent.
const LARGE: u64 = 1 << 20;

/// What is at the top of the directory, the first of each kind by name.
#[derive(Debug, Default)]
struct Found {
    index: bool,
    file: Option<(String, u64)>,
    large: Option<String>,
    coded: Option<String>,
    directory: Option<String>,
}

/// Lines for a server at `url`; `-k` is for a certificate that curl may not know.
pub(crate) fn lines(root: &Path, url: &str) -> String {
    let found = Found::at(root);
    let mut text = String::new();
    let mut line = |command: String, why: &str| {
        let _ = writeln!(text, "{command:<62} # {why}");
    };
    let curl = if url.starts_with("https:") { "curl -k" } else { "curl" };
    if found.index {
        line(format!("{curl} -i {url}/"), "the index");
    }
    if let Some((name, length)) = &found.file {
        line(format!("{curl} -I {url}/{name}"), "its validators");
        if *length > 1 {
            let last = length.min(&64) - 1;
            line(format!("{curl} -i -r 0-{last} {url}/{name}"), "its first bytes");
        }
    }
    if let Some(name) = &found.coded {
        line(
            format!("{curl} -i --compressed {url}/{name}"),
            "a compressed sibling, if curl takes it",
        );
    }
    if let Some(name) = &found.directory {
        line(format!("{curl} -i {url}/{name}"), "308 to the name with a slash");
    }
    line(format!("{curl} -i --path-as-is {url}/../../etc/passwd"), "404");
    if let Some(name) = &found.large {
        let command = format!("{curl} -s --limit-rate 1M {url}/{name} | wc -c");
        line(command, "write to the file meanwhile: curl exits 18");
    }
    text
}

impl Found {
    fn at(root: &Path) -> Self {
        let entries = fs::read_dir(root).into_iter().flatten().flatten().take(LOOKED_AT);
        let mut names: Vec<_> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort_unstable();
        let mut found = Self::default();
        for name in &names {
            found.take(name, &names, &root.join(name));
        }
        found
    }

    fn take(&mut self, name: &str, all: &[String], path: &Path) {
        let Ok(metadata) = fs::metadata(path) else { return };
        let url = encoded(name);
        if metadata.is_dir() {
            self.directory.get_or_insert(url);
        } else if name == "index.html" {
            self.index = true;
        } else if metadata.is_file() {
            let has = |ending| all.binary_search(&format!("{name}{ending}")).is_ok();
            if has(".br") || has(".gz") {
                self.coded.get_or_insert_with(|| url.clone());
            }
            if metadata.len() >= LARGE {
                self.large.get_or_insert_with(|| url.clone());
            }
            self.file.get_or_insert((url, metadata.len()));
        }
    }
}

/// A name as one segment of a path (RFC 3986, section 3.3), with nothing in it that a shell reads.
fn encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
