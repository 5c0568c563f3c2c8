//! Files that their filesystem has sealed (fs-verity): admitted without being read, and no damaged page of one is sent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use letterhead::FileSender;
use letterhead::trust::{Enforcement, ListDraft, Tree, Trust};

use crate::client::{Raw, h1_get};
use crate::serve::serve;
use crate::site::{Site, key, later, root};
use crate::skip;

/// A filesystem in a file, mounted.
struct Image {
    site: Site,
}

fn run(tool: &str, args: &[&str]) -> bool {
    let mut command = Command::new(tool);
    command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Image {
    /// One of ext4 that can seal files; `None`, and why, where that cannot be.
    fn new() -> Option<Self> {
        for tool in ["mkfs.ext4", "fsverity"] {
            if !skip::has(tool) {
                skip::place(tool);
                return None;
            }
        }
        let image = Self { site: Site::new() };
        fs::File::create(image.file()).unwrap().set_len(64 << 20).unwrap();
        let file = image.file();
        let made = run("mkfs.ext4", &["-q", "-O", "verity", "-b", "4096", file.to_str().unwrap()]);
        assert!(made, "mkfs.ext4 makes a filesystem");
        fs::create_dir(image.tree()).unwrap();
        if !rustix::process::geteuid().is_root() {
            skip::right("the right to mount");
            return None;
        }
        let seals = image.mount() && {
            fs::write(image.tree().join("probe"), "x").unwrap();
            run("fsverity", &["enable", image.tree().join("probe").to_str().unwrap()])
        };
        if !seals {
            skip::place("a kernel whose ext4 seals files (fs-verity)");
            return None;
        }
        fs::remove_file(image.tree().join("probe")).unwrap();
        Some(image)
    }

    fn file(&self) -> PathBuf {
        self.site.path("image")
    }

    fn tree(&self) -> PathBuf {
        self.site.path("tree")
    }

    fn mount(&self) -> bool {
        let (file, tree) = (self.file(), self.tree());
        run("mount", &["-t", "ext4", "-o", "loop", file.to_str().unwrap(), tree.to_str().unwrap()])
    }

    /// Once the last file of it is closed, which tasks do that are ending.
    async fn unmount(&self) {
        let since = Instant::now();
        while !run("umount", &[self.tree().to_str().unwrap()]) {
            assert!(since.elapsed() < Duration::from_secs(20), "it is not unmounted");
            tokio::task::yield_now().await;
        }
    }

    fn seal(&self, name: &str, more: &[&str]) {
        let path = self.tree().join(name);
        let done = run("fsverity", &[&["enable", path.to_str().unwrap()], more].concat());
        assert!(done, "{name} is sealed");
    }

    /// A sender for which no file is settled: what is not sealed has to be read.
    fn sender(&self) -> FileSender {
        let trust = Trust::new(root());
        FileSender::new(self.tree()).unwrap().manifest(trust, Enforcement::Enforce).unwrap()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = run("umount", &[self.tree().to_str().unwrap()]);
    }
}

/// Bytes that are nowhere else.
fn content() -> Vec<u8> {
    (0..400_000_u32).flat_map(|at| (at ^ 0x5a5a_0000).to_le_bytes()).collect()
}

/// Changes a byte of this file where it is on the disk.
fn damage(image: &Path, content: &[u8], offset: usize) {
    let mut bytes = fs::read(image).unwrap();
    let part = &content[offset..offset + 64];
    let at = bytes.windows(64).position(|window| window == part).unwrap();
    bytes[at] ^= 1;
    fs::write(image, bytes).unwrap();
}

#[tokio::test]
async fn a_sealed_file_is_admitted_unread_and_a_damaged_page_is_not_sent() {
    let Some(image) = Image::new() else { return };
    let (tree, content) = (image.tree(), content());
    for name in ["sealed", "open", "otherwise", "longer"] {
        fs::write(tree.join(name), &content).unwrap();
    }
    let draft = Tree::of(&tree).verity(true).leave_out("/lost+found").leave_out("/lost+found/*");
    // Without blocks: what is not settled and not sealed cannot be known.
    let draft = draft.blocks_above(u64::MAX).draft(ListDraft::new("sealed", 1, later())).unwrap();
    fs::write(tree.join(Tree::NAME), draft.signed_by(&[&key()])).unwrap();
    image.seal("sealed", &[]);
    image.seal("otherwise", &["--salt", "abcd"]);
    image.seal("longer", &["--hash-alg", "sha512"]);
    let sender = image.sender().settle(Duration::from_secs(3600));
    let server = serve(sender.clone()).await;
    let sealed = h1_get(&server, "/sealed", "range: bytes=4-7\r\n").await;
    assert_eq!(sealed.status(), 206);
    assert_eq!(sender.trust_counts().sealed, 1);
    for other in ["/open", "/otherwise", "/longer"] {
        assert_eq!(h1_get(&server, other, "").await.status(), 503, "{other}");
    }
    let counts = sender.trust_counts();
    assert_eq!((counts.sealed, counts.mismatches), (1, 0), "no seal is no mismatch");
    drop((sender, server));
    image.unmount().await;
    // Behind the filesystem's back, further on than what is read before the head.
    damage(&image.file(), &content, 1_000_000);
    assert!(image.mount());
    let sender = image.sender();
    let server = serve(sender.clone()).await;
    let mut raw = Raw::connect(&server).await;
    raw.get("/sealed", "").await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-length: 1600000"), "{head}");
    let sent = raw.up_to(usize::MAX).await;
    assert!(
        sent.len() <= 1_000_000 && content.starts_with(&sent),
        "no byte of the page: {}",
        sent.len()
    );
    assert_eq!(sender.trust_counts().sealed, 1);
    let part = h1_get(&server, "/sealed", "range: bytes=1000000-1000003\r\n").await;
    assert!(part.status() >= 500, "{}", part.status());
    println!("sealed: admitted unread; {} of 1600000 bytes before the damaged page", sent.len());
}
