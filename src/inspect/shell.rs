//! The command that asks the same again.

use http::{Method, Version};

use super::escape::{in_ascii, shell_word};

/// A line for a POSIX shell. The query, the fields and the content of the request are not in it: a receipt has none.
pub(super) fn curl(method: &Method, version: Version, origin: &str, path: &str) -> String {
    let mut words = vec!["curl".to_owned(), "-i".to_owned()];
    if *method == Method::HEAD {
        words.push("--head".to_owned());
    } else if *method != Method::GET {
        words.extend(["-X".to_owned(), shell_word(method.as_str())]);
    }
    match version {
        Version::HTTP_10 => words.push("--http1.0".to_owned()),
        // With TLS this is agreed upon.
        Version::HTTP_2 if origin.starts_with("http:") => {
            words.push("--http2-prior-knowledge".to_owned());
        }
        _ => {}
    }
    // Brackets and braces are no patterns, and `..` is left as it is.
    words.extend(["--globoff".to_owned(), "--path-as-is".to_owned()]);
    if path.starts_with('/') {
        words.push(shell_word(&format!("{origin}{}", in_ascii(path))));
    } else {
        // `OPTIONS *` (RFC 9112, section 3.2.4).
        words.extend(["--request-target".to_owned(), shell_word(path)]);
        words.push(shell_word(&format!("{origin}/")));
    }
    words.join(" ")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// The words that a real shell makes of a line.
    fn words(line: &str) -> Vec<String> {
        let script = format!("curl() {{ for word; do printf '%s\\0' \"$word\"; done; }}; {line}");
        let ran = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
        assert!(ran.status.success() && ran.stderr.is_empty(), "{line}: {ran:?}");
        let text = String::from_utf8(ran.stdout).expect("text");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn a_shell_hands_on_what_was_asked() {
        for path in [
            "/a",
            "/it's",
            "/$(touch${IFS}/tmp/x)`id`",
            "/a;b&c|d>e<f",
            "/\"\\\"\\",
            "/{a,b}[1-3]*?!~",
            "/!!/'''/",
            "/-o/x",
            "/*",
        ] {
            let line = curl(&Method::GET, Version::HTTP_11, "http://127.0.0.1:80", path);
            let url = format!("http://127.0.0.1:80{path}");
            assert_eq!(words(&line), ["-i", "--globoff", "--path-as-is", &url], "{line}");
        }
        let line = curl(&Method::GET, Version::HTTP_11, "http://a", "/\u{e9}\u{7f}\n");
        assert_eq!(words(&line).last().expect("a URL"), "http://a/%C3%A9%7F%0A");
    }

    #[test]
    fn a_method_is_one_word_too() {
        let method = Method::from_bytes(b"`id`$x|!'&*").expect("a token");
        let line = curl(&method, Version::HTTP_2, "http://a", "/");
        let expected =
            ["-i", "-X", "`id`$x|!'&*", "--http2-prior-knowledge", "--globoff", "--path-as-is"];
        assert_eq!(words(&line)[..6], expected);
        let line = curl(&Method::HEAD, Version::HTTP_10, "https://a", "/");
        assert_eq!(line, "curl -i --head --http1.0 --globoff --path-as-is https://a/");
        let line = curl(&Method::OPTIONS, Version::HTTP_11, "http://a", "*");
        assert_eq!(words(&line)[5..], ["--request-target", "*", "http://a/"]);
    }
}
