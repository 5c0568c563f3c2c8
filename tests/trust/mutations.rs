//! A tree that is changed in every way but by whoever has the key: nothing of what was changed is sent.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use http::Request;
use http_body_util::BodyExt as _;
use letterhead::FileSender;
use letterhead::answer::Coding;
use letterhead::trust::{Enforcement, Reason, Tree};
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;

use crate::site::{Site, key, later, other_key};

/// Files, every fifth of them with a sibling.
const FILES: usize = 500;

/// What is done to a tree.
const KINDS: [&str; 13] = [
    "flip",
    "cut",
    "grow",
    "swap",
    "rename",
    "add",
    "older",
    "sibling",
    "manifest",
    "expiry",
    "other key",
    "replay",
    "in place",
];

struct Attack {
    site: Site,
    sender: FileSender,
    content: BTreeMap<String, Vec<u8>>,
    older: BTreeMap<String, Vec<u8>>,
    list: Vec<u8>,
    older_list: Vec<u8>,
    random: fastrand::Rng,
}

impl Attack {
    fn new() -> Self {
        let (site, mut random) = (Site::new(), fastrand::Rng::with_seed(5));
        let mut make = |site: &Site| {
            let mut content = BTreeMap::new();
            for at in 0..FILES {
                let name = if at % 5 == 0 {
                    format!("d{}/{}.txt.gz", (at + 1) % 7, at + 1)
                } else {
                    format!("d{}/{at}.txt", at % 7)
                };
                let length = if at % 50 == 1 { 300_000 } else { random.usize(1..2000) };
                let bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
                site.write(&name, &bytes);
                content.insert(name, bytes);
            }
            content
        };
        let older = make(&site);
        site.list(6);
        let older_list = fs::read(site.path(Tree::NAME)).unwrap();
        let content = make(&site);
        site.list(7);
        let list = fs::read(site.path(Tree::NAME)).unwrap();
        let sender = FileSender::new(site.path("")).unwrap().precompressed([Coding::Gzip]);
        let sender = sender.manifest(site.trust(), Enforcement::Enforce).unwrap();
        Self { site, sender, content, older, list, older_list, random }
    }

    fn any(&mut self) -> String {
        let at = self.random.usize(..self.content.len());
        self.content.keys().nth(at).unwrap().clone()
    }

    fn restore(&self, name: &str) {
        self.site.write(name, &self.content[name]);
    }

    async fn get(&self, path: &str, coding: &str) -> (u16, Vec<u8>) {
        let request = Request::get(format!("/{path}")).header("accept-encoding", coding);
        let response = self.sender.clone().oneshot(request.body(()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    /// Nothing of a changed file, with this status; then it is as it was, and is served.
    async fn check(&mut self, kind: &str, name: &str, status: u16) {
        let (found, body) = self.get(name, "identity").await;
        assert_eq!(found, status, "{kind} {name}");
        let shown = fs::read(self.site.path(name)).unwrap_or_default();
        let leaks = shown.len() > 8 && body.windows(8).any(|part| part == &shown[..8]);
        assert!(!leaks && !body.is_empty(), "{kind} {name}: a problem document, and no content");
        if status == 503 {
            self.check_reason(kind, name, &shown);
        }
        if self.content.contains_key(name) {
            self.restore(name);
            self.good(name).await;
        }
    }

    /// What is said to be wrong with a file is what is wrong with it: its length, or else its content.
    fn check_reason(&self, kind: &str, name: &str, found: &[u8]) {
        let breakers = self.sender.breakers();
        let of_name = breakers.iter().find(|one| *one.path == *name.as_bytes());
        let one = of_name.unwrap_or_else(|| panic!("{kind} {name}: no reason in {breakers:?}"));
        let listed = &self.content[name];
        let has_length = found.len() == listed.len();
        let sum = |bytes: &[u8]| <[u8; 32]>::from(Sha256::digest(bytes));
        assert_eq!(one.wanted, (listed.len() as u64, sum(listed)), "{kind} {name}");
        assert_eq!(
            one.found,
            (found.len() as u64, has_length.then(|| sum(found))),
            "{kind} {name}"
        );
    }

    async fn good(&self, name: &str) {
        let (status, body) = self.get(name, "identity").await;
        assert_eq!(status, 200, "{name} is good");
        assert!(body == self.content[name], "{name} is whole");
    }

    fn refused(&self, kind: &str, expected: &[Reason]) {
        let reason = self.sender.reload_manifest().unwrap_err().reason();
        assert!(expected.contains(&reason), "{kind}: {reason:?}");
        fs::write(self.site.path(Tree::NAME), &self.list).unwrap();
    }

    async fn attack(&mut self, kind: &str) {
        let (one, other) = (self.any(), self.any());
        let mut bytes = self.content[&one].clone();
        let at = self.random.usize(..bytes.len());
        match kind {
            "flip" | "in place" => {
                bytes[at] ^= 1 << self.random.u8(..8);
                if kind == "flip" {
                    self.site.write(&one, bytes);
                } else {
                    let mut file = fs::File::create(self.site.path(&one)).unwrap();
                    file.write_all(&bytes).unwrap();
                }
                self.check(kind, &one, 503).await;
            }
            "cut" => {
                bytes.truncate(at);
                self.site.write(&one, bytes);
                self.check(kind, &one, 503).await;
            }
            "grow" => {
                bytes.push(self.random.u8(..));
                self.site.write(&one, bytes);
                self.check(kind, &one, 503).await;
            }
            "swap" if one != other => {
                self.site.write(&one, &self.content[&other]).write(&other, &bytes);
                self.check(kind, &one, 503).await;
                self.check(kind, &other, 503).await;
            }
            "rename" => {
                let added = format!("{one}.renamed");
                fs::rename(self.site.path(&one), self.site.path(&added)).unwrap();
                self.check(kind, &added, 404).await;
                fs::remove_file(self.site.path(&added)).unwrap();
                self.check(kind, &one, 404).await;
            }
            "add" => {
                let added = format!("d0/added-{at}");
                self.site.write(&added, &bytes);
                self.check(kind, &added, 404).await;
                fs::remove_file(self.site.path(&added)).unwrap();
            }
            "older" => {
                self.site.write(&one, &self.older[&one]);
                self.check(kind, &one, 503).await;
            }
            "sibling" => self.exchange_sibling().await,
            _ => self.attack_list(kind),
        }
    }

    /// The sibling of one file in the place of another's.
    async fn exchange_sibling(&mut self) {
        let siblings: Vec<_> =
            self.content.keys().filter(|name| name.contains(".gz")).cloned().collect();
        let one = siblings[self.random.usize(..siblings.len())].clone();
        let other = siblings[self.random.usize(..siblings.len())].clone();
        if one == other {
            return;
        }
        self.site.write(&one, &self.content[&other]);
        let plain = one.trim_end_matches(".gz");
        if self.content.contains_key(plain) {
            let (status, _) = self.get(plain, "gzip").await;
            assert_eq!(status, 503, "sibling {one}");
        }
        self.check("sibling", &one, 503).await;
    }

    fn attack_list(&mut self, kind: &str) {
        let unsigned = [Reason::Signature, Reason::Syntax, Reason::Structure, Reason::Limit];
        match kind {
            "manifest" => {
                let mut bytes = self.list.clone();
                let end = bytes.len() - 1;
                let at = self.random.usize(..end);
                bytes[at] ^= 1 << self.random.u8(..8);
                fs::write(self.site.path(Tree::NAME), &bytes).unwrap();
                // Digits of a signature may be written in capitals: the same list.
                if !bytes.eq_ignore_ascii_case(&self.list) {
                    self.refused(kind, &unsigned);
                }
            }
            "expiry" => {
                let over = SystemTime::now() - Duration::from_secs(1);
                self.site.list_of("", 8, over, &key());
                self.refused(kind, &[Reason::Expired]);
            }
            "other key" => {
                self.site.list_of("", 8, later(), &other_key());
                self.refused(kind, &[Reason::Signature]);
            }
            "replay" => {
                fs::write(self.site.path(Tree::NAME), &self.older_list).unwrap();
                self.refused(kind, &[Reason::RolledBack]);
            }
            _ => {}
        }
    }
}

/// 390 changes; 10,000 and more with `LETTERHEAD_TRUST_MUTATIONS`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_changed_tree_is_sent() {
    let wanted = std::env::var("LETTERHEAD_TRUST_MUTATIONS");
    let wanted: usize = wanted.ok().map_or(390, |text| text.parse().unwrap());
    let mut attack = Attack::new();
    let mut done = BTreeMap::new();
    for at in 0..wanted {
        // Those of the list read the whole tree.
        let kind = KINDS[at % KINDS.len()];
        attack.attack(kind).await;
        *done.entry(kind).or_insert(0) += 1;
        let name = attack.any();
        attack.good(&name).await;
    }
    for name in attack.content.keys() {
        attack.good(name).await;
    }
    println!("{wanted} changes: {done:?}");
    let counts = attack.sender.trust_counts();
    assert_eq!((counts.version, counts.open), (7, 0), "{counts:?}");
}
