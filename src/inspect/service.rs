//! The service that answers with the pages.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{ACCEPT, HeaderName};
use http::{Method, Request, Response, StatusCode};
use tower_service::Service;

use super::InspectorBody;
use super::access::{Access, Caller};
use super::answer::Answer;
use super::diff::previous;
use super::filter::{Filter, Pair, pairs};
use super::kept::Kept;
use super::list::{Listing, MOST_ROWS};
use super::place::{Page, Place, of_request};
use super::ring::Ring;
use super::settings::Settings;
use super::{html, json, list, shell, show, tree_page};
use crate::field::accept::Welcome;
use crate::head::Head;
use crate::head::origin::mark_own_page;

/// A write of this name, which changes nothing, says in the ledger that an exchange is a page's own.
pub(super) const MARK: HeaderName = HeaderName::from_static("x-letterhead-inspector");

/// How the program was built.
pub(super) const RELEASE: bool = !cfg!(debug_assertions);

/// The pages of an [`Inspector`](super::Inspector), to put into an application.
///
/// It never fails, and answers at once; only the stream of rows goes on.
#[derive(Clone)]
pub struct InspectorService {
    ring: Arc<Ring>,
    settings: Arc<Settings>,
}

impl InspectorService {
    pub(super) const fn new(ring: Arc<Ring>, settings: Arc<Settings>) -> Self {
        Self { ring, settings }
    }

    fn answer<B>(&self, request: &Request<B>) -> Answer {
        let settings = &self.settings;
        let place = Place::of(request, &settings.mount);
        let caller = Caller::of(request);
        let pairs = pairs(request.uri().query().unwrap_or_default());
        if let Some(answer) = self.at_the_door(&caller, &place, &pairs) {
            return answer;
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Answer::Method;
        }
        let accept = request.headers().get_all(ACCEPT);
        let welcome = |kind| Welcome::read(&accept, kind);
        let by_field = welcome("application/json").is_named()
            && welcome("application/json") > welcome("text/html");
        let json = place.json || by_field;
        let base = &place.base;
        if place.page != Page::Unknown {
            // Links in responses lead here from now on.
            self.ring.place.get_or_init(|| base.as_str().into());
        }
        match place.page {
            Page::List => self.list(base, &pairs, json),
            Page::Exchange(id) => self.exchange(base, self.ring.get(id), &caller, json),
            Page::Request(number) => {
                self.exchange(base, self.ring.of_request(number), &caller, json)
            }
            Page::Events => self.events(base, &pairs, request),
            Page::Style => Answer::Style,
            Page::Script => Answer::Script,
            Page::Trust if !settings.trees.is_empty() => {
                if json {
                    Answer::Json(tree_page::json(&settings.trees).to_string() + "\n")
                } else {
                    Answer::Html(StatusCode::OK, tree_page::html(base, &settings.trees))
                }
            }
            Page::Token if settings.doors.token.is_some() => {
                Answer::Html(StatusCode::OK, html::token_form(base))
            }
            Page::Trust | Page::Token | Page::Unknown if json => Answer::NotThere,
            Page::Trust | Page::Token | Page::Unknown => {
                let text = "There is no such page.";
                Answer::Html(StatusCode::NOT_FOUND, html::not_found(base, text))
            }
        }
    }

    /// Refuses, or takes a token; `None` lets the request in.
    fn at_the_door(&self, caller: &Caller<'_>, place: &Place, pairs: &[Pair]) -> Option<Answer> {
        let (doors, base) = (&self.settings.doors, &place.base);
        let given = pairs.iter().find(|(name, _)| name == "token");
        if let Some((_, token)) = given.filter(|(_, t)| doors.open_to(RELEASE, t)) {
            let to = match place.page {
                Page::Exchange(id) => format!("{base}/{id}"),
                Page::Request(number) => of_request(base, number),
                Page::Trust => format!("{base}/trust"),
                Page::List
                | Page::Events
                | Page::Style
                | Page::Script
                | Page::Token
                | Page::Unknown => format!("{base}/"),
            };
            let (token, base) = (token.clone(), base.clone());
            return Some(Answer::Exchanged { token, to, base, is_secure: caller.is_secure });
        }
        match caller.judge(doors, RELEASE) {
            Access::Granted => None,
            Access::Hidden => Some(Answer::Hidden),
            Access::Explained(failed) => {
                let has_token = doors.token.is_some() && (!RELEASE || doors.in_release);
                if has_token && place.page == Page::Token {
                    return Some(Answer::Html(StatusCode::OK, html::token_form(base)));
                }
                let token_at = has_token.then(|| format!("{base}/token, or {base}/?token=.."));
                Some(Answer::Refused { failed, token_at })
            }
        }
    }

    fn list(&self, base: &str, pairs: &[Pair], json: bool) -> Answer {
        let filter = Filter::of(pairs);
        let before = pairs.iter().find(|(name, _)| name == "before");
        let before: Option<u64> = before.and_then(|(_, id)| id.parse().ok());
        let all = self.ring.all();
        let newest = all.first().map_or(0, |kept| kept.id);
        let wanted = all.into_iter().filter(|kept| before.is_none_or(|before| kept.id < before));
        let mut shown: Vec<_> =
            wanted.filter(|kept| filter.takes(kept)).take(MOST_ROWS + 1).collect();
        let more = shown.len() > MOST_ROWS;
        shown.truncate(MOST_ROWS);
        let newest = before.is_none().then_some(newest);
        let has_trees = !self.settings.trees.is_empty();
        let listing = Listing { filter, shown, more, newest, fill: self.ring.fill(), has_trees };
        if json {
            Answer::Json(json::list(&listing).to_string() + "\n")
        } else {
            Answer::Html(StatusCode::OK, list::list(base, &listing))
        }
    }

    fn exchange(
        &self,
        base: &str,
        kept: Option<Arc<Kept>>,
        caller: &Caller<'_>,
        json: bool,
    ) -> Answer {
        let Some(kept) = kept else {
            if json {
                return Answer::NotThere;
            }
            let text = "There is no such exchange: it has not ended, or is no longer kept.";
            return Answer::Html(StatusCode::NOT_FOUND, html::not_found(base, text));
        };
        let all = self.ring.all();
        let previous = previous(&all, &kept);
        let receipt = &kept.receipt;
        let scheme = if caller.is_secure { "https" } else { "http" };
        let origin = format!("{scheme}://{}", caller.host().unwrap_or("localhost"));
        let path = receipt.path().filter(|path| !kept.target_cut && !path.is_empty());
        let curl = path.map(|path| shell::curl(receipt.method(), receipt.version(), &origin, path));
        let (curl, settings) = (curl.as_deref(), &self.settings);
        if json {
            let document = json::exchange(&kept, previous, curl, settings);
            Answer::Json(document.to_string() + "\n")
        } else {
            Answer::Html(StatusCode::OK, show::show(base, &kept, previous, curl, settings))
        }
    }

    fn events<B>(&self, base: &str, pairs: &[Pair], request: &Request<B>) -> Answer {
        if request.method() == Method::HEAD {
            return Answer::Events(None);
        }
        let last = request.headers().get("last-event-id");
        let last = last.and_then(|id| id.to_str().ok());
        let after = pairs.iter().find(|(name, _)| name == "after");
        let after = last.or(after.map(|(_, id)| id.as_str())).and_then(|id| id.parse().ok());
        let (ring, filter) = (Arc::clone(&self.ring), Filter::of(pairs));
        Answer::Events(Some(InspectorBody::events(ring, filter, base.to_owned(), after)))
    }
}

impl<B> Service<Request<B>> for InspectorService {
    type Response = Response<InspectorBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Ok(head) = Head::of(request.extensions()) {
            // The ledger has it, whatever becomes of it.
            let _ = head.even_on_error().remove(MARK);
        }
        let mut response = self.answer(&request).response(request.method());
        mark_own_page(response.extensions_mut());
        ready(Ok(response))
    }
}

impl fmt::Debug for InspectorService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InspectorService")
            .field("mount", &self.settings.mount)
            .finish_non_exhaustive()
    }
}
