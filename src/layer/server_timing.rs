//! Times that a client sees: in `Server-Timing` of the head, and of the trailers where that was promised.

use std::fmt;
use std::panic::Location;

use http::header::{HeaderMap, HeaderValue};
use http_body::Body;
use tokio::time::Instant;

use super::exchange::Exchange;
use super::holding::Held;
use crate::field::server_timing::{SERVER_TIMING, metric};
use crate::head::{Head, Sealing, Times, Trailing};
use crate::ledger::{Entry, Fate, Placed, Seen, Stage, Values, Verb, Writer};

/// How far the response had come when its commit began, if its times are sent.
pub(crate) fn so_far(exchange: &Exchange, sealing: Option<&Sealing>) -> Option<Times> {
    sealing.filter(|sealing| sealing.is_timed)?;
    read(exchange)
}

fn read(exchange: &Exchange) -> Option<Times> {
    Some(exchange.asked.as_ref()?.stopwatch.as_ref()?.read())
}

/// Puts the times into the head, behind what the application says there.
#[inline(never)]
pub(crate) fn put_times<B: Body>(
    exchange: &Exchange,
    held: &mut Held<B>,
    sealing: &mut Sealing,
    begun: &Times,
) {
    let answered = begun.answered.unwrap_or(begun.ended);
    let mut metrics: Vec<_> = metric("handler", answered).into_iter().collect();
    if begun.answered.is_some() {
        metrics.extend(metric("hold", begun.ended.saturating_sub(answered)));
    }
    let now = read(exchange).filter(|_| sealing.hooks_run > 0);
    if let Some(now) = now {
        metrics.extend(metric("hooks", now.ended.saturating_sub(begun.ended)));
    }
    let fields = &mut held.parts.headers;
    if let Ok(line) = HeaderValue::try_from(metrics.join(", ")) {
        let before = Values::of(fields.get_all(&SERVER_TIMING).iter());
        // A head that is full goes without.
        let _ = fields.try_append(SERVER_TIMING, line);
        sealing.changed(&Writer::Letterhead, &SERVER_TIMING, before, fields);
    }
}

/// Whether times follow the content; asked before the trailers are collected.
#[inline]
pub(crate) fn are_promised(exchange: &Exchange) -> bool {
    exchange.settings.server_timing && is_server_timing_promised(exchange)
}

#[inline(never)]
fn is_server_timing_promised(exchange: &Exchange) -> bool {
    match &exchange.shared.lock().trailing {
        Trailing::Open { promised, .. } => promised.contains(&SERVER_TIMING),
        Trailing::Closed(_) => false,
    }
}

/// Puts the times of the whole response into its trailers, behind what the application says there.
#[cold]
#[inline(never)]
pub(crate) fn put_last_times(exchange: &Exchange, trailers: &mut Option<HeaderMap>) {
    let Some(times) = read(exchange) else { return };
    let body = times.committed.map(|committed| times.ended.saturating_sub(committed));
    let metrics = [body.and_then(|body| metric("body", body)), metric("total", times.ended)];
    let metrics: Vec<_> = metrics.into_iter().flatten().collect();
    let Ok(line) = HeaderValue::try_from(metrics.join(", ")) else { return };
    let after = Values::of([&line].into_iter());
    if trailers.get_or_insert_default().try_append(SERVER_TIMING, line).is_ok() {
        exchange.shared.lock().note_entry(Entry {
            verb: Verb::Append,
            field: Some(SERVER_TIMING),
            status: None,
            writer: Writer::Letterhead,
            stage: Stage::Committed,
            fate: Fate::Trailers,
            seen: Some(Seen { after, ..Seen::default() }),
        });
    }
}

/// Measures a part of the work on a response, until [`end`](Self::end) or until it is dropped; made by [`Head::timing`].
#[must_use = "it measures until it is dropped"]
pub struct Timing {
    head: Head,
    name: Box<str>,
    writer: &'static Location<'static>,
    /// `None` where times are not sent, and once it has ended.
    begun: Option<Instant>,
}

impl Head {
    /// Measures a part of the work, for `Server-Timing` (W3C): `db;dur=53.2`.
    ///
    /// It is a write like [`append`](Self::append), made when the measuring ends: before the commit it goes into the head, beside what
    /// the application and the layer say there; after it into the trailers, if `server-timing` was
    /// [promised](Self::promise) (RFC 9110, section 6.5); else it is refused, and the receipt says so. A layer without
    /// [`server_timing`](crate::LetterheadLayer::server_timing) reads no clock and sends nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use letterhead::{Head, LetterheadLayer};
    /// # use tower::ServiceExt as _;
    ///
    /// async fn rows(head: Head) -> &'static str {
    ///     let db = head.timing("db");
    ///     // .. asks the database ..
    ///     drop(db);
    ///     "rows"
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app: Router = Router::new()
    ///     .route("/", get(rows))
    ///     .layer(LetterheadLayer::new().server_timing(true));
    /// let response = app.oneshot(http::Request::new(String::new())).await.unwrap();
    /// let mut lines = response.headers().get_all("server-timing").iter();
    /// assert!(lines.next().unwrap().to_str().unwrap().starts_with("db;dur="));
    /// assert!(lines.next().unwrap().to_str().unwrap().starts_with("handler;dur="));
    /// # }
    /// ```
    #[track_caller]
    pub fn timing(&self, name: impl Into<Box<str>>) -> Timing {
        let writer = Location::caller();
        let begun = self.is_timed().then(Instant::now);
        Timing { head: self.handle(), name: name.into(), writer, begun }
    }
}

impl Timing {
    /// Ends the measuring, and says where the time goes; `None` if times are not sent.
    ///
    /// A name that is no token (RFC 9110, section 5.6.2) is refused as
    /// [`InvalidValue`](crate::Refusal::InvalidValue).
    #[expect(clippy::must_use_candidate, reason = "whoever ends it need not look at the answer")]
    pub fn end(mut self) -> Option<Placed> {
        self.write()
    }

    fn write(&mut self) -> Option<Placed> {
        let time = self.begun.take()?.elapsed();
        // What is no metric is no value either, and so refused.
        let value = metric(&self.name, time).unwrap_or_else(|| "\n".to_owned());
        Some(self.head.append_by(self.writer, SERVER_TIMING, value))
    }
}

impl Drop for Timing {
    fn drop(&mut self) {
        // The ledger has the answer.
        let _ = self.write();
    }
}

impl fmt::Debug for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timing").field("name", &self.name).finish_non_exhaustive()
    }
}
