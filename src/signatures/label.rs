//! A label for one more signature beside those that a response has already.

use http::header::{HeaderMap, HeaderName};

use super::error::Unsigned;
use crate::field::list::trim;
use crate::field::structured::Dictionary;

pub(crate) const SIGNATURE: HeaderName = HeaderName::from_static("signature");
pub(crate) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// `wanted`, or with the first number that no other signature has (RFC 9421, section 4.3).
pub(super) fn free_label(wanted: &str, fields: &HeaderMap) -> Result<String, Unsigned> {
    let (inputs, signatures) =
        (dictionary(&SIGNATURE_INPUT, fields)?, dictionary(&SIGNATURE, fields)?);
    let is_free = |label: &String| !inputs.has(label) && !signatures.has(label);
    // One more than there are others is free at the latest.
    let taken = inputs.0.len() + signatures.0.len();
    let numbered = (2..=taken + 2).map(|number| format!("{wanted}-{number}"));
    let mut labels = std::iter::once(wanted.to_owned()).chain(numbered);
    Ok(labels.find(is_free).unwrap_or_else(|| wanted.to_owned()))
}

fn dictionary(name: &HeaderName, fields: &HeaderMap) -> Result<Dictionary, Unsigned> {
    if !fields.contains_key(name) {
        return Ok(Dictionary::default());
    }
    let lines = fields.get_all(name).iter().map(|line| trim(line.as_bytes()));
    let joined = lines.collect::<Vec<_>>().join(&b", "[..]);
    Dictionary::parse(&joined).map_err(|found| Unsigned::Unreadable(name.clone(), found))
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_label_is_no_other_signatures() {
        let mut fields = HeaderMap::new();
        let mut check = |input: &'static str, signature: &'static str, expected: Option<&str>| {
            fields.insert(SIGNATURE_INPUT, HeaderValue::from_static(input));
            fields.insert(SIGNATURE, HeaderValue::from_static(signature));
            assert_eq!(free_label("sig", &fields).ok().as_deref(), expected, "{input} {signature}");
        };
        check("", "", Some("sig"));
        check("a=()", "a=:AA==:", Some("sig"));
        check("sig=()", "sig=:AA==:", Some("sig-2"));
        check("sig=(), sig-2=()", "sig-3=:AA==:", Some("sig-4"));
        check("sig=(", "sig=:AA==:", None);
        check("sig=()", "sig=:AA==", None);
        assert_eq!(free_label("sig", &HeaderMap::new()).as_deref(), Ok("sig"));
    }
}
