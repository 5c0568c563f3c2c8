//! The place of a nonce in a Content-Security-Policy (CSP 3, section 2.3.1).

use http::header::HeaderValue;

/// Where a policy has this source, the response's nonce goes: `script-src 'nonce'`. To a browser it is no
/// source at all.
const PLACE: &str = "'nonce'";

/// Puts `nonce` where `value` has `'nonce'`; without one the word is taken out. `None`: it is not there.
///
/// A list of sources that has nothing else becomes `'none'`, which is what a browser makes of an empty one
/// (CSP 3, section 2.3.1).
pub(crate) fn with_nonce(value: &HeaderValue, nonce: Option<&str>) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    if !text.to_ascii_lowercase().contains(PLACE) {
        return None;
    }
    let policies = text.split(',').map(|policy| {
        let directives = policy.split(';').map(|directive| of_directive(directive, nonce));
        directives.collect::<Vec<_>>().join(";")
    });
    let mut changed = HeaderValue::try_from(policies.collect::<Vec<_>>().join(",")).ok()?;
    changed.set_sensitive(value.is_sensitive());
    Some(changed)
}

/// `value` as it was before `nonce` was put in. `None`: it is not there.
pub(crate) fn with_place(value: &HeaderValue, nonce: &str) -> Option<HeaderValue> {
    let source = format!("'nonce-{nonce}'");
    let text = value.to_str().ok().filter(|text| text.contains(&source))?;
    let mut before = HeaderValue::try_from(text.replace(&source, PLACE)).ok()?;
    before.set_sensitive(value.is_sensitive());
    Some(before)
}

fn of_directive(directive: &str, nonce: Option<&str>) -> String {
    let is_place = |word: &str| word.eq_ignore_ascii_case(PLACE);
    if !directive.split_ascii_whitespace().any(is_place) {
        return directive.to_owned();
    }
    let source = nonce.map(|nonce| format!("'nonce-{nonce}'"));
    let mut words = Vec::new();
    for word in directive.split_ascii_whitespace() {
        match (is_place(word), &source) {
            (false, _) => words.push(word),
            (true, Some(source)) => words.push(source),
            (true, None) => {}
        }
    }
    if words.len() == 1 {
        words.push("'none'");
    }
    let blank = if directive.starts_with([' ', '\t']) { " " } else { "" };
    format!("{blank}{}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_has_its_place_and_without_one_the_place_goes() {
        let cases = [
            ("script-src 'self' 'nonce'", "script-src 'self' 'nonce-N'", "script-src 'self'"),
            (
                "script-src 'nonce'; img-src *",
                "script-src 'nonce-N'; img-src *",
                "script-src 'none'; img-src *",
            ),
            ("a 'NONCE',b; c 'nonce' x", "a 'nonce-N',b; c 'nonce-N' x", "a 'none',b; c x"),
            ("script-src 'nonce' 'nonce'", "script-src 'nonce-N' 'nonce-N'", "script-src 'none'"),
        ];
        for (value, with, without) in cases {
            let value = HeaderValue::from_static(value);
            assert_eq!(with_nonce(&value, Some("N")).unwrap_or(value.clone()), with);
            assert_eq!(with_nonce(&value, None).unwrap_or(value), without);
            let again = with_place(&HeaderValue::from_static(with), "N")
                .map(|value| with_nonce(&value, None));
            assert_eq!(again.flatten().unwrap_or(HeaderValue::from_static(with)), without);
        }
        for value in ["script-src 'nonce-abc'", "script-src nonce", "", "script-src 'nonces'"] {
            assert_eq!(with_nonce(&HeaderValue::from_static(value), Some("N")), None, "{value}");
        }
    }
}
