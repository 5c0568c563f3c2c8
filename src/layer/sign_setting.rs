//! Who signs the layer's responses, and what that asks of a request.

use std::sync::Arc;

use http::Request;
use http::header::HeaderMap;

use super::request_target::RequestTarget;
use crate::head::origin::ask_for_layers;
use crate::signatures::Sign;

/// The layer's signers, in the order in which they sign.
#[derive(Clone, Default)]
pub(crate) struct SignSetting(Vec<Arc<Sign>>);

impl SignSetting {
    pub(super) fn add(&mut self, sign: Sign) {
        // So named layers outside look whether they break the signature.
        ask_for_layers();
        self.0.push(Arc::new(sign));
    }

    #[inline]
    pub(super) const fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn signers(&self) -> &[Arc<Sign>] {
        &self.0
    }
}

/// What signatures ask of a request, kept until the commit.
#[derive(Debug)]
pub(crate) struct SignTarget {
    pub(super) request: RequestTarget,
    pub(super) fields: HeaderMap,
}

impl SignTarget {
    /// Always something; without the feature there is nothing to keep.
    #[expect(clippy::unnecessary_wraps, reason = "without the feature it is nothing")]
    pub(super) fn of<B>(request: &Request<B>, setting: &SignSetting) -> Option<Self> {
        let mut fields = HeaderMap::new();
        for name in setting.0.iter().flat_map(|sign| sign.request_fields()) {
            if fields.contains_key(name) {
                continue;
            }
            for value in request.headers().get_all(name) {
                fields.append(name, value.clone());
            }
        }
        Some(Self { request: RequestTarget::of(request), fields })
    }
}
