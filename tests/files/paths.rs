//! Which paths lead to a file.

use std::ffi::CString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use letterhead::FileSender;
use letterhead::files::Links;

use crate::client::h1_get;
use crate::scratch::Scratch;
use crate::serve::serve;

async fn check(sender: FileSender, rows: &[(&str, u16, &str)]) {
    let server = serve(sender).await;
    for (path, status, expected) in rows {
        let answer = h1_get(&server, path, "").await;
        assert_eq!(answer.status(), *status, "{path}: {answer:?}");
        match status {
            200 => assert_eq!(answer.body, *expected, "{path}"),
            301..=308 => assert_eq!(answer.field("location"), Some(*expected), "{path}"),
            _ => assert!(answer.body.contains(&format!("\"status\":{status}")), "{path}"),
        }
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[tokio::test]
async fn what_is_beneath_the_root_and_nothing_else() {
    let scratch = Scratch::new();
    scratch.write("secret", "secret");
    scratch.write("root/a b.txt", "spaced").write("root/.git/config", "hidden");
    scratch.write("root/100%", "percent").write("root/d/a.txt", "a");
    scratch.link("root/up", "../secret").link("root/within", "d/a.txt");
    let name = std::ffi::OsString::from_vec(b"caf\xe9".to_vec());
    std::fs::write(scratch.path("root").join(name), "latin").unwrap();
    let fifo = CString::new(scratch.path("root/fifo").as_os_str().as_bytes()).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        fifo.as_c_str(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let long = format!("/{}", "n".repeat(300));
    let deep = "/d".repeat(3000);
    let sender = || FileSender::new(scratch.path("root")).unwrap();
    check(
        sender(),
        &[
            ("/a%20b.txt", 200, "spaced"),
            ("/a%20b.txt?query=1", 200, "spaced"),
            ("/100%25", 200, "percent"),
            ("/caf%E9", 200, "latin"),
            ("/within", 200, "a"),
            ("/up", 404, ""),
            ("/../secret", 404, ""),
            ("/d/../../secret", 404, ""),
            ("/%2e%2e/secret", 404, ""),
            ("/..%2fsecret", 404, ""),
            ("/d%2fa.txt", 404, ""),
            ("//d/a.txt", 308, "../../d/a.txt"),
            ("/d//a.txt", 308, "../../d/a.txt"),
            ("/d/./a.txt", 404, ""),
            ("/a%00b", 404, ""),
            ("/%zz", 404, ""),
            ("/.git/config", 404, ""),
            ("/fifo", 404, ""),
            ("/d/a.txt/more", 404, ""),
            (&long, 404, ""),
            (&deep, 404, ""),
        ],
    )
    .await;
    check(sender().hidden(true), &[("/.git/config", 200, "hidden"), ("/../secret", 404, "")]).await;
    let rows = [("/within", 403, ""), ("/up", 403, ""), ("/d/a.txt", 200, "a")];
    check(sender().links(Links::None), &rows).await;
    let rows = [("/within", 200, "a"), ("/up", 200, "secret"), ("/../secret", 404, "")];
    check(sender().links(Links::Follow), &rows).await;
}

#[tokio::test]
async fn a_directory_is_its_index() {
    let scratch = Scratch::new();
    scratch.write("index.html", "root").write("d/index.html", "d").write("none/a.txt", "a");
    scratch.write("other/home.html", "home").write("odd/index.html/a.txt", "a");
    check(
        scratch.sender(),
        &[
            ("/", 200, "root"),
            ("/d/", 200, "d"),
            ("/d", 308, "./d/"),
            ("/d?x=1&y=%20", 308, "./d/?x=1&y=%20"),
            ("/none/", 404, ""),
            ("/none", 308, "./none/"),
            ("/odd/", 404, ""),
            ("/index.html/", 404, ""),
            ("/missing/", 404, ""),
        ],
    )
    .await;
    check(scratch.sender().slash(false), &[("/d", 200, "d"), ("/none", 404, "")]).await;
    check(scratch.sender().index(None), &[("/d/", 404, ""), ("/", 404, "")]).await;
    let rows = [("/other/", 200, "home"), ("/d/", 404, "")];
    check(scratch.sender().index(Some("home.html")), &rows).await;
}
