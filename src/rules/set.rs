//! The rules of one application: an action for each rule and field, and what is expected of heads.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::HeaderName;

use super::{Action, Expect, Rule};
use crate::field::class::{self, Class, Role, Shape};
use crate::field::nature;

/// What is done about conflicts in response heads.
///
/// Give it to [`LetterheadLayer::rules`](crate::LetterheadLayer::rules). Rules see what goes
/// through [`Head`](crate::Head) and what layers wrapped in [`named`](crate::named()) do; the rest
/// of an application is one writer to them.
///
/// # Examples
///
/// ```
/// use http::header;
/// use letterhead::{Action, LetterheadLayer, Rule, Rules};
///
/// let rules = Rules::standard()
///     // Lists are joined instead of replaced, and it is still reported.
///     .on(Rule::ListReplaced, Action::Merge)
///     // Nobody may overwrite this one.
///     .on_field(Rule::Overwritten, header::X_FRAME_OPTIONS, Action::KeepFirst);
/// let layer = LetterheadLayer::new().rules(rules);
/// # let _ = layer;
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    /// What was asked for, by rule.
    actions: [Option<Action>; Rule::ALL.len()],
    by_field: HashMap<(Rule, HeaderName), Action>,
    classes: HashMap<HeaderName, Class>,
    pub(crate) required: Vec<Expect>,
    pub(crate) forbidden: Vec<Expect>,
    secrets: Vec<HeaderName>,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Act,
    Observe,
    Strict,
}

impl Rules {
    /// Every rule is reported, and nothing is changed but what was asked for by itself: a
    /// [required](Self::require) field with a value is put in, and what describes the bytes is put right
    /// behind a layer that is [named for its coding](crate::named::compression). A healthy application
    /// reports nothing: writing the same value again is no conflict, nor is a layer that changes what it
    /// [owns](crate::Named::owns).
    #[must_use]
    pub fn standard() -> Self {
        Self {
            actions: [None; Rule::ALL.len()],
            by_field: HashMap::new(),
            classes: HashMap::new(),
            required: Vec::new(),
            forbidden: Vec::new(),
            secrets: Vec::new(),
            mode: Mode::Act,
        }
    }

    /// Every conflict that is not [allowed](Action::Allow) is reported and nothing is changed,
    /// whatever actions are given: for a first look at an application in production.
    #[must_use]
    pub fn observe() -> Self {
        Self { mode: Mode::Observe, ..Self::standard() }
    }

    /// For tests: a response with a conflict that is not [allowed](Action::Allow) panics. The text says which
    /// request it was and which route it took, each conflict, [what to do](Rule::remedy) about it, and the
    /// whole head with its writers.
    ///
    /// A conflict that is known at the commit panics in the response future; a late write when the
    /// body ends or is dropped. In a server the panic ends the connection's task, and the test
    /// sees that the connection closes; in a test that calls the service itself it ends the test.
    #[must_use]
    pub fn strict() -> Self {
        Self { mode: Mode::Strict, ..Self::standard() }
    }

    /// What is done about `rule`.
    #[must_use]
    pub fn on(mut self, rule: Rule, action: Action) -> Self {
        if let Some(slot) = self.actions.get_mut(rule.index()) {
            *slot = Some(action);
        }
        self
    }

    /// What is done about `rule` where it is about `field`; this comes before [`on`](Self::on).
    #[must_use]
    pub fn on_field(mut self, rule: Rule, field: HeaderName, action: Action) -> Self {
        self.by_field.insert((rule, field), action);
        self
    }

    /// Says what kind of field `field` is, in place of [the table's](crate::guide::fields) word or
    /// of the default for fields that nobody registered.
    #[must_use]
    pub fn class(mut self, field: HeaderName, class: Class) -> Self {
        self.classes.insert(field, class);
        self
    }

    /// Responses must have this field; see [`Rule::Missing`]. With a value ([`Expect::or`]) it is put in
    /// where it is missing, unless another action is asked for.
    #[must_use]
    pub fn require(mut self, expect: Expect) -> Self {
        self.required.push(expect);
        self
    }

    /// Responses must not have this field; see [`Rule::Forbidden`].
    ///
    /// A `Cache-Control` that only restricts (`no-store`, `no-cache`, `private`, ...) is never in
    /// the way, nor are these directives taken out beside others: it is what lets caches keep a response
    /// that is forbidden.
    #[must_use]
    pub fn forbid(mut self, expect: Expect) -> Self {
        self.forbidden.push(expect);
        self
    }

    /// Never shows values of this field, as it is with `Set-Cookie` and the like anyway.
    #[must_use]
    pub fn secret(mut self, field: HeaderName) -> Self {
        self.secrets.push(field);
        self
    }

    /// The action for a conflict; what only observes never changes anything.
    pub(crate) fn action(&self, rule: Rule, field: Option<&HeaderName>) -> Action {
        self.action_or(rule, field, Action::Report)
    }

    /// The action for a conflict for which `standard` is done where nothing was asked for.
    pub(crate) fn action_or(
        &self,
        rule: Rule,
        field: Option<&HeaderName>,
        standard: Action,
    ) -> Action {
        let chosen = match field {
            Some(field) if !self.by_field.is_empty() => {
                self.by_field.get(&(rule, field.clone())).copied()
            }
            Some(_) | None => None,
        };
        let chosen = chosen.or_else(|| self.actions.get(rule.index()).copied().flatten());
        match (self.mode, chosen.unwrap_or(standard)) {
            (_, Action::Allow) => Action::Allow,
            (Mode::Observe, _) => Action::Report,
            (Mode::Act | Mode::Strict, action) => action,
        }
    }

    /// Whether nothing may be changed.
    pub(crate) fn only_observes(&self) -> bool {
        self.mode == Mode::Observe
    }

    /// Whether an action for this rule on this very field was asked for.
    pub(crate) fn has_for_field(&self, rule: Rule, field: &HeaderName) -> bool {
        self.by_field.contains_key(&(rule, field.clone()))
    }

    /// Whether a field of the planned head still holds for an answer that replaces it.
    pub(crate) fn outlives(&self, field: &HeaderName) -> bool {
        match self.classes.get(field) {
            Some(class) if !self.classes.is_empty() => class.role() == Role::Policy,
            Some(_) | None => nature::outlives_content(field),
        }
    }

    /// What a field speaks of.
    pub(crate) fn role(&self, field: &HeaderName) -> Role {
        match self.classes.get(field) {
            Some(class) if !self.classes.is_empty() => class.role(),
            Some(_) | None => class::of(field).role(),
        }
    }

    /// What shape the values of a field have.
    pub(crate) fn shape(&self, field: &HeaderName) -> Shape {
        match self.classes.get(field) {
            Some(class) if !self.classes.is_empty() => class.shape(),
            Some(_) | None => class::of(field).shape(),
        }
    }

    /// The fields whose values are not shown.
    pub(crate) fn secrets(&self) -> Arc<[HeaderName]> {
        self.secrets.clone().into()
    }

    /// Whether a conflict ends the test.
    pub(crate) fn is_strict(&self) -> bool {
        self.mode == Mode::Strict
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::standard()
    }
}
