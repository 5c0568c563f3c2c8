//! Patterns of paths, in which a star stands for any characters.

/// Whether `text` matches `pattern`, in time of their product at most.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where to go on if the last star has to swallow one more byte.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at + 1, from));
            at += 1;
        } else if pattern.get(at) == text.get(from) {
            at += 1;
            from += 1;
        } else if let Some((after, swallowed)) = star {
            star = Some((after, swallowed + 1));
            at = after;
            from = swallowed + 1;
        } else {
            return false;
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        for path in yes {
            assert!(matches(pattern.as_bytes(), path.as_bytes()), "{pattern} {path}");
        }
        for path in no {
            assert!(!matches(pattern.as_bytes(), path.as_bytes()), "{pattern} {path}");
        }
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        check("/", &["/"], &["", "/a"]);
        check("/api/*", &["/api/", "/api/a/b"], &["/api", "/ap/i", "/"]);
        check("*.js", &["/a.js", ".js"], &["/a.jsx", "js"]);
        check("/a*b*c", &["/abc", "/axxbxbxc", "/ab/bc"], &["/ab", "/acb"]);
        check("*", &["", "/", "/a"], &[]);
        check("**", &["", "/a"], &[]);
        check("", &[""], &["/"]);
        let long = "a".repeat(10_000);
        check(&format!("{}b", "*a".repeat(50)), &[], &[&long]);
    }
}
