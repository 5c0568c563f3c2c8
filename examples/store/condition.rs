//! The conditions of a request that changes what is stored (RFC 9110, section 13).

use http::Request;
use http::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use letterhead::store::{Store, StoreError, Stored};

/// What they come to.
pub(crate) enum Condition {
    /// There are none.
    None,
    /// They hold of this. What has the name later on may be something else: the generation tells.
    Holds(Box<Stored>),
    /// They do not hold.
    Fails,
    /// Nothing has the name; `If-Match` does not hold of nothing.
    Missing { holds: bool },
}

impl Condition {
    pub(crate) async fn of(
        store: &Store,
        name: &str,
        fields: &HeaderMap,
    ) -> Result<Self, StoreError> {
        let mut head = Request::head("/").body(()).unwrap_or_default();
        for condition in [IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH] {
            for value in fields.get_all(&condition) {
                head.headers_mut().append(condition.clone(), value.clone());
            }
        }
        if head.headers().is_empty() {
            return Ok(Self::None);
        }
        let stored = match store.head(name, None).await {
            Err(error) if error.is_not_found() => {
                return Ok(Self::Missing { holds: !fields.contains_key(IF_MATCH) });
            }
            stored => stored?,
        };
        // They are judged as those of a GET; what is a 304 there fails here.
        let sent = store.try_send(&head, name, Some(stored.generation())).await?;
        if sent.status().is_success() { Ok(Self::Holds(Box::new(stored))) } else { Ok(Self::Fails) }
    }
}
