//! From the path of a request to the name of a file: decoded, and nothing in it that leads elsewhere.

use std::fmt::Write as _;

/// The directory for what a whole site says of itself (RFC 8615): made to be found by everybody.
pub(crate) const WELL_KNOWN: &[u8] = b".well-known";

/// A path below a root, decoded; the components are joined with `/`, without one at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePath {
    relative: Vec<u8>,
    /// The path ended with a slash: a directory is meant.
    directory: bool,
    /// There were slashes in a row, which count as one here.
    doubled: bool,
}

/// So many slashes too many are taken for a slip. A redirection that mends them is as much longer than the path.
const MOST_DOUBLED: usize = 32;

/// What is done with empty components.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    Skipped,
    Refused,
}

impl FilePath {
    /// Reads the path of a request's target. `None` for one that can name nothing: with a NUL, an
    /// encoded slash, `.` or `..`, a malformed `%`, or, unless `hidden` ones
    /// are served, a component that begins with a dot; [`WELL_KNOWN`] may be the first one. Empty components are
    /// [skipped](Self::is_doubled).
    pub(crate) fn read(path: &str, hidden: bool) -> Option<Self> {
        Self::joined(path, hidden, Empty::Skipped, decode)
    }

    /// As [`read`](Self::read), of a path that is not encoded, and has no empty components.
    pub(crate) fn literal(path: &str, hidden: bool) -> Option<Self> {
        Self::joined(path, hidden, Empty::Refused, |name, relative| {
            relative.extend_from_slice(name);
            Some(())
        })
    }

    fn joined(
        path: &str,
        hidden: bool,
        empty: Empty,
        append: impl Fn(&[u8], &mut Vec<u8>) -> Option<()>,
    ) -> Option<Self> {
        let path = path.strip_prefix('/').unwrap_or(path).as_bytes();
        // With a slash behind each component, for a moment.
        let mut relative = Vec::with_capacity(path.len() + 1);
        if path.is_empty() {
            return Some(Self { relative, directory: true, doubled: false });
        }
        let mut skipped = 0;
        // Of `//` an empty component is left.
        let (path, directory) = match path.strip_suffix(b"/") {
            Some(path) => (path, true),
            None => (path, false),
        };
        for component in path.split(|byte| *byte == b'/') {
            if component.is_empty() && empty == Empty::Skipped {
                skipped += 1;
                continue;
            }
            let start = relative.len();
            append(component, &mut relative)?;
            let name = relative.get(start..).unwrap_or_default();
            let is_name = !matches!(name, b"" | b"." | b"..")
                && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
                && (hidden || !name.starts_with(b".") || start == 0 && name == WELL_KNOWN);
            if !is_name {
                return None;
            }
            relative.push(b'/');
        }
        relative.pop();
        (skipped <= MOST_DOUBLED).then_some(Self { relative, directory, doubled: skipped > 0 })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.relative
    }

    pub(crate) const fn is_directory(&self) -> bool {
        self.directory
    }

    /// Whether the path names this only with slashes in a row.
    pub(crate) const fn is_doubled(&self) -> bool {
        self.doubled
    }

    /// The name below this one.
    pub(crate) fn join(&self, name: impl AsRef<[u8]>) -> Vec<u8> {
        let mut joined = self.relative.clone();
        if !joined.is_empty() {
            joined.push(b'/');
        }
        joined.extend_from_slice(name.as_ref());
        joined
    }
}

/// Undoes percent-encoding (RFC 3986, section 2.1).
fn decode(text: &[u8], decoded: &mut Vec<u8>) -> Option<()> {
    if !text.contains(&b'%') {
        decoded.extend_from_slice(text);
        return Some(());
    }
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let byte = if *byte == b'%' {
            let mut digit = || char::from(*bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            *byte
        };
        decoded.push(byte);
    }
    Some(())
}

/// The same path with a slash at its end, relative to itself (RFC 3986, section 4.2): the last
/// component, as the client wrote it, and the query.
pub(crate) fn with_slash(path: &str, query: Option<&str>) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    // A colon in a first component would read as a scheme.
    with_query(format!("./{last}/"), query)
}

/// The same path with one slash where it has several in a row, relative to itself. It goes up to where the path began,
/// which need not be the root of the server; and with a dot in front it is no reference to another one (`//host/`).
pub(crate) fn with_single_slashes(path: &str, query: Option<&str>) -> String {
    let slashes = path.bytes().filter(|byte| *byte == b'/').count();
    let mut target = "../".repeat(slashes.saturating_sub(1));
    for (at, component) in path.split('/').filter(|component| !component.is_empty()).enumerate() {
        if at > 0 {
            target.push('/');
        }
        target.push_str(component);
    }
    if path.ends_with('/') && !target.ends_with('/') {
        target.push('/');
    }
    with_query(target, query)
}

/// A name beside the last component of a path, relative to it: encoded, but for what needs not be.
pub(crate) fn beside(name: &[u8], query: Option<&str>) -> String {
    let mut target = String::from("./");
    for byte in name {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            target.push(char::from(*byte));
        } else {
            let _ = write!(target, "%{byte:02X}");
        }
    }
    with_query(target, query)
}

pub(crate) fn with_query(mut target: String, query: Option<&str>) -> String {
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<(&[u8], bool)>) {
        let read = FilePath::read(path, false);
        let read = read.as_ref().map(|path| (path.as_bytes(), path.is_directory()));
        assert_eq!(read, expected, "{path:?}");
    }

    #[test]
    fn a_path_names_one_thing_or_nothing() {
        check("/", Some((b"", true)));
        check("", Some((b"", true)));
        check("/a", Some((b"a", false)));
        check("/a/b.txt", Some((b"a/b.txt", false)));
        check("/a/", Some((b"a", true)));
        check("/a%20b", Some((b"a b", false)));
        check("/caf%C3%A9", Some((b"caf\xc3\xa9", false)));
        check("/caf%e9", Some((b"caf\xe9", false)));
        check("/100%25", Some((b"100%", false)));
        check("/a+b", Some((b"a+b", false)));
        for nothing in [
            "/.",
            "/a//..",
            "//%2fa",
            "//.git",
            "/a//.b",
            "//.well-known//.b",
            "/..",
            "/../a",
            "/a/../b",
            "/a/./b",
            "/%2e%2e/a",
            "/%2E",
            "/a%2fb",
            "/a%2Fb",
            "/a%00",
            "/%",
            "/%4",
            "/%zz",
            "/.git",
            "/a/.b",
            "/%2egit",
        ] {
            check(nothing, None);
        }
    }

    #[test]
    fn slashes_in_a_row_are_one_and_it_is_known_that_they_were_there() {
        for (path, name, directory) in [
            ("//", "", true),
            ("///", "", true),
            ("//a", "a", false),
            ("/a//b", "a/b", false),
            ("/a//", "a", true),
            ("//a///b//", "a/b", true),
            ("//.well-known/x", ".well-known/x", false),
        ] {
            check(path, Some((name.as_bytes(), directory)));
            assert!(FilePath::read(path, false).is_some_and(|read| read.is_doubled()), "{path}");
        }
        for path in ["/", "", "/a", "/a/", "/a/b"] {
            assert!(FilePath::read(path, false).is_some_and(|read| !read.is_doubled()), "{path}");
        }
        check(&format!("{}a", "/".repeat(MOST_DOUBLED + 1)), Some((b"a", false)));
        check(&format!("{}a", "/".repeat(MOST_DOUBLED + 2)), None);
    }

    #[test]
    fn a_path_is_mended_relative_to_itself_and_names_no_other_server() {
        for (path, target) in [
            ("//", "../"),
            ("///", "../../"),
            ("//d", "../d"),
            ("//d//f", "../../../d/f"),
            ("/d//", "../../d/"),
            ("//example.org/%2e%2E", "../../example.org/%2e%2E"),
            ("/a:b//c", "../../a:b/c"),
            ("/d/e///f.txt", "../../../../d/e/f.txt"),
        ] {
            assert_eq!(with_single_slashes(path, None), target, "{path}");
        }
        assert_eq!(with_single_slashes("//d", Some("x=/y")), "../d?x=/y");
        assert_eq!(beside(b"a b:\xe9%", Some("q")), "./a%20b%3A%E9%25?q");
    }

    #[test]
    fn hidden_files_are_served_where_that_is_wanted() {
        assert!(FilePath::read("/.env", true).is_some());
        assert_eq!(FilePath::read("/a/..", true), None);
    }

    #[test]
    fn of_hidden_names_that_of_the_site_itself_is_served() {
        check("/.well-known/acme-challenge/t", Some((b".well-known/acme-challenge/t", false)));
        check("/%2Ewell-known/", Some((b".well-known", true)));
        for nothing in ["/.well-known/.git", "/a/.well-known/x", "/.well-knowns", "/.well-know"] {
            check(nothing, None);
        }
    }

    #[test]
    fn a_literal_path_is_not_decoded() {
        let read = |path| FilePath::literal(path, false).map(|path| path.relative);
        assert_eq!(read("a/100%25").as_deref(), Some(b"a/100%25".as_slice()));
        for nothing in ["../a", "a//b", ".git", "a/.b", "a\0"] {
            assert_eq!(read(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_leave_the_root() {
        let mut random = fastrand::Rng::with_seed(5);
        let alphabet = ["/", ".", "..", "%", "%2e", "%2f", "%00", "a", "\u{e9}", "\\", "%5c", "?"];
        for _ in 0..50_000 {
            let path: String =
                (0..random.usize(..12)).map(|_| alphabet[random.usize(..alphabet.len())]).collect();
            for hidden in [false, true] {
                let Some(read) = FilePath::read(&path, hidden) else { continue };
                let components = read.as_bytes().split(|byte| *byte == b'/');
                for name in components.filter(|_| !read.as_bytes().is_empty()) {
                    assert!(!matches!(name, b"" | b"." | b".."), "{path:?}");
                    assert!(!name.contains(&0), "{path:?}");
                }
            }
        }
    }

    #[test]
    fn a_slash_is_added_relative_to_the_path_itself() {
        assert_eq!(with_slash("/a/b", None), "./b/");
        assert_eq!(with_slash("/a%20b", Some("x=1")), "./a%20b/?x=1");
        assert_eq!(with_slash("/a:b", None), "./a:b/");
    }
}
