//! The layer's option for signatures.

use super::LetterheadLayer;
use crate::signatures::Sign;

impl LetterheadLayer {
    /// Signs every response that passes this layer, when its head is final: after handlers, layers, late writes, hooks,
    /// [rules](Self::rules), header policy, deny rules and framing (RFC 9421).
    ///
    /// Error answers are signed like any other response, and a `HEAD` as its `GET`. A 304 is not, because a cache would
    /// put its signature on the response that it has stored, nor are 1xx and a connection that becomes something else.
    /// What the server adds later, such as `Date`, is never covered, nor are trailers.
    ///
    /// A response that cannot be signed goes out without (or becomes a 503, see
    /// [`OnFailure`](crate::signatures::OnFailure)), and its receipt has a [note](crate::Note::Unsigned). Signatures that a response has already stay, and
    /// the new one gets a label of its own. Called again, it adds a signer.
    ///
    /// A layer outside of this one that changes a covered field breaks the signature. Where that layer is
    /// [`named`](crate::named()) and this one has [rules](Self::rules) or a reporter, it is a conflict
    /// ([`Rule::BrokenSignature`](crate::Rule::BrokenSignature)). [The guide](crate::guide::signatures) has more.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use letterhead::LetterheadLayer;
    /// use letterhead::signatures::{Sign, SigningKey};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app = service_fn(|_: Request<Full<Bytes>>| async {
    ///     let response = Response::builder().header("content-type", "text/plain");
    ///     Ok::<_, Infallible>(response.body(Full::new(Bytes::from("text"))).unwrap())
    /// });
    /// let sign = Sign::new(SigningKey::ed25519(&[7; 32])).key_id("2026").unwrap();
    /// let app = LetterheadLayer::new().sign(sign).layer(app);
    /// let response = app.oneshot(Request::get("/page").body(Full::default()).unwrap()).await.unwrap();
    /// let input = response.headers()["signature-input"].to_str().unwrap();
    /// assert!(input.starts_with(r#"sig=("content-type" "@path";req);created="#));
    /// assert!(input.ends_with(r#";keyid="2026""#));
    /// # }
    /// ```
    #[must_use]
    pub fn sign(self, sign: Sign) -> Self {
        self.with(|settings| settings.sign.add(sign))
    }
}
