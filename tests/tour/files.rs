//! The `files` example, over HTTP/1.1 and HTTP/2, as curl sees it.

use std::process::Command;

use crate::process::{Example, PROTOCOLS, curl, path_of, run};

#[test]
fn the_site_is_served_by_every_protocol() {
    let files = Example::start("files");
    for protocol in PROTOCOLS {
        let ask = |args: &[&str], path: &str| curl(protocol, &[args, &[&files.url(path)]].concat());
        let Some(index) = ask(&[], "/") else { return };
        index.exits(0).says(" 200").says("content-type: text/html; charset=utf-8\n");
        index.says("etag: \"e1-18867251edfa0000\"\n").says("<h1>A small site</h1>");
        let Some(range) = ask(&["-r", "0-15,67108848-"], "/video.bin") else { return };
        range.exits(0).says(" 206").says("content-type: multipart/byteranges; boundary=");
        range.says("Content-Range: bytes 67108848-67108863/67108864\n\n000000004194303\n");
        let Some(whole) = ask(&["-o", "/dev/null", "-w", "%{size_download}"], "/video.bin") else {
            return;
        };
        whole.exits(0).says("67108864");
        // Followed by hand: curl 7.88 cannot use a connection of HTTP/2 twice without TLS.
        let Some(moved) = ask(&[], "/notes?x=1") else { return };
        moved.exits(0).says(" 308").says("location: ./notes/?x=1\n");
        let Some(notes) = ask(&[], "/notes/?x=1") else { return };
        notes.exits(0).says(" 200").says("Promise only");
        let Some(outside) = ask(&["--path-as-is"], "/../../etc/passwd") else { return };
        outside.exits(0).says(" 404").lacks("root:");
    }
    let (status, lines) = files.interrupt();
    assert!(status.success(), "{lines:#?}");
    assert!(lines.iter().all(|line| line.starts_with("127.0.0.1 - - [")), "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains("\"GET /notes/?x=1 HTTP/2.0\" 200 ")),
        "{lines:#?}"
    );
}

#[test]
fn a_stale_handle_is_resolved_again_as_often_as_bytes_come_in_between() {
    let root = std::env::temp_dir().join(format!("letterhead-stale-{}", std::process::id()));
    std::fs::create_dir(&root).unwrap();
    let (file, size) = (root.join("f"), 8 << 20);
    std::fs::write(&file, vec![b'a'; size]).unwrap();
    // On each thread the first read of the file is refused, as by a file server that forgot it.
    // Reads that do not wait are not had at all, so each goes to one of those threads.
    let inject = "--inject=pread64:error=ESTALE:when=1";
    let inline = "--inject=preadv2:error=EOPNOTSUPP";
    if run("strace", &["-qq", "-P", "/", inject, "-e", "trace=pread64", "true"]).is_none() {
        return;
    }
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pread64,preadv2"]);
    strace.args([inject, inline, "-P"]);
    strace.arg(&file).arg(path_of("files")).arg("--root").arg(&root);
    let files = Example::run(strace);
    for protocol in PROTOCOLS {
        let args = ["-o", "/dev/null", "-w", "%{size_download}", &files.url("/f")];
        let Some(whole) = curl(protocol, &args) else { return };
        whole.exits(0).says(&size.to_string());
    }
    let (status, lines) = files.interrupt();
    std::fs::remove_dir_all(&root).unwrap();
    assert!(status.success(), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("ESTALE (116): re-resolve")), "{lines:#?}");
}

#[test]
fn options_are_flags() {
    let root = std::env::temp_dir().join(format!("letterhead-flags-{}", std::process::id()));
    std::fs::create_dir_all(root.join("tree/d")).unwrap();
    std::fs::write(root.join("tree/d/a.txt"), "content").unwrap();
    std::fs::write(root.join("tree/404.html"), "<p>not here").unwrap();
    std::os::unix::fs::symlink("tree", root.join("current")).unwrap();
    let mut command = Command::new(path_of("files"));
    command.arg("--root").arg(root.join("current")).args([
        "--follow",
        "--listing",
        "--proved",
        "--error-page=404=404.html",
        "--attachment=/d/*",
        "--digests=1000",
        "--throttle=1000000",
        "--least-rate=1",
        "--open-files=9",
    ]);
    let files = Example::run(command);
    for protocol in PROTOCOLS {
        let ask = |args: &[&str], path: &str| curl(protocol, &[args, &[&files.url(path)]].concat());
        let Some(listing) = ask(&[], "/d/") else { return };
        listing.exits(0).says(" 200").says("<a href=\"a.txt\"><bdi>a.txt</bdi></a>");
        let Some(file) = ask(&["-H", "want-repr-digest: sha-256=1"], "/d/a.txt") else { return };
        file.exits(0).says("content").says("attachment; filename=\"a.txt\"");
        let Some(missing) = ask(&[], "/missing") else { return };
        missing.exits(0).says(" 404").says("<p>not here");
    }
    let (status, _) = files.interrupt();
    std::fs::remove_dir_all(&root).unwrap();
    assert!(status.success());
}

#[test]
fn a_site_with_clean_urls_has_a_page_for_what_is_missing_and_one_for_its_views() {
    let root = std::env::temp_dir().join(format!("letterhead-clean-flags-{}", std::process::id()));
    std::fs::create_dir_all(&root).unwrap();
    for (name, content) in
        [("about.html", "<p>about"), ("app.html", "<p>app"), ("404.html", "<p>not here")]
    {
        std::fs::write(root.join(name), content).unwrap();
    }
    let mut command = Command::new(path_of("files"));
    command.arg(&root).args(["--clean-urls", "--not-found=404.html", "--spa", "app.html"]);
    let files = Example::run(command);
    let page = ["-H", "accept: text/html,*/*;q=0.8"];
    for protocol in PROTOCOLS {
        let ask = |args: &[&str], path: &str| curl(protocol, &[args, &[&files.url(path)]].concat());
        let Some(about) = ask(&[], "/about") else { return };
        about.exits(0).says(" 200").says("<p>about");
        let Some(moved) = ask(&[], "/about.html?q=1") else { return };
        moved.exits(0).says(" 308").says("location: ./about?q=1");
        // Where curl says that it leads.
        let to = ["--path-as-is", "-w", "to %{redirect_url}\n"];
        let Some(mended) = ask(&to, "//about") else { return };
        mended.exits(0).says(" 308").says(&format!("to {}\n", files.url("/about")));
        let Some(view) = ask(&page, "/some/view") else { return };
        view.exits(0).says(" 200").says("<p>app").says("vary: accept-encoding, accept");
        let Some(missing) = ask(&[], "/assets/missing.js") else { return };
        missing.exits(0).says(" 404").says("<p>not here").says("vary: accept\n");
    }
    let (status, _) = files.interrupt();
    std::fs::remove_dir_all(&root).unwrap();
    assert!(status.success());
}

#[test]
fn wrong_arguments_are_told_with_what_was_wanted() {
    for (args, wanted) in [
        (&["--symlinks", "some"][..], "wanted beneath, none or follow, found `some`"),
        (&["--precompressed=lzma"], "wanted br, zstd, gzip or none, found `lzma`"),
        (&["--cache-control", "max-age"], "wanted PATTERN=VALUE, found `max-age`"),
        (&["--listen"], "--listen: wanted a value, found nothing"),
        (&["--error-page", "x=404.html"], "wanted a status like 404, found `x`"),
        (&["--throttle", "fast"], "wanted a number of bytes, found `fast`"),
        (&["--rot", "x"], "found `--rot`"),
        (&["a", "b"], "wanted one directory, found `a` and `b`"),
        (&["--port", "http"], "--port: wanted a port, found `http`"),
        (&["--header", "x-y: z"], "wanted 'PATTERN: NAME: VALUE', found `x-y: z`"),
        (&["--tls", "cert.pem"], "--tls: wanted CERT,KEY, found `cert.pem`"),
        (&["--tls", "/nowhere/c,/nowhere/k"], "--tls: wanted PEM, found /nowhere/c"),
        (&["--access-log", "/nowhere/log"], "--access-log: cannot open /nowhere/log"),
        (&["--root", "/nowhere/at/all"], "--root: wanted a directory, found /nowhere/at/all"),
    ] {
        let ran = Command::new(path_of("files")).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success() && said.contains(wanted), "{args:?}: {said}");
    }
}
