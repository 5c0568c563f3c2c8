//! Failures, panics and cancellation of a response that is not observed: as with a receipt.

use http::Response;
use letterhead::{Failure, LetterheadLayer, Recover, ResetCode, Stage};

use crate::client::h2_get;
use crate::serve::{Act, script, serve_layer};

/// Wants nothing of the request, and resets by what it is told of the response.
struct ByStage;

impl Recover for ByStage {
    fn reset_code(&self, failure: &Failure<'_>) -> ResetCode {
        let status = failure.status().map_or(0, |status| u32::from(status.as_u16()));
        ResetCode::new(if failure.stage() == Stage::Committed { status } else { 1 })
    }

    fn wants_target(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn a_recoverer_is_told_that_the_head_is_out() {
    for observed in [true, false] {
        let layer = LetterheadLayer::new().recover(ByStage);
        let layer = if observed { layer.on_end(|_| ()) } else { layer };
        let server = serve_layer(layer, |_, head| async move {
            drop(head);
            Response::new(script([Act::Data("a"), Act::Fail("broken".into())]))
        })
        .await;
        let reset = h2_get(&server, "/").await.unwrap().reset;
        assert_eq!(reset, Some(h2::Reason::from(200)), "observed: {observed}");
    }
}
