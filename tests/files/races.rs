//! Files that are written, cut, lengthened, replaced, deleted and led elsewhere while many download.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use letterhead::FileSender;
use letterhead::files::{OnChange, Stability};
use rustix::fs::{CWD, RenameFlags};

use crate::racing::{race, race_judged, race_until, version, version_of};
use crate::scratch::Scratch;
use crate::skip;

/// Three reads: one before the head, two behind it.
const SIZE: usize = 3 * FileSender::CHUNK;

/// Two reads, where what is opened stays what it is: the more rounds there are.
const SHORTER: usize = FileSender::CHUNK + FileSender::CHUNK / 4;

/// Each is written to about twice in a second and a half: sometimes settled by then, sometimes not.
const FILES: usize = 32;

/// Long against one write on a machine that is busy, short against the pauses between two of one file.
const SETTLE: Duration = Duration::from_millis(300);

/// Two clients for each of [`FILES`], and a sender for which they settle soon.
fn several() -> (Scratch, FileSender, Vec<String>) {
    let scratch = Scratch::new();
    for file in 0..FILES {
        fs::write(scratch.path(&file.to_string()), version(0, SIZE)).unwrap();
    }
    let sender = scratch.cautious().settle(SETTLE);
    (scratch, sender, (0..FILES).map(|file| format!("/{file}")).collect())
}

/// One of the files.
fn any(scratch: &Scratch) -> PathBuf {
    scratch.path(&fastrand::usize(..FILES).to_string())
}

/// A pause, and then one of the files.
fn next(scratch: &Scratch) -> PathBuf {
    std::thread::sleep(Duration::from_millis(fastrand::u64(..40)));
    any(scratch)
}

fn replace(path: &Path, content: Vec<u8>) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, path).unwrap();
}

fn writer(path: &Path) -> File {
    File::options().write(true).open(path).unwrap()
}

/// A whole number of records, between one and all of them.
fn some_size() -> usize {
    fastrand::usize(1..=SIZE / 16) * 16
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn written_over_in_place_at_the_same_size() {
    let (scratch, sender, paths) = several();
    let got = race_until(
        sender,
        paths,
        |got| got.whole[0] > 0 && got.cut > 0,
        move |write| {
            writer(&next(&scratch)).write_all_at(&version(write, SIZE), 0).unwrap();
        },
    )
    .await;
    got.hold("written over in place, same size");
    assert!(got.whole[0] > 0 && got.cut > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn written_over_in_place_at_another_size() {
    let (scratch, sender, paths) = several();
    let got = race_until(
        sender,
        paths,
        |got| got.whole[0] > 0 && got.cut > 0,
        move |write| {
            fs::write(next(&scratch), version(write, some_size())).unwrap();
        },
    )
    .await;
    got.hold("written over in place, other sizes");
    assert!(got.whole[0] > 0 && got.cut > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn written_over_in_place_all_the_time() {
    let (scratch, sender, paths) = several();
    let got = race(sender, paths, move |write| {
        writer(&any(&scratch)).write_all_at(&version(write, SIZE), 0).unwrap();
    })
    .await;
    // What is mixed here was under way when it was opened; it is never said to be anything else.
    got.hold("written over in place, all the time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn written_over_in_place_with_a_proof() {
    let (scratch, sender, paths) = several();
    // By age alone none of them would ever be settled.
    let sender = sender.settle(Duration::from_secs(3600)).settled(Stability::Proved);
    let got = race(sender, paths, move |write| {
        let content = version(write, SIZE);
        let path = any(&scratch);
        writer(&path).write_all_at(&content, 0).unwrap();
        std::thread::sleep(Duration::from_millis(fastrand::u64(..4)));
    })
    .await;
    got.hold("written over in place, proved by a lease");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncated() {
    let (scratch, sender, paths) = several();
    let got = race_until(
        sender,
        paths,
        |got| got.cut > 0,
        move |write| {
            let path = next(&scratch);
            if fs::metadata(&path).unwrap().len() == SIZE as u64 {
                writer(&path).set_len((some_size() - 16) as u64).unwrap();
            } else {
                replace(&path, version(write, SIZE));
            }
        },
    )
    .await;
    got.hold("truncated");
    // What is cut off is missing; nothing ever takes its place.
    assert_eq!(got.mixed, [0, 0]);
    assert!(got.cut > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengthened() {
    let (scratch, sender, paths) = several();
    let got = race_until(
        sender,
        paths,
        |got| got.cut > 0,
        move |write| {
            let path = next(&scratch);
            if fs::metadata(&path).unwrap().len() < 2 * SIZE as u64 {
                let old = fs::read(&path).unwrap();
                let mut file = File::options().append(true).open(&path).unwrap();
                file.write_all(&old[..some_size().min(old.len())]).unwrap();
            } else {
                replace(&path, version(write, SIZE));
            }
        },
    )
    .await;
    got.hold("lengthened");
    assert_eq!(got.mixed, [0, 0]);
    assert!(got.cut > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replaced_by_a_rename() {
    let (scratch, sender, paths) = several();
    let got = race(sender, paths, move |write| {
        replace(&any(&scratch), version(write, SHORTER));
    })
    .await;
    got.hold("replaced by a rename");
    // Whoever has the old one gets it to its end.
    assert_eq!((got.mixed, got.cut), ([0, 0], 0));
    assert_eq!(got.statuses.keys().collect::<Vec<_>>(), [&200]);
}

/// A size that is kept in memory once a file of it is settled.
const SMALL: usize = 4096;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_ones_written_over_and_replaced() {
    let (scratch, sender, paths) = several();
    let (counting, kept) = (sender.clone(), sender.clone());
    let got = race_until(
        sender,
        paths,
        move |got| got.whole[0] > 0 && kept.counts().kept > 0,
        move |write| {
            let (path, content) = (next(&scratch), version(write, SMALL));
            if fs::metadata(&path).unwrap().len() != SMALL as u64 || write % 2 == 0 {
                replace(&path, content);
            } else {
                writer(&path).write_all_at(&content, 0).unwrap();
            }
        },
    )
    .await;
    got.hold("small ones, written over and replaced");
    assert_eq!(got.statuses.keys().collect::<Vec<_>>(), [&200]);
    let counts = counting.counts();
    assert!(counts.kept > 0 && got.whole[0] > 0, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted() {
    let (scratch, sender, paths) = several();
    let got = race_until(
        sender,
        paths,
        |got| got.statuses.len() > 1,
        move |write| {
            let path = any(&scratch);
            if fs::remove_file(&path).is_err() {
                replace(&path, version(write, SHORTER));
            }
        },
    )
    .await;
    got.hold("deleted");
    assert_eq!((got.mixed, got.cut), ([0, 0], 0));
    assert_eq!(got.statuses.keys().collect::<Vec<_>>(), [&200, &404]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_swapped_for_a_link_to_outside() {
    led_outside("a parent swapped for a link to outside", SHORTER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_of_small_ones_swapped_for_a_link_to_outside() {
    led_outside("a parent of small ones swapped for a link to outside", SMALL).await;
}

async fn led_outside(name: &str, size: usize) {
    let scratch = Scratch::new();
    scratch.write("root/d/x/f", version(INSIDE, size)).write("outside/x/f", version(OUTSIDE, size));
    scratch.link("root/l", "../outside");
    let exchange = move |scratch: &Scratch| {
        let (one, other) = (scratch.path("root/d"), scratch.path("root/l"));
        rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
    };
    if exchange(&scratch).is_err() {
        return skip::place("RENAME_EXCHANGE");
    }
    let sender = FileSender::new(scratch.path("root")).unwrap().settle(Duration::ZERO);
    // What is outside counts as mixed.
    let inside = |body: &[u8]| version_of(body).filter(|version| *version == INSIDE);
    let paths = ["/d/x/f", "/l/x/f"].map(str::to_owned).to_vec();
    let got = race_judged(sender, paths, inside, move |_| exchange(&scratch).unwrap()).await;
    got.hold(name);
    assert_eq!((got.mixed, got.cut), ([0, 0], 0));
    assert_eq!(got.statuses.keys().collect::<Vec<_>>(), [&200, &404]);
}

const INSIDE: u64 = 1;
const OUTSIDE: u64 = 666;

/// Numbered lines, more than a log of these tests ever has.
static LOG: LazyLock<String> = LazyLock::new(|| {
    let mut log = String::new();
    (0..1 << 18).for_each(|line| writeln!(log, "{line:015}").unwrap());
    log
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_appended_to() {
    let scratch = Scratch::new();
    let mut length = SIZE;
    fs::write(scratch.path("log"), &LOG[..length]).unwrap();
    let sender = scratch.cautious().on_change("/log", OnChange::AllowGrowth);
    let prefix = |body: &[u8]| LOG.as_bytes().starts_with(body).then_some(body.len() as u64);
    let mut log = File::options().append(true).open(scratch.path("log")).unwrap();
    let got = race_judged(sender, vec!["/log".to_owned()], prefix, move |write| {
        let more = &LOG[length..length + 16 * usize::try_from(write % 64 + 1).unwrap()];
        length += more.len();
        log.write_all(more.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        // Gone with the writer.
        let _ = &scratch;
    })
    .await;
    got.hold("a log with ten appends a second");
    assert_eq!((got.mixed, got.cut), ([0, 0], 0));
    assert_eq!(got.statuses.keys().collect::<Vec<_>>(), [&200]);
}
