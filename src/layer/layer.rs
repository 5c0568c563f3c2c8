//! The layer and its settings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;
use tower_layer::Layer;

use super::deny_rules::DenyRules;
use super::policy_handle::PolicySetting;
use super::recoverer::Recoverer;
use super::settings::{Said, Sampling, Settings, Watch};
use super::sign_setting::SignSetting;
use super::{Hold, Letterhead, Recover, RecoverLayer};
use crate::head::Receipt;
use crate::head::listed::ask_for_list_versions;
use crate::report::{AccessLog, Reporter};
use crate::rules::Rules;
use crate::sys::timer::Timers;

/// Gives every response a head with a commit point.
///
/// Put it outermost, around everything that writes to responses. It works as
/// `axum::Router::layer`, around a whole `Router`, in a `tower::ServiceBuilder`, and around any
/// hyper service. The inner service's body has to be `Unpin` (axum's is; box another one with
/// `http_body_util::BodyExt::boxed`), and its data has to be made from [`Bytes`](bytes::Bytes),
/// because error answers are bytes.
///
/// What each request gets is a [`Head`](crate::Head) in its extensions. A second layer inside the
/// first does nothing, but for its policy, deny rules and signers: they go with its responses to the first.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use letterhead::{Hold, LetterheadLayer};
///
/// let layer = LetterheadLayer::new()
///     .hold(Hold::first_frame().deadline(Duration::from_millis(50)))
///     .on_end(|receipt| assert!(receipt.conflicts().is_empty()));
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct LetterheadLayer {
    settings: Arc<Settings>,
}

impl LetterheadLayer {
    /// How long an aborted HTTP/2 stream lingers if nothing else is said: 100 ms.
    ///
    /// Longer than what keeps the last data back on a socket without `TCP_NODELAY` (`axum::serve` does not
    /// set it): the system does not send it before the client has acknowledged what came before, and
    /// clients' systems take 40 ms over that (Linux). A reset that comes within this time arrives in one piece with the data,
    /// and some clients then drop the data: of 12 responses curl 7.88 showed 4 with a linger of 5 ms, and of
    /// 200 it showed 199 with 50 ms and all with 60 ms. The rest is for machines under load.
    pub const LINGER: Duration = Duration::from_millis(100);

    /// A layer that holds for the first frame and answers failures the standard way.
    #[must_use]
    pub fn new() -> Self {
        Self {
            settings: Arc::new(Settings {
                hold: Hold::default(),
                recoverer: Recoverer::default(),
                on_end: None,
                access_log: None,
                linger: Self::LINGER,
                merged_trailers: Arc::from([]),
                watch: None,
                sampling: Sampling::new(1),
                server_timing: false,
                policy: PolicySetting::default(),
                deny: DenyRules::default(),
                sign: SignSetting::default(),
                keeps_requests: false,
                timers: Timers::new(),
                said: Said::default(),
            }),
        }
    }

    /// How long heads are held; [`Hold::first_frame`] by default.
    #[must_use]
    pub fn hold(self, hold: Hold) -> Self {
        self.with(|settings| settings.hold = hold)
    }

    /// What a client sees when something fails before the commit;
    /// [`StandardRecover`](crate::StandardRecover) by default.
    #[must_use]
    pub fn recover(self, recover: impl Recover) -> Self {
        let recoverer = Recoverer::new(recover);
        self.with(|settings| settings.recoverer = recoverer)
    }

    /// A layer for the innermost place, with the recoverer of this one: a service that panics or
    /// fails is answered there, and the layers in between add their fields to that answer. See
    /// [`RecoverLayer`].
    #[must_use]
    pub fn recover_layer(&self) -> RecoverLayer {
        RecoverLayer::of(self.settings.recoverer.clone())
    }

    /// Calls `callback` with the receipt of every response, once, however the response ended.
    ///
    /// It may run inside `Drop` and while a task unwinds; a panic in it is caught and forgotten.
    /// It runs on the task that served the response, so it should be short.
    #[must_use]
    pub fn on_end(self, callback: impl Fn(&Receipt) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_end = Some(Arc::new(callback)))
    }

    /// Writes one line for each exchange to `log`, however it ended; see [`AccessLog`].
    ///
    /// No response waits for the log, and nobody is watched for it: a line costs its text.
    #[must_use]
    pub fn access_log(self, log: &AccessLog) -> Self {
        self.with(|settings| settings.access_log = Some(log.clone()))
    }

    /// How long an HTTP/2 response that failed after its commit waits before its stream is reset.
    ///
    /// A reset throws away what h2 has not sent yet, the head included, and some clients throw away what they
    /// have not shown yet; this gives both time, [`LINGER`](Self::LINGER) if nothing is said. It is a bound, not
    /// a proof: on a machine so loaded that the connection's task does not run within that time, the client sees
    /// the reset alone. Only responses that are broken off wait, and the body's content is dropped
    /// before. On HTTP/1 nothing is waited for: one turn of the task is enough there.
    #[must_use]
    pub fn linger(self, time: Duration) -> Self {
        self.with(|settings| settings.linger = time)
    }

    /// Merges these trailers into the head where a body ends within the hold.
    ///
    /// By default a body's own trailers stay trailers: what comes from an upstream must not become a
    /// header field by itself. This takes only fields whose definition allows it (RFC 9110, section
    /// 6.5.1): `ETag`, `Content-Digest`, `Repr-Digest`, `Server-Timing`, `Signature` and
    /// `Signature-Input`. Others stay trailers, and the receipt has a
    /// [note](crate::Note::TrailersNotMerged). A field that the head has is neither replaced nor
    /// extended. The ledger names [`Writer::Trailers`](crate::Writer::Trailers) as the writer.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::HeaderName;
    /// use letterhead::{Hold, LetterheadLayer};
    ///
    /// // A small body that ends with its digest has it in the head.
    /// let layer = LetterheadLayer::new()
    ///     .hold(Hold::up_to(16 * 1024))
    ///     .merge_trailers([HeaderName::from_static("repr-digest")]);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn merge_trailers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.with(|settings| settings.merged_trailers = names.into_iter().collect())
    }

    /// Judges each head before its commit, and watches who wrote what for it; see [`Rules`].
    #[must_use]
    pub fn rules(self, rules: Rules) -> Self {
        self.watching(|watch| {
            watch.secrets = rules.secrets();
            watch.rules = Arc::new(rules);
        })
    }

    /// Gives the record of each response to `reporter`, and watches who wrote what for it. May be
    /// called again for another one.
    #[must_use]
    pub fn reporter(self, reporter: impl Reporter) -> Self {
        self.watching(|watch| {
            watch.needs.times |= reporter.needs_times();
            watch.needs.span |= reporter.needs_span();
            watch.needs.page |= reporter.has_pages();
            watch.reporters.push(Arc::new(reporter));
        })
    }

    /// Takes the [times](Receipt::times) of each response, though no reporter
    /// [needs them](Reporter::needs_times): for closures, and for [`on_end`](Self::on_end). It also watches who
    /// wrote what, as a reporter does.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::{LetterheadLayer, Receipt};
    ///
    /// let layer = LetterheadLayer::new().times(true).reporter(|receipt: &Receipt| {
    ///     if let Some(times) = receipt.times() {
    ///         println!("{} took {:?}", receipt.path().unwrap_or("-"), times.ended());
    ///     }
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn times(self, on: bool) -> Self {
        self.watching(|watch| {
            watch.needs.times = on || watch.reporters.iter().any(Reporter::needs_times);
        })
    }

    /// Watches one request in `every`, the first one among them; 0 watches none. What is not
    /// watched is neither judged nor given to reporters: rules that change or reject heads want
    /// every request.
    #[must_use]
    pub fn sample(self, every: u32) -> Self {
        self.with(|settings| settings.sampling = Sampling::new(u64::from(every)))
    }

    /// Sends the times of each response in `Server-Timing` (W3C), where the network panels of browsers show them; off if
    /// nothing is said.
    ///
    /// The head has `handler` (from the request to the inner service's answer), `hold` (from there to the commit) and, if there
    /// were any, `hooks`, in milliseconds, on a line of their own behind what the application says there. [`Head::timing`](crate::Head::timing)
    /// adds the application's marks. Where `server-timing` was [promised](crate::Head::promise), the trailers have `body` (from the commit
    /// to the end) and `total` (RFC 9110, section 6.5). It holds for requests that are not [sampled](Self::sample), too, and a layer
    /// inside of another one sends none.
    ///
    /// Times tell strangers something about the application, and a cache keeps those of the response that it has. Other
    /// origins' scripts read them only where `Timing-Allow-Origin` says so.
    #[must_use]
    pub fn server_timing(self, on: bool) -> Self {
        self.with(|settings| settings.server_timing = on)
    }

    /// Adds the field `x-letterhead` to each head: who wrote each field, last writer first, on one
    /// line. For development: it shows file names of the source.
    #[must_use]
    pub fn debug_field(self, on: bool) -> Self {
        self.watching(|watch| watch.explained = on)
    }

    /// Lets a response that was [rejected](crate::Action::Reject) or [denied](Self::deny) say why: the
    /// conflicts, with their writers, method, path and route, and [what to do](crate::Rule::remedy), or the messages are
    /// members of the problem document. For development.
    #[must_use]
    pub fn debug_answers(self, on: bool) -> Self {
        self.watching(|watch| watch.candid = on)
    }

    fn watching(self, change: impl FnOnce(&mut Watch)) -> Self {
        self.with(|settings| change(settings.watch.get_or_insert_with(Watch::new)))
    }

    pub(super) fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let Settings { hold, linger, server_timing, .. } = *self.settings;
        let Settings { recoverer, on_end, access_log, merged_trailers, watch, sampling, .. } =
            &*self.settings;
        let (policy, deny) = (self.settings.policy.clone(), self.settings.deny.clone());
        let sign = self.settings.sign.clone();
        let mut settings = Settings {
            hold,
            recoverer: recoverer.clone(),
            on_end: on_end.clone(),
            access_log: access_log.clone(),
            linger,
            merged_trailers: Arc::clone(merged_trailers),
            watch: watch.clone(),
            sampling: sampling.clone(),
            server_timing,
            policy,
            deny,
            sign,
            keeps_requests: false,
            timers: Timers::new(),
            said: Said::default(),
        };
        change(&mut settings);
        settings.keeps_requests = settings.access_log.is_some()
            || settings.policy.is_set()
            || settings.deny.is_set()
            || settings.sign.is_set()
            || settings.server_timing;
        Self { settings: Arc::new(settings) }
    }
}

impl Default for LetterheadLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for LetterheadLayer {
    type Service = Letterhead<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ask_for_list_versions();
        Letterhead::new(inner, Arc::clone(&self.settings))
    }
}

impl fmt::Debug for LetterheadLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LetterheadLayer")
            .field("hold", &self.settings.hold)
            .field("linger", &self.settings.linger)
            .finish_non_exhaustive()
    }
}
