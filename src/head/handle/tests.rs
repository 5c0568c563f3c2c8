//! Each kind of write at each stage gets its answer, and readers see what waits.

use std::sync::Arc;

use http::header::TE;
use http::{HeaderValue, Method, Request, StatusCode, Version};

use super::Head;
use crate::head::{Ability, CommitCause, Input, Shared, Trailing};
use crate::ledger::{Placed, Refusal, Stage};

fn ability(method: Method, version: Version, te: bool) -> Ability {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.version_mut() = version;
    if te {
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    }
    Ability::of(&request)
}

fn with_te() -> Ability {
    ability(Method::GET, Version::HTTP_11, true)
}

/// A head at `stage` that has promised `x-promised`.
fn head_at(stage: Stage) -> Head {
    let shared = Arc::new(Shared::new(with_te(), Method::GET));
    let inputs = [
        (Stage::Held, Input::Answered),
        (Stage::Committing, Input::Due(CommitCause::FirstFrame)),
        (Stage::Committed, Input::Written),
        (Stage::Ended, Input::Ended),
    ];
    let mut state = shared.lock();
    for (reached, input) in inputs {
        if reached <= stage {
            state.life = state.life.step(input).0;
        }
    }
    if stage == Stage::Committed {
        state.trailing = Trailing::open(vec!["x-promised".parse().expect("a name")]);
    }
    assert_eq!(state.life.stage(), stage);
    drop(state);
    Head::new(shared)
}

const STAGES: [Stage; 5] =
    [Stage::Open, Stage::Held, Stage::Committing, Stage::Committed, Stage::Ended];

/// `write` at each stage, open to ended, answers these.
fn check(what: &str, write: impl Fn(&Head) -> Placed, answers: [Placed; 5]) {
    for (stage, answer) in STAGES.into_iter().zip(answers) {
        let head = head_at(stage);
        assert_eq!(write(&head), answer, "{what} while {stage}");
    }
}

fn refused(refusal: Refusal) -> Placed {
    Placed::Refused(refusal)
}

#[test]
fn every_write_at_every_stage_is_answered() {
    use Placed::{Head as InHead, Trailers};
    let (committing, over) = (refused(Refusal::Committing), refused(Refusal::BodyOver));
    let rest = |late| [InHead, InHead, committing, late, over];

    check("insert", |h| h.insert("x-other", "1"), rest(refused(Refusal::NotDeclared)));
    check("insert promised", |h| h.insert("x-promised", "1"), rest(Trailers));
    check("append promised", |h| h.append("x-promised", "1"), rest(Trailers));
    check("default promised", |h| h.set_default("x-promised", "1"), rest(Trailers));
    check("insert forbidden", |h| h.insert("content-type", "a/b"), {
        rest(refused(Refusal::ForbiddenName))
    });
    check("remove", |h| h.remove("x-promised"), rest(refused(Refusal::HeadSealed)));
    check("status", |h| h.set_status(StatusCode::CREATED), rest(refused(Refusal::HeadSealed)));
    check("promise", |h| h.promise("x-promised"), [Trailers, Trailers, committing, Trailers, over]);
    check(
        "promise anew",
        |h| h.promise("x-new"),
        [Trailers, Trailers, committing, refused(Refusal::HeadSealed), over],
    );
}

#[test]
fn what_is_no_field_is_refused_at_every_stage() {
    check("name", |h| h.insert("no name", "1"), [refused(Refusal::InvalidName); 5]);
    check("empty name", |h| h.remove(""), [refused(Refusal::InvalidName); 5]);
    check("value", |h| h.append("x-a", "a\nb"), [refused(Refusal::InvalidValue); 5]);
    check("promise", |h| h.promise("a:b"), [refused(Refusal::InvalidName); 5]);
    check("status", |h| h.set_status(StatusCode::CONTINUE), [refused(Refusal::InvalidStatus); 5]);
}

#[test]
fn a_late_removal_takes_back_a_late_write() {
    let head = head_at(Stage::Committed);
    assert_eq!(head.insert("x-promised", "1"), Placed::Trailers);
    assert_eq!(head.remove("x-promised"), Placed::Trailers);
    let trailing = {
        let mut state = head.shared.lock();
        std::mem::replace(&mut state.trailing, Trailing::Closed(Refusal::BodyOver))
    };
    assert!(trailing.collect(None, with_te()).trailers.is_empty());
}

#[test]
fn a_promise_needs_a_request_that_allows_trailers() {
    let promise = |method: Method, version, te| {
        let ability = ability(method.clone(), version, te);
        Head::new(Arc::new(Shared::new(ability, method))).promise("x-sum")
    };
    assert_eq!(promise(Method::GET, Version::HTTP_11, true), Placed::Trailers);
    assert_eq!(promise(Method::GET, Version::HTTP_2, false), Placed::Trailers);
    assert_eq!(promise(Method::GET, Version::HTTP_11, false), refused(Refusal::NoTe));
    assert_eq!(promise(Method::GET, Version::HTTP_10, true), refused(Refusal::Http10));
    assert_eq!(promise(Method::HEAD, Version::HTTP_2, true), refused(Refusal::NoBody));
    assert_eq!(promise(Method::CONNECT, Version::HTTP_2, true), refused(Refusal::NoBody));

    let head = head_at(Stage::Open);
    assert_eq!(head.promise("set-cookie"), refused(Refusal::ForbiddenName));
    let head = head_at(Stage::Held);
    assert!(head.insert("content-length", "5").is_placed());
    assert_eq!(head.promise("x-sum"), refused(Refusal::HasLength));
}

#[test]
fn what_frames_the_bytes_is_refused_before_there_is_a_response() {
    for name in ["content-encoding", "content-length", "content-range", "transfer-encoding"] {
        let head = head_at(Stage::Open);
        assert_eq!(head.insert(name, "1"), refused(Refusal::SetOnResponse), "{name}");
        assert_eq!(head.append(name, "1"), refused(Refusal::SetOnResponse), "{name}");
        assert_eq!(head.set_default(name, "1"), refused(Refusal::SetOnResponse), "{name}");
        assert_eq!(head.remove(name), refused(Refusal::SetOnResponse), "{name}");
        assert!(head_at(Stage::Held).insert(name, "1").is_placed(), "{name}");
    }
}

#[test]
fn readers_see_what_waits() {
    let head = head_at(Stage::Open);
    assert_eq!((head.status(), head.get("x-a")), (None, None));
    let written = [head.append("x-a", "1"), head.append("x-a", "2"), head.set_default("x-a", "3")];
    assert!(written.iter().all(|placed| placed.is_placed()));
    assert_eq!(head.get_all("x-a"), ["1", "2"]);
    assert!(head.insert("x-a", "4").is_placed());
    assert_eq!(head.get("x-a").expect("a value"), "4");
    assert!(head.remove("x-a").is_placed());
    assert_eq!(head.get_all("x-a"), [""; 0]);
    assert!(head.set_status(StatusCode::CREATED).is_placed());
    assert!(head.set_status(StatusCode::ACCEPTED).is_placed());
    assert_eq!(head.status(), Some(StatusCode::ACCEPTED));

    let mut fields = http::HeaderMap::new();
    fields.append("x-b", HeaderValue::from_static("planned"));
    head.shared.lock().lent = Some((StatusCode::OK, fields));
    assert!(head.append("x-b", "more").is_placed());
    assert_eq!(head.get_all("x-b"), ["planned", "more"]);
}

#[test]
fn a_runaway_writer_is_bounded() {
    let head = head_at(Stage::Open);
    let placed = (0..4000).filter(|_| head.append("x-a", "1").is_placed()).count();
    assert_eq!(placed, 1024);
    assert_eq!(head.insert("x-a", "1"), refused(Refusal::TooMany));
    let mut state = head.shared.lock();
    let ledger = &state.sealing().ledger;
    assert_eq!(ledger.entries().len(), 1024);
    assert_eq!(ledger.cut(), 4001 - 1024 - 1024);
}

#[test]
fn hooks_and_callbacks_that_come_too_late_are_given_back_as_a_refusal() {
    let register = |stage| {
        let head = head_at(stage);
        (head.before_commit(|_| ()), head.after_end(|_| ()))
    };
    assert_eq!(register(Stage::Open), (Ok(()), Ok(())));
    assert_eq!(register(Stage::Held), (Ok(()), Ok(())));
    assert_eq!(register(Stage::Committing), (Err(Refusal::Committing), Ok(())));
    assert_eq!(register(Stage::Committed), (Err(Refusal::HeadSealed), Ok(())));
    assert_eq!(register(Stage::Ended), (Err(Refusal::BodyOver), Err(Refusal::BodyOver)));
}
