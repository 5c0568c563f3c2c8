//! Symbolic links: absolute ones, and those that the kernel does not follow in its cache.

use std::fs;
use std::time::Duration;

use letterhead::FileSender;
use letterhead::files::Links;

use crate::apart::{in_namespace, runtime, tool};
use crate::client::{h1_get, h2_get};
use crate::scratch::Scratch;
use crate::serve::serve;
use crate::skip;

#[test]
fn a_directory_behind_a_link_is_served_and_so_is_what_takes_the_place_of_the_link() {
    // On overlay (and xfs), however warm it is.
    let name =
        "links::a_directory_behind_a_link_is_served_and_so_is_what_takes_the_place_of_the_link";
    in_namespace(name, || {
        let scratch = Scratch::new();
        let tmpfs = scratch.path("tmpfs");
        fs::create_dir(&tmpfs).unwrap();
        tool("mount", &["-t", "tmpfs", "none", tmpfs.to_str().unwrap()]).unwrap();
        let [lower, upper, work, root] = ["lower", "upper", "work", "root"].map(|name| {
            fs::create_dir(tmpfs.join(name)).unwrap();
            tmpfs.join(name).display().to_string()
        });
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        if tool("mount", &["-t", "overlay", "-o", &options, "none", &root]).is_err() {
            return skip::right("an overlay");
        }
        let root = tmpfs.join("root");
        for release in ["one", "two"] {
            fs::create_dir(root.join(release)).unwrap();
            // Too long to be kept: each request has to open it.
            fs::write(root.join(release).join("f"), release.repeat(200_000)).unwrap();
        }
        std::os::unix::fs::symlink("one", root.join("current")).unwrap();
        let sender = FileSender::new(&root).unwrap().settle(Duration::ZERO);
        runtime().block_on(async {
            let server = serve(sender.clone()).await;
            let begins =
                async |path: &str| h1_get(&server, path, "range: bytes=0-2\r\n").await.body;
            for _ in 0..5 {
                assert_eq!(begins("/current/f").await, "one");
                assert_eq!(begins("/two/f").await, "two");
            }
            // The link is turned, and a directory put in its place: what is remembered is how it is looked for.
            std::os::unix::fs::symlink("two", root.join("next")).unwrap();
            fs::rename(root.join("next"), root.join("current")).unwrap();
            assert_eq!(begins("/current/f").await, "two");
            fs::remove_file(root.join("current")).unwrap();
            assert!(h1_get(&server, "/current/f", "").await.status() == 404);
            fs::rename(root.join("one"), root.join("current")).unwrap();
            assert_eq!(begins("/current/f").await, "one");
        });
    });
}

#[tokio::test]
async fn an_absolute_link_is_followed_if_it_leads_beneath_the_root() {
    let scratch = Scratch::new();
    let long = "long".repeat(100_000);
    scratch.write("secret", "s").write("root/d/a.txt", "small").write("root/d/long", &long);
    scratch.write("root/d/index.html", "index").write("rootx/a.txt", "beside");
    let to = |name: &str, target: &str| {
        scratch.link(&format!("root/{name}"), scratch.path(target).to_str().unwrap());
    };
    to("a.txt", "root/d/a.txt");
    to("long", "root/d/long");
    to("d2", "root/d");
    to("top", "root");
    to("out", "secret");
    to("climb", "root/../secret");
    to("beside", "rootx/a.txt");
    to("gone", "root/nothing");
    let sender =
        || FileSender::new(scratch.path("root")).unwrap().settle(Duration::ZERO).listing(20);
    let server = serve(sender()).await;
    for _ in 0..3 {
        for (path, status, body) in [
            ("/a.txt", 200, "small"),
            ("/long", 200, long.as_str()),
            ("/d2/a.txt", 200, "small"),
            ("/d2/", 200, "index"),
            ("/top/top/d2/long", 200, &long),
            ("/out", 404, ""),
            ("/climb", 404, ""),
            ("/beside", 404, ""),
            ("/gone", 404, ""),
            ("/d2/../secret", 404, ""),
        ] {
            let h1 = h1_get(&server, path, "").await;
            assert_eq!(h1.status(), status, "{path}");
            let h2 = h2_get(&server, path).await.unwrap();
            assert_eq!(h2.status.as_u16(), status, "{path}");
            if status == 200 {
                assert!(h1.body == body && h2.body == body, "{path}");
            }
        }
        let part = h1_get(&server, "/long", "range: bytes=1-3\r\n").await;
        assert_eq!((part.status(), part.body.as_str()), (206, "ong"));
    }
    // A listing has what would be served.
    let page = h1_get(&server, "/", "").await.body;
    for (name, is_listed) in
        [("a.txt", true), ("d2/", true), ("out", false), ("climb", false), ("gone", false)]
    {
        assert_eq!(page.contains(&format!("href=\"{name}\"")), is_listed, "{name} {page}");
    }
    // What is kept is the present version, and a link that is turned leads elsewhere at once.
    fs::remove_file(scratch.path("root/a.txt")).unwrap();
    to("a.txt", "root/d/long");
    assert_eq!(h1_get(&server, "/a.txt", "").await.body, long);
    fs::remove_file(scratch.path("root/a.txt")).unwrap();
    to("a.txt", "secret");
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 404);
    let server = serve(sender().links(Links::None)).await;
    assert_eq!(h1_get(&server, "/long", "").await.status(), 403);
    assert_eq!(h1_get(&server, "/d2/a.txt", "").await.status(), 403);
}
