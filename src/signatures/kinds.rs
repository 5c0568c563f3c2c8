//! Which known fields have which structure (RFC 9651 and the fields' own definitions), for `;sf`.

use http::header::HeaderName;

use crate::field::structured::Kind;

const DICTIONARIES: [&str; 11] = [
    "cache-control",
    "cdn-cache-control",
    "content-digest",
    "priority",
    "reporting-endpoints",
    "repr-digest",
    "signature",
    "signature-input",
    "surrogate-control",
    "want-content-digest",
    "want-repr-digest",
];

const LISTS: [&str; 13] = [
    "accept",
    "accept-ch",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "allow",
    "cache-status",
    "content-encoding",
    "content-language",
    "preference-applied",
    "proxy-status",
    "server-timing",
    "vary",
];

const ITEMS: [&str; 10] = [
    "access-control-allow-origin",
    "access-control-max-age",
    "age",
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "deprecation",
    "origin-agent-cluster",
    "x-content-type-options",
];

/// The structure of a field, if it is a known one.
pub(super) fn kind_of(name: &HeaderName) -> Option<Kind> {
    let name = name.as_str();
    let tables: [(&[&str], Kind); 3] =
        [(&DICTIONARIES, Kind::Dictionary), (&LISTS, Kind::List), (&ITEMS, Kind::Item)];
    tables.into_iter().find(|(names, _)| names.contains(&name)).map(|(_, kind)| kind)
}
