//! Redirects: `redirects.txt`, and what no target may become.

use std::fmt::Write as _;

use expect_test::expect_file;

use super::*;

/// What a line like `/path?query` finds.
fn found(redirects: &Redirects, target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    match redirects.find(path, query) {
        None => "nothing".to_owned(),
        Some(Redirect::To { status, location, line }) => {
            format!("{} {} (line {line})", status.as_u16(), location.to_str().expect("text"))
        }
        Some(Redirect::Rewrite { target, line }) => format!("200 {target} (line {line})"),
    }
}

#[test]
fn paths_lead_where_the_table_says() {
    let text = include_str!("redirects.txt");
    let mut table = text[..find(text, "=== ").expect("a case")].to_owned();
    for (title, case) in parts(text, "=== ") {
        let (file, paths) = case.split_at(find(case, "-->\n").expect("paths"));
        let _ = write!(table, "=== {title}\n{file}-->\n");
        match Redirects::parse("_redirects", file) {
            Err(errors) => {
                let _ = writeln!(table, "{errors}");
            }
            Ok(redirects) => {
                for path in paths.lines().skip(1).filter(|line| line.starts_with('/')) {
                    let path = path.split(' ').next().expect("a path");
                    let _ = writeln!(table, "{path} {}", found(&redirects, path));
                }
            }
        }
        table.push('\n');
    }
    expect_file!["redirects.txt"].assert_eq(&table);
}

/// Whoever asks for whatever path, a target on this site stays there.
#[test]
fn no_path_leads_a_redirect_of_this_site_to_another_one() {
    let text = "/a* /:splat\n/b/* /x/:splat\n/c/:d/* /:splat/:d\n/e* /.:splat\n/:f/g /:f\n";
    let redirects = Redirects::parse("_redirects", text).expect("no bad line");
    let pieces = [
        "/", "//", "\\", "%5c", "%2f", ".", "..", "a", "b", "c", "e", "g", "%0d%0a", "\t", "@",
        ":", "%",
    ];
    let mut random = fastrand::Rng::with_seed(11);
    let mut hits = 0;
    for _ in 0..50_000 {
        let count = random.usize(0..12);
        let path: String = (0..count).map(|_| pieces[random.usize(0..pieces.len())]).collect();
        let path = format!("/{path}");
        let Some(Redirect::To { location, .. }) = redirects.find(&path, None) else { continue };
        hits += 1;
        let location = location.to_str().expect("text");
        assert!(location.starts_with('/') && !location.starts_with("//"), "{path:?} {location:?}");
        assert!(!location.contains(['\\', '\r', '\n', '\t']), "{path:?} {location:?}");
    }
    assert!(hits > 5_000, "only {hits}");
}

#[test]
fn sizes_are_bounded() {
    let mut text = String::new();
    for at in 0..=MAX_REDIRECTS {
        let _ = writeln!(text, "/{at} /x");
    }
    let _ = writeln!(text, "/{} /x", "a".repeat(MAX_LINE));
    let longest = format!("/{} /x", "a".repeat(MAX_LINE - 4));
    assert!(Redirects::parse("f", &longest).is_ok());
    let errors = Redirects::parse("f", &text).expect_err("too much");
    let expected = "f:10001: wanted at most 10000 redirects, found another one\nf:10002: wanted a line of at most \
                    16384 bytes, found 16388 bytes";
    assert_eq!(errors.to_string(), expected);
    let text = format!("/* /x{} 200\n", ":splat".repeat(2_000));
    let redirects = Redirects::parse("f", &text).expect("no bad line");
    assert!(redirects.find("/a", None).is_some());
    assert_eq!(redirects.find(&format!("/{}", "a".repeat(8_000)), None), None);
    assert_eq!(redirects.find("/a", Some(&"q".repeat(MAX_LINE))), None);
}
