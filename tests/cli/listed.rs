//! `letterhead serve --root`: nothing but what a signed list has, its policy and redirects among it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use letterhead::trust::{ListDraft, RootDraft, SigningKey, Tree};

use crate::command::{Scratch, Serving, command};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32]).unwrap()
}

fn in_days(days: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(days * 86_400)
}

/// A directory with `root.json`, and `site` as a tree whose list has this version.
fn listed(version: u64) -> Scratch {
    let scratch = Scratch::new();
    let draft = RootDraft::new(1, in_days(90));
    let draft = draft.root_key(key().public_key()).list_key(key().public_key());
    fs::write(scratch.path().join("root.json"), draft.signed_by(&[&key()])).unwrap();
    scratch.write("site/app.js", "alert(1);");
    scratch.write("site/_headers", "/*\n  X-Policy: 1\n");
    scratch.write("site/_redirects", "/old /app.js 301\n");
    list(&scratch, "site", version, in_days(90));
    scratch
}

fn list(scratch: &Scratch, name: &str, version: u64, expires: SystemTime) {
    let tree = scratch.path().join(name);
    let draft = Tree::of(&tree).draft(ListDraft::new("site", version, expires)).unwrap();
    let signed = String::from_utf8(draft.signed_by(&[&key()])).unwrap();
    scratch.write(&format!("{name}/{}", Tree::NAME), &signed);
}

fn start(scratch: &Scratch, name: &str, flags: &[&str]) -> Serving {
    let root = scratch.path().join("root.json");
    let flags = [&["--root", root.to_str().unwrap(), "--quiet"], flags].concat();
    Serving::start(&scratch.path().join(name), &flags)
}

/// What the command says where it does not start, and its exit code.
fn refused(directory: &Path, flags: &[&str]) -> (Option<i32>, String) {
    let output = command()
        .arg("serve")
        .arg(directory)
        .args(["--listen", "127.0.0.1:0"])
        .args(flags)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let place = directory.parent().unwrap().to_str().unwrap();
    (output.status.code(), said.replace(place, "PLACE"))
}

fn has(answer: &str, status: &str, parts: &[&str]) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}:\n{answer}");
    for part in parts {
        assert!(answer.contains(part), "wanted {part:?} in:\n{answer}");
    }
}

#[test]
fn what_is_not_as_listed_is_not_served_and_a_policy_is_no_exception() {
    let scratch = listed(1);
    let highest = scratch.path().join("highest.json");
    let flags = ["--highest", highest.to_str().unwrap(), "--exempt", "/.well-known/*"];
    let server = start(&scratch, "site", &flags);
    server.says("list: version 1 of tree `site` is in force: 3 files");
    has(&server.ask("GET", "/app.js"), "200", &["alert(1);", "\nx-policy: 1\n", "\nrepr-digest: "]);
    has(&server.ask("GET", "/old"), "301", &["\nlocation: /app.js\n"]);
    scratch.write("site/app.js", "alert(2);");
    scratch.write("site/added", "x");
    // Whoever can write to the tree must not lead visitors elsewhere.
    scratch.write("site/_redirects", "/old https://evil.test/ 301\n");
    scratch.write("site/_headers", "/*\n  X-Policy: 2\n");
    has(&server.ask("GET", "/app.js"), "503", &["\nretry-after: 60\n"]);
    server.says("list: app.js: block 0: wanted sha256 ");
    has(&server.ask("GET", "/added"), "404", &["\nx-policy: 1\n"]);
    // The list has not changed: it is read again, and the rules are not as it says.
    server.signal("-HUP");
    server.says("_headers: wanted it as it is listed, found 503");
    has(&server.ask("GET", "/old"), "301", &["\nlocation: /app.js\n", "\nx-policy: 1\n"]);
    // Signed, it is what is wanted.
    scratch.write("site/_redirects", "/old /added 302\n");
    list(&scratch, "site", 2, in_days(90));
    server.signal("-HUP");
    server.says("list: version 2 of tree `site` is in force: 4 files");
    server.until("/old", "\nlocation: /added\n");
    has(&server.ask("GET", "/app.js"), "200", &["alert(2);", "\nx-policy: 2\n"]);
    let (status, _, said) = server.end("-TERM");
    assert!(status.success(), "{said:#?}");
    // Over a restart an older one is refused.
    list(&scratch, "site", 1, in_days(90));
    let root = scratch.path().join("root.json");
    let site = scratch.path().join("site");
    let flags = ["--root", root.to_str().unwrap(), "--highest", highest.to_str().unwrap()];
    let (code, said) = refused(&site, &flags);
    assert_eq!(
        (code, said.as_str()),
        (Some(1), "manifest: wanted version 2 or a higher one, found 1\n")
    );
}

#[test]
fn a_link_is_followed_with_its_list_and_its_rules() {
    let scratch = listed(1);
    symlink("site", scratch.path().join("current")).unwrap();
    let server = start(&scratch, "current", &["--following"]);
    has(&server.ask("GET", "/app.js"), "200", &["alert(1);", "\nx-policy: 1\n"]);
    scratch.write("next/app.js", "alert(2);");
    scratch.write("next/_headers", "/*\n  X-Policy: 2\n");
    list(&scratch, "next", 2, in_days(90));
    symlink("next", scratch.path().join("turned")).unwrap();
    fs::rename(scratch.path().join("turned"), scratch.path().join("current")).unwrap();
    server.until("/app.js", "alert(2);");
    server.until("/app.js", "\nx-policy: 2\n");
    has(&server.ask("GET", "/old"), "404", &[]);
}

#[test]
fn reported_is_served() {
    let scratch = listed(1);
    scratch.write("site/app.js", "alert(2);");
    let server = start(&scratch, "site", &["--report-only"]);
    // What was written just now is served, and held against the list when it is settled.
    server.until("/app.js", "alert(2);");
    server.until("/app.js", "\netag: \"");
    server.says("list: app.js: wanted sha256 ");
}

#[test]
fn what_is_wrong_at_the_start_is_said() {
    let scratch = listed(1);
    let (site, root) = (scratch.path().join("site"), scratch.path().join("root.json"));
    let root = root.to_str().unwrap();
    let check = |flags: &[&str], expected: (i32, &str)| {
        let (code, said) = refused(&site, flags);
        assert_eq!((code, said.as_str()), (Some(expected.0), expected.1), "{flags:?}");
    };
    let none = scratch.path().join("none.json");
    let none = none.to_str().unwrap();
    check(&["--root", none], (1, "PLACE/none.json: No such file or directory (os error 2)\n"));
    let elsewhere = ["--root", root, "--manifest", "lists/targets.json"];
    check(
        &elsewhere,
        (
            1,
            "the manifest at `lists/targets.json`: wanted a file beneath the root, found ENOENT (2)\n",
        ),
    );
    let list_as_root = site.join(Tree::NAME);
    let (code, said) = refused(&site, &["--root", list_as_root.to_str().unwrap()]);
    assert!(code == Some(1) && said.contains("wanted"), "{said}");
    list(&scratch, "site", 2, SystemTime::now() - Duration::from_secs(60));
    let (code, said) = refused(&site, &["--root", root, "--stop-on-expiry"]);
    assert!(code == Some(1) && said.starts_with("manifest: wanted one that holds at "), "{said}");
    // The options of a list want one.
    let (code, said) = refused(&site, &["--stop-on-expiry"]);
    assert!(code == Some(2) && said.contains("--root <FILE>"), "{said}");
    // Rules that are not as they are listed are no rules.
    list(&scratch, "site", 2, in_days(90));
    scratch.write("site/_headers", "/*\n  X-Policy: 2\n");
    let (code, said) = refused(&site, &["--root", root]);
    let reason = "_headers: wanted it as it is listed, found 503 Service Unavailable\n";
    assert!(code == Some(1) && said.contains(reason), "{said}");
}
