//! Behind a link that the kernel does not follow in its cache: on overlay (and xfs), however warm it is.

use std::fs;
use std::time::Duration;

use letterhead::FileSender;

use crate::apart::{in_namespace, runtime, tool};
use crate::client::h1_get;
use crate::scratch::Scratch;
use crate::serve::serve;
use crate::skip;

#[test]
fn a_directory_behind_a_link_is_served_and_so_is_what_takes_the_place_of_the_link() {
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
