//! Which line of a policy does what to one response, for the command and other displays.

use std::collections::BTreeMap;
use std::fmt;

use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::Scheme;
use http::{Request, Response};

use super::exchange::{self, Edit, Origin};
use super::fields::Confined;
use super::listing::PolicyLine;
use super::rule::{Act, How, Rule, Target, Write};
use super::text::Captures;
use super::{Policy, uri};
use crate::field::rpc::Rpc;

/// A line whose pattern is one for the request, and what it does to the response; from [`Policy::explain`].
#[derive(Clone, Debug)]
pub struct PolicyEffect<'a> {
    line: PolicyLine<'a>,
    changes: Vec<PolicyChange>,
    reason: Option<Unchanged>,
}

/// What a line makes of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    field: HeaderName,
    before: Vec<HeaderValue>,
    after: Vec<HeaderValue>,
}

/// Why a line changes nothing in a response to a request that its pattern is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unchanged {
    /// The response is not one that the block's `@when` asks for.
    Conditions,
    /// The field says something of a representation or its content, and the response has none.
    Status,
    /// `Strict-Transport-Security` is for connections over TLS alone (RFC 6797, section 7.2).
    Insecure,
    /// A remote call has its own of the field.
    Call,
    /// `@default` gives way to the value that there is.
    Default,
    /// The response restricts caches, and the line would loosen that.
    Loosens,
    /// Captures of a long path would make the value longer than a line may be.
    Long,
    /// The field already is as the line makes it.
    Same,
}

impl Policy {
    /// Applies the policy to a response, as it would be done at a commit, and says of each line that is about the
    /// request's path what it did, in the order in which they apply.
    ///
    /// The connection counts as secured if the scheme of the request's target is `https`; without a host in it the field
    /// `Host` counts. `from` names the maker of the response, by the words that `@when from=` has: `handler`, `file`,
    /// `error`, `panic`, or the name of a layer.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Request, Response};
    /// use letterhead::policy::{Dialect, Policy, Unchanged};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let text = "/*\n  X-A: 1\n/b\n  Cache-Control: no-cache\n";
    /// let policy = Policy::parse("_headers", text, Dialect::Cloudflare)?;
    /// let mut response = Response::builder().status(404).body(())?;
    /// let effects = policy.explain(&Request::get("/b").body(())?, &mut response, "handler");
    /// assert_eq!(response.headers()["x-a"], "1");
    /// assert_eq!((effects[0].line().number(), effects[0].reason()), (2, None));
    /// assert_eq!((effects[1].line().number(), effects[1].reason()), (4, Some(Unchanged::Status)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn explain<B, C>(
        &self,
        request: &Request<B>,
        response: &mut Response<C>,
        from: &str,
    ) -> Vec<PolicyEffect<'_>> {
        let target = request.uri();
        let host = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let asked = exchange::Request {
            authority: target.authority().map(http::uri::Authority::as_str).or_else(host),
            path: target.path(),
            method: request.method(),
            secure: target.scheme() == Some(&Scheme::HTTPS),
        };
        let (origin, layer) = match from {
            "handler" => (Origin::Handler, None),
            "file" => (Origin::File, None),
            "error" => (Origin::Error, None),
            "panic" => (Origin::Panic, None),
            layer => (Origin::Handler, Some(layer)),
        };
        let is_grpc = Rpc::of_response(response.headers()).is_some();
        let answer = exchange::Response { status: response.status(), origin, layer, is_grpc };
        let before = response.headers().clone();
        let mut changes: BTreeMap<usize, Vec<PolicyChange>> = BTreeMap::new();
        let mut record = |edit: Edit<'_>| {
            let values = |values: &[HeaderValue]| values.to_vec();
            changes.entry(edit.line).or_default().push(PolicyChange {
                field: edit.field.clone(),
                before: values(edit.before.as_slice()),
                after: values(edit.after.as_slice()),
            });
        };
        self.apply(&asked, &answer, response.headers_mut(), Some(&mut record));
        let subject = Subject { asked, answer, before, after: response.headers() };
        let lines = self.lines_about(&subject.asked);
        let effects = lines.into_iter().map(|(rule, write)| {
            let changes = changes.remove(&write.line).unwrap_or_default();
            let is_long = || self.is_too_long(&subject.asked, rule, write);
            let reason = changes.is_empty().then(|| {
                let reason = subject.reason(rule, write);
                if reason == Unchanged::Same && is_long() { Unchanged::Long } else { reason }
            });
            PolicyEffect { line: PolicyLine { rule, write }, changes, reason }
        });
        effects.collect()
    }

    /// Whether a line has no value for this request.
    fn is_too_long(&self, asked: &exchange::Request<'_>, rule: &Rule, write: &Write) -> bool {
        let Act::Change(_, how) = &write.act else { return false };
        let (How::Set(value) | How::Default(value) | How::Append(value) | How::Merge(value)) = how
        else {
            return false;
        };
        let (path, host) = (self.path(asked.path), asked.authority.and_then(uri::host));
        let mut captures = Captures::default();
        rule.pattern.matches(host.as_deref(), &path, &mut captures)
            && value.with(&captures).is_none()
    }

    /// The lines of the blocks whose patterns are about the request, in the order in which they apply.
    fn lines_about(&self, asked: &exchange::Request<'_>) -> Vec<(&Rule, &Write)> {
        let path = self.path(asked.path);
        let host = asked.authority.and_then(uri::host);
        let rules = self.candidates(&path).filter_map(|place| self.rules.get(place));
        let rules = rules
            .filter(|rule| rule.pattern.matches(host.as_deref(), &path, &mut Captures::default()));
        rules.flat_map(|rule| rule.writes.iter().map(move |write| (rule, write))).collect()
    }
}

/// What is explained.
struct Subject<'a> {
    asked: exchange::Request<'a>,
    answer: exchange::Response<'a>,
    before: HeaderMap,
    after: &'a HeaderMap,
}

impl Subject<'_> {
    /// Why a line changed nothing.
    fn reason(&self, rule: &Rule, write: &Write) -> Unchanged {
        let Self { asked, answer, before, .. } = self;
        if !rule.when.holds(asked.method, answer, before.get(CONTENT_TYPE)) {
            return Unchanged::Conditions;
        }
        let Act::Change(Target { name, nature, .. }, how) = &write.act else {
            return Unchanged::Same;
        };
        let is_there = before.contains_key(name) || self.after.contains_key(name);
        if nature.is_of_calls && answer.is_grpc {
            Unchanged::Call
        } else if nature.wants_security && !asked.secure && !matches!(how, How::Remove) {
            Unchanged::Insecure
        } else if !nature.suits(answer.status, rule.when.is_by_status(), before) {
            Unchanged::Status
        } else if matches!(how, How::Default(_)) && is_there {
            Unchanged::Default
        } else if nature.tells_caches
            && Confined::of(before, answer.origin == Origin::File).is_any()
        {
            Unchanged::Loosens
        } else {
            Unchanged::Same
        }
    }
}

impl<'a> PolicyEffect<'a> {
    /// The line.
    #[must_use]
    pub const fn line(&self) -> PolicyLine<'a> {
        self.line
    }

    /// What it changes: one field, or several for a line that takes away all whose names begin alike.
    #[must_use]
    pub fn changes(&self) -> &[PolicyChange] {
        &self.changes
    }

    /// Why it changes nothing; `None` if it changes something.
    #[must_use]
    pub const fn reason(&self) -> Option<Unchanged> {
        self.reason
    }
}

impl PolicyChange {
    /// The field.
    #[must_use]
    pub const fn field(&self) -> &HeaderName {
        &self.field
    }

    /// The values that it had before.
    #[must_use]
    pub fn before(&self) -> &[HeaderValue] {
        &self.before
    }

    /// The values that it has then; none if it was taken away.
    #[must_use]
    pub fn after(&self) -> &[HeaderValue] {
        &self.after
    }
}

impl Unchanged {
    /// One word for it, which stays: `conditions`, `status`, `insecure`, `call`, `default`, `loosens`, `long` or `same`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conditions => "conditions",
            Self::Status => "status",
            Self::Insecure => "insecure",
            Self::Call => "call",
            Self::Default => "default",
            Self::Loosens => "loosens",
            Self::Long => "long",
            Self::Same => "same",
        }
    }
}

impl fmt::Display for Unchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conditions => "the response is not one that its @when asks for",
            Self::Status => "a response with this status has nothing that the field describes",
            Self::Insecure => "it is for connections over TLS alone",
            Self::Call => "a remote call has its own of the field",
            Self::Default => "the field has a value already",
            Self::Loosens => "the response says private or no-store, which it would loosen",
            Self::Long => "what the path has for it would make it longer than a line may be",
            Self::Same => "the field already is as the line makes it",
        })
    }
}
