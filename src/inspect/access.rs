//! Who may see the pages: clients on this machine whose requests no proxy forwarded, and those that have the token.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::IpAddr;

use http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::{Extensions, Request, Uri, Version};

use super::from_axum;
use crate::report::{Begun, Peer};

/// The cookie that a token is exchanged for.
pub(super) const COOKIE_NAME: &str = "letterhead-inspect";

/// What the application says of access.
#[derive(Clone, Default)]
pub(super) struct Doors {
    pub(super) token: Option<Box<str>>,
    pub(super) in_release: bool,
}

impl Doors {
    /// Whether `given` is the token, and tokens open anything; `release` says how the program was built.
    pub(super) fn open_to(&self, release: bool, given: &str) -> bool {
        let token = self.token.as_deref().unwrap_or_default();
        let is_it = is_same(given.as_bytes(), token.as_bytes()) && !token.is_empty();
        is_it && (!release || self.in_release)
    }
}

/// What is known of who asks.
pub(super) struct Caller<'a> {
    peer: Option<IpAddr>,
    pub(super) is_secure: bool,
    version: Version,
    uri: &'a Uri,
    fields: &'a HeaderMap,
}

/// A condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The program was built without debug assertions.
    Release,
    /// The client's address is not known.
    NoPeer,
    /// It came from another machine.
    Remote,
    /// `Host` is none of this machine's names.
    Host,
    /// A proxy forwarded the request.
    Proxied(HeaderName),
    /// It came over HTTP/1.0, which proxies speak and browsers do not.
    OldVersion,
    /// A page of another origin asks.
    CrossSite,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Granted,
    /// With the conditions that do not hold, for a client on this machine.
    Explained(Vec<Failed>),
    /// As if there were nothing.
    Hidden,
}

impl<'a> Caller<'a> {
    pub(super) fn of<B>(request: &'a Request<B>) -> Self {
        let (uri, version) = (request.uri(), request.version());
        Self::new(uri, version, request.headers(), request.extensions())
    }

    pub(super) fn of_begun(request: &Begun<'a>) -> Self {
        Self::new(request.uri(), request.version(), request.fields(), request.extensions())
    }

    fn new(uri: &'a Uri, version: Version, fields: &'a HeaderMap, extensions: &Extensions) -> Self {
        let peer = extensions.get::<Peer>();
        let addr = peer.map(|peer| peer.addr).or_else(|| from_axum::addr(extensions));
        let is_secure = peer.is_some_and(|peer| peer.secure);
        // An address of IPv4 is one, also on a socket of both families.
        let peer = addr.map(|addr| addr.ip().to_canonical());
        Self { peer, is_secure, version, uri, fields }
    }

    /// What becomes of the request; `release` says how the program was built.
    pub(super) fn judge(&self, doors: &Doors, release: bool) -> Access {
        let mut failed = Vec::new();
        let closed = release && !doors.in_release;
        if closed {
            failed.push(Failed::Release);
        }
        if self.is_cross_site() {
            failed.push(Failed::CrossSite);
        }
        if failed.is_empty() && self.has_cookie(doors) {
            return Access::Granted;
        }
        let is_here = self.is_loopback();
        match self.peer {
            None => failed.push(Failed::NoPeer),
            Some(_) if !is_here => failed.push(Failed::Remote),
            Some(_) => {}
        }
        if !self.asks_this_machine() {
            failed.push(Failed::Host);
        }
        failed.extend(self.forwarded_by().map(|name| Failed::Proxied(name.clone())));
        // nginx forwards in this version unless it is configured, and without a field that says so.
        if self.version < Version::HTTP_11 {
            failed.push(Failed::OldVersion);
        }
        if failed.is_empty() {
            Access::Granted
        } else if is_here || self.peer.is_none() && !closed {
            Access::Explained(failed)
        } else {
            Access::Hidden
        }
    }

    /// Whether the client's address is this machine's.
    pub(super) fn is_loopback(&self) -> bool {
        self.peer.is_some_and(|ip| ip.is_loopback())
    }

    /// Whether the client may see the pages, and needs no token for it because it is on this machine.
    pub(super) fn is_here(&self, doors: &Doors, release: bool) -> bool {
        let doors = Doors { token: None, in_release: doors.in_release };
        self.judge(&doors, release) == Access::Granted
    }

    /// Whether one of the cookies is the token's.
    fn has_cookie(&self, doors: &Doors) -> bool {
        let Some(token) = doors.token.as_deref().filter(|token| !token.is_empty()) else {
            return false;
        };
        let wanted = cookie_value(token);
        let lines = self.fields.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        let mut cookies = lines.flat_map(|line| line.split(|byte| *byte == b';'));
        cookies.any(|cookie| {
            let cookie = cookie.trim_ascii();
            let value = cookie.strip_prefix(COOKIE_NAME.as_bytes());
            let value = value.and_then(|rest| rest.strip_prefix(b"="));
            value.is_some_and(|value| is_same(value, wanted.as_bytes()))
        })
    }

    /// Whether every word about the host says that it is this machine.
    fn asks_this_machine(&self) -> bool {
        let authority = self.uri.authority().map(http::uri::Authority::as_str);
        let fields: Option<Vec<&str>> =
            self.fields.get_all(HOST).iter().map(|value| value.to_str().ok()).collect();
        let Some(fields) = fields else { return false };
        let mut hosts = fields.into_iter().chain(authority).peekable();
        hosts.peek().is_some() && hosts.all(is_loopback)
    }

    /// The fields by which a proxy says that it forwarded the request.
    fn forwarded_by(&self) -> impl Iterator<Item = &HeaderName> {
        let prefixes = ["x-forwarded", "x-original-", "x-envoy-", "cf-", "fly-"];
        self.fields.keys().filter(move |name| {
            let name = name.as_str();
            let is_one = matches!(
                name,
                "forwarded"
                    | "via"
                    | "cdn-loop"
                    | "true-client-ip"
                    | "x-client-ip"
                    | "x-cluster-client-ip"
                    | "x-real-ip"
            );
            is_one || prefixes.iter().any(|prefix| name.starts_with(prefix))
        })
    }

    /// Whether a browser says that a page of another origin asks, and not only leads here: such a page could read
    /// the answer if the application allows that for all of its responses.
    fn is_cross_site(&self) -> bool {
        let text = |name: &str| self.fields.get(name).map(HeaderValue::as_bytes);
        let leads_here = text("sec-fetch-mode") == Some(b"navigate")
            && text("sec-fetch-dest") == Some(b"document");
        let is_ours = match text("sec-fetch-site") {
            None | Some(b"same-origin" | b"none") => true,
            Some(_) => leads_here,
        };
        !is_ours || self.fields.contains_key(ORIGIN) && !self.is_own_origin()
    }

    fn is_own_origin(&self) -> bool {
        let origin = self.fields.get(ORIGIN).and_then(|value| value.to_str().ok());
        let origin = origin.and_then(|origin| Some(origin.split_once("://")?.1));
        origin.is_some_and(|origin| self.host() == Some(origin))
    }

    /// The host that was asked, with its port.
    pub(super) fn host(&self) -> Option<&'a str> {
        let of_target = self.uri.authority().map(http::uri::Authority::as_str);
        of_target.or_else(|| self.fields.get(HOST)?.to_str().ok())
    }
}

/// Whether a host, with any port, is a name of this machine.
fn is_loopback(host: &str) -> bool {
    let names = ["127.0.0.1", "[::1]", "localhost"];
    names.iter().any(|name| {
        let Some((start, rest)) = host.split_at_checked(name.len()) else { return false };
        let port = rest.strip_prefix(':');
        let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
        start.eq_ignore_ascii_case(name) && (rest.is_empty() || port.is_some_and(is_port))
    })
}

/// The token as a cookie's value, whatever characters it has.
pub(super) fn cookie_value(token: &str) -> String {
    token.bytes().fold(String::new(), |mut value, byte| {
        write!(value, "{byte:02x}").unwrap_or_default();
        value
    })
}

/// Compares in a time that depends on the length alone.
fn is_same(given: &[u8], secret: &[u8]) -> bool {
    let mut difference = given.len() ^ secret.len();
    for (at, byte) in secret.iter().enumerate() {
        let other = given.get(at).copied().unwrap_or_default();
        difference |= usize::from(black_box(byte ^ other));
    }
    black_box(difference) == 0
}

impl Failed {
    /// What was wanted, and what to do.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Release => "the program was built without debug assertions: say \
                              `Inspector::in_release(true)` to have the pages there, too"
                .to_owned(),
            Self::NoPeer => "the address of the client is not known: ask the server for it, with `serve(..).peer()`, or with axum's \
                             `into_make_service_with_connect_info::<SocketAddr>()`, or put a \
                             `letterhead::report::Peer` into the request's extensions"
                .to_owned(),
            Self::Remote => "the request came from another machine".to_owned(),
            Self::Host => "the host that was asked is not 127.0.0.1, [::1] or localhost".to_owned(),
            Self::Proxied(name) => {
                format!("the request has the field `{name}`: a proxy forwarded it")
            }
            Self::OldVersion => {
                "the request came over HTTP/1.0, as proxies speak it: a proxy may have forwarded it"
                    .to_owned()
            }
            Self::CrossSite => "a page of another origin asks".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
