//! Options together, each of which is easy alone.

use std::time::Duration;

use super::{Scratch, later};
use crate::files::FileSender;

#[tokio::test]
async fn no_patience_is_too_long() {
    let scratch = Scratch::new();
    scratch.write("long", vec![7; 3 * FileSender::CHUNK]);
    for rate in [1, u64::MAX] {
        let sender = scratch.sender().least_rate(rate, Duration::MAX).throttle(u64::MAX);
        let told = later(&sender, "GET", "/long", &[]).await;
        assert_eq!(told.body.len(), 3 * FileSender::CHUNK);
    }
}
