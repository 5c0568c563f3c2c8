//! One exchange on its way into the log.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use http::header::{HOST, HeaderMap, REFERER, USER_AGENT};
use http::{Extensions, Method, StatusCode, Uri, Version};

use super::AccessLog;
use super::clock::Clock;
use super::facts::{Facts, Request};
use super::form::LogForm;
use crate::head::{Outcome, Peer};

/// How many places for what was asked a thread has ready for its next requests.
const SPARE: usize = 64;

/// What a line says of the request, written before the service has it.
#[derive(Debug)]
pub(crate) struct LogEntry(Box<Asked>);

/// It in one place, which the next request takes over.
#[derive(Debug)]
struct Asked {
    /// Nothing where the line does not say how long it took: each look at the clock is 25 ns.
    begun: Option<Instant>,
    client: Option<IpAddr>,
    /// The text of the request's line, and behind it that of its fields.
    text: Vec<u8>,
    /// Where the second begins.
    fields_at: usize,
}

/// How it ended.
pub(crate) struct LogEnd<'a> {
    pub(crate) status: Option<StatusCode>,
    pub(crate) sent: u64,
    pub(crate) outcome: &'a Outcome,
}

/// What a thread needs again and again.
struct Desk {
    clock: Clock,
    line: Vec<u8>,
    spare: Vec<LogEntry>,
}

thread_local! {
    static DESK: RefCell<Desk> = const {
        RefCell::new(Desk { clock: Clock::new(), line: Vec::new(), spare: Vec::new() })
    };
}

impl AccessLog {
    /// Notes what was asked.
    pub(crate) fn ask(
        &self,
        method: &Method,
        uri: &Uri,
        version: Version,
        fields: &HeaderMap,
        extensions: &Extensions,
    ) -> LogEntry {
        let client = self.client_of(fields, extensions);
        let mut entry = spare();
        let asked = &mut *entry.0;
        let form = self.form;
        asked.begun = (form != LogForm::Combined).then(Instant::now);
        asked.client = client;
        let field = |name| fields.get(name).map(http::HeaderValue::as_bytes);
        let mut request = Request {
            method: method.as_str(),
            target: target(uri),
            version: name(version),
            host: None,
            peer: None,
            client,
        };
        if form == LogForm::Caddy {
            let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
            request.host = authority.or_else(|| field(HOST));
            request.peer = extensions.get::<Peer>().map(|peer| peer.addr);
        }
        form.request(&mut asked.text, &request);
        asked.fields_at = asked.text.len();
        form.agents(&mut asked.text, field(REFERER), field(USER_AGENT));
        entry
    }

    /// Writes the line.
    pub(crate) fn end(&self, entry: LogEntry, ended: &LogEnd<'_>) {
        // A thread that ends has no desk any more; the line is made all the same.
        let at_desk = DESK.try_with(|desk| {
            if let Ok(mut desk) = desk.try_borrow_mut() {
                let Desk { clock, line, spare } = &mut *desk;
                self.put(&entry.0, ended, clock, line);
                if spare.len() < SPARE && entry.0.text.capacity() <= 1024 {
                    spare.push(entry);
                }
                None
            } else {
                Some(entry)
            }
        });
        if let Ok(Some(entry)) = at_desk {
            self.put(&entry.0, ended, &mut Clock::new(), &mut Vec::new());
        }
    }

    fn put(&self, asked: &Asked, ended: &LogEnd<'_>, clock: &mut Clock, line: &mut Vec<u8>) {
        let (request, agents) = asked.text.split_at(asked.fields_at.min(asked.text.len()));
        let facts = Facts {
            client: asked.client,
            request,
            agents,
            status: ended.status.map(|status| status.as_u16()),
            sent: ended.sent,
            micros: asked
                .begun
                .map_or(0, |begun| u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)),
            outcome: ended.outcome.as_str(),
        };
        line.clear();
        let millis = clock.turn(SystemTime::now());
        self.form.line(line, &facts, clock, millis);
        self.owner.queue.push(line);
    }
}

/// An empty one, with room from an earlier request if there is one.
fn spare() -> LogEntry {
    let spare = DESK.try_with(|desk| desk.try_borrow_mut().ok()?.spare.pop());
    match spare {
        Ok(Some(mut entry)) => {
            entry.0.text.clear();
            entry
        }
        Ok(None) | Err(_) => LogEntry(Box::new(Asked {
            begun: None,
            client: None,
            text: Vec::with_capacity(256),
            fields_at: 0,
        })),
    }
}

/// The target without scheme and authority, as HTTP/1.1 clients mostly send it; of a `CONNECT` the
/// authority (RFC 9112, section 3.2).
fn target(uri: &Uri) -> &str {
    match (uri.path_and_query(), uri.authority()) {
        (Some(target), _) => target.as_str(),
        (None, Some(authority)) => authority.as_str(),
        (None, None) => "-",
    }
}

const fn name(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}
