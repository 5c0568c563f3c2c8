//! What a bad reporter does to a response: nothing.

use http::StatusCode;
use letterhead::Receipt;
use letterhead::report::Collector;

use crate::app;

#[tokio::test]
async fn a_reporter_that_panics_harms_no_response_and_no_other_reporter() {
    let seen = Collector::new();
    let layer = app::reported(|_: &Receipt| panic!("the reporter's own")).reporter(seen.clone());
    assert_eq!(app::odd(&layer).await, StatusCode::OK);
    assert_eq!(app::plain(&layer).await, StatusCode::OK);
    assert_eq!(seen.take().len(), 2);
}

#[tokio::test]
async fn a_receipt_shows_no_secret_however_it_is_printed() {
    let seen = Collector::new();
    let layer = app::reported(seen.clone());
    app::odd(&layer).await;
    for receipt in seen.take() {
        app::check_secrets(&receipt.to_string());
        app::check_secrets(&receipt.explain());
    }
}
