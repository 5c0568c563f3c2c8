//! From a request to a response: open, look, answer, first read; inline, or on a thread that may block.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Response, StatusCode, Uri};

use super::body::{FileBody, Reader};
use super::bound::Leave;
use super::choose::{Chosen, Found, Miss};
use super::pace;
use super::pages;
use super::path::FilePath;
use super::refused;
use super::resume;
use super::sender::OnChange;
use super::settings::Settings;
use super::source::{Name, Source, Trouble};
use super::standing::Standing;
use super::wanted::{self, CONTENT_DIGEST};
use crate::answer::{self, Answer, Asked, Coding, Facts, Plan, vary_by_encoding};
use crate::head::{ErrorAnswer, replace};
use crate::sys::{Decision, Handle};

/// How often everything is begun again because the file changed before its head was told.
const MOST_STARTS: u32 = 16;

/// What a request asks of a sender.
pub(super) struct Want {
    pub(super) asked: Asked,
    pub(super) target: Target,
    pub(super) now: SystemTime,
    /// How much is read before the head is told, of a file that is not read whole by that.
    pub(super) first: usize,
}

/// What is to be sent.
pub(super) enum Target {
    /// What a path names; `None`: it can name nothing. With the target of the request, for which a
    /// directory may be a redirection.
    Path(Option<FilePath>, Option<Uri>),
    /// A file that is open, and the name to tell its type by.
    File(OwnedFd, Box<str>),
}

/// Where a look is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Where nothing may wait.
    Inline,
    /// On a thread for that.
    Blocking,
}

/// It could only be told where waiting is allowed.
pub(super) struct Wait {
    /// The file, or its digest, may be kept when it was read: others may wait for that.
    pub(super) is_shared: bool,
}

/// Why a response was not begun.
pub(super) enum Halt {
    Trouble(Trouble),
    Wait(Wait),
}

/// One response in the making.
pub(super) struct Look<'a> {
    pub(super) settings: &'a Arc<Settings>,
    pub(super) want: &'a Want,
    pub(super) manner: Manner,
    /// To have a file open, if that is bounded.
    pub(super) leave: Option<Leave>,
    /// How often something was tried again.
    pub(super) attempts: u32,
}

/// A response, with or without what every one has.
pub(super) enum Made {
    Bare(Response<FileBody>),
    Finished(Response<FileBody>),
}

/// Answers a request, if that takes no time.
pub(super) fn look_inline(
    settings: &Arc<Settings>,
    want: &Want,
) -> Result<Response<FileBody>, Wait> {
    if wanted::needs_time(settings, want) {
        return Err(Wait { is_shared: true });
    }
    look(settings, want, Manner::Inline)
}

/// Answers a request. It blocks.
pub(super) fn look_blocking(settings: &Arc<Settings>, want: &Want) -> Response<FileBody> {
    // Where it may wait, it never says that it would have to.
    let answered = look(settings, want, Manner::Blocking);
    answered.unwrap_or_else(|_| error(busy(), want.asked.is_head()))
}

fn look(settings: &Arc<Settings>, want: &Want, manner: Manner) -> Result<Response<FileBody>, Wait> {
    let mut response = if want.asked.wants_nothing() {
        headed(answer::answer(&want.asked, &Facts::new(0), want.now))
    } else {
        match (Look { settings, want, manner, leave: None, attempts: 0 }).respond()? {
            Made::Finished(response) => return Ok(pace::paced(settings, response)),
            Made::Bare(response) => response,
        }
    };
    if let Some(page) = pages::of(settings, &response) {
        // It has to be read.
        if manner == Manner::Inline {
            return Err(Wait { is_shared: false });
        }
        response = pages::dressed(settings, want, response, page);
    }
    on_each(response.headers_mut(), want.varies(settings));
    Ok(pace::paced(settings, response))
}

/// The answer where the work was not done: this one, or 500.
pub(super) fn instead(
    answer: Option<ErrorAnswer>,
    is_head: bool,
    varies: bool,
) -> Response<FileBody> {
    let broken = || ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = error(answer.unwrap_or_else(broken), is_head);
    on_each(response.headers_mut(), varies);
    response
}

impl Want {
    /// Whether its answer depends on the codings that the client takes.
    pub(super) fn varies(&self, settings: &Settings) -> bool {
        !settings.codings.is_empty() && matches!(self.target, Target::Path(..))
    }
}

/// What every response has.
pub(super) fn on_each(fields: &mut HeaderMap, varies: bool) {
    let _ = fields.try_insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if varies {
        vary_by_encoding(fields);
    }
}

/// An error answer; to a `HEAD` without its content.
pub(super) fn error(answer: ErrorAnswer, is_head: bool) -> Response<FileBody> {
    let mut response = Response::new(FileBody::empty());
    let mut status = answer.status();
    let content = replace(&mut status, response.headers_mut(), answer, &|_| true);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    if !is_head {
        *response.body_mut() = FileBody::memory(content);
    }
    response
}

/// Something was written to faster than its first bytes could be read.
fn busy() -> ErrorAnswer {
    ErrorAnswer::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(Duration::from_secs(1))
}

/// The head of an answer that nothing follows.
fn headed(answer: Answer) -> Response<FileBody> {
    answer.into_parts().0.map(|()| FileBody::empty())
}

impl Look<'_> {
    fn respond(&mut self) -> Result<Made, Wait> {
        let is_head = self.want.asked.is_head();
        for _ in 0..MOST_STARTS {
            let done = match self.choose() {
                Ok(Chosen { found: Found::Ready(ready), coding, name }) => {
                    self.settings.shared.counters.kept.add();
                    return Ok(self.replay(&ready, coding, &name));
                }
                Ok(Chosen { found: Found::File(file, handle), coding, name }) => {
                    self.begin(file, handle, coding, &name)
                }
                Err(miss) => return self.without_file(miss).map(Made::Bare),
            };
            match done {
                Ok(response) => return Ok(Made::Bare(response)),
                Err(Halt::Wait(wait)) => return Err(wait),
                // Another version is there now: that one is served.
                Err(Halt::Trouble(Trouble::Changed(_))) => {}
                Err(Halt::Trouble(Trouble::Short)) => {
                    let broken = ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
                    return Ok(Made::Bare(error(broken, is_head)));
                }
                Err(Halt::Trouble(Trouble::Refused(refusal, ruling))) => {
                    return self.without_file(Miss::Refused(refusal, ruling)).map(Made::Bare);
                }
            }
        }
        Ok(Made::Bare(error(busy(), is_head)))
    }

    /// The answer to what was found out about the opened file, and the first bytes of it.
    fn begin(
        &mut self,
        file: Name,
        handle: Handle,
        coding: Coding,
        name: &[u8],
    ) -> Result<Response<FileBody>, Halt> {
        let stat = *handle.stat();
        let size = stat.identity.size;
        let on_change = self.settings.on_change(name);
        let standing = self.standing(&file, &handle, on_change)?;
        let (standing, tag) = self.tag(&file, &handle, standing)?;
        let wanted = self.digests(size, standing);
        let is_lasting = self.is_lasting(&handle, standing, wanted);
        let facts = self.facts(&handle, &file, coding, name, (standing, tag));
        let facts = self.with_digests(facts, wanted, &file, &handle)?;
        if self.is_blind(&facts, &stat) {
            return Ok(error(resume::refused(), false));
        }
        let fits = size <= self.want.first_of(size);
        let is_kept = is_lasting && fits && self.takes(&stat);
        let is_open = is_lasting && !fits && on_change == OnChange::Abort && self.stays_open(&stat);
        let key = match &file {
            Name::Beneath(path) if is_kept || is_open => Some((path.clone(), facts.clone())),
            Name::Beneath(_) | Name::Foreign(_) => None,
        };
        let answer = answer::answer_once(&self.want.asked, facts, self.want.now);
        // A head that a GET would not have is no head for HEAD.
        let is_head = matches!(answer, Answer::HeadOnly(_)) && size > 0;
        let (mut head, plan) = answer.into_parts();
        if let Some(algorithm) = wanted.content.filter(|_| head.status().is_success() && !is_head) {
            let value = self.content_digest(algorithm, &file, &handle, &plan)?;
            head.headers_mut().insert(CONTENT_DIGEST, value);
        }
        let length = match &plan {
            Plan::Nothing if is_head => 1,
            Plan::Nothing => 0,
            Plan::Whole => size,
            Plan::Part(part) => part.end.saturating_sub(part.start),
            Plan::Parts(parts) => parts.length(),
        };
        let settings = Arc::clone(self.settings);
        let leave = self.leave.take();
        let handle = Arc::new(handle);
        let open = is_open.then(|| Arc::clone(&handle));
        let mut source = Source::new(settings, file, handle, on_change)
            .with_tag(standing == Standing::Settled)
            .with_leave(leave);
        let is_whole = matches!(plan, Plan::Whole);
        if let Some((path, facts)) =
            key.as_ref().filter(|_| is_kept && !is_whole && self.manner == Manner::Inline)
        {
            // Less than all of it is wanted. But the next request need not even open what is at hand.
            let bytes = usize::try_from(size).ok().and_then(|size| source.try_read(0, size));
            if let Some(bytes) = bytes.filter(|bytes| bytes.len() as u64 == size) {
                let whole = Asked::new(&Method::GET, &HeaderMap::new());
                let (whole, _) = answer::answer(&whole, facts, self.want.now).into_parts();
                self.keep(path, coding, self.ready(stat, &bytes, facts.clone(), whole.headers()));
            }
        }
        if length == 0 {
            self.count();
            return Ok(head.map(|()| FileBody::empty()));
        }
        let key = key.filter(|_| is_whole);
        let plan = if is_head { Plan::Part(0..1) } else { plan };
        let mut reader = Reader::new(source, &plan, size, self.want.first_of(length));
        let first = match self.manner {
            Manner::Inline => {
                reader.try_first().ok_or(Halt::Wait(Wait { is_shared: key.is_some() }))?
            }
            Manner::Blocking => reader.first().map_err(Halt::Trouble)?,
        };
        self.count();
        if is_head {
            return Ok(head.map(|()| FileBody::empty()));
        }
        let key = key.filter(|_| is_whole && (is_open || first.len() as u64 == size));
        if let Some((path, facts)) = key {
            let ready = self.ready(stat, &first, facts, head.headers());
            let now = self.want.now;
            let ready = ready.map(|ready| match open {
                Some(handle) => ready.with_open(handle, now),
                None => ready,
            });
            self.keep(&path, coding, ready);
        }
        Ok(head.map(|()| FileBody::begun(first, reader, length)))
    }

    /// Counts a response that had not to wait.
    fn count(&self) {
        if self.manner == Manner::Inline {
            self.settings.shared.counters.inline.add();
        }
    }

    fn without_file(&self, miss: Miss) -> Result<Response<FileBody>, Wait> {
        let is_head = self.want.asked.is_head();
        Ok(match miss {
            Miss::Wait => {
                let is_path = matches!(self.want.target, Target::Path(..));
                return Err(Wait { is_shared: is_path && self.cache().is_some() });
            }
            Miss::Nothing => error(ErrorAnswer::new(StatusCode::NOT_FOUND), is_head),
            Miss::Listed(listing) => listing.answered(self.settings, self.want),
            Miss::NotAcceptable => headed(Answer::not_acceptable(self.want.now)),
            Miss::Redirect(target) => match HeaderValue::try_from(target) {
                Ok(target) => {
                    let mut response = Response::new(FileBody::empty());
                    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
                    response.headers_mut().insert(LOCATION, target);
                    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
                    response
                }
                Err(_) => error(ErrorAnswer::new(StatusCode::NOT_FOUND), is_head),
            },
            Miss::Refused(refusal, ruling) => match ruling.decision() {
                Decision::Answer { status, retry_after } => {
                    let is_concealed = self.settings.concealed && status == StatusCode::FORBIDDEN;
                    let status = if is_concealed { StatusCode::NOT_FOUND } else { status };
                    error(refused::answer(status, retry_after), is_head)
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
}
