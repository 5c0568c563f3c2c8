//! The layer's option for deny rules.

use super::LetterheadLayer;
use crate::head::deny::Deny;

impl LetterheadLayer {
    /// Lets `rule` refuse a head when everybody else is done with it: after handlers, layers, late writes, hooks,
    /// [rules](Self::rules) and header policy. Several rules are all asked, and the messages of all are kept.
    ///
    /// A head that is denied becomes a plain 500, or the status that the rule names. Nothing of what was planned goes
    /// out: neither a field nor a byte of content. The header policy is applied to that answer, and deny rules
    /// are not asked about it. Of a remote call the answer is in the form of its protocol (see
    /// [`ErrorAnswer`](crate::ErrorAnswer)). [`Receipt::denied`](crate::Receipt::denied) has the messages; the client
    /// sees them only with [`debug_answers`](Self::debug_answers).
    ///
    /// Those of a layer inside of another one, as around one of several routers, are asked about each response that
    /// came out of it, when the outer one commits it.
    ///
    /// Every response that passes the layer is judged, error answers included. [The guide](crate::guide::deny) has more.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::{BodyExt, Full};
    /// use letterhead::LetterheadLayer;
    /// use letterhead::deny::FinalHead;
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app = service_fn(|_: Request<Full<Bytes>>| async {
    ///     let response = Response::builder().header("x-internal", "db7");
    ///     Ok::<_, Infallible>(response.body(Full::new(Bytes::from("rows"))).unwrap())
    /// });
    /// let layer = LetterheadLayer::new()
    ///     .on_end(|receipt| {
    ///         let denied = receipt.denied().expect("denied");
    ///         assert_eq!(denied.messages(), ["x-internal leaves the house"]);
    ///         assert!(receipt.failure().is_some_and(letterhead::Error::is_denied));
    ///     })
    ///     .deny(|head: &FinalHead<'_>| {
    ///         let leaves = head.fields().contains_key("x-internal");
    ///         leaves.then(|| "x-internal leaves the house".to_owned())
    ///     });
    /// let response = layer.layer(app).oneshot(Request::new(Full::default())).await.unwrap();
    /// assert_eq!(response.status(), 500);
    /// assert!(!response.headers().contains_key("x-internal"));
    /// let content = response.into_body().collect().await.unwrap().to_bytes();
    /// assert_eq!(content, r#"{"type":"about:blank","title":"Internal Server Error","status":500}"#);
    /// # }
    /// ```
    #[must_use]
    pub fn deny(self, rule: impl Deny) -> Self {
        self.with(|settings| settings.deny.add(rule))
    }
}
