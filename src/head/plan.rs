//! The head as it would be if it were committed now: for those who read it, and for the hold.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::attempts::Attempt;
use super::shared::State;
use super::write::Write;
use super::{Intent, Landing, Planned};
use crate::ledger::{Ledger, Lines, Stage};

impl State {
    /// The values that `name` would have if the head were committed now, as far as is known to a
    /// reader for whom the writes of these attempts count.
    pub(crate) fn read(
        &self,
        name: &HeaderName,
        counts: impl Fn(Attempt) -> bool,
    ) -> Vec<HeaderValue> {
        let (status, mut fields) = (self.lent_status(), HeaderMap::new());
        if let Some((_, planned)) = &self.lent {
            for value in planned.get_all(name) {
                fields.append(name, value.clone());
            }
        } else {
            self.replay_batches(&mut status.unwrap_or_default(), &mut fields, &counts);
        }
        let about = |write: &&Write| {
            let is_it = write.change.field() == Some(name) || write.change.status_code().is_some();
            is_it && counts(write.origin.attempt)
        };
        let writes = self.writes().iter().filter(about).cloned().collect();
        self.preview(writes, &mut status.unwrap_or_default(), &mut fields);
        fields.get_all(name).iter().cloned().collect()
    }

    /// The status that the head has, or would have if it were committed now.
    pub(crate) fn planned_status(&self, counts: impl Fn(Attempt) -> bool) -> Option<StatusCode> {
        let own = self.lent_status();
        let mut planned = own.unwrap_or_default();
        if own.is_none() {
            self.replay_batches(&mut planned, &mut HeaderMap::new(), &counts);
        }
        let wrote =
            |write: &&Write| write.change.status_code().is_some() && counts(write.origin.attempt);
        let known = own.is_some()
            || self.writes().iter().any(|write| wrote(&write))
            || self.record.iter().flat_map(|r| r.sealing.batch_writes()).any(|write| wrote(&write));
        let writes = self.writes().iter().filter(wrote).cloned().collect();
        self.preview(writes, &mut planned, &mut HeaderMap::new());
        self.status.or(known.then_some(planned))
    }

    /// The status that a response with the status `own` would be committed with.
    pub(crate) fn plan_status(&self, own: StatusCode) -> StatusCode {
        let is_status = |write: &&Write| write.change.status_code().is_some();
        let mut status = own;
        if self.writes().iter().any(|write| is_status(&write)) {
            let writes = self.writes().iter().filter(is_status).cloned().collect();
            self.preview(writes, &mut status, &mut HeaderMap::new());
        }
        status
    }

    /// Asks about the fields of a response as they would be if they were committed now.
    pub(crate) fn plans(
        &self,
        mut status: StatusCode,
        fields: &HeaderMap,
        ask: fn(&HeaderMap) -> bool,
    ) -> bool {
        if self.writes().is_empty() {
            return ask(fields);
        }
        let mut fields = fields.clone();
        self.preview(self.writes().to_vec(), &mut status, &mut fields);
        ask(&fields)
    }

    /// Puts writes on a copy of a head, as the commit would.
    fn preview(&self, writes: Vec<Write>, status: &mut StatusCode, fields: &mut HeaderMap) {
        let mut ledger = Ledger::default();
        self.preview_into(writes, status, fields, &mut ledger);
    }

    fn preview_into(
        &self,
        writes: Vec<Write>,
        status: &mut StatusCode,
        fields: &mut HeaderMap,
        ledger: &mut Ledger,
    ) {
        let rules = self.record.as_ref().and_then(|record| record.rules.as_deref());
        let landing = Landing { status: *status, failed: false, author: None, rules };
        let intent = Intent::of(&writes);
        let mut head = Planned { status, fields };
        for write in writes {
            let entry = match write.stage {
                Stage::Open => intent.land(landing, write, &mut head, ledger),
                Stage::Held | Stage::Committing | Stage::Committed | Stage::Ended => {
                    write.apply(head.status, head.fields, ledger)
                }
            };
            ledger.record(entry);
        }
    }

    /// What landed on responses that are on their way, put on a head that is not known.
    fn replay_batches(
        &self,
        status: &mut StatusCode,
        fields: &mut HeaderMap,
        counts: impl Fn(Attempt) -> bool,
    ) {
        let writes = self.record.iter().flat_map(|record| record.sealing.batch_writes());
        let writes = writes.filter(|write| counts(write.origin.attempt));
        self.preview(writes.cloned().collect(), status, fields);
    }

    fn lent_status(&self) -> Option<StatusCode> {
        self.lent.as_ref().map(|(status, _)| *status)
    }

    /// Status, fields and ledger as far as they are known, for an explanation.
    pub(crate) fn known_head(&self) -> (Option<StatusCode>, Lines, Ledger) {
        let record = self.record.as_ref();
        let mut fields = HeaderMap::new();
        let mut status = self.lent_status().unwrap_or_default();
        match &self.lent {
            Some((_, lent)) => fields.clone_from(lent),
            None if self.status.is_none() => {
                self.replay_batches(&mut status, &mut fields, |_| true);
            }
            None => {}
        }
        let mut ledger = record.map(|record| record.sealing.ledger.clone()).unwrap_or_default();
        let provenance = record.and_then(|record| record.provenance.as_ref());
        if let Some(slot) = provenance {
            let mut provenance = slot.ledger();
            provenance.join(ledger);
            ledger = provenance;
        } else if let Some(record) = record {
            record.sealing.batch_entries().for_each(|entry| ledger.record(entry.clone()));
        }
        let known = self.planned_status(|_| true);
        // As if they were applied now.
        self.preview_into(self.writes().to_vec(), &mut status, &mut fields, &mut ledger);
        let sent = record.and_then(|record| record.sent.clone());
        (known, sent.unwrap_or_else(|| Lines::of(&fields)), ledger)
    }
}
