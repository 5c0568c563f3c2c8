//! What a policy reads of a request and its response, and what it records of each change.

use http::header::HeaderName;
use http::{Method, StatusCode};

use crate::ledger::{Values, Verb};

/// The request, as far as a policy looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The host that the client asked, with or without a port: `:authority`, or `Host`.
    pub(crate) authority: Option<&'a str>,
    /// The path as it came, percent-encoded, without the query.
    pub(crate) path: &'a str,
    pub(crate) method: &'a Method,
    /// Whether the client's connection is over TLS, by our own knowledge or by the application's word.
    /// Without it no `Strict-Transport-Security` is set (RFC 6797, section 7.2).
    pub(crate) secure: bool,
}

/// Who made the response; `from=` asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The service inside of the layer, whatever the status.
    Handler,
    /// The file sender, or the store.
    File,
    /// The recoverer, after an error of the service, its body, a hook or a rule.
    Error,
    /// The recoverer, after a panic.
    Panic,
}

/// The response, as far as a policy looks at it; its fields are handed over beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response<'a> {
    pub(crate) status: StatusCode,
    pub(crate) origin: Origin,
    /// The named layer that made the response instead of handing on one from further inside.
    pub(crate) layer: Option<&'a str>,
    /// Whether the response is a remote call's, by its content type: gRPC, gRPC-Web, a stream of Connect.
    pub(crate) is_grpc: bool,
}

/// One change that a line of a policy made.
#[derive(Debug)]
pub(crate) struct Edit<'a> {
    /// The number of the line in its file, from 1.
    pub(crate) line: usize,
    /// `Insert`, `Append`, `Default` or `Remove`.
    pub(crate) verb: Verb,
    pub(crate) field: &'a HeaderName,
    pub(crate) before: Values,
    pub(crate) after: Values,
}
