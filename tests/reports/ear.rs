//! A subscriber that keeps the events of this crate, each with the spans that it stands in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// One event, as it was told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) level: Level,
    pub(crate) fields: BTreeMap<&'static str, String>,
    /// The spans that it stands in, the outermost first, each with its `path`.
    pub(crate) spans: Vec<String>,
}

impl Told {
    pub(crate) fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("(none)", String::as_str)
    }
}

/// The fields of an event or a span.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

/// What was heard.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Told>>>);

impl Heard {
    /// Hears what this thread tells until the guard is dropped.
    pub(crate) fn here() -> (Self, DefaultGuard) {
        let heard = Self::default();
        let subscriber = tracing_subscriber::registry().with(Ear(heard.clone()));
        (heard, tracing::subscriber::set_default(subscriber))
    }

    /// What was told since the last call.
    pub(crate) fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Waits for the next event.
    pub(crate) async fn next(&self) -> Told {
        for _ in 0..3000 {
            let mut told = self.take();
            if !told.is_empty() {
                assert_eq!(told.len(), 1, "{told:#?}");
                return told.remove(0);
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no event came");
    }
}

struct Ear(Heard);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Ear {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != "letterhead" {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = context.event_scope(event).into_iter().flat_map(Scope::from_root);
        let named = scope.map(|span| {
            let extensions = span.extensions();
            let path = extensions.get::<Fields>().and_then(|fields| fields.0.get("path"));
            format!("{} {}", span.name(), path.map_or("-", String::as_str))
        });
        let told =
            Told { level: *event.metadata().level(), fields: fields.0, spans: named.collect() };
        self.0.0.lock().unwrap().push(told);
    }
}
