//! What an operator sees of a tree: the list's version in receipts, metrics, the inspector's page; and no key in any of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use letterhead::inspect::Inspector;
use letterhead::report::{Collector, JsonLines, Peer};
use letterhead::trust::{ListDraft, SigningKey, Tree};
use letterhead::{FileSender, LetterheadLayer, Receipt, Rules, named};
use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder};
use metrics::{SharedString, Unit};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::site::{Site, key, later, other_key};

fn request(path: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::get(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// The receipt of a response of this sender.
async fn receipt(sender: &FileSender, request: Request<()>) -> Receipt {
    let seen = Collector::new();
    let app = LetterheadLayer::new().reporter(seen.clone()).layer(sender.clone());
    let response = app.oneshot(request).await.unwrap();
    let _ = response.into_body().collect().await;
    seen.take().pop().unwrap()
}

/// A path, fields of the request, and the status.
type Case = (&'static str, &'static [(&'static str, &'static str)], u16);

#[tokio::test]
async fn a_receipt_has_the_version_of_the_list() {
    let site = Site::new();
    site.write("a.txt", "content").write("bad.txt", "content").list(3);
    site.write("bad.txt", "contenT").write("added.txt", "x");
    let sender = site.enforced(site.trust()).unwrap();
    let tag = receipt(&sender, request("/a.txt", &[])).await;
    assert_eq!((tag.status().unwrap().as_u16(), tag.list_version()), (200, Some(3)));
    let cases: [Case; 6] = [
        ("/a.txt", &[], 200),
        ("/a.txt", &[("range", "bytes=1-2")], 206),
        ("/a.txt", &[("if-none-match", "*")], 304),
        ("/added.txt", &[], 404),
        ("/none", &[], 404),
        ("/bad.txt", &[], 503),
    ];
    for (path, fields, status) in cases {
        let got = receipt(&sender, request(path, fields)).await;
        let found = (got.status().unwrap().as_u16(), got.list_version());
        assert_eq!(found, (status, Some(3)), "{path} {fields:?}");
    }
    site.write("bad.txt", "content").list(4);
    assert_eq!(sender.reload_manifest().unwrap(), 4);
    assert_eq!(receipt(&sender, request("/a.txt", &[])).await.list_version(), Some(4));
    // Without a list there is none.
    assert_eq!(receipt(&site.sender(), request("/a.txt", &[])).await.list_version(), None);
}

#[tokio::test]
async fn the_version_goes_with_the_response_that_is_sent() {
    let site = Site::new();
    site.write("a.txt", "content").list(3);
    let sender = site.enforced(site.trust()).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let next = service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(Response::new(String::from("another's")))
    });
    let app = LetterheadLayer::new()
        .on_end(move |receipt| all.lock().unwrap().push(receipt.list_version()))
        .layer(named("quiet", tower::layer::util::Identity::new()).layer(sender.or(next)));
    for path in ["/a.txt", "/elsewhere"] {
        let response = app.clone().oneshot(request(path, &[])).await.unwrap();
        let _ = response.into_body().collect().await;
    }
    assert_eq!(*seen.lock().unwrap(), [Some(3), None], "what is not of the sender has no version");
}

/// The last value of each gauge and the sum of each counter of the whole process.
#[derive(Clone, Default)]
struct Sheet(Arc<Mutex<BTreeMap<String, f64>>>);

struct Cell(Sheet, String);

impl Cell {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(self.0.0.lock().unwrap().entry(self.1.clone()).or_default());
    }
}

impl CounterFn for Cell {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn increment(&self, value: u64) {
        self.change(|sum| *sum += value as f64);
    }

    fn absolute(&self, _: u64) {}
}

impl GaugeFn for Cell {
    fn increment(&self, value: f64) {
        self.change(|last| *last += value);
    }

    fn decrement(&self, value: f64) {
        self.change(|last| *last -= value);
    }

    fn set(&self, value: f64) {
        self.change(|last| *last = value);
    }
}

impl Sheet {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Cell(self.clone(), format!("{} {}", key.name(), labels.join(" "))))
    }

    /// Of the tree `measured`, without what depends on the clock.
    fn printed(&self) -> String {
        let values = self.0.lock().unwrap();
        let ours = values.iter().filter(|(name, _)| name.contains("tree=measured"));
        let ours = ours.filter(|(name, _)| !name.contains("expiry"));
        let lines =
            ours.map(|(name, value)| format!("{name} {value}").replace("letterhead.trust.", ""));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Recorder for Sheet {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// The recorder of the process: files are read on many threads.
fn recorder() -> Sheet {
    static SHEET: OnceLock<Sheet> = OnceLock::new();
    let new = || {
        let sheet = Sheet::default();
        metrics::set_global_recorder(sheet.clone()).unwrap();
        sheet
    };
    SHEET.get_or_init(new).clone()
}

#[tokio::test]
async fn breakers_and_lists_are_measured() {
    let sheet = recorder();
    let site = Site::new();
    site.write("a.txt", "content").write("b.txt", "content").write("c.txt", "content");
    let list = |version: u64, by: &SigningKey| {
        let draft = Tree::of(site.path("")).draft(ListDraft::new("measured", version, later()));
        site.write(Tree::NAME, draft.unwrap().signed_by(&[by]));
    };
    list(1, &key());
    let trust = site.trust().metrics(true).stop_tree_after(2);
    let sender = site.enforced(trust).unwrap();
    let get = async |path: &str| receipt(&sender, request(path, &[])).await.status().unwrap();
    let check = |expected: expect_test::Expect| expected.assert_eq(&sheet.printed());
    assert_eq!(get("/a.txt").await, 200);
    check(expect_test::expect![[r"
        breakers tree=measured 0
        lists tree=measured outcome=taken 1
        stopped tree=measured 0
        version tree=measured 1"]]);
    site.write("a.txt", "contenT").write("added.txt", "x");
    assert_eq!((get("/a.txt").await.as_u16(), get("/a.txt").await.as_u16()), (503, 503));
    assert_eq!(get("/added.txt").await, 404);
    check(expect_test::expect![[r"
        breakers tree=measured 1
        lists tree=measured outcome=taken 1
        mismatches tree=measured 1
        stopped tree=measured 0
        unlisted tree=measured 1
        version tree=measured 1"]]);
    site.write("b.txt", "contenT");
    assert_eq!((get("/b.txt").await.as_u16(), get("/c.txt").await.as_u16()), (503, 503));
    check(expect_test::expect![[r"
        breakers tree=measured 2
        lists tree=measured outcome=taken 1
        mismatches tree=measured 2
        stopped tree=measured 1
        unlisted tree=measured 1
        version tree=measured 1"]]);
    sender.reset_breakers();
    site.write("a.txt", "content");
    assert_eq!(get("/a.txt").await, 200);
    list(2, &other_key());
    sender.reload_manifest().unwrap_err();
    assert_eq!(get("/b.txt").await, 503);
    check(expect_test::expect![[r"
        breakers tree=measured 1
        lists tree=measured outcome=refused 1
        lists tree=measured outcome=taken 1
        mismatches tree=measured 3
        stopped tree=measured 0
        unlisted tree=measured 1
        version tree=measured 1"]]);
    list(3, &key());
    sender.reload_manifest().unwrap();
    check(expect_test::expect![[r"
        breakers tree=measured 0
        lists tree=measured outcome=refused 1
        lists tree=measured outcome=taken 2
        mismatches tree=measured 3
        stopped tree=measured 0
        unlisted tree=measured 1
        version tree=measured 3"]]);
}

/// A page of the inspector, as somebody on this machine sees it.
async fn page(inspector: &Inspector, path: &str) -> (u16, String) {
    let mut request = request(path, &[("host", "127.0.0.1")]);
    request.extensions_mut().insert(Peer::new("127.0.0.1:1".parse().unwrap(), false));
    let response = inspector.service().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_inspector_has_a_page_of_trees() {
    let site = Site::new();
    site.write("a.txt", "content").write("<b>&", "content").list(1);
    site.write("a.txt", "contenT").write("<b>&", "longer content").write("added", "x");
    let sender = site.enforced(site.trust()).unwrap();
    let bare = Inspector::new();
    assert_eq!(page(&bare, "/trust").await.0, 404, "nothing to show");
    assert!(!page(&bare, "/").await.1.contains("/_head/trust"));
    let inspector = Inspector::new().trust(&site.sender()).trust(&sender);
    for path in ["/a.txt", "/%3Cb%3E&", "/added"] {
        receipt(&sender, request(path, &[])).await;
    }
    site.list_of("", 2, later(), &other_key());
    sender.reload_manifest().unwrap_err();
    let (status, text) = page(&inspector, "/trust.json").await;
    let mut found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 200);
    for open in found["trees"][0]["open"].as_array_mut().unwrap() {
        assert!(open["since"].take().as_str().unwrap().ends_with('Z'));
    }
    assert!(found["trees"][0]["expires"].take().as_str().unwrap().ends_with('Z'));
    let sum = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
    let bad = found["trees"][0]["open"][1]["found"]["sha256"].take();
    assert_eq!(bad.as_str().unwrap().len(), 64);
    assert_eq!(
        found,
        json!({ "schema": 1, "trees": [{
            "tree": "site", "version": 1, "files": 2, "expires": null, "enforced": true,
            "admitted": 0, "sealed": 0, "mismatches": 2, "unlisted": 1, "refused": 1,
            "last_refused": "manifest: wanted 1 valid signatures by the 1 keys that count, found 0 and 1 by other keys",
            "open": [
                { "path": "<b>&", "block": null, "since": null,
                  "wanted": { "length": 7, "sha256": sum }, "found": { "length": 14, "sha256": null } },
                { "path": "a.txt", "block": null, "since": null,
                  "wanted": { "length": 7, "sha256": sum }, "found": { "length": 7, "sha256": null } },
            ],
        }] })
    );
    let (status, html) = page(&inspector, "/trust").await;
    assert_eq!(status, 200);
    assert!(html.contains("&lt;b&gt;&amp;: wanted 7 bytes, found 14") && !html.contains("<b>"));
    assert!(page(&inspector, "/").await.1.contains("href=\"/_head/trust\""));
}

#[tokio::test]
async fn no_key_is_in_receipts_or_on_the_inspectors_pages() {
    let site = Site::new();
    site.write("a.txt", "content").write("b.txt", "content").list(1);
    let sender = site.enforced(site.trust()).unwrap();
    let inspector = Inspector::new().trust(&sender);
    let lines = Arc::new(JsonLines::new(Vec::new()));
    let seen = Collector::new();
    let app = LetterheadLayer::new()
        .rules(Rules::standard())
        .reporter(seen.clone())
        .reporter(inspector.clone())
        .reporter(Arc::clone(&lines))
        .layer(sender.clone());
    site.write("b.txt", "contenT").list_of("", 2, later(), &other_key());
    let error = sender.reload_manifest().unwrap_err();
    for path in ["/a.txt", "/b.txt", "/none"] {
        let response = app.clone().oneshot(request(path, &[])).await.unwrap();
        let _ = response.into_body().collect().await;
    }
    let mut all = format!("{error} {error:?} {app:?}");
    for receipt in seen.take() {
        all.extend([receipt.to_string(), format!("{receipt:?}"), receipt.explain()]);
    }
    for path in ["/", "/index.json", "/1", "/1.json", "/2.json", "/3.json", "/trust", "/trust.json"]
    {
        let (status, text) = page(&inspector, path).await;
        assert_eq!(status, 200, "{path}");
        all += &text;
    }
    drop(app);
    let lines = Arc::try_unwrap(lines).map(JsonLines::into_inner);
    all += &lines.map_or_else(|_| String::new(), |bytes| String::from_utf8(bytes).unwrap());
    assert!(all.contains("\"list\":1") && all.contains("list_version"), "{all}");
    let public = format!("{:?}", key().public_key());
    for secret in ["0707", "7, 7", "0808", "8, 8", "BwcH", "CAgI", "PRIVATE", public.as_str()] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
