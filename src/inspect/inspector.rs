//! The inspector: a reporter that keeps the last exchanges, and the service that shows them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::InspectorService;
use super::access::{Access, Caller};
use super::escape::in_ascii;
use super::place::of_request;
use super::ring::{Fill, Ring};
use super::service::{MARK, RELEASE};
use super::settings::Settings;
use crate::head::Receipt;
use crate::report::{Begun, PageLink, Reporter};

/// Shows the last responses in a browser: each head as it went out, and who wrote each field of it.
///
/// It is a [`Reporter`], which keeps receipts in a ring, and it [gives](Self::service) the service that shows them. A
/// clone has the same ring. [The guide](crate::guide::inspect) says what there is to see, and who may see it: clients on
/// this machine, as long as the program was built with debug assertions.
///
/// Nothing that is kept has a secret in it, or keeps memory of the application alive. An exchange takes up to 64 KiB
/// (mostly two to nine), all of them together what [`keep`](Self::keep) and [`keep_bytes`](Self::keep_bytes) say.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use letterhead::inspect::Inspector;
/// use letterhead::{LetterheadLayer, Rules};
///
/// let inspector = Inspector::new();
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .nest_service("/_head", inspector.service())
///     .layer(LetterheadLayer::new().rules(Rules::standard()).reporter(inspector));
/// // So that `axum::serve` says each client's address:
/// let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
/// # let _ = app;
/// ```
#[derive(Clone)]
pub struct Inspector {
    ring: Arc<Ring>,
    pub(super) settings: Settings,
}

impl Inspector {
    /// How many exchanges are kept if nothing is said: 512.
    pub const KEEP: usize = 512;

    /// How many bytes they take at most if nothing is said: 8 MiB.
    pub const KEEP_BYTES: usize = 8 << 20;

    /// How many bytes one exchange takes at most; what there is no room for is left out, and counted.
    pub const MOST_BYTES: usize = super::kept::MOST;

    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        let ring = Arc::new(Ring::new(Self::KEEP, Self::KEEP_BYTES));
        Self { ring, settings: Settings::new() }
    }

    /// Keeps so many exchanges, [`KEEP`](Self::KEEP) if nothing is said. The oldest leave first. It holds for clones, too.
    #[must_use]
    pub fn keep(self, exchanges: usize) -> Self {
        self.ring.bound(Some(exchanges), None);
        self
    }

    /// Keeps so many bytes, [`KEEP_BYTES`](Self::KEEP_BYTES) if nothing is said. The oldest leave first. It holds for clones,
    /// too.
    #[must_use]
    pub fn keep_bytes(self, bytes: usize) -> Self {
        self.ring.bound(None, Some(bytes));
        self
    }

    /// Where the pages stand. If nothing is said, links in responses lead to where the first page was asked for, and to
    /// `/_head` before that. It is needed where the path comes with its prefix, and axum is not there to say what that was.
    ///
    /// # Panics
    ///
    /// If the path does not begin with a slash.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        let path = path.into();
        assert!(path.starts_with('/'), "wanted a path that begins with a slash, found {path:?}");
        path.trim_end_matches('/').clone_into(&mut self.settings.mount);
        self.settings.is_placed = true;
        self
    }

    /// Makes a link into an editor of each line of the source: `vscode://file{file}:{line}`, `zed://file{file}:{line}`. `{file}`
    /// is the path as an absolute one, percent-encoded.
    #[must_use]
    pub fn editor(mut self, template: impl Into<String>) -> Self {
        self.settings.editor = Some(template.into());
        self
    }

    /// Where the source is that relative paths are of; the current directory if nothing is said.
    #[must_use]
    pub fn source_root(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.root = path.into();
        self
    }

    /// Lets in every client that has this token, from any machine. `?token=` exchanges it for a cookie. An empty one lets no client in.
    ///
    /// Take a long random one: there is no limit to how often it may be guessed. It is part of a URL once, which the
    /// access log has then.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.settings.doors.token = Some(token.into().into());
        self
    }

    /// Answers in programs that were built without debug assertions, too.
    #[must_use]
    pub fn in_release(mut self, on: bool) -> Self {
        self.settings.doors.in_release = on;
        self
    }

    /// Lets responses carry a link to their page as `x-debug-token-link`, to clients that may see it; on if nothing is said.
    ///
    /// The link is `/_head/request-42`, and is good once the response is over. Pages that stand elsewhere say so by [`at`](Self::at); else
    /// links lead there from the first look at a page on, because the inspector does not know before where it was nested. A response that a cache for several users may keep has none: one with a `Cache-Control` (or its like) that says
    /// neither `private` nor `no-store`, or with an `Expires`. Nor has one that says nothing of this, if it goes to a client that has the
    /// [token](Self::token) and is on another machine, because a proxy may stand between.
    #[must_use]
    pub fn links(mut self, on: bool) -> Self {
        self.settings.links.on = on;
        self
    }

    /// Names the page in `Server-Timing`, too, where the network panel of browsers shows it: `page;desc="/_head/request-42"`. Off if
    /// nothing is said.
    #[must_use]
    pub fn links_in_server_timing(mut self, on: bool) -> Self {
        self.settings.links.timing = on;
        self
    }

    /// The service with the pages, as it is set now: for `Router::nest_service`, for a fallback, or for any router of
    /// services.
    #[must_use]
    pub fn service(&self) -> InspectorService {
        InspectorService::new(Arc::clone(&self.ring), Arc::new(self.settings.clone()))
    }

    /// The ring that clones and services share.
    #[cfg(test)]
    pub(super) fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring)
    }

    /// How many exchanges are kept now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.fill().exchanges
    }

    /// Whether none is kept now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the exchanges take that are kept now, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ring.fill().bytes
    }

    /// How many viewers of the live list were cut, because they did not read or there were too many.
    #[must_use]
    pub fn viewers_cut(&self) -> u64 {
        self.ring.viewers.cut()
    }
}

impl Default for Inspector {
    fn default() -> Self {
        Self::new()
    }
}

impl Reporter for Inspector {
    fn report(&self, receipt: &Receipt) {
        let is_own = receipt.writes().iter().any(|entry| entry.field() == Some(&MARK));
        if !is_own {
            self.ring.keep(receipt);
        }
    }

    /// The bar of an exchange is made of them.
    fn needs_times(&self) -> bool {
        true
    }

    fn has_pages(&self) -> bool {
        let Settings { links, doors, .. } = &self.settings;
        links.on && (!RELEASE || doors.in_release)
    }

    fn page(&self, request: &Begun<'_>) -> Option<PageLink> {
        let Settings { links, doors, mount, is_placed, .. } = &self.settings;
        let caller = Caller::of_begun(request);
        // Most clients of a program that is in use are neither, and nothing more is looked at for them.
        if !caller.is_loopback() && doors.token.is_none() {
            return None;
        }
        let is_here = caller.is_here(doors, RELEASE);
        if !is_here && caller.judge(doors, RELEASE) != Access::Granted {
            return None;
        }
        let seen = self.ring.place.get().filter(|_| !is_placed);
        let mount = seen.map_or(mount.as_str(), |place| place);
        let page = PageLink::new(&of_request(&in_ascii(mount), request.number()))?;
        Some(page.when_silent(is_here).in_server_timing(links.timing))
    }
}

impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fill { exchanges, bytes, seen } = self.ring.fill();
        f.debug_struct("Inspector")
            .field("exchanges", &exchanges)
            .field("bytes", &bytes)
            .field("seen", &seen)
            .finish_non_exhaustive()
    }
}
