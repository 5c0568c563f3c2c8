//! `letterhead serve`, over its sockets and by its signals.

use crate::command::{Scratch, Serving, command};

const HEADERS: &str = "\
/*
  X-Content-Type-Options: nosniff
/*
  @when status=404
  X-Missing: yes
/assets/*
  Cache-Control: max-age=60
";

const REDIRECTS: &str = "\
# The first line that matches counts.
/old           /new.html              301
/found         https://b.test/x
/blog/:year/*  /archive/:splat?of=:year 308
/app/*         /index.html            200
/alias/:name   /assets/:name.txt      200
/secret        /_headers              200
/guide/*       /docs                  200
/index.html    /elsewhere             302
";

fn site() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("index.html", "<p>index");
    scratch.write("new.html", "<p>new");
    scratch.write("assets/a.txt", "content of a");
    scratch.write("docs/index.html", "<p>docs");
    scratch.write("404.html", "<p>not here");
    scratch.write("_headers", HEADERS);
    scratch.write("_redirects", REDIRECTS);
    scratch
}

/// The status, and whether each of these is in the answer.
fn check(answer: &str, status: &str, parts: &[&str]) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}:\n{answer}");
    for part in parts {
        assert!(answer.contains(part), "wanted {part:?} in:\n{answer}");
    }
    assert!(answer.contains("\nx-content-type-options: nosniff\n"), "no policy:\n{answer}");
}

#[test]
fn redirects_rewrites_and_the_policy_are_served() {
    let site = site();
    let server = Serving::start(site.path(), &[]);
    let cases: &[(&str, &str, &[&str])] = &[
        ("/", "200", &["<p>index"]),
        ("/old?q=1", "301", &["\nlocation: /new.html?q=1\n", "\ncontent-length: 0\n"]),
        ("/found", "302", &["\nlocation: https://b.test/x\n"]),
        ("/blog/2024/a%20b/c", "308", &["\nlocation: /archive/a%20b/c?of=2024\n"]),
        ("/blog/2024//evil.test/", "308", &["\nlocation: /archive/evil.test/?of=2024\n"]),
        ("/app/any/view", "200", &["<p>index"]),
        // The slash behind the directory's name is no concern of the client's.
        ("/guide/any/page", "200", &["<p>docs"]),
        ("/docs", "308", &["\nlocation: ./docs/\n"]),
        ("/alias/a", "200", &["content of a"]),
        ("/alias/b", "404", &["<p>not here", "\nx-missing: yes\n"]),
        ("/assets/a.txt", "200", &["content of a"]),
        ("/nowhere", "404", &["<p>not here", "\nx-missing: yes\n"]),
        // A redirect comes before the file.
        ("/index.html", "302", &["\nlocation: /elsewhere\n"]),
        // The files of the server are nobody's, by whatever name.
        ("/_headers", "404", &["<p>not here"]),
        ("/_redirects", "404", &["<p>not here"]),
        ("/%5Fheaders", "404", &["<p>not here"]),
        ("//_headers", "404", &["<p>not here"]),
        ("/_headers/", "404", &["<p>not here"]),
        ("/secret", "404", &["<p>not here"]),
    ];
    for (target, status, parts) in cases {
        let answer = server.ask("GET", target);
        check(&answer, status, parts);
        let head = server.ask("HEAD", target);
        let fields = |answer: &str| {
            let fields = answer.split("\n\n").next().unwrap().lines();
            fields
                .filter(|line| *line != "content-length: 0")
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(fields(&head), fields(&answer), "HEAD {target}");
        assert!(head.ends_with("\n\n"), "HEAD {target} has content:\n{head}");
    }
    // A file that was written just now may be half of one, and says `no-cache` until it is settled.
    server.until("/assets/a.txt", "\ncache-control: max-age=60\n");
    check(&server.ask("POST", "/old"), "301", &["\nlocation: /new.html\n"]);
    check(&server.ask("POST", "/assets/a.txt"), "405", &["\nallow: "]);
    let (status, rest, said) = server.end("-TERM");
    assert_eq!((status.code(), rest.as_str()), (Some(0), "ended\n"), "{said:#?}");
    assert!(said.iter().any(|line| line.contains("\"GET /old?q=1 HTTP/1.1\" 301 ")), "{said:#?}");
}

#[test]
fn with_netlify_files_come_first_and_the_last_block_counts() {
    let site = site();
    site.write(
        "_headers",
        "/*\n  X-Content-Type-Options: nosniff\n  X-A: 1\n/new.html\n  X-A: 2\n",
    );
    let server = Serving::start(site.path(), &["--dialect", "netlify", "--log", "json"]);
    check(&server.ask("GET", "/index.html"), "200", &["<p>index", "\nx-a: 1\n"]);
    check(&server.ask("GET", "/new.html"), "200", &["<p>new", "\nx-a: 2\n"]);
    check(&server.ask("GET", "/old"), "301", &["\nlocation: /new.html\n"]);
    check(&server.ask("GET", "/app/view"), "200", &["<p>index"]);
    check(&server.ask("GET", "/_headers"), "404", &["<p>not here"]);
    check(&server.ask("GET", "/secret"), "404", &["<p>not here"]);
    let (status, _, said) = server.end("-INT");
    assert!(status.success(), "{said:#?}");
    let first: serde_json::Value = serde_json::from_str(&said[0]).unwrap();
    assert_eq!(first["target"], "/index.html");
}

#[test]
fn the_log_has_the_form_that_was_asked_for() {
    let site = site();
    for (form, key) in [("json", "v"), ("caddy", "request"), ("ecs", "ecs.version")] {
        let server = Serving::start(site.path(), &["--log", form]);
        check(&server.ask("GET", "/new.html"), "200", &["<p>new"]);
        let (status, _, said) = server.end("-INT");
        assert!(status.success(), "{said:#?}");
        let line: serde_json::Value = serde_json::from_str(&said[0]).unwrap();
        assert!(line.get(key).is_some(), "{form}: {line}");
    }
}

#[test]
fn both_files_are_read_again_and_a_version_that_is_wrong_is_refused() {
    let site = site();
    let server = Serving::start(site.path(), &["--quiet"]);
    // The policy is watched.
    site.write("_headers", "/*\n  X-Version: 2\n");
    server.until("/", "\nx-version: 2\n");
    server.says("_headers: version 2 is in force");
    site.write("_headers", "/*\n  X Version: 3\n  Date: now\n");
    server.says("_headers: refused, what was before stays");
    server.says("_headers:2: wanted a field name");
    server.says("_headers:3: wanted a field that a policy may touch");
    server.until("/", "\nx-version: 2\n");
    // So are the redirects, and both are read at SIGHUP.
    site.write("_redirects", "/old /newer 302\n");
    server.until("/old", "\nlocation: /newer\n");
    server.says("_redirects: version 2 is in force");
    site.write("_redirects", "/old /newest 302\n/old x 777\n");
    server.says("_redirects:2: wanted a path that begins with /");
    server.until("/old", "\nlocation: /newer\n");
    site.write("_redirects", "/old /newer 302\n");
    server.says("_redirects: version 2 stays, nothing is new");
    site.write("_headers", "/*\n  X-Version: 2\n");
    server.says("_headers: version 2 stays, nothing is new");
    site.write("_headers", "/*\n  X-Version: 3\n");
    server.until("/", "\nx-version: 3\n");
    server.signal("-HUP");
    server.says("_headers: version 3 stays, nothing is new");
    let (status, _, said) = server.end("-TERM");
    assert!(status.success(), "{said:#?}");
}

#[test]
fn a_rewrite_leads_to_a_page_with_clean_urls_too() {
    let site = site();
    let server = Serving::start(site.path(), &["--quiet", "--clean-urls"]);
    check(&server.ask("GET", "/app/any/view"), "200", &["<p>index"]);
    check(&server.ask("GET", "/guide/any"), "200", &["<p>docs"]);
    check(&server.ask("GET", "/new"), "200", &["<p>new"]);
    assert!(server.end("-TERM").0.success());
}

#[test]
fn a_directory_without_the_two_files_is_served_as_it_is() {
    let scratch = Scratch::new();
    scratch.write("a.html", "<p>a");
    let flags = ["--quiet", "--clean-urls", "--spa", "a.html"];
    let server = Serving::start(scratch.path(), &flags);
    let answer = server.ask("GET", "/a");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("<p>a\n"), "{answer}");
    let moved = server.ask("GET", "/a.html");
    assert!(moved.starts_with("HTTP/1.1 308 "), "{moved}");
    let (status, _, said) = server.end("-TERM");
    assert!(status.success() && said.is_empty(), "{said:#?}");
}

#[test]
fn files_that_come_later_are_taken_then() {
    let scratch = Scratch::new();
    scratch.write("a.html", "<p>a");
    let server = Serving::start(scratch.path(), &["--quiet"]);
    assert!(server.ask("GET", "/old").starts_with("HTTP/1.1 404 "));
    scratch.write("_headers", "/*\n  X-Late: yes\n");
    server.until("/old", "\nx-late: yes\n");
    scratch.write("_redirects", "/old /a.html 301\n");
    server.until("/old", "\nlocation: /a.html\n");
    // A file that is gone is not an empty one.
    std::fs::remove_file(scratch.path().join("_headers")).unwrap();
    server.says("_headers: refused, what was before stays");
    server.until("/old", "\nx-late: yes\n");
    assert!(server.end("-TERM").0.success());
}

#[test]
fn a_file_that_is_no_file_is_named_at_the_start() {
    let site = site();
    let at = |name: &str| site.path().join(name);
    std::fs::remove_file(at("_headers")).unwrap();
    std::os::unix::fs::symlink("nowhere", at("_headers")).unwrap();
    std::fs::remove_file(at("_redirects")).unwrap();
    std::fs::create_dir(at("_redirects")).unwrap();
    for task in ["serve", "check"] {
        let ran = command().arg(task).arg(site.path()).output().unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{task}: {said}");
        for part in ["_headers", "_redirects"] {
            assert!(said.contains(part), "{task}: wanted {part:?} in:\n{said}");
        }
    }
}

#[test]
fn both_files_are_named_with_all_lines_that_are_wrong_at_the_start() {
    let site = site();
    site.write("_headers", "/*\n  X A: 1\n  Content-Length: 3\n");
    site.write("_redirects", "/a b\n/c /d 999\n");
    let ran = command().arg("serve").arg(site.path()).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    for part in ["_headers:2: ", "_headers:3: ", "_redirects:1: ", "_redirects:2: "] {
        assert!(said.contains(part), "wanted {part:?} in:\n{said}");
    }
}

#[test]
fn what_a_server_would_not_take_for_its_length_is_no_file_that_is_well() {
    let scratch = Scratch::new();
    scratch.write("_headers", &format!("/*\n  X-A: 1\n{}", "#\n".repeat(1 << 19)));
    for task in ["serve", "check"] {
        let ran = command().arg(task).arg(scratch.path()).output().unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{task}: {said}");
        assert!(said.contains("wanted at most 1048576 bytes, found 1048588"), "{task}: {said}");
    }
}
