//! What kind of thing a response field is: may it go into trailers, may it outlive its content.

use http::header::HeaderName;

use super::class::{self, Role};

/// Whether a field may be sent after the content (RFC 9110, section 6.5.1).
///
/// The answer is the same for HTTP/1.1 and HTTP/2. A field that frames, routes, authenticates,
/// modifies the request or says how to read the content has to be known before the content; so
/// has `Set-Cookie`, which no client takes from trailers. The list joins what hyper and Go's
/// `net/http` refuse.
pub(crate) fn may_be_trailer(name: &HeaderName) -> bool {
    let name = name.as_str();
    if name.starts_with("if-") || name.starts_with("proxy-") {
        return false;
    }
    !matches!(
        name,
        "age"
            | "authorization"
            | "cache-control"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-range"
            | "content-type"
            | "cookie"
            | "date"
            | "expect"
            | "expires"
            | "host"
            | "keep-alive"
            | "location"
            | "max-forwards"
            | "pragma"
            | "range"
            | "realm"
            | "retry-after"
            | "set-cookie"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "vary"
            | "warning"
            | "www-authenticate"
    )
}

/// Whether a field of the planned head still holds for the error answer that replaces it.
///
/// What describes the representation (its type, length, validators, place, how long to cache it)
/// goes, and so does what was for the connection alone; what states a policy of the site or
/// identifies the exchange (CORS, HSTS, CSP, cookies, request ids, timing) stays. A field that
/// nobody registered stays: it is rarely about the content.
pub(crate) fn outlives_content(name: &HeaderName) -> bool {
    match class::of(name).role() {
        Role::Policy => true,
        Role::Representation | Role::Connection => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &'static str) -> HeaderName {
        HeaderName::from_static(name)
    }

    #[test]
    fn fields_that_frame_or_authenticate_are_no_trailers() {
        for forbidden in [
            "content-length",
            "transfer-encoding",
            "trailer",
            "te",
            "connection",
            "set-cookie",
            "www-authenticate",
            "if-match",
            "proxy-authenticate",
            "cache-control",
        ] {
            assert!(!may_be_trailer(&name(forbidden)), "{forbidden}");
        }
        for allowed in
            ["server-timing", "x-checksum", "grpc-status", "repr-digest", "etag", "digest"]
        {
            assert!(may_be_trailer(&name(allowed)), "{allowed}");
        }
    }

    #[test]
    fn policy_outlives_the_content_and_description_does_not() {
        for kept in [
            "access-control-allow-origin",
            "vary",
            "strict-transport-security",
            "content-security-policy",
            "x-request-id",
            "set-cookie",
            "server-timing",
            "x-something-of-ours",
        ] {
            assert!(outlives_content(&name(kept)), "{kept}");
        }
        for dropped in [
            "content-type",
            "content-length",
            "content-digest",
            "content-disposition",
            "etag",
            "last-modified",
            "accept-ranges",
            "cache-control",
            "retry-after",
            "connection",
            "upgrade",
            "sec-websocket-accept",
            "cloudflare-cdn-cache-control",
            "surrogate-control",
            "x-accel-expires",
        ] {
            assert!(!outlives_content(&name(dropped)), "{dropped}");
        }
    }
}
