//! A policy file that changes, in every way in which files are changed.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use letterhead::policy::{Dialect, Redirect};
use letterhead::{
    LetterheadLayer, PolicyFile, PolicyFileError, PolicyWatch, RedirectsFile, Reloaded,
};

use crate::app::{KINDS, Running, Scratch, Version, app};

/// What the watch told, as text: a version, or what was wrong.
type Told = Receiver<Result<u64, String>>;

fn text(value: u32) -> String {
    format!("/*\n  X-Set: {value}\n")
}

fn watch(file: &PolicyFile) -> (PolicyWatch, Told) {
    let (tell, told) = channel();
    let watch = file.watch(move |reload: Result<Reloaded, PolicyFileError>| {
        let _ = tell.send(reload.map(Reloaded::version).map_err(|error| format!("{error:#}")));
    });
    (watch.unwrap(), told)
}

/// The next word of the watch.
fn next(told: &Told) -> Result<u64, String> {
    told.recv_timeout(Duration::from_secs(30)).expect("the watch tells in time")
}

fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, path).unwrap();
}

#[test]
fn each_way_of_changing_a_file_is_found() {
    let scratch = Scratch::new();
    let path = scratch.path("_headers");
    fs::write(&path, text(1)).unwrap();
    let file = PolicyFile::open(&path).unwrap();
    let (_watch, told) = watch(&file);
    // Renamed over, as deployments and most editors do.
    replace(&path, &text(2));
    assert_eq!(next(&told), Ok(2));
    // Written in place, in pieces. As long as a writer is there nothing is read, where the kernel says so; and
    // half a line is no version.
    let mut writer = fs::File::create(&path).unwrap();
    writer.write_all(b"/*\n  X-Set").unwrap();
    writer.write_all(b": 3\n").unwrap();
    drop(writer);
    let in_place = std::iter::repeat_with(|| next(&told)).find(Result::is_ok);
    assert_eq!(in_place, Some(Ok(3)));
    // Put aside and made again, as editors do that keep a backup.
    fs::rename(&path, scratch.path("_headers~")).unwrap();
    let missing = loop {
        // Between the two names there was none: that may be seen, or not.
        fs::write(&path, text(4)).unwrap();
        match next(&told) {
            Ok(version) => break version,
            Err(text) => assert!(text.contains("could not be read"), "{text}"),
        }
    };
    assert_eq!(missing, 4);
}

#[test]
fn a_file_behind_links_is_found_again_when_any_of_them_is_turned() {
    let scratch = Scratch::new();
    for (directory, value) in [("..1", 1), ("..2", 2), ("..3", 3)] {
        fs::create_dir(scratch.path(directory)).unwrap();
        fs::write(scratch.path(directory).join("_headers"), text(value)).unwrap();
    }
    let turn = |target: &str| {
        symlink(target, scratch.path("..tmp")).unwrap();
        fs::rename(scratch.path("..tmp"), scratch.path("..data")).unwrap();
    };
    turn("..1");
    symlink("..data/_headers", scratch.path("_headers")).unwrap();
    let file = PolicyFile::open(scratch.path("_headers")).unwrap();
    let (_watch, told) = watch(&file);
    turn("..2");
    fs::remove_dir_all(scratch.path("..1")).unwrap();
    assert_eq!(next(&told), Ok(2));
    turn("..3");
    assert_eq!(next(&told), Ok(3));
}

#[test]
fn a_version_that_is_wrong_is_told_once_and_changes_nothing() {
    let scratch = Scratch::new();
    let path = scratch.path("_headers");
    fs::write(&path, text(1)).unwrap();
    let file = PolicyFile::open(&path).unwrap();
    let (_watch, told) = watch(&file);
    replace(&path, "/*\n  X Set: 2\n  Content-Length: 5\n");
    let error = next(&told).unwrap_err();
    assert!(
        error.contains("_headers:2: wanted") && error.contains("_headers:3: wanted"),
        "{error}"
    );
    assert_eq!(file.handle().version(), 1);
    // The same text with another date is no news, and a right one is the next version.
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    replace(&path, &text(3));
    assert_eq!(next(&told), Ok(2));
    // What was in force before is in force again.
    replace(&path, &text(3));
    replace(&path, &text(1));
    assert_eq!(next(&told), Ok(3));
}

#[test]
fn a_writer_that_stays_is_reported_once_and_its_version_is_taken_when_it_leaves() {
    let scratch = Scratch::new();
    let path = scratch.path("_headers");
    fs::write(&path, text(1)).unwrap();
    let file = PolicyFile::open(&path).unwrap();
    let mut writer = fs::File::options().append(true).open(&path).unwrap();
    let (_watch, told) = watch(&file);
    writer.write_all(b"  X-More: 2\n").unwrap();
    match next(&told) {
        Err(error) => {
            assert!(error.contains("open for writing"), "{error}");
            assert_eq!(file.handle().version(), 1);
            drop(writer);
            assert_eq!(next(&told), Ok(2));
        }
        // Where the kernel does not say who writes, age alone counts.
        Ok(version) => assert_eq!(version, 2),
    }
}

#[test]
fn what_is_no_policy_file_is_refused_at_the_start() {
    let scratch = Scratch::new();
    let path = scratch.path("_headers");
    let wrong = |path: &Path| format!("{:#}", PolicyFile::open(path).unwrap_err());
    let missing = wrong(&path);
    assert!(missing.contains("could not be read") && missing.contains("ENOENT"), "{missing}");
    assert!(wrong(&scratch.path("")).contains("EISDIR"));
    fs::write(&path, "/*\n  X-Set: \u{e4}\n").unwrap();
    let written = fs::read(&path).unwrap();
    fs::write(&path, &written[..written.len() - 2]).unwrap();
    let cut = wrong(&path);
    assert!(cut.contains("wanted UTF-8, found another byte behind the first 12"), "{cut}");
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(wrong(&path).contains("wanted at most 1048576 bytes, found 1048577"));
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    // Opening a pipe does not wait for a writer.
    assert!(wrong(&path).contains("could not be read"));
}

#[tokio::test]
async fn a_reload_is_on_the_wire_and_the_watch_ends_with_its_value() {
    let scratch = Scratch::new();
    let path = scratch.path("_headers");
    fs::write(&path, text(1)).unwrap();
    let file = PolicyFile::open(&path).unwrap();
    let layer = LetterheadLayer::new().policy(file.handle());
    let server = Running::start(app(&scratch).await, layer).await;
    let mut client = server.client(Version::H1).await;
    assert_eq!(client.ask(&KINDS[0]).await.headers()["x-set"], "1");
    let (watch, told) = watch(&file);
    replace(&path, &text(2));
    assert_eq!(next(&told), Ok(2));
    assert_eq!(client.ask(&KINDS[0]).await.headers()["x-set"], "2");
    // The callback goes with the thread.
    drop(watch);
    assert!(told.recv().is_err());
    replace(&path, &text(3));
    assert_eq!(client.ask(&KINDS[0]).await.headers()["x-set"], "2");
    assert_eq!(file.reload().unwrap().version(), 3);
    assert_eq!(client.ask(&KINDS[0]).await.headers()["x-set"], "3");
    server.ended().await;
}

#[test]
fn a_file_that_is_well_again_is_told_though_nothing_is_new() {
    let scratch = Scratch::new();
    let path = scratch.path("_headers");
    fs::write(&path, text(1)).unwrap();
    let file = PolicyFile::open(&path).unwrap();
    let (_watch, told) = watch(&file);
    replace(&path, "/*\n  X Set: 2\n");
    assert!(next(&told).is_err());
    replace(&path, &text(1));
    assert_eq!(next(&told), Ok(1));
    // A name that is gone for a while.
    fs::rename(&path, scratch.path("aside")).unwrap();
    assert!(next(&told).is_err());
    fs::rename(scratch.path("aside"), &path).unwrap();
    assert_eq!(next(&told), Ok(1));
}

/// Times of files have steps: two versions of one length that are written in one step look alike.
#[test]
fn a_version_of_the_same_length_in_the_same_moment_is_found() {
    let scratch = Scratch::new();
    let path = scratch.path("_headers");
    fs::write(&path, text(1)).unwrap();
    let file = PolicyFile::open(&path).unwrap();
    let (_watch, told) = watch(&file);
    for round in 0..50 {
        fs::write(&path, text(4)).unwrap();
        while next(&told).is_err() {}
        // Into the same file, without a cut: only its time could say so.
        fs::File::options().write(true).open(&path).unwrap().write_all(text(5).as_bytes()).unwrap();
        assert!(next(&told).is_ok(), "{round}");
    }
}

#[test]
fn a_file_that_comes_later_is_taken_then() {
    let scratch = Scratch::new();
    let path = scratch.path("_headers");
    let file = PolicyFile::open_if_there(&path, Dialect::Netlify).unwrap();
    assert_eq!((file.handle().version(), file.reload().unwrap().is_new()), (1, false));
    let (_watch, told) = watch(&file);
    replace(&path, "/*\n  X Set: 2\n");
    assert!(next(&told).unwrap_err().contains("_headers:2: wanted"));
    replace(&path, &text(2));
    assert_eq!(next(&told), Ok(2));
    // Once it was there, one that is gone is no empty one.
    fs::remove_file(&path).unwrap();
    assert!(next(&told).unwrap_err().contains("ENOENT"));
    assert_eq!(file.handle().version(), 2);
    replace(&path, "");
    assert_eq!(next(&told), Ok(3));
    // A link that leads nowhere was meant to lead somewhere.
    symlink("nowhere", scratch.path("dangling")).unwrap();
    let dangling = PolicyFile::open_if_there(scratch.path("dangling"), Dialect::Cloudflare);
    assert!(format!("{:#}", dangling.unwrap_err()).contains("ENOENT"));
}

#[test]
fn redirects_are_followed_like_a_policy() {
    let scratch = Scratch::new();
    let path = scratch.path("_redirects");
    let file = RedirectsFile::open_if_there(&path).unwrap();
    let leads = |file: &RedirectsFile| match file.find("/old", None) {
        Some(Redirect::To { location, .. }) => Some(location.to_str().unwrap().to_owned()),
        _ => None,
    };
    assert_eq!(leads(&file), None);
    let (tell, told) = channel();
    let watch = file.watch(move |reload: Result<Reloaded, PolicyFileError>| {
        let _ = tell.send(reload.map(Reloaded::version).map_err(|error| format!("{error:#}")));
    });
    let watch = watch.unwrap();
    replace(&path, "/old /new\n");
    assert_eq!(next(&told), Ok(2));
    assert_eq!(leads(&file).as_deref(), Some("/new"));
    replace(&path, "/old\n");
    assert!(
        next(&told).unwrap_err().contains("_redirects:1: wanted a path, a target and a status")
    );
    assert_eq!(leads(&file).as_deref(), Some("/new"));
    replace(&path, "/old /newer\n");
    assert_eq!(next(&told), Ok(3));
    drop(watch);
    replace(&path, "/old /newest\n");
    assert_eq!(leads(&file).as_deref(), Some("/newer"));
    assert_eq!(file.reload().unwrap().version(), 4);
    assert_eq!(leads(&file).as_deref(), Some("/newest"));
}
