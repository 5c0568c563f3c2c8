//! What the request lets the response do.

use http::header::TE;
use http::{Method, Request, Version};

use crate::field::list;
use crate::field::rpc::Rpc;
use crate::ledger::Refusal;

/// The facts of a request that its response depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ability {
    pub(crate) version: Version,
    /// The request is `HEAD`.
    pub(crate) head: bool,
    /// The request is `CONNECT`.
    pub(crate) connect: bool,
    /// The request has the bare token `trailers` in `TE`.
    te: bool,
    /// The remote call that the request is, if it is one.
    pub(crate) call: Option<Rpc>,
}

impl Ability {
    #[inline]
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let version = request.version();
        let (head, connect) = match *request.method() {
            Method::HEAD => (true, false),
            Method::CONNECT => (false, true),
            _ => (false, false),
        };
        Self {
            version,
            head,
            connect,
            te: version == Version::HTTP_11 && list::lists(request.headers(), &TE, "trailers"),
            call: Rpc::of_request(request),
        }
    }

    /// Whether the request lets a response with content have trailers; else why not.
    pub(crate) fn trailers(self) -> Result<(), Refusal> {
        if self.head || self.connect {
            return Err(Refusal::NoBody);
        }
        if self.version == Version::HTTP_11 {
            return if self.te { Ok(()) } else { Err(Refusal::NoTe) };
        }
        if self.version < Version::HTTP_11 { Err(Refusal::Http10) } else { Ok(()) }
    }

    /// Whether the protocol is one with streams that can be reset one by one.
    pub(crate) fn has_streams(self) -> bool {
        self.version >= Version::HTTP_2
    }
}
