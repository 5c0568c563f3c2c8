//! The conditions of a request, in the order of RFC 9110, section 13.2.2.

use http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};

use crate::answer::asked::Asked;
use crate::answer::validators::Validators;
use crate::field::date::Date;
use crate::field::etag::EntityTag;
use crate::field::tag::{self, Tag};

/// What the conditions of a `GET`, `HEAD` or `QUERY` come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They hold, or there are none.
    Proceed,
    /// The client has what it asks for.
    NotModified,
    /// What the client asks for is no more.
    Failed,
}

/// Judges all conditions but `If-Range`. The method is `GET`, `HEAD`, or a `QUERY` that is answered
/// as a `GET` of its result (RFC 10008, section 2.6); others have no selected representation, and their
/// conditions are not looked at (section 13.2.1).
pub(crate) fn judge(asked: &Asked, validators: &Validators) -> Verdict {
    // Steps 1 and 2: the first of the two that is there decides.
    let unchanged = if asked.has(&IF_MATCH) {
        Some(lists(asked, &IF_MATCH, validators, EntityTag::matches_strongly))
    } else {
        since(asked, &IF_UNMODIFIED_SINCE, validators).map(|(modified, date)| modified <= date)
    };
    if unchanged == Some(false) {
        return Verdict::Failed;
    }
    // Steps 3 and 4: a tag silences the date, even one that is malformed (section 13.1.3).
    let known = if asked.has(&IF_NONE_MATCH) {
        lists(asked, &IF_NONE_MATCH, validators, EntityTag::matches_weakly)
    } else {
        since(asked, &IF_MODIFIED_SINCE, validators).is_some_and(|(modified, date)| {
            // What somebody got before this version was there is another one, whatever its date says: caches also
            // name the time of a response that had no date of change (section 13.1.3).
            let got_it = || validators.placed.is_none_or(|placed| placed < date);
            if modified == date { !validators.is_date_shared } else { modified < date && got_it() }
        })
    };
    if known { Verdict::NotModified } else { Verdict::Proceed }
}

/// Step 5: whether the client's part is of this version, so that it may have another part
/// (section 13.1.5).
pub(crate) fn range_holds(asked: &Asked, validators: &Validators) -> bool {
    if !asked.has(&IF_RANGE) {
        return true;
    }
    let Some(line) = asked.only(&IF_RANGE) else { return false };
    if let Some(tag) = Tag::read(line.as_bytes()) {
        return validators.tag.as_ref().is_some_and(|own| own.matches_strongly(tag));
    }
    // No order here: the very date, or nothing.
    let date = Date::parse(line, validators.now);
    date.is_some() && date == validators.modified && validators.date_is_strong
}

/// Whether a field is `*`, or lists the tag of what is there. The lines of a list are one list.
fn lists(
    asked: &Asked,
    name: &HeaderName,
    validators: &Validators,
    matches: fn(&EntityTag, Tag<'_>) -> bool,
) -> bool {
    if tag::is_any(asked.lines(name)) {
        return true;
    }
    validators.tag.as_ref().filter(|_| validators.comparable).is_some_and(|own| {
        let mut tags = asked.lines(name).flat_map(|line| tag::tags(line.as_bytes()));
        tags.any(|tag| matches(own, tag))
    })
}

/// The date of the last change and the one in a field; `None` where the field has to be ignored:
/// it is not there, is no date, has several lines, or no change is known (sections 13.1.3, 13.1.4).
fn since(asked: &Asked, name: &HeaderName, validators: &Validators) -> Option<(Date, Date)> {
    let modified = validators.modified?;
    Some((modified, Date::parse(asked.only(name)?, validators.now)?))
}
