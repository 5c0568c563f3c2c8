//! Which trailers may be merged into a head that has not gone out yet.

use http::header::HeaderName;

/// The fields whose definition lets a recipient of trailers merge them into the header section
/// (RFC 9110, section 6.5.1), and where it says so. No other may be.
const MERGEABLE: [(&str, &str); 6] = [
    ("content-digest", "RFC 9530, section 2"),
    ("etag", "RFC 9110, section 8.8.3"),
    ("repr-digest", "RFC 9530, section 3"),
    ("server-timing", "Server Timing, section 4"),
    ("signature", "RFC 9421, section 4.2"),
    ("signature-input", "RFC 9421, section 4.1"),
];

/// Whether the definition of `name` lets its trailer be merged into the head.
pub(crate) fn is_mergeable(name: &HeaderName) -> bool {
    MERGEABLE.iter().any(|(mergeable, _)| name == mergeable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::nature;

    #[test]
    fn what_may_be_merged_may_be_a_trailer_and_has_a_source() {
        for (name, source) in MERGEABLE {
            let name = HeaderName::from_static(name);
            assert!(is_mergeable(&name) && nature::may_be_trailer(&name), "{name}");
            assert!(source.contains("section"), "{source}");
        }
        assert!(MERGEABLE.is_sorted());
        for name in ["x-frame-options", "set-cookie", "x-rows", "access-control-allow-origin"] {
            assert!(!is_mergeable(&HeaderName::from_static(name)), "{name}");
        }
    }
}
