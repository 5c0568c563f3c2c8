//! From a request to a response: find, describe, evaluate, read the first bytes; inline, or on the blocking pool.

use std::sync::Arc;

use http::header::ACCEPT;
use http::{Response, StatusCode};
use http_body::Body as _;

use super::answers::{self, busy, error, headed, on_each, redirection};
use super::body::FileBody;
use super::context::{Context, Interrupted, Mode, NeedsBlocking};
use super::describe::{Described, describe};
use super::error_page;
use super::failed::Trouble;
use super::found::{Chosen, Found, LookupError};
use super::lookup::find;
use super::opened::OpenedFile;
use super::pace::Pace;
use super::reader::Reader;
use super::replay::{Keepable, Prepared, replay};
use super::request::{FileRequest, PathRequest, Target};
use super::resume::{self, resumes_blindly};
use super::settings::Settings;
use super::source::Source;
use super::standing::Standing;
use super::wanted_digests::{self, CONTENT_DIGEST, Wanted, content_digest};
use crate::answer::{self, Answer, Coding, Facts, Plan, vary};
use crate::head::ErrorAnswer;
use crate::sys::Decision;

/// How often everything is begun again because the file changed before its head was sent.
const MOST_STARTS: u32 = 16;

/// Answers a request, if that takes no time.
pub(super) fn respond_inline(
    settings: &Arc<Settings>,
    request: &FileRequest,
) -> Result<Response<FileBody>, NeedsBlocking> {
    if wanted_digests::needs_time(settings, request) {
        return Err(NeedsBlocking { is_shared: true });
    }
    made(settings, request, Mode::Inline)
}

/// Answers a request. It blocks.
pub(super) fn respond_blocking(
    settings: &Arc<Settings>,
    request: &FileRequest,
) -> Response<FileBody> {
    // Where it may wait, it never says that it would have to.
    let answered = made(settings, request, Mode::Blocking);
    answered.unwrap_or_else(|_| error(busy(), request.asked.is_head()))
}

fn made(
    settings: &Arc<Settings>,
    request: &FileRequest,
    mode: Mode,
) -> Result<Response<FileBody>, NeedsBlocking> {
    let mut context = Context::new(settings, request, mode);
    let admission = settings.admission.as_ref();
    let made = if let Some(answer) = admission.and_then(|list| list.refuses_all(request.now)) {
        Prepared::Bare(error(answer, request.asked.is_head()))
    } else if request.asked.wants_nothing() {
        Prepared::Bare(headed(answer::answer(&request.asked, &Facts::new(0), request.now)))
    } else {
        respond(&mut context)?
    };
    let mut response = match made {
        // Most are, and moving one is not for nothing.
        Prepared::Finished(response) if !context.by_accept => {
            return Ok(paced(settings, response));
        }
        Prepared::Finished(response) => response,
        Prepared::Bare(mut response) => {
            if let Some(page) = error_page::for_status(settings, &response) {
                // It has to be read.
                if mode == Mode::Inline {
                    return Err(NeedsBlocking { is_shared: false });
                }
                response = error_page::apply(settings, request.asked.is_head(), response, page);
            }
            on_each(response.headers_mut());
            response
        }
    };
    if context.by_accept {
        vary(response.headers_mut(), ACCEPT);
    }
    Ok(paced(settings, response))
}

/// The response, at the pace of the sender, and marked with the version of the list.
fn paced(settings: &Settings, mut response: Response<FileBody>) -> Response<FileBody> {
    if let Some(list) = &settings.admission {
        list.mark(response.extensions_mut());
    }
    if response.status().is_success() && !response.body().is_end_stream() {
        if let Some(pace) = Pace::of(settings) {
            response.body_mut().set_pace(pace);
        }
    }
    response
}

fn respond(context: &mut Context<'_>) -> Result<Prepared, NeedsBlocking> {
    let is_head = context.request.asked.is_head();
    for _ in 0..MOST_STARTS {
        let done = match find(context) {
            Ok(Chosen { found: Found::Ready(ready), coding, name, .. }) => {
                context.settings.shared.counters.kept.add();
                return Ok(replay(context, &ready, coding, &name));
            }
            Ok(Chosen { found: Found::File(file), coding, varies, name }) => {
                begin(context, file, coding, varies, &name)
            }
            Err(missing) => return without_file(context, missing).map(Prepared::Bare),
        };
        match done {
            Ok(response) => return Ok(Prepared::Bare(response)),
            Err(Interrupted::NeedsBlocking(wait)) => return Err(wait),
            Err(Interrupted::Answered(status, pause)) => {
                let answer = answers::refused(status, pause);
                return Ok(Prepared::Bare(error(answer, is_head)));
            }
            Err(Interrupted::Trouble(Trouble::Untrusted(pause))) => {
                let answer = answers::refused(StatusCode::SERVICE_UNAVAILABLE, Some(pause));
                return Ok(Prepared::Bare(error(answer, is_head)));
            }
            // Another version is there now: that one is served.
            Err(Interrupted::Trouble(Trouble::Changed(_))) => {}
            Err(Interrupted::Trouble(Trouble::Short)) => {
                let broken = ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
                return Ok(Prepared::Bare(error(broken, is_head)));
            }
            Err(Interrupted::Trouble(Trouble::Refused(refusal, ruling))) => {
                return without_file(context, LookupError::Refused(refusal, ruling))
                    .map(Prepared::Bare);
            }
        }
    }
    Ok(Prepared::Bare(error(busy(), is_head)))
}

/// What an opened file is answered with, before it is read.
struct Evaluated {
    head: Response<()>,
    plan: Plan,
    /// How many bytes the plan is; of a `HEAD`, how many are read to know that they can be.
    length: u64,
    is_head: bool,
}

/// The response for an opened file, with its first bytes read: only then is there a head.
fn begin(
    context: &mut Context<'_>,
    file: OpenedFile,
    coding: Coding,
    varies: bool,
    name: &[u8],
) -> Result<Response<FileBody>, Interrupted> {
    let stat = *file.handle.stat();
    let on_change = context.settings.sending.on_change(name);
    let described = describe(context, &file, varies.then_some(coding), name, on_change)?;
    if resumes_blindly(context, &described.facts, &stat) {
        return Ok(error(resume::refused(), false));
    }
    let keepable = Keepable::of(context, &file, coding, &described, on_change);
    let Described { facts, standing, wanted, pinned } = described;
    let checks = pinned.checks(&file.name);
    let Evaluated { head, plan, length, is_head } = evaluate(context, facts, wanted, &file)?;
    let is_whole = matches!(plan, Plan::Whole);
    let settings = Arc::clone(context.settings);
    let mut source = Source::new(settings, file.name, Arc::new(file.handle), on_change)
        .with_tag(standing == Standing::Settled)
        .with_checks(checks)
        .with_permit(context.permit.take());
    if !is_whole && context.mode == Mode::Inline {
        if let Some(keepable) = &keepable {
            keepable.keep_whole(context, &mut source);
        }
    }
    if length == 0 {
        context.count_inline();
        return Ok(head.map(|()| FileBody::empty()));
    }
    let keepable = keepable.filter(|_| is_whole);
    let is_open = keepable.as_ref().is_some_and(|keepable| keepable.is_open);
    let open = is_open.then(|| Arc::clone(&source.handle));
    let plan = if is_head { Plan::Part(0..1) } else { plan };
    let (first, rest) = (context.request.first_read_of(length), context.request.chunk);
    let mut reader = Reader::new(source, &plan, stat.identity.size, first, rest);
    let first = match context.mode {
        Mode::Inline => reader
            .try_first()
            .ok_or(Interrupted::NeedsBlocking(NeedsBlocking { is_shared: keepable.is_some() }))?,
        Mode::Blocking => reader.first().map_err(Interrupted::Trouble)?,
    };
    context.count_inline();
    if is_head {
        return Ok(head.map(|()| FileBody::empty()));
    }
    if let Some(keepable) = keepable {
        keepable.keep(context, &first, head.headers(), open);
    }
    Ok(head.map(|()| FileBody::begun(first, reader, length)))
}

/// The head by what the request asks, and what of the file goes with it.
fn evaluate(
    context: &Context<'_>,
    facts: Facts,
    wanted: Wanted,
    file: &OpenedFile,
) -> Result<Evaluated, Interrupted> {
    let size = file.handle.stat().identity.size;
    let answer = answer::answer_once(&context.request.asked, facts, context.request.now);
    // A head that a GET would not have is no head for HEAD.
    let is_head = matches!(answer, Answer::HeadOnly(_)) && size > 0;
    let (mut head, plan) = answer.into_parts();
    if let Some(algorithm) = wanted.content.filter(|_| head.status().is_success() && !is_head) {
        let value = content_digest(context, algorithm, file, &plan)?;
        head.headers_mut().insert(CONTENT_DIGEST, value);
    }
    let length = match &plan {
        Plan::Nothing if is_head => 1,
        Plan::Nothing => 0,
        Plan::Whole => size,
        Plan::Part(part) => part.end.saturating_sub(part.start),
        Plan::Parts(parts) => parts.length(),
    };
    Ok(Evaluated { head, plan, length, is_head })
}

fn without_file(
    context: &Context<'_>,
    missing: LookupError,
) -> Result<Response<FileBody>, NeedsBlocking> {
    let is_head = context.request.asked.is_head();
    Ok(match missing {
        LookupError::NeedsBlocking => {
            let is_path = matches!(context.request.target, Target::Path(..));
            return Err(NeedsBlocking { is_shared: is_path && context.cache().is_some() });
        }
        LookupError::Nothing => {
            let mut response = error(ErrorAnswer::new(StatusCode::NOT_FOUND), is_head);
            if let Target::Path(_, Some(PathRequest { form: Some(_), .. })) =
                &context.request.target
            {
                vary(response.headers_mut(), ACCEPT);
            }
            response
        }
        LookupError::Listed(listing) => {
            listing.answered(context.settings, &context.request.asked, context.request.now)
        }
        LookupError::NotAcceptable => headed(Answer::not_acceptable(context.request.now)),
        LookupError::Redirect(target) => redirection(target, is_head),
        LookupError::Refused(refusal, ruling) => match ruling.decision() {
            Decision::Answer { status, retry_after } => {
                let is_concealed =
                    context.settings.errors.concealed && status == StatusCode::FORBIDDEN;
                let status = if is_concealed { StatusCode::NOT_FOUND } else { status };
                error(answers::refused(status, retry_after), is_head)
            }
            // Whatever fails behind a HEAD, nobody would hear of it.
            _ if is_head => error(ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR), true),
            Decision::Retry { .. } | Decision::ReResolve | Decision::Next | Decision::Abort => {
                let broken = FileBody::broken(Trouble::Refused(refusal, ruling));
                let mut response = Response::new(broken);
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        },
    })
}
