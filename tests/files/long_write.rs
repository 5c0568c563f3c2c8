//! One write that takes longer than a file needs to settle: no strong tag is of half of it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use letterhead::FileSender;
use letterhead::files::{Counts, Stability};

use crate::apart::{figures, in_namespace, runtime, tool};
use crate::client::{Answer, h1_get};
use crate::scratch::{Scratch, set_modified, settled};
use crate::serve::{Server, serve};
use crate::skip;

/// Pages of old letters, that are written over by new ones.
const LENGTH: usize = 10 * 4096;

/// A write of which half is done.
struct Writing {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Writing {
    /// `None`, and why, if it could not be begun.
    fn begun(path: &Path) -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/slow_write.py");
        let mut child = Command::new("python3")
            .arg(script)
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        let mut writing = Self { lines: BufReader::new(child.stdout.take().unwrap()), child };
        if writing.line() == "half" { Ok(writing) } else { Err("userfaultfd".to_owned()) }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn end(mut self) {
        self.child.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert_eq!(self.line(), "done");
        assert!(self.child.wait().unwrap().success());
    }
}

/// Asks until it is told a tag: until the file is old enough.
async fn tagged(server: &Server) -> Answer {
    loop {
        let answer = h1_get(server, "/f", "").await;
        assert_eq!(answer.status(), 200);
        if answer.field("etag").is_some() {
            return answer;
        }
        assert_eq!(answer.field("cache-control"), Some("no-cache"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_strong(answer: &Answer) -> bool {
    answer.field("etag").is_some_and(|tag| tag.starts_with('"'))
}

fn new_letters(answer: &Answer) -> usize {
    answer.body.matches('N').count()
}

/// A file of old letters, written long ago.
fn old(file: &Path) {
    fs::write(file, "O".repeat(LENGTH)).unwrap();
    set_modified(file, settled());
}

/// What is told while half of the write is done, and what of it holds afterwards.
fn check(
    name: &str,
    root: &Path,
    sender: impl Fn(FileSender) -> FileSender,
    file: &Path,
) -> Option<Counts> {
    let is_below = !file.starts_with(root);
    if !is_below {
        old(file);
    }
    let sender = sender(FileSender::new(root).unwrap());
    let counting = sender.clone();
    let told = runtime().block_on(async {
        let server = serve(sender).await;
        // So that the old version is kept, if it may be.
        let old = tagged(&server).await;
        assert!(is_strong(&old), "{name}: {old:?}");
        let writing = match Writing::begun(file) {
            Ok(writing) => writing,
            Err(why) => {
                skip::right(why);
                return None;
            }
        };
        let half = tagged(&server).await;
        let again = h1_get(&server, "/f", "").await;
        assert_eq!((new_letters(&half), new_letters(&again)), (LENGTH / 2, LENGTH / 2), "{name}");
        writing.end();
        let line = format!("if-none-match: {}\r\n", half.field("etag").unwrap());
        let known = h1_get(&server, "/f", &line).await;
        let whole = tagged(&server).await;
        let kept = h1_get(&server, "/f", "").await;
        Some((is_strong(&half), known.status(), [new_letters(&whole), new_letters(&kept)]))
    });
    let (strong, known, new) = told?;
    let counts = counting.counts();
    let line =
        format!("strong tag of half a write: {strong}; its tag afterwards: {known}; {counts}");
    figures(&format!("long write, {name}"), &line);
    if !is_below {
        assert_eq!((strong, known, new), (false, 200, [LENGTH, LENGTH]), "{name}");
    }
    Some(counts)
}

/// A new filesystem of this kind, in an image of its own.
fn made(scratch: &Scratch, name: &str, mkfs: &[&str]) -> Option<PathBuf> {
    let (image, at) = (scratch.path(&format!("{name}.image")), scratch.path(name));
    File::create(&image).unwrap().set_len(320 << 20).unwrap();
    fs::create_dir(&at).unwrap();
    let (image, place) = (image.display().to_string(), at.display().to_string());
    if let Err(why) = tool(mkfs[0], &[&mkfs[1..], &[&image]].concat()) {
        skip::tool(format!("{} ({why})", mkfs[0]));
        return None;
    }
    if let Err(why) = tool("mount", &["-o", "loop", &image, &place]) {
        skip::right(format!("a loop device ({why})"));
        return None;
    }
    Some(at)
}

#[test]
fn half_a_write_has_no_strong_tag_and_is_not_kept() {
    let name = "long_write::half_a_write_has_no_strong_tag_and_is_not_kept";
    in_namespace(name, || {
        if let Err(why) = tool("python3", &["-c", ""]) {
            return skip::tool(why);
        }
        let scratch = Scratch::new();
        let soon = |files: FileSender| files.settle(Duration::from_millis(200));
        let proved =
            |files: FileSender| files.settle(Duration::from_millis(200)).settled(Stability::Proved);
        let by_content =
            |files: FileSender| files.settle(Duration::from_millis(200)).content_tags(1 << 20);
        let tmpfs = scratch.path("tmpfs");
        fs::create_dir(&tmpfs).unwrap();
        tool("mount", &["-t", "tmpfs", "none", tmpfs.to_str().unwrap()]).unwrap();
        let mut places = vec![("tmpfs".to_owned(), tmpfs)];
        // On xfs a reader waits until the write is done.
        for (name, mkfs) in [
            ("ext4", vec!["mkfs.ext4", "-q", "-F", "-I", "256"]),
            ("ext4 of whole seconds", vec!["mkfs.ext4", "-q", "-F", "-I", "128"]),
            ("btrfs", vec!["mkfs.btrfs", "-q"]),
        ] {
            places.extend(made(&scratch, name, &mkfs).map(|at| (name.to_owned(), at)));
        }
        for (place, root) in &places {
            let file = root.join("f");
            for (how, counts) in [
                ("by age", check(place, root, soon, &file)),
                ("proved", check(&format!("{place}, proved"), root, proved, &file)),
                (
                    "by content",
                    check(&format!("{place}, tags of content"), root, by_content, &file),
                ),
            ] {
                assert!(counts.is_none_or(|counts| counts.by_age == 0), "{place} {how}");
            }
        }
        let [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map(|name| {
            let at = scratch.path("tmpfs").join(name);
            fs::create_dir(&at).unwrap();
            at
        });
        let below = lower.join("f");
        old(&below);
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.display(),
            upper.display(),
            work.display()
        );
        let merged_at = merged.display().to_string();
        if tool("mount", &["-t", "overlay", "-o", &options, "none", &merged_at]).is_ok() {
            // Who writes below an overlay is not known above it: that is counted, and told in the guide.
            let counts = check("overlay, below it", &merged, soon, &below);
            assert!(counts.is_none_or(|counts| counts.by_age > 0), "{counts:?}");
            check("overlay", &merged, soon, &merged.join("f"));
        }
    });
}
