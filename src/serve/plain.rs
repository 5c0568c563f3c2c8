//! In the place of TLS where the feature is off: there is none.

use std::io;

use super::wire::Wire;

/// No value of this can be made.
#[derive(Debug)]
pub(super) enum Secure {}

impl Secure {
    #[expect(clippy::unused_async, reason = "the other one waits")]
    pub(super) async fn handshake(&self, _: Wire) -> io::Result<(Wire, bool)> {
        match *self {}
    }
}
