//! The layer and its settings.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tower_layer::Layer;

use super::timer::Timers;
use super::{Hold, Letterhead, Recover, StandardRecover};
use crate::head::Receipt;

/// Who wants the receipt of every response.
type OnEnd = Arc<dyn Fn(&Receipt) + Send + Sync>;

/// What the layer was told, shared by all its services.
pub(crate) struct Settings {
    pub(crate) hold: Hold,
    pub(crate) recover: Arc<dyn Recover>,
    pub(crate) on_end: Option<OnEnd>,
    pub(crate) linger: Duration,
    pub(crate) timers: Timers,
    pub(crate) said_nested: Once,
    pub(crate) said_no_timer: Once,
}

/// Something that is said once in the life of a layer.
#[derive(Debug, Default)]
pub(crate) struct Once(AtomicBool);

impl Once {
    /// Whether this is the first time.
    pub(crate) fn first(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

/// Gives every response a head with a commit point.
///
/// Put it outermost, around everything that writes to responses. It works as
/// `axum::Router::layer`, around a whole `Router`, in a `tower::ServiceBuilder`, and around any
/// hyper service. The inner service's body has to be `Unpin` (axum's is; box another one with
/// `http_body_util::BodyExt::boxed`), and its data has to be made from [`Bytes`](bytes::Bytes),
/// because error answers are bytes.
///
/// What each request gets is a [`Head`](crate::Head) in its extensions. A second layer inside the
/// first does nothing.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use letterhead::{Hold, LetterheadLayer};
///
/// let layer = LetterheadLayer::new()
///     .hold(Hold::first_frame().deadline(Duration::from_millis(50)))
///     .on_end(|receipt| eprintln!("{receipt}"));
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct LetterheadLayer {
    settings: Arc<Settings>,
}

impl LetterheadLayer {
    /// How long an aborted HTTP/2 stream lingers if nothing else is said: 5 ms.
    pub const LINGER: Duration = Duration::from_millis(5);

    /// A layer that holds for the first frame and answers failures the standard way.
    #[must_use]
    pub fn new() -> Self {
        Self {
            settings: Arc::new(Settings {
                hold: Hold::default(),
                recover: Arc::new(StandardRecover),
                on_end: None,
                linger: Self::LINGER,
                timers: Timers::default(),
                said_nested: Once::default(),
                said_no_timer: Once::default(),
            }),
        }
    }

    /// How long heads are held; [`Hold::first_frame`] by default.
    #[must_use]
    pub fn hold(self, hold: Hold) -> Self {
        self.with(|settings| settings.hold = hold)
    }

    /// What a client sees when something fails before the commit; [`StandardRecover`] by default.
    #[must_use]
    pub fn recover(self, recover: impl Recover) -> Self {
        self.with(|settings| settings.recover = Arc::new(recover))
    }

    /// Calls `callback` with the receipt of every response, once, however the response ended.
    ///
    /// It may run inside `Drop` and while a task unwinds; a panic in it is caught and forgotten.
    /// It runs on the task that served the response, so it should be short.
    #[must_use]
    pub fn on_end(self, callback: impl Fn(&Receipt) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_end = Some(Arc::new(callback)))
    }

    /// How long an HTTP/2 response that failed after its commit waits before its stream is reset.
    ///
    /// A reset throws away what h2 has not sent yet, the head included; this gives it time to
    /// go. It is a bound, not a proof: on a machine so loaded that the connection's task does not
    /// run within that time, the client sees the reset alone. On HTTP/1.1 nothing is waited for: one turn of the task is enough there.
    #[must_use]
    pub fn linger(self, time: Duration) -> Self {
        self.with(|settings| settings.linger = time)
    }

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let Settings { hold, ref recover, ref on_end, linger, .. } = *self.settings;
        let mut settings = Settings {
            hold,
            recover: Arc::clone(recover),
            on_end: on_end.clone(),
            linger,
            timers: Timers::default(),
            said_nested: Once::default(),
            said_no_timer: Once::default(),
        };
        change(&mut settings);
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
