//! Each way of deploying that the guide's table has: two hosts, and whether they send one tag.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use letterhead::FileSender;

use crate::apart::tool;
use crate::client::{h1_get, h2_get};
use crate::scratch::{Scratch, set_modified};
use crate::serve::serve;
use crate::skip;

const GUIDE: &str = include_str!("../../src/guide/validators.md");

/// What is deployed.
const CONTENT: &str = "let version = 1;";

/// Puts `f` of the source on a host, or says which program is missing.
type Deploy = fn(source: &Path, host: &Path) -> Result<(), String>;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(name: &str, args: &[&str]) -> Result<(), String> {
    tool(name, args)
}

fn put(path: &Path) -> Result<(), String> {
    fs::write(path, CONTENT).map_err(|error| error.to_string())
}

fn dated(host: &Path, seconds: u64) -> Result<(), String> {
    put(&host.join("f"))?;
    set_modified(&host.join("f"), SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    Ok(())
}

fn in_place(_: &Path, host: &Path) -> Result<(), String> {
    put(&host.join("f"))
}

fn renamed(_: &Path, host: &Path) -> Result<(), String> {
    put(&host.join("new"))?;
    fs::rename(host.join("new"), host.join("f")).map_err(|error| error.to_string())
}

fn rsync(source: &Path, host: &Path) -> Result<(), String> {
    run("rsync", &["-t", text(&source.join("f")), text(&host.join("f"))])
}

fn rsync_without_times(source: &Path, host: &Path) -> Result<(), String> {
    run("rsync", &[text(&source.join("f")), text(&host.join("f"))])
}

fn copied(source: &Path, host: &Path) -> Result<(), String> {
    run("cp", &["-p", text(&source.join("f")), text(&host.join("f"))])
}

/// An archive of the source, in the format that keeps whole seconds.
fn packed(source: &Path) -> Result<String, String> {
    let archive = source.join("archive.tar");
    let args = ["--format=gnu", "-C", text(source), "-cf", text(&archive), "f"];
    run("tar", &args).map(|()| text(&archive).to_owned())
}

fn unpacked(source: &Path, host: &Path) -> Result<(), String> {
    run("tar", &["-C", text(host), "-xf", &packed(source)?])
}

fn unpacked_anew(source: &Path, host: &Path) -> Result<(), String> {
    run("tar", &["-m", "-C", text(host), "-xf", &packed(source)?])
}

fn checked_out(source: &Path, host: &Path) -> Result<(), String> {
    if !source.join(".git").exists() {
        run("git", &["-C", text(source), "init", "-q"])?;
        run("git", &["-C", text(source), "add", "f"])?;
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
        let commit = ["-C", text(source), "commit", "-q", "-m", "f"];
        run("git", &[&who[..], &commit].concat())?;
    }
    run("git", &["clone", "-q", text(source), text(&host.join("clone"))])?;
    fs::rename(host.join("clone/f"), host.join("f")).map_err(|error| error.to_string())
}

/// As a node does it: each file is a link to a link that is turned.
fn config_map(_: &Path, host: &Path) -> Result<(), String> {
    fs::create_dir(host.join("..2026_11_29")).unwrap();
    put(&host.join("..2026_11_29/f"))?;
    std::os::unix::fs::symlink("..2026_11_29", host.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/f", host.join("f")).unwrap();
    Ok(())
}

/// The first column of the guide's table, and how it is done.
const WAYS: [(&str, Deploy); 15] = [
    ("written in place", in_place),
    ("written, then renamed", renamed),
    ("`rsync -t`", rsync),
    ("`rsync` without `-t`", rsync_without_times),
    ("`cp -p`", copied),
    ("`tar`", unpacked),
    ("`tar -m`", unpacked_anew),
    ("`git checkout`", checked_out),
    ("Docker layers", unpacked),
    ("`ConfigMap`", config_map),
    ("Nix", |_, host| dated(host, 1)),
    ("Bazel", |_, host| dated(host, 0)),
    ("buildpacks", |_, host| dated(host, 315_532_801)),
    ("npm", |_, host| dated(host, 499_162_500)),
    ("`SOURCE_DATE_EPOCH`", |_, host| dated(host, 1_700_000_000)),
];

/// What the table says of a way: whether two hosts agree, without and with tags of the content.
fn promised(way: &str) -> [bool; 2] {
    let row = GUIDE.lines().find(|line| line.starts_with(&format!("| {way} | ")));
    let cells: Vec<_> = row.expect(way).split(" | ").collect();
    [cells[2], cells[3]].map(|cell| match cell {
        "yes" => true,
        "no" => false,
        other => panic!("{way}: wanted yes or no, found {other}"),
    })
}

/// Waits until the clock of files has moved on: two hosts do not write at the same moment.
fn next_tick(scratch: &Scratch) {
    let tick = || {
        fs::write(scratch.path("tick"), "").unwrap();
        fs::metadata(scratch.path("tick")).unwrap().modified().unwrap()
    };
    let first = tick();
    while tick() == first {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn two_hosts_agree_where_the_guide_says_so() {
    let mut done = 0;
    for (way, deploy) in WAYS {
        let scratch = Scratch::new();
        let source = scratch.path("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("f"), CONTENT).unwrap();
        let hosts = ["one", "other"].map(|host| scratch.path(host));
        let deployed = hosts.iter().try_for_each(|host| {
            fs::create_dir(host).unwrap();
            next_tick(&scratch);
            deploy(&source, host)
        });
        if let Err(why) = deployed {
            skip::tool(why);
            continue;
        }
        for (most, agree) in [0, 1 << 20].into_iter().zip(promised(way)) {
            let mut tags = Vec::new();
            for host in &hosts {
                let sender = FileSender::new(host).unwrap().settle(Duration::ZERO);
                let server = serve(sender.content_tags(most)).await;
                let answer = h1_get(&server, "/f", "").await;
                let tag = answer.field("etag").unwrap().to_owned();
                assert!(tag.starts_with('"'), "{way}: {tag}");
                assert_eq!(h2_get(&server, "/f").await.unwrap().field("etag"), Some(tag.as_str()));
                tags.push(tag);
            }
            assert_eq!(tags[0] == tags[1], agree, "{way}, content tags up to {most}: {tags:?}");
        }
        done += 1;
    }
    let rows = GUIDE.split("| way |").nth(1).unwrap().split("\n\n").next().unwrap().lines();
    assert_eq!(rows.count() - 2, WAYS.len(), "a row that is not tested");
    assert!(done >= 11, "{done}");
}
