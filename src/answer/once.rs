//! The answer from facts that are of no use afterwards: files and the store, whose facts are of one request.

use std::time::SystemTime;

use http::StatusCode;

use crate::answer::asked::Asked;
use crate::answer::decide::{Answer, answer};
use crate::answer::facts::Facts;
use crate::answer::head;
use crate::answer::validators::Validators;

/// As [`answer`], with facts that are of no use afterwards: what is sent whole takes them over.
pub(crate) fn answer_once(asked: &Asked, facts: Facts, now: SystemTime) -> Answer {
    if !asked.wants_whole() {
        return answer(asked, &facts, now);
    }
    let validators = Validators::of(&facts, now);
    let mut whole = head::answer(StatusCode::OK);
    *whole.headers_mut() = facts.fields;
    head::describe(whole.headers_mut(), facts.ranges, &validators, facts.length);
    Answer::Whole(whole)
}
