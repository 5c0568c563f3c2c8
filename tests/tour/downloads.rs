//! Programs that load files from the example `files`: what they have in the end is what is there, by its hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::process::{Example, Ran, path_of, run};
use crate::skip;

const BIG: usize = 5_300_017;

/// A served directory, and one for what is loaded; both are gone with the value.
struct Site {
    at: PathBuf,
    files: Example,
}

impl Site {
    /// With `big.bin`, `a.txt`, `b.txt` and `d/c.bin`, and what `more` adds.
    fn new(name: &str, more: impl FnOnce(&Path)) -> Self {
        let at = std::env::temp_dir().join(format!("letterhead-{name}-{}", std::process::id()));
        let root = at.join("root");
        fs::create_dir_all(root.join("d")).unwrap();
        fs::create_dir_all(at.join("got")).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        let mut content = |length| std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        for (name, length) in [("big.bin", BIG), ("a.txt", 5), ("b.txt", 0), ("d/c.bin", 70_000)] {
            let content: Vec<u8> = content(length);
            fs::write(root.join(name), content).unwrap();
        }
        more(&root);
        let mut command = Command::new(path_of("files"));
        let log = at.join("log");
        command.arg(&root).arg("--listing").arg("--access-log").arg(&log);
        let site = Self { files: Example::run(command), at };
        site.settle();
        site
    }

    /// Until nothing of it is young any more, so that there are ranges.
    fn settle(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        let changed = fs::metadata(self.root("big.bin")).unwrap().modified().unwrap();
        while changed.elapsed().unwrap_or_default() < Duration::from_millis(2100) {
            assert!(Instant::now() < end, "it does not become old");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn root(&self, name: &str) -> PathBuf {
        self.at.join("root").join(name)
    }

    fn got(&self, name: &str) -> String {
        self.at.join("got").join(name).display().to_string()
    }

    /// What was loaded is what is there.
    fn is_same(&self, served: &str, got: &str) {
        assert_eq!(hash(&self.root(served)), hash(Path::new(&self.got(got))), "{served} {got}");
    }

    /// How many lines of the log have that.
    fn logged(&self, part: &str) -> usize {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let log = fs::read_to_string(self.at.join("log")).unwrap();
            let count = log.lines().filter(|line| line.contains(part)).count();
            if count > 0 || Instant::now() > end {
                return count;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A client has only the beginning.
    fn begun(&self, got: &str) {
        let content = fs::read(self.root("big.bin")).unwrap();
        fs::write(self.got(got), &content[..1_234_567]).unwrap();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.at);
    }
}

fn hash(path: &Path) -> String {
    let content = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Sha256::digest(content).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Runs a tool that has to succeed.
fn done(tool: &str, args: &[&str]) -> Option<Ran> {
    let ran = run(tool, args)?;
    ran.exits(0);
    Some(ran)
}

#[test]
fn wget_loads_again_only_what_changed_and_goes_on_with_what_it_has() {
    let site = Site::new("wget", |_| ());
    let (url, into) = (site.files.url("/big.bin"), site.got(""));
    for _ in 0..2 {
        if done("wget", &["-q", "-N", "-P", &into, &url]).is_none() {
            return;
        }
        site.is_same("big.bin", "big.bin");
    }
    assert_eq!((site.logged("\" 200 "), site.logged("\" 304 ")), (1, 1));
    site.begun("big.bin");
    done("wget", &["-q", "-c", "-P", &into, &url]);
    site.is_same("big.bin", "big.bin");
    assert_eq!(site.logged("\" 206 "), 1);
}

#[test]
fn aria2_joins_sixteen_parts() {
    let site = Site::new("aria2", |_| ());
    let (url, into) = (site.files.url("/big.bin"), site.got(""));
    let parts = ["-q", "-x16", "-s16", "-k1M", "-d", &into, &url];
    if done("aria2c", &parts).is_some() {
        site.is_same("big.bin", "big.bin");
        assert!(site.logged("\" 206 ") > 1);
    }
}

#[test]
fn curl_goes_on_with_what_it_has() {
    let site = Site::new("curl", |_| ());
    site.begun("big.bin");
    let (url, to) = (site.files.url("/big.bin"), site.got("big.bin"));
    if done("curl", &["-sS", "-C", "-", "-o", &to, &url]).is_some() {
        site.is_same("big.bin", "big.bin");
        assert_eq!(site.logged("\" 206 "), 1);
    }
}

#[test]
fn rclone_copies_a_tree() {
    let site = Site::new("rclone", |_| ());
    let (url, to) = (site.files.url("/"), site.got("tree"));
    let copy = ["--config", "/dev/null", "copy", "--http-url", &url, ":http:", &to];
    if done("rclone", &copy).is_some() {
        for name in ["big.bin", "a.txt", "b.txt", "d/c.bin"] {
            site.is_same(name, &format!("tree/{name}"));
        }
    }
}

#[test]
fn fsspec_lists_globs_and_reads_parts() {
    let has_it = Command::new("python3").args(["-c", "import fsspec, aiohttp"]).output();
    if !has_it.is_ok_and(|ran| ran.status.success()) {
        return skip::tool("python3 with fsspec and aiohttp");
    }
    let site = Site::new("fsspec", |_| ());
    let (url, root) = (site.files.url(""), site.root("").display().to_string());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/files.py");
    let Some(ran) = done("python3", &[script, &url, root.trim_end_matches('/')]) else { return };
    ran.says("same");
}

#[test]
fn git_clones_by_the_dumb_protocol() {
    if !skip::has("git") {
        return skip::tool("git");
    }
    let git = |args: &[&str]| {
        let who =
            ["-c", "user.name=a", "-c", "user.email=a@test.invalid", "-c", "safe.directory=*"];
        done("git", &[&who, args].concat()).unwrap().out
    };
    let site = Site::new("git", |root| {
        let (tree, bare) = (root.join("tree"), root.join("tree.git"));
        let (tree, bare) = (tree.display().to_string(), bare.display().to_string());
        git(&["init", "-q", &tree]);
        fs::copy(root.join("big.bin"), root.join("tree/big.bin")).unwrap();
        git(&["-C", &tree, "add", "big.bin"]);
        git(&["-C", &tree, "commit", "-q", "-m", "first"]);
        git(&["clone", "-q", "--bare", &tree, &bare]);
        // Some of it in a pack, some loose.
        git(&["-C", &bare, "repack", "-q", "-a", "-d"]);
        git(&["-C", &bare, "tag", "-a", "-m", "loose", "v1"]);
        git(&["-C", &bare, "update-server-info"]);
    });
    git(&["clone", "-q", &site.files.url("/tree.git"), &site.got("tree")]);
    site.is_same("big.bin", "tree/big.bin");
    assert_eq!(git(&["-C", &site.got("tree"), "tag"]), "v1\n");
    git(&["-C", &site.got("tree"), "fsck", "--strict"]);
}

/// A package with nothing in it but a name, in a repository that nobody signed.
fn repository(root: &Path) -> Option<()> {
    let root = &root.join("repo");
    let control = root.join("made/DEBIAN");
    fs::create_dir_all(&control).unwrap();
    let text = "Package: letterhead-test\nVersion: 1\nArchitecture: all\nMaintainer: a <a@test.invalid>\nDescription: none\n";
    fs::write(control.join("control"), text).unwrap();
    let (made, deb) = (root.join("made"), root.join("t.deb"));
    let built = run("dpkg-deb", &["-b", &made.display().to_string(), &deb.display().to_string()])?;
    built.exits(0);
    let (size, sum) = (fs::metadata(&deb).unwrap().len(), hash(&deb));
    let index = format!("{text}Filename: repo/t.deb\nSize: {size}\nSHA256: {sum}\n");
    fs::write(root.join("Packages"), index).unwrap();
    Some(())
}

#[test]
fn apt_updates_and_loads_a_package() {
    if !skip::has("apt-get") || !skip::has("dpkg-deb") {
        return skip::tool("apt-get and dpkg-deb");
    }
    let site = Site::new("apt", |root| repository(root).unwrap());
    // Nothing of the machine's own apt is read or written.
    for directory in
        ["etc/apt.conf.d", "etc/preferences.d", "etc/trusted.gpg.d", "state/lists/partial"]
    {
        fs::create_dir_all(site.at.join(directory)).unwrap();
    }
    fs::create_dir_all(site.at.join("cache/archives/partial")).unwrap();
    fs::write(site.at.join("status"), "").unwrap();
    let list = format!("deb [trusted=yes] {} repo/\n", site.files.url("/"));
    fs::write(site.at.join("etc/sources.list"), list).unwrap();
    let at = site.at.display();
    let options = format!(
        "Dir::Etc \"{at}/etc\"; Dir::State \"{at}/state\"; Dir::State::status \"{at}/status\"; Dir::Cache \"{at}/cache\";
         APT::Sandbox::User \"\"; Acquire::Languages \"none\"; APT::Architecture \"amd64\"; Debug::NoLocking \"1\";"
    );
    let config = site.at.join("apt.conf");
    fs::write(&config, options).unwrap();
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("APT_CONFIG", &config).current_dir(site.at.join("got"));
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };
    assert!(apt(&["update"]).contains("Get:"));
    // What it has is not loaded again.
    apt(&["update"]);
    assert!(site.logged("Packages HTTP/1.1\" 304 ") > 0);
    apt(&["download", "letterhead-test"]);
    site.is_same("repo/t.deb", "letterhead-test_1_all.deb");
}

/// A page that fetches, and says in the document what the hash is.
const PAGE: &str = "<!doctype html><title>fetch</title><p id=o>waits<script type=module>
const hex = b => [...new Uint8Array(b)].map(x => x.toString(16).padStart(2, '0')).join('');
const all = await (await fetch('big.bin')).arrayBuffer();
const part = await fetch('big.bin', {headers: {range: 'bytes=1000-70000'}});
const bytes = await part.arrayBuffer();
o.textContent = [hex(await crypto.subtle.digest('SHA-256', all)), part.status,
  hex(bytes) === hex(all.slice(1000, 70001))].join(' ');
</script>";

#[test]
fn chromium_fetches_a_file_and_a_part_of_it() {
    let site = Site::new("chromium", |root| fs::write(root.join("page.html"), PAGE).unwrap());
    let profile = format!("--user-data-dir={}", site.got("profile"));
    let budget = "--virtual-time-budget=60000";
    let mut args = vec!["60", "chromium", "--headless", "--no-sandbox", "--disable-gpu"];
    let url = site.files.url("/page.html");
    args.extend(["--disable-dev-shm-usage", &profile, budget, "--dump-dom", &url]);
    if !skip::has("chromium") {
        return skip::tool("chromium");
    }
    let Some(ran) = done("timeout", &args) else { return };
    ran.says(&format!("{} 206 true", hash(&site.root("big.bin"))));
}
