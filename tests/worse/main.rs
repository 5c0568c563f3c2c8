//! Random stacks, bodies and writes: whatever comes together, no response is worse for the layer.
//!
//! `LETTERHEAD_EXCHANGES` says how many exchanges are made; 40,000 by default.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod body;
#[path = "../shared/figures.rs"]
mod figures;
mod plan;
mod stack;

use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use letterhead::report::Collector;
use letterhead::{Hold, LetterheadLayer, Note, Receipt, Rules, Verb};
use tower::{Layer as _, ServiceExt as _};

use crate::plan::{End, Plan};
use crate::stack::{Arrived, stack};

/// What came of one exchange.
struct Made {
    /// What the layer was given.
    arrived: Option<Arrived>,
    status: StatusCode,
    fields: HeaderMap,
    /// The content, or that it was broken off.
    content: Result<Vec<u8>, String>,
    receipt: Receipt,
}

async fn exchange(plan: &Plan) -> Made {
    let arrived = Arc::new(Mutex::new(None));
    let receipts = Collector::new();
    let hold = [Hold::none(), Hold::first_frame(), Hold::up_to(8)][plan.hold];
    let mut layer = LetterheadLayer::new().hold(hold).merge_trailers(plan.merged());
    layer = if plan.watched {
        layer.rules(Rules::standard()).reporter(receipts.clone())
    } else {
        let receipts = receipts.clone();
        layer.on_end(move |receipt| letterhead::report::Reporter::report(&receipts, receipt))
    };
    let service = layer.layer(stack(plan, Arc::clone(&arrived)));
    let mut request = Request::new(());
    *request.method_mut() = if plan.head { Method::HEAD } else { Method::GET };
    *request.version_mut() = [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2][plan.version];
    if plan.te {
        request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    }
    let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
    let content = body.collect().await;
    let content = content.map(|all| all.to_bytes().to_vec()).map_err(|error| error.to_string());
    let mut receipts = receipts.take();
    assert_eq!(receipts.len(), 1, "one receipt for one exchange");
    let (receipt, arrived) = (receipts.remove(0), arrived.lock().unwrap().take());
    Made { arrived, status: parts.status, fields: parts.headers, content, receipt }
}

/// A status of an error stays one, unless somebody asked who knew, or who insisted.
fn no_error_becomes_a_success(plan: &Plan, made: &Made) {
    let failed = made.arrived.as_ref().is_none_or(|arrived| arrived.status.as_u16() >= 400);
    if failed && !plan.asks_for_a_status() {
        assert!(made.status.as_u16() >= 400, "an error became {}", made.status);
    }
}

/// A field that came out of the stack is there, or the ledger says what became of it.
fn no_field_disappears(made: &Made) {
    let Some(arrived) = &made.arrived else { return };
    for (name, value) in &arrived.fields {
        if made.fields.get_all(name).iter().any(|there| there == value) {
            continue;
        }
        let framing = ["content-length", "trailer", "transfer-encoding"].contains(&name.as_str());
        let mended = made.receipt.notes().iter().any(|note| note.mended().is_some());
        let about = |entry: &letterhead::Entry| {
            entry.field() == Some(name) || entry.lost().any(|lost| lost == name)
        };
        let known = made.receipt.writes().iter().any(about);
        assert!(known || framing || mended, "{name}: {value:?} went without an entry");
    }
}

/// What a body brought as trailers is no field, unless that was asked for and may be.
fn no_trailer_is_a_field(plan: &Plan, made: &Made) {
    for (name, value) in &made.fields {
        let is_trailer = value.as_bytes().starts_with(b"trailer-");
        let may = plan.merges && *name == HeaderName::from_static("repr-digest");
        assert!(!is_trailer || may, "the trailer {name} is a field");
    }
}

/// A body that breaks does not end like a whole one, and a whole one is whole.
fn no_broken_body_ends_cleanly(plan: &Plan, made: &Made) {
    let failed = made.receipt.failure().is_some();
    let by = made.arrived.as_ref().and_then(|arrived| arrived.attempt);
    let Some(attempt) = by.filter(|_| !failed) else { return };
    let script = &plan.attempts[attempt].body;
    let bare = matches!(made.status.as_u16(), 204 | 205 | 304);
    if plan.head || bare {
        assert_eq!(made.content.as_deref(), Ok(&[][..]), "content where there is none");
        return;
    }
    let declared = made.receipt.notes().iter().any(|note| matches!(note, Note::Mended(_)));
    match (&made.content, script.end) {
        (Ok(content), End::Whole) => assert_eq!(*content, script.content(), "not the content"),
        (Ok(_), End::Fails | End::Panics) => panic!("a broken body ended cleanly"),
        (Err(error), End::Whole) => assert!(declared, "a whole body was broken off: {error}"),
        (Err(_), End::Fails | End::Panics) => {}
    }
}

/// What was written for one attempt is on no other's response.
fn no_write_is_on_anothers_response(plan: &Plan, made: &Made) {
    let found: Vec<String> = made
        .fields
        .get_all("set-cookie")
        .iter()
        .filter_map(|line| line.to_str().unwrap().strip_prefix("attempt=").map(str::to_owned))
        .collect();
    if !plan.is_exact() {
        return;
    }
    match made.arrived.as_ref().and_then(|arrived| arrived.attempt) {
        Some(attempt) => {
            let own = attempt.to_string();
            assert!(found.iter().all(|other| *other == own), "{found:?} on the response of {own}");
        }
        None => assert!(found.len() <= 1, "{found:?} on a layer's answer"),
    }
}

/// Where nobody writes through `Head` and nothing fails, nothing changes.
fn nothing_changes_for_nobody(plan: &Plan, made: &Made) {
    let Some(arrived) = &made.arrived else { return };
    let quiet = plan.is_silent() && made.receipt.failure().is_none();
    let mended = made.receipt.notes().iter().any(|note| note.mended().is_some());
    if quiet && !mended {
        assert_eq!(made.status, arrived.status);
        let framing = ["content-length", "trailer", "transfer-encoding", "repr-digest"];
        let rest = |fields: &HeaderMap| {
            let mut fields = fields.clone();
            for name in framing {
                fields.remove(name);
            }
            fields
        };
        assert_eq!(rest(&made.fields), rest(&arrived.fields));
        let wrote = made.receipt.writes().iter().any(|write| write.verb() != Verb::Answer);
        assert!(!wrote || plan.watched, "{}", made.receipt);
    }
}

fn judge(plan: &Plan, made: &Made) {
    no_error_becomes_a_success(plan, made);
    if plan.watched {
        no_field_disappears(made);
    }
    no_trailer_is_a_field(plan, made);
    no_broken_body_ends_cleanly(plan, made);
    no_write_is_on_anothers_response(plan, made);
    nothing_changes_for_nobody(plan, made);
}

fn run(seeds: impl Iterator<Item = u64>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    for seed in seeds {
        let plan = Plan::random(seed);
        let made = runtime.block_on(exchange(&plan));
        let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| judge(&plan, &made)));
        assert!(
            judged.is_ok(),
            "exchange {seed}: {plan:#?}\n{} {:#?} {:?}\n{}",
            made.status,
            made.fields,
            made.content,
            made.receipt
        );
    }
}

#[test]
fn whatever_comes_together_no_response_is_worse() {
    let exchanges = std::env::var("LETTERHEAD_EXCHANGES").ok();
    let exchanges: u64 = exchanges.map_or(40_000, |number| number.parse().unwrap());
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || run((0..exchanges / 2).map(|number| number * 2 + half)));
        }
    });
    let text = format!("random stacks: {exchanges} exchanges, none worse with the layer");
    figures::figures("worse", &text);
}

/// A response as the innermost service makes it.
type Answer = Response<body::Script>;
