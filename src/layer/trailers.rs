//! The body's own trailers at the commit: they stay trailers, or are dropped and noted.
//!
//! RFC 9110, section 6.5.1: a trailer must not become a header field unless its definition allows
//! it. What the application wants in the head it writes through [`Head`](crate::Head).

use http::header::HeaderName;
use http_body::Body;

use super::exchange::Exchange;
use super::hold;
use super::holding::Held;
use super::terms::Terms;
use crate::field::trailer;
use crate::head::{Note, Sealing};
use crate::ledger::{Values, Writer};

/// Merges the trailers that the layer was asked to merge, where the head has no such field. Those of
/// gRPC are part of its protocol and stay.
pub(crate) fn merge<B: Body>(
    exchange: &Exchange,
    held: &mut Held<B>,
    mut sealing: Option<&mut Sealing>,
) {
    let names = &exchange.settings.merged_trailers;
    let fields = &mut held.parts.headers;
    let Some(trailers) = held.content.trailers_mut().filter(|_| !names.is_empty()) else {
        return;
    };
    if hold::is_grpc(fields) {
        return;
    }
    let mut refused: Vec<HeaderName> = Vec::new();
    for name in names.iter() {
        if !trailers.contains_key(name) || fields.contains_key(name) {
            continue;
        }
        if !trailer::is_mergeable(name) {
            refused.push(name.clone());
            continue;
        }
        for value in trailers.get_all(name) {
            // A head that is full keeps what it has.
            let _ = fields.try_append(name.clone(), value.clone());
        }
        trailers.remove(name);
        if let Some(sealing) = &mut sealing {
            sealing.changed(&Writer::Trailers, name, Values::None, fields);
        }
    }
    if trailers.is_empty() {
        held.content.take_trailers();
    }
    if !refused.is_empty() {
        exchange.note(Note::TrailersNotMerged(refused));
    }
}

/// Drops trailers that this client cannot be sent, so that the length of the content may be known.
pub(crate) fn drop_unsent<B: Body>(exchange: &Exchange, held: &mut Held<B>, terms: &Terms) {
    let takes = match terms {
        Terms::Plain => true,
        Terms::Weighed(weighed) => weighed.trailers,
    };
    if takes {
        return;
    }
    if let Some(trailers) = held.content.take_trailers() {
        exchange.note_dropped(trailers.keys().cloned().collect());
    }
}
