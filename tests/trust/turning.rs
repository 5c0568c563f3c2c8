//! A link that is turned from one tree to the next, each with its list: a response is of one version whole.

use std::convert::Infallible;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use letterhead::report::Collector;
use letterhead::trust::Enforcement;
use letterhead::{FileSender, LetterheadLayer};
use tower::{Layer as _, Service, ServiceExt as _};

use crate::site::{Site, key, later, other_key};

fn turn(site: &Site, target: &str) {
    let _ = fs::remove_file(site.path("next"));
    symlink(target, site.path("next")).unwrap();
    fs::rename(site.path("next"), site.path("current")).unwrap();
}

fn tree(site: &Site, version: u64) -> String {
    let name = format!("v{version}");
    for file in ["a", "b", "c"] {
        site.write(&format!("{name}/{file}"), format!("{file} of {version}"));
    }
    site.list_of(&name, version, later(), &key());
    name
}

fn following(site: &Site) -> FileSender {
    let field = "x-tree-version".parse().unwrap();
    let sender = FileSender::following(site.path("current")).unwrap().settle(Duration::ZERO);
    sender.manifest(site.trust().version_field(field), Enforcement::Enforce).unwrap()
}

async fn get<S, B>(service: &S, path: &str) -> (u16, String, String)
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body<Error: Debug>,
{
    let response = service.clone().oneshot(Request::get(path).body(()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let version = response.headers().get("x-tree-version");
    let version = version.map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, version, String::from_utf8(body.to_vec()).unwrap())
}

/// Lets this much time pass at once.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_tree_is_taken_with_its_list_or_not_at_all() {
    let site = Site::new();
    turn(&site, &tree(&site, 1));
    let sender = following(&site);
    let good = |version: u64| (200, version.to_string(), format!("a of {version}"));
    assert_eq!(get(&sender, "/a").await, good(1));
    turn(&site, &tree(&site, 2));
    pass(Duration::from_secs(2)).await;
    assert_eq!(get(&sender, "/a").await, good(2));
    site.notices("version 2 of tree `site` is in force").await;
    // Back; a tree that another has signed; one without a list: the last one stays.
    turn(&site, "v1");
    pass(Duration::from_secs(2)).await;
    assert_eq!(get(&sender, "/a").await, good(2));
    site.notices("wanted version 2 or a higher one, found 1").await;
    let name = tree(&site, 3);
    site.list_of(&name, 3, later(), &other_key());
    turn(&site, &name);
    for _ in 0..3 {
        pass(Duration::from_secs(2)).await;
        assert_eq!(get(&sender, "/a").await, good(2));
    }
    site.notices("wanted 1 valid signatures").await;
    assert_eq!(site.count("refused"), 0, "each reason once");
    fs::create_dir(site.path("bare")).unwrap();
    turn(&site, "bare");
    pass(Duration::from_secs(2)).await;
    assert_eq!(get(&sender, "/a").await, good(2));
    turn(&site, &tree(&site, 4));
    pass(Duration::from_secs(2)).await;
    assert_eq!(get(&sender, "/a").await, good(4));
    assert_eq!(sender.trust_counts().version, 4);
}

/// How many versions a client has seen at the end, at least.
const VERSIONS: u64 = 4;

/// A tree is turned while a higher list of the tree before is read again: whichever comes first, a version that was said to be in
/// force is not followed by a lower one.
#[tokio::test]
async fn a_turn_and_a_reload_beside_each_other_do_not_roll_back() {
    let site = Site::new();
    let mut in_force = tree(&site, 1);
    turn(&site, &in_force);
    let sender = following(&site);
    let mut both = 0;
    for round in 1..200 {
        let version = round * 2;
        let next = tree(&site, version);
        turn(&site, &next);
        site.list_of(&in_force, version + 1, later(), &key());
        pass(Duration::from_secs(2)).await;
        let reloading = sender.clone();
        let reloaded = tokio::task::spawn_blocking(move || reloading.reload_manifest());
        let (_, reloaded) = tokio::join!(get(&sender, "/a"), reloaded);
        let found = sender.trust_counts().version;
        if let Ok(reloaded) = reloaded.unwrap() {
            assert!(found >= reloaded, "{reloaded} was in force, and {found} is");
        }
        both += u32::from(found == version + 1);
        // The next round begins from the tree that is turned to.
        let signed = version + 1;
        site.list_of(&next, signed, later(), &key());
        pass(Duration::from_secs(2)).await;
        get(&sender, "/a").await;
        let _ = sender.reload_manifest();
        in_force = next;
    }
    println!("{both} of 199 rounds ended with the list that was read again");
}

/// 64 clients and a writer that turns the link: no request is refused, and each body is of the version that its head and its
/// receipt have.
///
/// 4,000 requests, and as many more as it takes until four versions were in force; 100,000 and more with
/// `LETTERHEAD_TRUST_REQUESTS`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_response_is_of_one_version_whole() {
    let wanted = std::env::var("LETTERHEAD_TRUST_REQUESTS");
    let wanted: u64 = wanted.ok().map_or(4_000, |text| text.parse().unwrap());
    let site = Site::new();
    turn(&site, &tree(&site, 1));
    let sender = following(&site);
    let most = Arc::new(AtomicU64::new(0));
    let (asked, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..64)
        .map(|client| {
            let (sender, asked) = (sender.clone(), Arc::clone(&asked));
            let most = Arc::clone(&most);
            tokio::spawn(async move {
                let seen = Collector::new();
                let service = LetterheadLayer::new().reporter(seen.clone()).layer(sender);
                let mut versions = 0;
                let mut last = String::new();
                for at in client.. {
                    let is_last = asked.fetch_add(1, Ordering::Relaxed) >= wanted;
                    if is_last && most.load(Ordering::Relaxed) >= VERSIONS {
                        break;
                    }
                    let file = ["a", "b", "c"][at % 3];
                    let (status, version, body) = get(&service, &format!("/{file}")).await;
                    assert_eq!((status, &body), (200, &format!("{file} of {version}")));
                    let receipts = seen.take();
                    assert_eq!(receipts.len(), 1);
                    assert_eq!(receipts[0].list_version(), Some(version.parse().unwrap()));
                    if version != last {
                        versions += 1;
                        last = version;
                        most.fetch_max(versions, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let writer = {
        let is_over = Arc::clone(&is_over);
        tokio::task::spawn_blocking(move || {
            let mut version = 1;
            while !is_over.load(Ordering::Relaxed) {
                version += 1;
                turn(&site, &tree(&site, version));
                // A root counts for a second, by a clock that is not ours here.
                std::thread::sleep(Duration::from_millis(50));
            }
            version
        })
    };
    for client in clients {
        client.await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    let written = writer.await.unwrap();
    let (asked, most) = (asked.load(Ordering::Relaxed), most.load(Ordering::Relaxed));
    println!("{asked} requests, {written} versions written, {most} seen by one client");
    let counts = sender.trust_counts();
    assert_eq!((counts.mismatches, counts.refused), (0, 0), "{counts:?}");
}
