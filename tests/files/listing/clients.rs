//! What programs make of a list: wget, fsspec, Chromium.

use std::path::Path;
use std::process::{Command, Output};

use letterhead::FileSender;

use super::links;
use crate::client::h1_get;
use crate::scratch::Scratch;
use crate::serve::{Server, serve};
use crate::skip;

/// Names that links could go wrong with.
const NAMES: [&str; 4] = ["a.parquet", "b c.parquet", "x:y.parquet", "d.txt"];

async fn some() -> (Scratch, Server) {
    let scratch = Scratch::new();
    for name in NAMES {
        scratch.write(&format!("root/data/{name}"), format!("this is {name}"));
        scratch.write(&format!("root/data/more/{name}"), "");
    }
    let sender = FileSender::new(scratch.path("root")).unwrap().listing(100);
    let server = serve(sender).await;
    (scratch, server)
}

/// Runs a program to its end, where it does not keep the server waiting.
async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn files(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push(entry.path().display().to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wget_fetches_each_directory_once() {
    if !skip::has("wget") {
        return skip::tool("wget");
    }
    let (scratch, server) = some().await;
    let to = scratch.path("to");
    let mut command = Command::new("wget");
    let url = format!("http://{}/data/", server.addr);
    command.args(["--quiet", "--recursive", "--no-parent", "--no-host-directories"]);
    command.arg("--directory-prefix").arg(&to).arg(url);
    let output = run(command).await;
    assert!(output.status.success(), "{output:?}");
    let mut found = Vec::new();
    files(&to.join("data"), &mut found);
    let begin = to.join("data/").display().to_string();
    let mut found: Vec<_> = found.iter().map(|path| path.replace(&begin, "")).collect();
    found.sort_unstable();
    let mut wanted = vec![String::from("index.html"), String::from("more/index.html")];
    for name in NAMES {
        wanted.extend([name.to_owned(), format!("more/{name}")]);
    }
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    assert_eq!(std::fs::read(to.join("data/x:y.parquet")).unwrap(), b"this is x:y.parquet");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fsspec_finds_the_files_and_nothing_else() {
    let has = Command::new("python3").args(["-c", "import fsspec, aiohttp"]).output();
    if !has.is_ok_and(|has| has.status.success()) {
        return skip::tool("python3 with fsspec and aiohttp");
    }
    let (_scratch, server) = some().await;
    let url = format!("http://{}/data", server.addr);
    let script = "import fsspec, sys\n\
                  files, url = fsspec.filesystem('http'), sys.argv[1]\n\
                  print(*sorted(files.ls(url + '/', detail=False)), sep='\\n')\n\
                  print('globbed')\n\
                  print(*sorted(files.glob(url + '/*.parquet')), sep='\\n')\n\
                  print(files.cat(files.glob(url + '/a.*')[0]).decode())";
    let mut command = Command::new("python3");
    command.args(["-c", script, &url]);
    let output = run(command).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let all = ["a.parquet", "b%20c.parquet", "d.txt", "more/", "x%3Ay.parquet"];
    let mut wanted: Vec<_> = all.map(|name| format!("{url}/{name}")).to_vec();
    wanted.push("globbed".to_owned());
    let found = ["a.parquet", "b%20c.parquet", "x%3Ay.parquet"];
    wanted.extend(found.map(|name| format!("{url}/{name}")));
    wanted.push("this is a.parquet".to_owned());
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
}

/// Chromium with a profile of its own, which goes with `scratch`.
fn chromium(scratch: &Scratch, args: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "120", "chromium", "--headless", "--no-sandbox"]);
    command.args(["--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    command.args(["--enable-logging=stderr", "--virtual-time-budget=5000"]);
    command.arg(format!("--user-data-dir={}", scratch.path("profile").display()));
    command.env("HOME", scratch.path("")).args(args);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_shows_it_and_has_nothing_to_complain_of() {
    if !skip::has("chromium") {
        return skip::tool("chromium");
    }
    let (scratch, server) = some().await;
    for query in ["", "?sort=size&order=desc"] {
        let url = format!("http://{}/data/{query}", server.addr);
        let output = run(chromium(&scratch, &["--dump-dom", &url])).await;
        let (page, log) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && page.contains("</table>"), "{page}\n{log}");
        assert!(!log.contains(":CONSOLE"), "{log}");
        let links = links(&page);
        assert_eq!(links.iter().filter(|link| link.starts_with("?sort=")).count(), 3);
        for link in links.iter().filter(|link| **link != "../") {
            let path = format!("/data/{}", link.replace("&amp;", "&"));
            assert_eq!(h1_get(&server, &path, "").await.status(), 200, "{path}");
        }
        for name in NAMES {
            assert!(page.contains(&format!("<bdi>{name}</bdi>")), "{name}: {page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_shows_it_light_and_dark() {
    for tool in ["chromium", "python3"] {
        if !skip::has(tool) {
            return skip::tool(tool);
        }
    }
    let (scratch, server) = some().await;
    let url = format!("http://{}/data/", server.addr);
    // The first pixel is the background: whatever filter its line has, nothing stands before it.
    let script = "import sys, zlib\n\
                  png, at, data = open(sys.argv[1], 'rb').read(), 8, b''\n\
                  while at < len(png):\n\
                  \x20   size, kind = int.from_bytes(png[at:at + 4], 'big'), png[at + 4:at + 8]\n\
                  \x20   if kind == b'IDAT': data += png[at + 8:at + 8 + size]\n\
                  \x20   at += 12 + size\n\
                  print(*zlib.decompress(data)[1:4])";
    for (scheme, expected) in [("1", 200..256), ("0", 0..80)] {
        let picture = scratch.path(&format!("{scheme}.png")).display().to_string();
        let preferred = format!("--blink-settings=preferredColorScheme={scheme}");
        let args = ["--window-size=800,600", &preferred, &format!("--screenshot={picture}"), &url];
        let output = run(chromium(&scratch, &args)).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut command = Command::new("python3");
        command.args(["-c", script, &picture]);
        let output = run(command).await;
        let pixel = String::from_utf8(output.stdout).unwrap();
        let pixel: Vec<u32> = pixel.split_whitespace().map(|part| part.parse().unwrap()).collect();
        let is_expected = pixel.len() == 3 && pixel.iter().all(|part| expected.contains(part));
        assert!(is_expected, "{scheme}: {pixel:?} {}", String::from_utf8_lossy(&output.stderr));
    }
}
