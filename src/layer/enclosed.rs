//! Policy, deny rules and signers of a layer inside of another one: they go with its responses to the layer that commits.

use std::sync::Arc;

use http::{Extensions, Request};

use super::asked::Asked;
use super::deny_target::DenyTarget;
use super::policy_handle::PolicyTarget;
use super::settings::Settings;
use super::sign_setting::SignTarget;

/// What a layer inside wants of its responses, and what that will ask of the request.
pub(crate) struct Enclosed {
    pub(super) settings: Arc<Settings>,
    pub(super) asked: Asked,
}

/// In the extensions of a response: the layers that it came through, the innermost first.
#[derive(Clone)]
struct Passed(Vec<Arc<Enclosed>>);

impl Enclosed {
    /// What a layer with these settings wants; nothing without a policy, deny rules and signers.
    pub(crate) fn of<B>(request: &Request<B>, settings: &Arc<Settings>) -> Option<Arc<Self>> {
        let (has_policy, has_deny) = (settings.policy.is_set(), settings.deny.is_set());
        let has_signers = settings.sign.is_set();
        if !has_policy && !has_deny && !has_signers {
            return None;
        }
        let mut asked = Asked::default();
        if has_policy {
            asked.policy = PolicyTarget::of(request);
        }
        asked.denying = has_deny.then(|| DenyTarget::of(request));
        if has_signers {
            asked.signing = SignTarget::of(request, &settings.sign);
        }
        Some(Arc::new(Self { settings: Arc::clone(settings), asked }))
    }

    /// Goes with the response that these extensions are of.
    pub(crate) fn send(self: Arc<Self>, extensions: &mut Extensions) {
        match extensions.get_mut::<Passed>() {
            Some(Passed(all)) => all.push(self),
            None => drop(extensions.insert(Passed(vec![self]))),
        }
    }

    /// Whether there are any with a response, which then is not committed without them: a cache in between may answer
    /// again with what it has, and the layer inside sees nothing of that request.
    pub(crate) fn is_with(extensions: &Extensions) -> bool {
        extensions.get::<Passed>().is_some()
    }

    /// Those that came with a response.
    pub(crate) fn take(extensions: &mut Extensions) -> Vec<Arc<Self>> {
        extensions.remove::<Passed>().map(|Passed(all)| all).unwrap_or_default()
    }
}
