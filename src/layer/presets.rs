//! Names for layers that many applications use, with what they are there to change.
//!
//! Each is [`named()`](crate::named()) and a few words about the layer, so that rules stay quiet where it does
//! its work and speak where it does more. Any layer of that kind will do; those of tower-http are
//! what they were made for.
//!
//! | name | what the layer is there for | what rules do |
//! |---|---|---|
//! | [`compression`] | applies a content coding | put right what it leaves behind, without a word |
//! | [`decompression`] | undoes one | the same |
//! | [`cors`] | decides who may read a response | let it overwrite what a handler or an upstream said of that |
//! | [`set_header`] | gives one field its value | let it overwrite, replace and remove that field |
//! | [`set_status`] | changes the status | let it |
//! | [`timeout`] | answers in the place of what takes too long | nothing, but it must not stand outside of CORS |
//! | [`set_request_id`] | gives requests an id | nothing, but it must not stand inside of its propagation |
//! | [`propagate_request_id`] | puts the id on the response | the same |
//!
//! Where the last three stand wrong, it is said once, as a [note](crate::Note::Misordered).
//!
//! Layers for panics, limits, authorization, traces and propagated fields need no more than a name: they only add, or answer where there was no response to lose.
//!
//! # Examples
//!
//! ```
//! use axum::{Router, routing::get};
//! use letterhead::{LetterheadLayer, Rules, named};
//! use tower_http::compression::CompressionLayer;
//! use tower_http::cors::CorsLayer;
//! use tower_http::trace::TraceLayer;
//!
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .layer(named::compression(CompressionLayer::new()))
//!     .layer(named::cors(CorsLayer::permissive()))
//!     .layer(named("trace", TraceLayer::new_for_http()))
//!     .layer(LetterheadLayer::new().rules(Rules::standard()));
//! # let _ = app;
//! ```

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, HeaderName,
};

use super::{Named, named};
use crate::ledger::LayerKind;

/// Names a layer that compresses content `compression`: a strong tag and digests of the plain bytes are put right
/// behind it; see [`Named::codes_content`].
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use http::Request;
/// use letterhead::{LetterheadLayer, Rules, named};
/// use tower::ServiceExt;
/// use tower_http::compression::CompressionLayer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // tower-http leaves the strong tag of the plain bytes on the coded ones.
/// let app = Router::new()
///     .route("/", get(|| async { ([("etag", "\"v1\"")], "a text of some length".repeat(9)) }))
///     .layer(named::compression(CompressionLayer::new()))
///     .layer(LetterheadLayer::new().rules(Rules::standard()));
/// let ask = |coding| Request::get("/").header("accept-encoding", coding).body(String::new());
/// let coded = app.clone().oneshot(ask("gzip").unwrap()).await.unwrap();
/// assert_eq!(coded.headers()["etag"], "W/\"v1\"");
/// let plain = app.oneshot(ask("identity").unwrap()).await.unwrap();
/// assert_eq!(plain.headers()["etag"], "\"v1\"");
/// # }
/// ```
pub fn compression<L>(layer: L) -> Named<L> {
    named("compression", layer).codes_content()
}

/// Names a layer that decompresses content `decompression`, as one does around what an upstream sent; see
/// [`Named::codes_content`].
pub fn decompression<L>(layer: L) -> Named<L> {
    named("decompression", layer).codes_content()
}

/// Names a layer that decides alone who may read responses `cors`: it owns the fields that allow something.
///
/// `Access-Control-Expose-Headers` is not among them, since it is a list that others have members in: where the
/// layer replaces it, theirs are lost, and that is reported.
pub fn cors<L>(layer: L) -> Named<L> {
    named("cors", layer)
        .owns([
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderName::from_static("access-control-allow-private-network"),
            ACCESS_CONTROL_MAX_AGE,
        ])
        .of_kind(LayerKind::Cors)
}

/// Names a layer that gives `field` its value, whatever stood there, `set FIELD`: it owns that field.
///
/// A list that others add to, as `Vary`, is better appended to, by a layer that is only
/// [`named()`](crate::named()).
pub fn set_header<L>(field: HeaderName, layer: L) -> Named<L> {
    named(format!("set {field}"), layer).owns([field])
}

/// Names a layer that changes the status `set status`: it owns the status.
pub fn set_status<L>(layer: L) -> Named<L> {
    named("set status", layer).owns_status()
}

/// Names a layer that answers in the place of what takes too long `timeout`.
///
/// Outside of [`cors`] it is [said](crate::Note::Misordered) to be in the wrong place: its answer has no CORS fields there, and
/// a script of another origin does not see that it was a time-out.
pub fn timeout<L>(layer: L) -> Named<L> {
    named("timeout", layer).of_kind(LayerKind::Timeout)
}

/// Names a layer that gives requests an id `set request id`.
///
/// Inside of [`propagate_request_id`] it is [said](crate::Note::Misordered) to be in the wrong place: that layer looks for the id
/// when the request comes, and there is none yet.
pub fn set_request_id<L>(layer: L) -> Named<L> {
    named("set request id", layer).of_kind(LayerKind::SetRequestId)
}

/// Names a layer that puts the id of a request on its response `propagate request id`; see [`set_request_id`].
pub fn propagate_request_id<L>(layer: L) -> Named<L> {
    named("propagate request id", layer).of_kind(LayerKind::PropagateRequestId)
}
