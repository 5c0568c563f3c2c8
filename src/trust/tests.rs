//! Trees that are listed, and trees in which something is not as it was listed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;

/// A directory that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("letterhead-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("a/b")).expect("a directory");
        Self(path)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(path), content).expect("written");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn later() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(4_000_000_000)
}

fn believed(draft: &ListDraft) -> Manifest {
    let key = SigningKey::from_bytes(&[7; 32]).expect("a seed");
    let root = RootDraft::new(1, later()).root_key(key.public_key()).list_key(key.public_key());
    let root = Root::read(&root.signed_by(&[&key])).expect("its own");
    Manifest::read(&draft.signed_by(&[&key]), &root).expect("believed")
}

#[test]
fn a_tree_makes_one_list_whatever_the_order_and_the_threads() {
    let scratch = Scratch::new("list");
    let block = usize::try_from(BLOCK).expect("small");
    scratch.write("a/b/long", vec![5; block * 2 + 1]);
    scratch.write("a/b/block", vec![5; block]);
    scratch.write(Tree::NAME, "not of the tree");
    scratch.write("gone", "left out");
    for at in 0..100 {
        scratch.write(&format!("a/{at}"), at.to_string());
    }
    symlink("../a/7", scratch.0.join("a/link")).expect("a link");
    let list = |threads| {
        let tree = Tree::of(&scratch.0).threads(threads).leave_out("/gone").pin_types(true);
        tree.draft(ListDraft::new("t", 1, later())).expect("listed")
    };
    assert_eq!(list(1).signed_by(&[]), list(4).signed_by(&[]));
    let manifest = believed(&list(3));
    assert_eq!(manifest.len(), 103);
    assert!(manifest.get(Tree::NAME).is_none() && manifest.get("gone").is_none());
    let long = manifest.get("a/b/long").expect("listed");
    assert_eq!(long.blocks().len(), 3);
    assert_eq!(long.blocks()[0], *manifest.get("a/b/block").expect("listed").sha256());
    assert_eq!(manifest.get("a/link"), manifest.get("a/7"));
    fs::remove_file(scratch.0.join("gone")).expect("removed");
    assert_eq!(Tree::of(&scratch.0).differences(&manifest).expect("read"), []);
}

#[test]
fn each_difference_is_told() {
    let scratch = Scratch::new("differences");
    for name in ["same", "gone", "flipped", "longer", "turned", "a/b/deep"] {
        scratch.write(name, name);
    }
    let tree = Tree::of(&scratch.0);
    let manifest = believed(&tree.draft(ListDraft::new("t", 1, later())).expect("listed"));
    fs::remove_file(scratch.0.join("gone")).expect("removed");
    scratch.write("flipped", "flippeD");
    scratch.write("longer", "longer still");
    scratch.write("a/b/more", "");
    fs::remove_file(scratch.0.join("turned")).expect("removed");
    symlink("/etc/hostname", scratch.0.join("turned")).expect("a link");
    let lines =
        |found: &[Difference]| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let found = tree.differences(&manifest).expect("read");
    expect_test::expect![[r"
        a/b/more: extra
        flipped: wanted sha256 bf6e7814c35d7231.., found a7e18a7050552ef0..
        gone: missing
        longer: wanted 6 bytes, found 12
        turned: wanted a file, found something else"]]
    .assert_eq(&lines(&found));
    // What could not be sent is not listed, and says so.
    let error = tree.draft(ListDraft::new("t", 2, later())).expect_err("a link out of the root");
    assert_eq!(error.to_string(), "turned: wanted a link to a file below the root, found another");
    fs::remove_file(scratch.0.join("turned")).expect("removed");
    let next = believed(&tree.draft(ListDraft::new("t", 2, later())).expect("listed"));
    assert_eq!(Difference::between(&manifest, &manifest), []);
    let between = Difference::between(&manifest, &next);
    let paths: Vec<_> = between.iter().map(|one| String::from_utf8_lossy(one.path())).collect();
    assert_eq!(paths, ["a/b/more", "flipped", "gone", "longer", "turned"]);
}

#[test]
fn names_that_a_list_cannot_have_are_told() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let scratch = Scratch::new("names");
    for name in [&b"a\xff"[..], b"a\nb", "e\u{301}".as_bytes()] {
        fs::write(scratch.0.join(OsStr::from_bytes(name)), "").expect("written");
    }
    let error = Tree::of(&scratch.0).draft(ListDraft::new("t", 1, later())).expect_err("names");
    let text = error.to_string();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(
        text.contains("a\\xff: wanted a name for a list, found a name that is not UTF-8"),
        "{text}"
    );
    assert!(Tree::of(scratch.0.join("none")).draft(ListDraft::new("t", 1, later())).is_err());
}
