//! The answer: what to say, and which bytes after it.

use std::ops::Range;
use std::time::SystemTime;

use http::{Response, StatusCode};

use crate::answer::asked::{Asked, Purpose};
use crate::answer::facts::{Facts, Ranges};
use crate::answer::head;
use crate::answer::multipart::Multipart;
use crate::answer::precondition::{self, Verdict};
use crate::answer::select::{self, Selection};
use crate::answer::validators::Validators;
use crate::field::vary::vary_by_encoding;

/// How to respond: a head, and which bytes follow it.
///
/// Every head has its status, its `Date`, and a `Content-Length` that is right for what follows;
/// but a 204 and a 304 have none. A `Response<()>` becomes a whole one with
/// [`map`](Response::map).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// 200 and everything.
    Whole(Response<()>),
    /// 200 to a `HEAD`: the head of [`Whole`](Self::Whole), and nothing after it.
    HeadOnly(Response<()>),
    /// 206 and one part. The end of the range is the byte behind the last.
    Part(Response<()>, Range<u64>),
    /// 206 and several parts.
    Parts(Response<()>, Multipart),
    /// 304: the client has it.
    NotModified(Response<()>),
    /// 412: a condition of the client does not hold.
    PreconditionFailed(Response<()>),
    /// 416: nothing of the range is there.
    RangeNotSatisfiable(Response<()>),
    /// 204 to an `OPTIONS`, with `Allow`.
    Options(Response<()>),
    /// 400: a `QUERY` that does not say which media type its content has (RFC 10008, section 2).
    BadRequest(Response<()>),
    /// 405 with `Allow`: the method is another one than `GET`, `HEAD`, `OPTIONS`, and `QUERY`
    /// where it is [taken](Facts::accept_query).
    MethodNotAllowed(Response<()>),
    /// 406: no coding that the client takes.
    NotAcceptable(Response<()>),
    /// 404: there is nothing to choose from.
    NotFound(Response<()>),
}

/// Which bytes follow the head.
#[derive(Clone, Debug)]
pub enum Plan {
    /// None.
    Nothing,
    /// All of them.
    Whole,
    /// These. The end is the byte behind the last.
    Part(Range<u64>),
    /// Several parts, with glue between them.
    Parts(Multipart),
}

/// Says how to respond to `asked` with something of which `facts` are known, at the time `now`.
///
/// It is a function of its arguments and nothing else. The length is the one in `facts`: whoever
/// sends the bytes has to send that many.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
///
/// use http::Request;
/// use letterhead::answer::{Asked, Facts, Plan, answer};
///
/// let request = Request::get("/").header("range", "bytes=-100").body(()).unwrap();
/// let facts = Facts::new(5_000_000_000);
/// let (head, plan) = answer(&Asked::of(&request), &facts, SystemTime::now()).into_parts();
/// assert_eq!(head.status(), 206);
/// assert!(matches!(plan, Plan::Part(range) if range == (4_999_999_900..5_000_000_000)));
/// ```
#[must_use]
pub fn answer(asked: &Asked, facts: &Facts, now: SystemTime) -> Answer {
    decide(asked, facts, facts.length, now)
}

/// As [`answer`], for something of this length.
pub(crate) fn decide(asked: &Asked, facts: &Facts, length: u64, now: SystemTime) -> Answer {
    match asked.purpose() {
        Purpose::Options => return Answer::Options(head::options(facts, now)),
        Purpose::Query { is_typed: true } if facts.takes_queries() => {}
        // RFC 10008, section 2: this must fail, whatever the content is.
        Purpose::Query { is_typed: false } if facts.takes_queries() => {
            return Answer::BadRequest(head::bad_request(facts, now));
        }
        Purpose::Query { .. } | Purpose::Other => {
            return Answer::MethodNotAllowed(head::method_not_allowed(facts, now));
        }
        Purpose::Get | Purpose::Head => {}
    }
    let validators = Validators::of(facts, now);
    if asked.wants_whole() {
        return Answer::Whole(head::whole(facts, &validators, length));
    }
    match precondition::judge(asked, &validators) {
        Verdict::Failed => {
            return Answer::PreconditionFailed(head::precondition_failed(facts, &validators));
        }
        Verdict::NotModified => {
            let head = head::not_modified(facts, &validators, asked.is_typed_query());
            return Answer::NotModified(head);
        }
        Verdict::Proceed => {}
    }
    let whole = || head::whole(facts, &validators, length);
    // RFC 9110, section 14.2: ranges are defined for GET, and for QUERY by RFC 10008, section 2.8.
    if asked.is_head() {
        return Answer::HeadOnly(whole());
    }
    if facts.ranges != Ranges::Offered || !precondition::range_holds(asked, &validators) {
        return Answer::Whole(whole());
    }
    match select::select(asked, length) {
        Selection::Whole => Answer::Whole(whole()),
        Selection::Unsatisfiable => {
            Answer::RangeNotSatisfiable(head::unsatisfiable(facts, &validators, length))
        }
        Selection::Part(part) => Answer::Part(head::part(facts, &validators, &part, length), part),
        // Nobody could tell whether a coding is of the parts or of what is around them.
        Selection::Parts(_) if facts.is_coded() => Answer::Whole(whole()),
        Selection::Parts(parts) => {
            let parts = Multipart::new(parts, length, facts, now);
            // Several parts never cost more than the whole.
            if parts.length() >= length {
                return Answer::Whole(whole());
            }
            Answer::Parts(head::parts(facts, &validators, &parts), parts)
        }
    }
}

impl Answer {
    /// 406: it is there, but in no coding that the client takes (RFC 9110, section 12.5.3).
    #[must_use]
    pub fn not_acceptable(now: SystemTime) -> Self {
        let mut head = head::bare(StatusCode::NOT_ACCEPTABLE, now);
        vary_by_encoding(head.headers_mut());
        Self::NotAcceptable(head)
    }

    /// 404, where several codings would be offered if there were one.
    #[must_use]
    pub fn not_found(now: SystemTime) -> Self {
        let mut head = head::bare(StatusCode::NOT_FOUND, now);
        vary_by_encoding(head.headers_mut());
        Self::NotFound(head)
    }

    /// Status and fields.
    #[must_use]
    pub const fn head(&self) -> &Response<()> {
        match self {
            Self::Whole(head)
            | Self::HeadOnly(head)
            | Self::Part(head, _)
            | Self::Parts(head, _)
            | Self::NotModified(head)
            | Self::PreconditionFailed(head)
            | Self::RangeNotSatisfiable(head)
            | Self::Options(head)
            | Self::BadRequest(head)
            | Self::MethodNotAllowed(head)
            | Self::NotAcceptable(head)
            | Self::NotFound(head) => head,
        }
    }

    /// The head, and which bytes follow: for whoever does not ask why.
    #[must_use]
    pub fn into_parts(self) -> (Response<()>, Plan) {
        match self {
            Self::Whole(head) => (head, Plan::Whole),
            Self::Part(head, part) => (head, Plan::Part(part)),
            Self::Parts(head, parts) => (head, Plan::Parts(parts)),
            Self::HeadOnly(head)
            | Self::NotModified(head)
            | Self::PreconditionFailed(head)
            | Self::RangeNotSatisfiable(head)
            | Self::Options(head)
            | Self::BadRequest(head)
            | Self::MethodNotAllowed(head)
            | Self::NotAcceptable(head)
            | Self::NotFound(head) => (head, Plan::Nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, ETAG, VARY};
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::*;
    use crate::field::coding::Coding;
    use crate::field::etag::EntityTag;

    fn facts(random: &mut fastrand::Rng, now: SystemTime) -> Facts {
        let mut facts = Facts::new(random.u64(..) >> random.u32(0..64));
        if random.bool() {
            facts = facts.tag(EntityTag::of_digest(&[random.u8(..)]));
        }
        if random.bool() {
            let age = Duration::from_secs(random.u64(0..9));
            facts = facts.last_modified(if random.bool() { now - age } else { now + age });
        }
        for _ in 0..random.usize(0..6) {
            let value = HeaderValue::from(random.u16(..));
            facts = match random.u8(0..10) {
                0 => facts.unsettled(),
                1 => facts.without_ranges(),
                2 => facts.coding(Coding::ALL[random.usize(0..4)]),
                3 => facts.vary(HeaderName::from_static("origin")),
                // What the answer makes itself, and what it does not.
                4 => facts.field(ETAG, value),
                5 => facts.field(ACCEPT_RANGES, value),
                6 => facts.field(VARY, HeaderValue::from_static("Accept, *")),
                7 => facts.content_type(value),
                8 => facts.accept_query(value),
                _ => facts.field(CONTENT_DISPOSITION, value),
            };
        }
        facts
    }

    #[test]
    fn facts_that_are_taken_over_make_the_same_answer_line_by_line() {
        let mut random = fastrand::Rng::with_seed(200);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let lines = |answer: Answer| {
            let (head, plan) = answer.into_parts();
            let fields = head.headers().iter();
            let fields: Vec<_> = fields.map(|(n, v)| (n.clone(), v.clone())).collect();
            (head.status(), fields, format!("{plan:?}"))
        };
        for _ in 0..5_000 {
            let facts = facts(&mut random, now);
            let method = ["GET", "GET", "HEAD", "OPTIONS", "PUT", "QUERY"];
            let mut fields = HeaderMap::new();
            for (name, value) in [
                ("accept-encoding", "br"),
                ("range", "bytes=0-0"),
                ("if-none-match", "*"),
                ("content-type", "text/plain"),
            ] {
                if random.u8(0..4) == 0 {
                    fields.insert(name, HeaderValue::from_static(value));
                }
            }
            let method = Method::from_bytes(method[random.usize(0..6)].as_bytes());
            let asked = Asked::new(&method.expect("a method"), &fields);
            let wanted = lines(answer(&asked, &facts, now));
            assert_eq!(
                lines(crate::answer::once::answer_once(&asked, facts, now)),
                wanted,
                "{asked:?}"
            );
        }
    }
}
