//! The handle through which handlers and layers write to a response head.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use http::{Extensions, StatusCode};

use super::calls::CallId;
use super::shared::Shared;
use super::write::{Change, Origin, Unreadable, Write};
use super::{HeadDraft, HookResult, Input, Receipt, Verdict};
use crate::error::{Error, Kind};
use crate::ledger::{Entry, Fate, Placed, Refusal, Stage, Verb, Writer};

/// The response head of one exchange, from anywhere in the application.
///
/// [`LetterheadLayer`](crate::LetterheadLayer) puts one into the extensions of every request. It
/// may be cloned, sent to other tasks, and kept for as long as one likes: a write that comes too
/// late is answered, not lost.
///
/// Writes made before the commit are applied at the commit, in the order in which they were
/// made, on top of whatever the response carries by then. So they win over fields that handlers
/// and layers put on the response, except for [`set_default`](Self::set_default), which yields.
///
/// A write that is made before the response is there counts as made where its author stands. Layers
/// outside add to its lists ([`insert`](Self::insert) names them); with a [`named`](crate::named()) layer
/// around the author it is on the response that this layer is given, so that caches, compression and
/// logs see it. It does not land on another response than the one that it was made for, nor on an
/// error that it was not meant for; see [`Placed::Head`].
///
/// # Examples
///
/// A field that is only known when the first row has come:
///
/// ```
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use bytes::Bytes;
/// use letterhead::{Head, LetterheadLayer, Placed};
/// use tower::{Layer, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = tower::service_fn(|request: Request<Full<Bytes>>| async move {
///     let head = Head::of(request.extensions()).expect("a layer");
///     assert_eq!(head.insert("x-rows", "3"), Placed::Head);
///     Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from("rows"))))
/// });
/// let app = LetterheadLayer::new().layer(app);
/// let response = app.oneshot(Request::new(Full::default())).await.unwrap();
/// assert_eq!(response.headers()["x-rows"], "3");
/// # }
/// ```
pub struct Head {
    shared: Arc<Shared>,
    /// Whose call that is.
    layer: u64,
    /// The call of a named layer that the request came through last, where somebody watches.
    call: Option<CallId>,
    origin: Origin,
    /// This handle lies in the request's extensions, where a layer of this crate has put it; its
    /// clones do not.
    placed: bool,
}

impl Head {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        let origin = Origin { attempt: 0, insists: false, copied: false };
        Self { shared, layer: 0, call: None, origin, placed: true }
    }

    /// The head of the exchange that these request extensions belong to.
    ///
    /// # Errors
    ///
    /// [`Error::is_missing_layer`] if there is none: no layer stands around this handler, or a
    /// layer in between built a new request and left the extensions behind.
    pub fn of(extensions: &Extensions) -> Result<Self, Error> {
        let head = extensions.get::<Self>().ok_or_else(|| Error::new(Kind::MissingLayer))?;
        let mut own = head.handle();
        // By hand, or with a copy of the extensions that it was placed in.
        own.origin.copied |= !head.placed;
        Ok(own)
    }

    /// What the layer of this head shares with it.
    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A second layer met this head; `true` if its exchange is still under way.
    pub(crate) fn note_nested(&self) -> bool {
        let mut state = self.shared.lock();
        let under_way = state.life.stage() != Stage::Ended;
        state.nested |= under_way;
        under_way
    }

    /// The same head, to write what has to be there whatever is sent; see
    /// [the guide](crate::guide::writes).
    ///
    /// A write that was made before there was a response is about the one that its author had in
    /// mind: on an error that somebody else made (a time-out's 503, a panic's 500, the handler's own
    /// `Err`) a status does not land, nor does what describes the content. What is written through the
    /// handle that this gives lands there, too.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn show(head: &letterhead::Head) {
    /// // Where the client finds help, also if what follows fails.
    /// let _ = head.even_on_error().insert("content-location", "/help");
    /// # }
    /// ```
    #[must_use]
    pub fn even_on_error(&self) -> Self {
        let mut head = self.handle();
        head.origin.insists = true;
        head
    }

    /// Replaces every value of `name` with `value`.
    ///
    /// Before the response is there, the write adds to what layers further out write to `Vary`,
    /// `Link`, `Server-Timing` and `Set-Cookie` (a cookie of the same name, domain and path is
    /// replaced), and of two `Cache-Control` the stricter directives stand.
    #[track_caller]
    pub fn insert<N, V>(&self, name: N, value: V) -> Placed
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.write(Change::read(Verb::Insert, name, value, Change::Insert))
    }

    /// Adds `value` to the values of `name`.
    #[track_caller]
    pub fn append<N, V>(&self, name: N, value: V) -> Placed
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.write(Change::read(Verb::Append, name, value, Change::Append))
    }

    /// Gives `name` this `value` if it has none when the head is committed.
    ///
    /// The answer is [`Placed::Head`] even when another value will be there; the
    /// [receipt](Receipt::writes) then says that the default yielded.
    #[track_caller]
    pub fn set_default<N, V>(&self, name: N, value: V) -> Placed
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.write(Change::read(Verb::Default, name, value, Change::Default))
    }

    /// Takes `name` away.
    ///
    /// Before the response is there, it takes back what was written through `Head` to a list that
    /// layers add to, and not what they wrote: see [`insert`](Self::insert). After the commit it takes back what was written late to that name; the head itself is
    /// out of reach.
    #[track_caller]
    pub fn remove<N: TryInto<HeaderName>>(&self, name: N) -> Placed {
        self.write(Change::remove(name))
    }

    /// Sets the status; it replaces the one that the response carries.
    ///
    /// A 1xx other than 101 is refused: it cannot be a final status (RFC 9110, section 15.2).
    #[track_caller]
    pub fn set_status(&self, status: StatusCode) -> Placed {
        self.write(Change::status(status))
    }

    /// Promises that `name` may come behind the content, in the trailers.
    ///
    /// The head then carries `Trailer: name` and no `Content-Length`, and a write to `name` after
    /// the commit is [`Placed::Trailers`]. A write before the commit still goes to the head. A
    /// promise that the request does not allow is refused at once, and nothing goes out for it:
    /// on HTTP/1.1 the client has to say `TE: trailers`; HTTP/1.0, `HEAD` and a response with a
    /// `Content-Length` have no trailers.
    ///
    /// A promise that was accepted may still fall at the commit, when the response turns out to
    /// have a `Content-Length` or no content; later writes are then refused with that reason.
    #[track_caller]
    pub fn promise<N: TryInto<HeaderName>>(&self, name: N) -> Placed {
        let writer = Location::caller();
        let name = name.try_into().ok();
        let mut state = self.shared.lock();
        let placed = match &name {
            Some(name) => self.shared.promise(&mut state, name),
            None => Placed::Refused(Refusal::InvalidName),
        };
        let fate = placed.refusal().map_or(Fate::Trailers, Fate::Refused);
        let stage = state.life.stage();
        state.note_entry(Entry {
            verb: Verb::Promise,
            field: name,
            status: None,
            writer: Writer::Place(writer),
            stage,
            fate,
            seen: None,
        });
        placed
    }

    /// The values that `name` would have if the head were committed now.
    ///
    /// While a handler is at work these are the writes made through `Head`; once the inner
    /// service has answered, the response's own fields are there too. While hooks run only their
    /// [`HeadDraft`] has the fields, and after the commit they belong to the server: then the answer
    /// is empty.
    #[must_use]
    pub fn get_all<N: TryInto<HeaderName>>(&self, name: N) -> Vec<HeaderValue> {
        let Ok(name) = name.try_into() else { return Vec::new() };
        self.shared.lock().read(&name, |attempt| self.counts(attempt))
    }

    /// The first of [`get_all`](Self::get_all).
    #[must_use]
    pub fn get<N: TryInto<HeaderName>>(&self, name: N) -> Option<HeaderValue> {
        self.get_all(name).into_iter().next()
    }

    /// The status that was committed, or that would be if it were done now; `None` while nobody
    /// has said any.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.shared.lock().planned_status(|attempt| self.counts(attempt))
    }

    /// The head as it is planned, or went out: each field with who set, changed and dropped it, in
    /// readable text. Secret values are left out. While a handler is at work there are only the
    /// writes through `Head`; while hooks run their [`HeadDraft::explain`](crate::HeadDraft::explain) has it
    /// all. What is not known yet is said in the last lines, in parentheses.
    ///
    /// Who wrote what is known where somebody watches: a layer with
    /// [rules](crate::LetterheadLayer::rules) or a [reporter](crate::LetterheadLayer::reporter);
    /// else only the writes through this handle are.
    #[must_use]
    pub fn explain(&self) -> String {
        let state = self.shared.lock();
        let (stage, (status, fields, mut ledger)) = (state.life.stage(), state.known_head());
        drop(state);
        ledger.tell_apart();
        let explained = super::explain(status, &fields, &ledger);
        explained + super::explain::not_known(stage, self.shared.is_watched())
    }

    /// Whether the head is gone: from here on only trailers can be placed.
    #[must_use]
    pub fn wrote_header(&self) -> bool {
        self.stage() >= Stage::Committed
    }

    /// Where the head is in its life.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.shared.lock().life.stage()
    }

    /// Lets the head go as soon as the inner service has answered; at once if it has.
    ///
    /// It may be called from any task, any number of times.
    pub fn flush(&self) {
        let waker = {
            let mut state = self.shared.lock();
            let (life, verdict) = state.life.step(Input::Flush);
            state.life = life;
            if verdict == Verdict::Wake { state.waker.take() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Runs `hook` just before the head is committed; the last one registered runs first.
    ///
    /// The hook is given the whole head as a [`HeadDraft`] and may change all of it. It may return
    /// `()` or a `Result`; an error or a panic makes the response a 500, and hooks that have not
    /// run by then are dropped. Hooks run on the task that serves the response, so they should
    /// be short. A `Head` that a hook holds is let go with the hook.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the commit has begun; the hook is dropped.
    pub fn before_commit<F, R>(&self, hook: F) -> Result<(), Refusal>
    where
        F: FnOnce(&mut HeadDraft<'_>) -> R + Send + 'static,
        R: HookResult,
    {
        let hook: super::draft::Hook = Box::new(move |draft| hook(draft).into_result());
        let mut state = self.shared.lock();
        let refusal = match state.life.stage() {
            Stage::Open | Stage::Held => {
                state.sealing().add_hook(hook);
                return Ok(());
            }
            Stage::Committing => Refusal::Committing,
            Stage::Committed => Refusal::HeadSealed,
            Stage::Ended => Refusal::BodyOver,
        };
        // The hook and its captures are dropped after the lock.
        drop(state);
        drop(hook);
        Err(refusal)
    }

    /// Runs `callback` with the receipt when the response is over, however it ends.
    ///
    /// It may run inside `Drop`; a panic in it is caught and forgotten. Callbacks run in the
    /// order in which they were registered.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the response is over; the callback is dropped.
    pub fn after_end<F>(&self, callback: F) -> Result<(), Refusal>
    where
        F: FnOnce(&Receipt) + Send + 'static,
    {
        let callback: super::Callback = Box::new(callback);
        let mut state = self.shared.lock();
        if state.life.stage() == Stage::Ended {
            drop(state);
            return Err(Refusal::BodyOver);
        }
        state.record().callbacks.push(callback);
        Ok(())
    }

    /// Adds a value in the name of an earlier caller.
    pub(crate) fn append_by(
        &self,
        writer: &'static Location<'static>,
        name: HeaderName,
        value: String,
    ) -> Placed {
        self.write_by(writer, Change::read(Verb::Append, name, value, Change::Append))
    }

    /// Whether times are sent.
    pub(crate) fn is_timed(&self) -> bool {
        self.shared.lock().record.as_ref().is_some_and(|record| record.is_timed)
    }

    #[track_caller]
    fn write(&self, change: Result<Change, Unreadable>) -> Placed {
        self.write_by(Location::caller(), change)
    }

    fn write_by(
        &self,
        writer: &'static Location<'static>,
        change: Result<Change, Unreadable>,
    ) -> Placed {
        let origin = self.origin;
        if origin.attempt != 0 {
            self.shared.note_attempted();
        }
        let mut state = self.shared.lock();
        let stage = state.life.stage();
        match change {
            Ok(change) => {
                let write = Write { change, writer, stage, origin, number: 0 };
                let elsewhere = origin.copied && self.shared.attempts.is_at_home(origin.attempt);
                let placed = state.place(write, elsewhere);
                drop(state);
                placed.unwrap_or_else(|(refusal, _)| Placed::Refused(refusal))
            }
            Err(unreadable) => {
                let refusal = unreadable.refusal;
                state.note_entry(unreadable.entry(writer, stage));
                Placed::Refused(refusal)
            }
        }
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").field("stage", &self.stage()).finish_non_exhaustive()
    }
}

mod identity;
#[cfg(test)]
mod tests;
