//! Which keys a JSON line has; the guide's page on reports lists the same.

use std::fmt;
use std::time::Duration;

use http::HeaderName;
use serde_core::ser::{Serialize, SerializeMap, Serializer};

use crate::error::WithCauses;
use crate::field::trace_parent::TraceParent;
use crate::head::deny::Denial;
use crate::head::{CommitCause, Note, Receipt, Times};
use crate::ledger::{Entry, Refusal, Shown};
use crate::rules::Conflict;

/// The version of the schema.
const VERSION: u32 = 1;

/// One receipt. Every key is always there; what is not known is `null`.
pub(crate) struct Line<'a>(pub(crate) &'a Receipt);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let receipt = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &VERSION)?;
        map.serialize_entry("method", receipt.method().as_str())?;
        map.serialize_entry("version", &Printed(format_args!("{:?}", receipt.version())))?;
        map.serialize_entry("path", &receipt.path())?;
        map.serialize_entry("route", &receipt.route())?;
        map.serialize_entry("peer", &receipt.peer().map(|peer| Printed(peer.addr)))?;
        map.serialize_entry("request_id", &receipt.request_id())?;
        map.serialize_entry("trace_id", &receipt.trace().map(TraceParent::trace_id))?;
        map.serialize_entry("parent_id", &receipt.trace().map(TraceParent::parent_id))?;
        map.serialize_entry("status", &receipt.status().map(|status| status.as_u16()))?;
        map.serialize_entry("cause", &receipt.cause().map(CommitCause::as_str))?;
        map.serialize_entry("last_stage", receipt.last_stage().as_str())?;
        map.serialize_entry("outcome", receipt.outcome().as_str())?;
        map.serialize_entry(
            "abort",
            &receipt.outcome().error().map(|error| Printed(WithCauses(error))),
        )?;
        map.serialize_entry("times", &receipt.times().map(Micros))?;
        map.serialize_entry("policy", &receipt.policy_version())?;
        map.serialize_entry("list", &receipt.list_version())?;
        map.serialize_entry("held", &receipt.held_bytes())?;
        map.serialize_entry("sent", &receipt.sent_bytes())?;
        map.serialize_entry("hooks", &receipt.hooks_run())?;
        map.serialize_entry("failure", &receipt.failure().map(|error| Printed(WithCauses(error))))?;
        map.serialize_entry("conflicts", &All(receipt.conflicts()))?;
        map.serialize_entry("denied", &receipt.denied().map(Denial::messages))?;
        map.serialize_entry("notes", &All(receipt.notes()))?;
        map.serialize_entry("writes", &All(receipt.writes()))?;
        map.serialize_entry("writes_cut", &receipt.writes_cut())?;
        map.end()
    }
}

/// Times in whole microseconds.
struct Micros<'a>(&'a Times);

impl Serialize for Micros<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("answered", &self.0.answered().map(micros))?;
        map.serialize_entry("committed", &self.0.committed().map(micros))?;
        map.serialize_entry("first_byte", &self.0.first_byte().map(micros))?;
        map.serialize_entry("ended", &micros(self.0.ended()))?;
        map.end()
    }
}

/// What the objects of a list say.
trait Keys {
    fn put<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

impl Keys for Conflict {
    fn put<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let codes = self.statuses().map(|(was, is)| [was.as_u16(), is.as_u16()]);
        map.serialize_entry("rule", self.rule().as_str())?;
        map.serialize_entry("field", &self.field().map(HeaderName::as_str))?;
        map.serialize_entry("first", &self.first().map(Printed))?;
        map.serialize_entry("second", &self.second().map(Printed))?;
        map.serialize_entry("before", &shown(self.before()))?;
        map.serialize_entry("after", &shown(self.after()))?;
        map.serialize_entry("statuses", &codes)?;
        map.serialize_entry("detail", &self.detail())?;
        map.serialize_entry("action", self.action().as_str())?;
        map.serialize_entry("settled", self.settled().as_str())
    }
}

impl Keys for Note {
    fn put<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("kind", self.as_str())?;
        map.serialize_entry("text", &Printed(self))
    }
}

impl Keys for Entry {
    fn put<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let lost: Vec<&str> = self.lost().map(HeaderName::as_str).collect();
        map.serialize_entry("verb", self.verb().as_str())?;
        map.serialize_entry("field", &self.field().map(HeaderName::as_str))?;
        map.serialize_entry("status", &self.status().map(|status| status.as_u16()))?;
        map.serialize_entry("writer", &Printed(self.writer()))?;
        map.serialize_entry("stage", self.stage().as_str())?;
        map.serialize_entry("sequence", &self.sequence())?;
        map.serialize_entry("fate", self.fate().as_str())?;
        map.serialize_entry("refusal", &self.fate().refusal().map(Refusal::as_str))?;
        map.serialize_entry("before", &shown(self.before()))?;
        map.serialize_entry("after", &shown(self.after()))?;
        map.serialize_entry("lost", &lost)
    }
}

/// A list of objects.
struct All<'a, T>(&'a [T]);

impl<T: Keys> Serialize for All<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(One))
    }
}

struct One<'a, T>(&'a T);

impl<T: Keys> Serialize for One<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.put(&mut map)?;
        map.end()
    }
}

fn shown(values: Shown<'_>) -> Option<Printed<Shown<'_>>> {
    (!values.is_empty()).then_some(Printed(values))
}

/// A string that is printed right into the line.
struct Printed<T>(T);

impl<T: fmt::Display> Serialize for Printed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
