//! Comma-separated lists of tokens, spread over any number of field lines (RFC 9110, section 5.6.1).

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Whether a line of `name` lists `token`, in any letter case.
///
/// A member with parameters (`trailers;q=0.5`) is not the bare token. A line that is not visible
/// ASCII has no members: hyper reads it so, and what both agree on is what reaches the wire.
pub(crate) fn lists(fields: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    has_any(fields, [name])
        && fields.get_all(name).iter().any(|line| {
            line.to_str()
                .is_ok_and(|line| members(line).any(|member| member.eq_ignore_ascii_case(token)))
        })
}

/// Whether a line of one of `names` is there.
///
/// In a small head a look at every name is several times cheaper than a hash for each wanted one.
pub(crate) fn has_any<const N: usize>(fields: &HeaderMap, names: [&HeaderName; N]) -> bool {
    const SMALL: usize = 8;
    if fields.keys_len() <= SMALL {
        fields.keys().any(|present| names.contains(&present))
    } else {
        names.iter().any(|name| fields.contains_key(*name))
    }
}

/// Whether the lines of `name` together list nothing but `token`.
pub(crate) fn is_at_most(fields: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    fields.get_all(name).iter().all(|line| {
        line.to_str()
            .is_ok_and(|line| members(line).all(|member| member.eq_ignore_ascii_case(token)))
    })
}

/// The field names that the lines of `name` list; members that are no field name are left out.
pub(crate) fn names(fields: &HeaderMap, name: &HeaderName) -> Vec<HeaderName> {
    let mut found = Vec::new();
    for line in fields.get_all(name) {
        for member in members(line.to_str().unwrap_or("")) {
            if let Ok(member) = HeaderName::from_bytes(member.as_bytes()) {
                if !found.contains(&member) {
                    found.push(member);
                }
            }
        }
    }
    found
}

/// One field value that lists `names`.
pub(crate) fn value(names: &[HeaderName]) -> HeaderValue {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name.as_str());
    }
    // A field name has no byte that a value may not have.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn members(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(str::trim).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use http::header::{TE, TRAILER};

    use super::*;

    fn te(lines: &[&'static [u8]]) -> bool {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(TE, HeaderValue::from_bytes(line).expect("a legal value"));
        }
        lists(&fields, &TE, "trailers")
    }

    #[test]
    fn trailers_are_accepted_only_by_the_bare_token() {
        assert!(te(&[b"trailers"]));
        assert!(te(&[b"Trailers"]));
        assert!(te(&[b"gzip;q=0.5 , trailers"]));
        assert!(te(&[b"gzip", b"trailers"]));
        assert!(!te(&[]));
        assert!(!te(&[b""]));
        assert!(!te(&[b"trailers;q=1"]));
        assert!(!te(&[b"trailersx"]));
        assert!(!te(&[b"trailers, \xff"]));
    }

    #[test]
    fn a_name_is_found_in_a_small_head_and_in_a_large_one() {
        let mut fields = HeaderMap::new();
        for number in 0..20 {
            assert!(!has_any(&fields, [&TRAILER, &TE]), "{number}");
            let mut with = fields.clone();
            with.insert(TE, HeaderValue::from_static("gzip"));
            assert!(has_any(&with, [&TRAILER, &TE]), "{number}");
            let name = HeaderName::try_from(format!("x-{number}")).expect("a name");
            fields.insert(name, HeaderValue::from_static("1"));
        }
    }

    #[test]
    fn names_are_merged_in_order_and_once() {
        let mut fields = HeaderMap::new();
        fields.append(TRAILER, HeaderValue::from_static("X-B, x-a,, no name"));
        fields.append(TRAILER, HeaderValue::from_static("x-b , x-c"));
        let names = names(&fields, &TRAILER);
        assert_eq!(names, ["x-b", "x-a", "x-c"]);
        assert_eq!(value(&names), "x-b, x-a, x-c");
        assert_eq!(value(&[]), "");
    }
}
