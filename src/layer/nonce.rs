//! One nonce for a response whose author asks for it, put into its Content-Security-Policy at the commit.

use std::panic::Location;

use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, ETAG, HeaderMap,
    HeaderName, HeaderValue, LAST_MODIFIED,
};

use crate::error::{Error, Kind};
use crate::field::cache_control;
use crate::field::nonce::{with_nonce, with_place};
use crate::head::{Head, Nonce, Sealing};
use crate::ledger::{Stage, Values, Writer};

/// Fields that may have a place for a nonce.
const POLICIES: [HeaderName; 2] = [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY];

impl Head {
    /// The nonce of this response, for its scripts and styles: 128 bits of the system's randomness in base64
    /// without padding, made when it is first asked for, and the same at every later call.
    ///
    /// At the commit it goes wherever a `Content-Security-Policy` (or its report-only twin) has the source
    /// `'nonce'`: `script-src 'self' 'nonce'` becomes `script-src 'self' 'nonce-...'` (CSP 3, section 2.3.1). The
    /// response is the only one that may have it, so it becomes `Cache-Control: private, no-store` and
    /// loses `ETag`, `Last-Modified` and what some caches read instead (`CDN-Cache-Control`); the ledger names the line that asked. On an error answer that takes the
    /// response's place, and on a 304, nothing of this is done: neither shows the page. Without a call, a
    /// layer with a [policy](crate::LetterheadLayer::policy) takes the word `'nonce'` out.
    ///
    /// # Errors
    ///
    /// [`Error::is_committed`] if the head is being committed, or was, and no nonce was made before; another one
    /// if the system has no randomness to give, with its reason as the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, response::Html, routing::get};
    /// use letterhead::policy::{Dialect, Policy};
    /// use letterhead::{Error, Head, LetterheadLayer};
    ///
    /// async fn page(head: Head) -> Result<Html<String>, Error> {
    ///     let nonce = head.nonce()?;
    ///     Ok(Html(format!("<script nonce=\"{nonce}\">begin()</script>")))
    /// }
    ///
    /// # fn app() -> Result<Router, letterhead::policy::PolicyErrors> {
    /// let text = "/*\n  Content-Security-Policy: script-src 'nonce'; object-src 'none'; base-uri 'none'\n";
    /// let policy = Policy::parse("_headers", text, Dialect::Cloudflare)?;
    /// let app = Router::new().route("/", get(page)).layer(LetterheadLayer::new().policy(policy));
    /// # Ok(app)
    /// # }
    /// # app().unwrap();
    /// ```
    #[track_caller]
    pub fn nonce(&self) -> Result<String, Error> {
        let writer = Location::caller();
        let mut bytes = [0; 16];
        // Before the lock: the first bytes after the start of a system may have to be waited for.
        getrandom::fill(&mut bytes).map_err(|error| Error::with(Kind::Randomness, error.into()))?;
        let mut state = self.shared().lock();
        let may_make = matches!(state.life.stage(), Stage::Open | Stage::Held);
        let made = state.sealing().nonce.as_ref().map(|nonce| nonce.text.clone());
        match made {
            Some(text) => Ok(text),
            None if may_make => {
                let text = base64(bytes);
                state.sealing().nonce = Some(Nonce { text: text.clone(), writer });
                Ok(text)
            }
            None => Err(Error::new(Kind::Committed)),
        }
    }
}

/// The sixteen bytes in base64 (RFC 4648, section 4) without padding.
fn base64(bytes: [u8; 16]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let number = u128::from_be_bytes(bytes);
    // 128 bits are 21 letters of six, and two bits more in front of the last letter's zeros.
    let letter = |at: u32| {
        let six = if at < 21 { number >> (122 - 6 * at) } else { number << 4 };
        LETTERS.get((six & 63) as usize).copied().map_or('A', char::from)
    };
    (0..22).map(letter).collect()
}

/// Takes the nonce back, so that its places are as they were; whether it was anywhere.
pub(super) fn withdraw(fields: &mut HeaderMap, sealing: &Sealing) -> bool {
    let Some(nonce) = &sealing.nonce else { return false };
    for name in &POLICIES {
        for line in fields.iter_mut().filter_map(|(of, line)| (of == name).then_some(line)) {
            if let Some(before) = with_place(line, &nonce.text) {
                *line = before;
            }
        }
    }
    true
}

/// Puts the nonce where the policies have a place for it; takes the place away where there is none.
pub(super) fn put(status: StatusCode, fields: &mut HeaderMap, mut sealing: Option<&mut Sealing>) {
    let nonce = sealing.as_mut().and_then(|sealing| sealing.nonce.clone());
    let nonce = nonce.filter(|_| status != StatusCode::NOT_MODIFIED);
    let text = nonce.as_ref().map(|nonce| &*nonce.text);
    let mut change = |fields: &mut HeaderMap, name: &HeaderName, values: Vec<HeaderValue>| {
        let before = Values::of(fields.get_all(name).iter());
        fields.remove(name);
        for value in values {
            fields.append(name, value);
        }
        if let Some(sealing) = &mut sealing {
            // Without a nonce, it is what the field's author meant.
            let author = || sealing.ledger.last_writer(name).unwrap_or(Writer::Response);
            let writer = nonce.as_ref().map_or_else(author, |nonce| Writer::Place(nonce.writer));
            sealing.changed(&writer, name, before, fields);
        }
    };
    for name in &POLICIES {
        let lines = fields.get_all(name);
        if lines.iter().any(|line| with_nonce(line, text).is_some()) {
            let lines = lines.iter();
            let lines = lines.map(|line| with_nonce(line, text).unwrap_or_else(|| line.clone()));
            let lines = lines.collect();
            change(fields, name, lines);
        }
    }
    if nonce.is_some() {
        let alone = HeaderValue::from_static("private, no-store");
        change(fields, &CACHE_CONTROL, vec![alone]);
        // What a cache would go by in the place of that, and what it could ask again with.
        let is_other = |name: &&HeaderName| {
            [ETAG, LAST_MODIFIED].contains(name) || cache_control::is_targeted(name)
        };
        let others: Vec<_> = fields.keys().filter(is_other).cloned().collect();
        for name in others {
            change(fields, &name, Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_are_twenty_two_letters() {
        assert_eq!(base64([0; 16]), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(base64([0xff; 16]), "/////////////////////w");
        let ascending: [u8; 16] = std::array::from_fn(|at| u8::try_from(at).unwrap_or(0));
        assert_eq!(base64(ascending), "AAECAwQFBgcICQoLDA0ODw");
    }
}
