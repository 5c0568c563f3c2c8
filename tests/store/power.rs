//! The power of a disk is cut while heads are changed: what was acknowledged is there afterwards.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::Response;
use letterhead::store::{Store, When};

use crate::apart::{figures, in_namespace, runtime, tool};
use crate::scratch::Scratch;
use crate::skip;
use crate::tools::text;
use crate::writings::ALL;

/// Stops an ext4 at once: nothing that is not on the disk gets there, not even its journal.
fn cut(at: &Path) {
    let script = "import fcntl, os, struct, sys\n\
                  fcntl.ioctl(os.open(sys.argv[1], 0), 0x8004587d, struct.pack('I', 2))";
    tool("python3", &["-c", script, &at.display().to_string()]).unwrap();
}

/// Changes heads and files until the disk is gone; what was acknowledged last of each.
async fn work(store: Store, nth: u64, stop: Arc<AtomicBool>, total: Arc<AtomicU64>) -> (u64, u64) {
    let name = format!("file {nth}");
    let (mut acknowledged, mut begun) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        begun += 1;
        let done = if begun % 10 == 1 {
            let mut response = text(&format!("{begun} ").repeat(2000));
            response.headers_mut().insert("x-value", begun.into());
            store.put(&name, When::Always, response).await
        } else {
            let filler = if begun % 7 == 0 { 20_000 } else { 1_000 };
            let head = Response::builder()
                .header("x-value", begun)
                .header("x-filler", "x".repeat(filler))
                .body(())
                .unwrap();
            store.update(&name, None, &head).await
        };
        match done {
            Ok(published) if published.durable => acknowledged = begun,
            Ok(_) | Err(_) => break,
        }
        total.fetch_add(1, Ordering::Relaxed);
    }
    (acknowledged, begun)
}

#[test]
fn an_acknowledged_change_outlives_a_disk_that_stops() {
    in_namespace("power::an_acknowledged_change_outlives_a_disk_that_stops", || {
        if let Err(why) = tool("which", &["mkfs.ext4"]) {
            return skip::tool(why);
        }
        let scratch = Scratch::new();
        let image = scratch.path("image");
        File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let (image, at) = (image.display().to_string(), scratch.path("disk"));
        std::fs::create_dir(&at).unwrap();
        let at_text = at.display().to_string();
        tool("mkfs.ext4", &["-q", "-F", &image]).unwrap();
        let (mut changes, rounds) = (0, 6);
        for round in 0..rounds {
            tool("mount", &["-o", "loop", &image, &at_text]).unwrap();
            // By each kind of call in turn.
            let writing = ALL[usize::try_from(round).unwrap() % ALL.len()];
            let store = Store::open(&at).unwrap().writing(writing);
            let (stop, total) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let tasks: Vec<_> = (0..4)
                .map(|nth| {
                    let work = work(store.clone(), nth, Arc::clone(&stop), Arc::clone(&total));
                    runtime.spawn(work)
                })
                .collect();
            // Somewhere in the middle of it.
            while total.load(Ordering::Relaxed) < 20 + 7 * round {
                std::thread::yield_now();
            }
            cut(&at);
            stop.store(true, Ordering::Relaxed);
            let ends: Vec<_> =
                tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).collect();
            changes += total.load(Ordering::Relaxed);
            drop((store, runtime));
            tool("umount", &[&at_text]).unwrap();
            tool("mount", &["-o", "loop", &image, &at_text]).unwrap();
            check(&at, &ends, round);
            tool("umount", &[&at_text]).unwrap();
        }
        let line =
            format!("{rounds} times an ext4 was stopped, among {changes} changes; none was lost");
        figures("store-power.txt", &line);
    });
}

/// Each file has what was acknowledged last, or what was begun behind that.
fn check(at: &Path, ends: &[(u64, u64)], round: u64) {
    runtime().block_on(async {
        let store = Store::open(at).unwrap();
        for (nth, (acknowledged, begun)) in ends.iter().enumerate() {
            let name = format!("file {nth}");
            if *acknowledged == 0 {
                continue;
            }
            let stored = store.check(&name, None).await.unwrap();
            let value: u64 = stored.head().headers()["x-value"].to_str().unwrap().parse().unwrap();
            let within = (*acknowledged..=*begun).contains(&value);
            assert!(within, "round {round}: {value} where {acknowledged} was acknowledged");
        }
        store.sweep(Duration::ZERO).await.unwrap();
        for name in store.list().await.unwrap() {
            store.check(&name, None).await.unwrap();
        }
        let hidden = std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name());
        let hidden: Vec<_> =
            hidden.filter(|name| name.to_str().unwrap().starts_with(".letterhead-")).collect();
        assert!(hidden.is_empty(), "{hidden:?}");
    });
}
