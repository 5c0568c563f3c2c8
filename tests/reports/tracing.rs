//! Conflicts as events, seen by a subscriber of our own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use http::StatusCode;
use letterhead::report::Tracing;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::app;

/// One event, as it was told.
#[derive(Clone, Debug)]
struct Told {
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Told {
    fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("(none)", String::as_str)
    }
}

#[derive(Clone, Default)]
struct Ear {
    heard: Arc<Mutex<Vec<Told>>>,
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "letterhead"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut told = Told { level: *event.metadata().level(), fields: BTreeMap::new() };
        event.record(&mut told);
        self.heard.lock().unwrap().push(told);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

async fn told(reporter: Tracing) -> Vec<Told> {
    let ear = Ear::default();
    let heard = Arc::clone(&ear.heard);
    let _here = tracing::subscriber::set_default(ear);
    let layer = app::reported(reporter);
    assert_eq!(app::plain(&layer).await, StatusCode::OK);
    assert_eq!(app::odd(&layer).await, StatusCode::OK);
    let told = heard.lock().unwrap().clone();
    app::check_secrets(&format!("{told:?}"));
    told
}

#[tokio::test]
async fn each_conflict_is_one_event_with_both_writers() {
    let told = told(Tracing::new()).await;
    let mut rules: Vec<_> =
        told.iter().map(|told| (told.get("rule"), told.get("field"), told.level)).collect();
    rules.sort_unstable();
    assert_eq!(
        rules,
        [
            ("framing", "(none)", Level::WARN),
            ("late-write", "x-late", Level::WARN),
            ("list-replaced", "set-cookie", Level::INFO),
            ("overwritten", "server", Level::WARN),
            ("overwritten", "x-token", Level::WARN),
        ]
    );
    let server = told.iter().find(|told| told.get("field") == "server").unwrap();
    assert_eq!(server.get("first"), "layer inner");
    assert_eq!(server.get("second"), "layer outer");
    assert_eq!(server.get("action"), "report");
    assert_eq!(server.get("settled"), "reported");
    assert_eq!(server.get("detail"), "(none)");
    assert_eq!(server.get("method"), "GET");
    assert_eq!(server.get("path"), "/odd");
    assert_eq!(server.get("route"), "(none)");
    assert_eq!(server.get("status"), "200");
    assert_eq!(
        server.get("message"),
        "overwritten server: layer inner, then layer outer; `mine` became `yours`; reported"
    );
    let cookie = told.iter().find(|told| told.get("field") == "set-cookie").unwrap();
    assert_eq!((cookie.get("action"), cookie.get("settled")), ("merge", "resolved"));
    let framing = told.iter().find(|told| told.get("rule") == "framing").unwrap();
    assert_eq!(framing.get("detail"), "content-length says 9, body has 4: sent 4");
}

#[tokio::test]
async fn responses_are_told_when_that_is_asked_for() {
    let told = told(Tracing::new().responses(true)).await;
    let over: Vec<_> = told.iter().filter(|told| told.level == Level::DEBUG).collect();
    let paths: Vec<_> = over.iter().map(|told| told.get("path")).collect();
    assert_eq!(paths, ["/plain", "/odd"]);
    assert_eq!(over[1].get("message"), "response over: handed over");
    let fields: Vec<_> = over[1].fields.keys().copied().collect();
    let expected = [
        "cause",
        "conflicts",
        "held",
        "hooks",
        "message",
        "method",
        "notes",
        "outcome",
        "path",
        "sent",
        "status",
        "version",
        "writes",
    ];
    assert_eq!(fields, expected);
    assert_eq!((over[1].get("conflicts"), over[1].get("sent")), ("5", "4"));
}

#[tokio::test]
async fn an_event_has_the_route_and_not_only_the_path() {
    let ear = Ear::default();
    let heard = Arc::clone(&ear.heard);
    let _here = tracing::subscriber::set_default(ear);
    app::routed(&app::reported(Tracing::new())).await;
    let told = heard.lock().unwrap().clone();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].get("path"), told[0].get("route")), ("/users/7", "/users/{id}"));
}

#[tokio::test]
async fn a_denied_head_is_one_event() {
    let ear = Ear::default();
    let heard = Arc::clone(&ear.heard);
    let _here = tracing::subscriber::set_default(ear);
    let layer = app::reported(Tracing::new().responses(true)).deny(
        |head: &letterhead::deny::FinalHead<'_>| {
            vec![format!("no {}", head.path()), "two\nlines".to_owned()]
        },
    );
    assert_eq!(app::plain(&layer).await, StatusCode::INTERNAL_SERVER_ERROR);
    let told = heard.lock().unwrap().clone();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((told[0].level, told[1].level), (Level::WARN, Level::DEBUG));
    assert_eq!(told[0].get("denied"), "no /plain; two\\nlines");
    assert_eq!(told[0].get("message"), "denied: no /plain; two\\nlines");
    assert_eq!((told[0].get("path"), told[0].get("status")), ("/plain", "500"));
    assert_eq!(told[1].get("failure"), "a deny rule refused the response head");
}
