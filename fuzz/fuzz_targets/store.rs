//! A store against a model of it: whatever is asked in whatever order, each answer is the one that it has to
//! be, and a file that was changed behind its back is never served as another one.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use letterhead::store::{Scrub, Store, When};
use libfuzzer_sys::fuzz_target;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    generation: u64,
    value: HeaderValue,
    payload: Vec<u8>,
    /// Somebody changed its bytes.
    is_spoiled: bool,
}

/// A directory in memory, gone with the process that has nothing in it any more.
fn directory() -> &'static PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let below = PathBuf::from("/dev/shm");
        let below = if below.is_dir() { below } else { std::env::temp_dir() };
        let directory = below.join(format!("letterhead-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        directory
    })
}

fuzz_target!(|data: &[u8]| {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(run(data)));
    std::fs::remove_dir_all(directory()).expect("its own");
});

async fn run(data: &[u8]) {
    std::fs::create_dir_all(directory()).expect("a directory");
    let mut store = Store::open(directory()).expect("a directory");
    let mut models = [None, None];
    let mut rest = data;
    for _ in 0..24 {
        let Some((&[asked, choice, length], after)) = rest.split_first_chunk() else { break };
        let (part, after) = after.split_at(usize::from(length % 64).min(after.len()));
        rest = after;
        let which = usize::from(choice & 1);
        let model = &mut models[which];
        if asked % 16 == 15 {
            // Somebody who remembers nothing.
            store = Store::open(directory()).expect("a directory");
        }
        step(&store, ["a", "b"][which], model, asked % 16, choice >> 1, part).await;
        look(&store, ["a", "b"][which], model).await;
    }
    store.sweep(Duration::ZERO).await.expect("a sweep");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory()).expect("a directory") {
        names.push(entry.expect("a name").file_name().into_string().expect("text"));
    }
    names.retain(|name| name != ".letterhead.lock");
    names.sort();
    let named = ["a", "b"].into_iter().zip(&models).filter(|(_, model)| model.is_some());
    assert_eq!(names, named.map(|(name, _)| name).collect::<Vec<_>>(), "left over");
}

async fn step(
    store: &Store,
    name: &str,
    model: &mut Option<Kept>,
    asked: u8,
    choice: u8,
    part: &[u8],
) {
    let Ok(value) = HeaderValue::from_bytes(part) else { return };
    let generation = model.as_ref().map_or(0, |kept| kept.generation);
    // Right, or one beside it.
    let wanted = generation + u64::from(choice & 1);
    // Some heads do not fit the slots of what was there.
    let filler = [10, 3000, 9000, 40_000][usize::from(choice >> 1 & 3)];
    let head = Response::builder().header("x-value", &value).header("x-filler", "x".repeat(filler));
    let is_spoiled = model.as_ref().is_some_and(|kept| kept.is_spoiled);
    match asked {
        0..=4 => {
            let when = [When::Always, When::New, When::Generation(wanted)][usize::from(asked) % 3];
            let payload = part.repeat(usize::from(choice >> 3) * 40);
            let head = head.body(Full::new(Bytes::from(payload.clone()))).expect("a head");
            let fits = match when {
                When::New => model.is_none(),
                When::Generation(wanted) => model.is_some() && wanted == generation,
                _ => true,
            };
            match store.put(name, when, head).await {
                Ok(published) => {
                    assert!(is_spoiled || fits, "{when:?} of {model:?}");
                    let (generation, is_spoiled) = (published.generation, false);
                    *model = Some(Kept { generation, value, payload, is_spoiled });
                }
                Err(error) => assert!(is_spoiled || !fits, "{error}"),
            }
        }
        5..=9 => {
            let expected = (asked < 7).then_some(wanted);
            let head = head.body(()).expect("a head");
            let fits = model.is_some() && expected.is_none_or(|wanted| wanted == generation);
            match (store.update(name, expected, &head).await, model) {
                (Ok(published), Some(kept)) => {
                    assert!(is_spoiled || fits && published.generation == generation + 1);
                    (kept.generation, kept.value) = (published.generation, value);
                }
                (Err(error), _) => assert!(is_spoiled || !fits, "{error}"),
                (Ok(published), None) => panic!("{published:?} of nothing"),
            }
        }
        10 => match store.remove(name, Some(wanted)).await {
            Ok(_) => {
                assert!(is_spoiled || wanted == generation && model.is_some());
                *model = None;
            }
            Err(error) => assert!(is_spoiled || wanted != generation || model.is_none(), "{error}"),
        },
        11 | 12 => {
            let Some(kept) = model else { return };
            let path = directory().join(name);
            let mut bytes = std::fs::read(&path).expect("it is there");
            let (Some(first), Some(last)) = (part.first(), part.last()) else { return };
            let at = usize::from(*first) * 97 + usize::from(*last);
            let at = at % bytes.len();
            bytes[at] ^= choice | 1;
            std::fs::write(&path, bytes).expect("written");
            kept.is_spoiled = true;
        }
        13 => {
            let scrubbed = store.scrub(Scrub::new()).await.expect("a directory");
            assert!(is_spoiled || !scrubbed.bad.iter().any(|(bad, _)| bad == name));
        }
        _ => ask(store, name, model.as_ref(), part).await,
    }
}

/// A request with a range, or with a condition.
async fn ask(store: &Store, name: &str, model: Option<&Kept>, part: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(part) else { return };
    for field in ["range", "if-none-match", "if-match", "if-range"] {
        let request = Request::get("/").header(field, &value).body(()).expect("a request");
        let response = store.send(&request, name).await;
        let (parts, body) = response.into_parts();
        let Some(kept) = model else {
            assert_eq!(parts.status, 404);
            continue;
        };
        let Ok(body) = body.collect().await else {
            assert!(kept.is_spoiled);
            continue;
        };
        let body = body.to_bytes();
        match parts.status.as_u16() {
            200 => assert!(kept.is_spoiled || body == kept.payload),
            206 => assert!(body.len() <= kept.payload.len() + 20_000),
            304 | 412 | 416 => assert!(body.len() < 200),
            status => assert!(kept.is_spoiled && status == 500, "{status}"),
        }
    }
}

/// What is there is what the model says.
async fn look(store: &Store, name: &str, model: &Option<Kept>) {
    let request = Request::get("/").body(()).expect("a request");
    let (parts, body) = store.send(&request, name).await.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes);
    let Some(kept) = model else { return assert_eq!(parts.status, 404) };
    match (parts.status.as_u16(), body) {
        (200, Ok(body)) => {
            // A slot that was spoiled is served from its twin: the same, as both were equal.
            assert_eq!((&parts.headers["x-value"], &body[..]), (&kept.value, &kept.payload[..]));
            let stored = store.head(name, Some(kept.generation)).await.expect("it was served");
            assert_eq!(stored.generation(), kept.generation);
        }
        (status, body) => assert!(kept.is_spoiled && (status == 500 || body.is_err()), "{status}"),
    }
}
