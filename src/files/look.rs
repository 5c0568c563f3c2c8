//! From a request to a response: open, look, answer, first read; on a thread that may block.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode, Uri};

use super::body::{FileBody, Reader};
use super::path::{FilePath, with_slash};
use super::sender::Settings;
use super::source::{Name, Source, Trouble, rule};
use crate::answer::{self, Answer, Asked, Coding, EntityTag, Facts, Plan, vary_by_encoding};
use crate::head::{ErrorAnswer, replace};
use crate::sys::{Decision, Handle, Meaning, Opened, Refusal, Ruling, duplicate};

/// How often everything is begun again because the file changed before its head was told.
const MOST_STARTS: u32 = 4;

/// What a request asks of a sender.
pub(super) struct Want {
    pub(super) asked: Asked,
    pub(super) target: Target,
    pub(super) now: SystemTime,
}

/// What is to be sent.
pub(super) enum Target {
    /// What a path names; `None`: it can name nothing. With the target of the request, for which a
    /// directory may be a redirection.
    Path(Option<FilePath>, Option<Uri>),
    /// A file that is open, and the name to tell its type by.
    File(OwnedFd, Box<str>),
}

/// Why there is no file.
enum Miss {
    Nothing,
    Redirect(String),
    Refused(Refusal, Ruling),
    NotAcceptable,
}

/// A file that was chosen, in which coding, and the name that it has without the ending of it.
struct Chosen {
    file: Name,
    handle: Handle,
    coding: Coding,
    name: Vec<u8>,
}

/// One response in the making.
struct Look<'a> {
    settings: &'a Arc<Settings>,
    want: &'a Want,
    /// How often something was tried again.
    attempts: u32,
}

/// Answers a request. It blocks.
pub(super) fn look(settings: &Arc<Settings>, want: &Want) -> Response<FileBody> {
    let mut response = if want.asked.wants_nothing() {
        headed(answer::answer(&want.asked, &Facts::new(0), want.now))
    } else {
        Look { settings, want, attempts: 0 }.respond()
    };
    let fields = response.headers_mut();
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !settings.codings.is_empty() && matches!(want.target, Target::Path(..)) {
        vary_by_encoding(fields);
    }
    response
}

/// An error answer; to a `HEAD` without its content.
pub(super) fn error(answer: ErrorAnswer, is_head: bool) -> Response<FileBody> {
    let mut response = Response::new(FileBody::empty());
    let mut status = answer.status();
    let content = replace(&mut status, response.headers_mut(), answer, &|_| true);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    if !is_head {
        *response.body_mut() = FileBody::text(content);
    }
    response
}

/// The head of an answer that nothing follows.
fn headed(answer: Answer) -> Response<FileBody> {
    answer.into_parts().0.map(|()| FileBody::empty())
}

impl Look<'_> {
    fn respond(&mut self) -> Response<FileBody> {
        for _ in 0..MOST_STARTS {
            let done = match self.choose() {
                Ok(chosen) => self.begin(chosen),
                Err(miss) => return self.without_file(miss),
            };
            match done {
                Ok(response) => return response,
                // Another version is there now: that one is served.
                Err(Trouble::Changed(_)) => {}
                Err(Trouble::Short) => {
                    let broken = ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
                    return error(broken, self.want.asked.is_head());
                }
                Err(Trouble::Refused(refusal, ruling)) => {
                    return self.without_file(Miss::Refused(refusal, ruling));
                }
            }
        }
        // It is written to faster than its first bytes can be read.
        let busy = ErrorAnswer::new(StatusCode::SERVICE_UNAVAILABLE);
        error(busy.retry_after(Duration::from_secs(1)), self.want.asked.is_head())
    }

    /// The answer to what was found out about the opened file, and the first bytes of it.
    fn begin(&self, chosen: Chosen) -> Result<Response<FileBody>, Trouble> {
        let facts = self.facts(&chosen);
        let size = chosen.handle.stat().identity.size;
        let answer = answer::answer(&self.want.asked, &facts, self.want.now);
        let on_change = self.settings.on_change(&chosen.name);
        let settings = Arc::clone(self.settings);
        let source =
            move |chosen: Chosen| Source::new(settings, chosen.file, chosen.handle, on_change);
        // A head that a GET would not have is no head for HEAD.
        if matches!(answer, Answer::HeadOnly(_)) && size > 0 {
            source(chosen).read(0, 1, false)?;
            return Ok(headed(answer));
        }
        let (head, plan) = answer.into_parts();
        let length = match &plan {
            Plan::Nothing => 0,
            Plan::Whole => size,
            Plan::Part(part) => part.end.saturating_sub(part.start),
            Plan::Parts(parts) => parts.length(),
        };
        if length == 0 {
            return Ok(head.map(|()| FileBody::empty()));
        }
        let mut reader = Reader::new(source(chosen), &plan, size);
        let first = reader.first()?;
        Ok(head.map(|()| FileBody::begun(first, reader, length)))
    }

    fn facts(&self, chosen: &Chosen) -> Facts {
        let identity = &chosen.handle.stat().identity;
        let mut facts = Facts::new(identity.size);
        let modified = identity.mtime.time();
        // Whoever sets the time of a file back does not set back when that was done. A time in the
        // future is no older than now.
        let latest = identity.mtime.max(identity.ctime).time();
        let age = latest.and_then(|time| self.want.now.duration_since(time).ok());
        if age.unwrap_or_default() < self.settings.settle {
            facts = facts.unsettled();
        }
        if let Some(modified) = modified {
            facts = facts.last_modified(modified);
            if let Some(tag) = EntityTag::of_version(identity.size, modified) {
                facts = facts.tag(tag);
            }
        }
        if let Some(media_type) = media_type(&chosen.name) {
            facts = facts.content_type(media_type);
        }
        if !self.settings.codings.is_empty() && matches!(chosen.file, Name::Beneath(_)) {
            facts = facts.coding(chosen.coding).vary(ACCEPT_ENCODING);
        }
        match self.settings.cache_control(&chosen.name) {
            Some(value) => facts.cache_control(value.clone()),
            None => facts,
        }
    }

    /// Finds the file that the request is about.
    fn choose(&mut self) -> Result<Chosen, Miss> {
        let found = match &self.want.target {
            Target::Path(Some(path), uri) => self.by_path(path, uri.as_ref()),
            Target::Path(None, _) => Err(Miss::Nothing),
            Target::File(file, name) => return self.opened(file, name),
        };
        match (&self.settings.fallback, found) {
            // What can name nothing names no view of an application either.
            (Some(fallback), Err(Miss::Nothing))
                if matches!(self.want.target, Target::Path(Some(_), Some(_))) =>
            {
                self.file(fallback.as_bytes().to_vec())
            }
            (_, found) => found,
        }
    }

    /// A file that somebody else opened, looked at anew.
    fn opened(&self, file: &OwnedFd, name: &str) -> Result<Chosen, Miss> {
        let name = name.as_bytes().to_vec();
        let opened = duplicate(file).and_then(Opened::of);
        match opened {
            Ok(Opened::File(handle)) => {
                let file = Name::Foreign(name.clone());
                Ok(Chosen { file, handle, coding: Coding::Identity, name })
            }
            Ok(Opened::Directory(_)) => Err(Miss::Nothing),
            Err(refusal) => {
                // Nothing leads to it but this descriptor: there is nothing to try.
                let ruling = rule(self.settings, &Name::Foreign(name), &refusal, u32::MAX, false);
                Err(Miss::Refused(refusal, ruling))
            }
        }
    }

    fn by_path(&mut self, path: &FilePath, uri: Option<&Uri>) -> Result<Chosen, Miss> {
        let index = |look: &mut Self| match &look.settings.index {
            Some(index) => look.file(path.join(index)),
            None => Err(Miss::Nothing),
        };
        // It is not opened itself: whoever may pass through a directory need not be able to list it.
        if path.is_directory() {
            return index(self);
        }
        match self.open(path.as_bytes())? {
            Opened::File(handle) => self.among(path.as_bytes().to_vec(), handle),
            Opened::Directory(_) => {
                if let Some(uri) = uri.filter(|_| self.settings.slash) {
                    return Err(Miss::Redirect(with_slash(uri.path(), uri.query())));
                }
                index(self)
            }
        }
    }

    fn file(&mut self, path: Vec<u8>) -> Result<Chosen, Miss> {
        match self.open(&path)? {
            Opened::File(handle) => self.among(path, handle),
            Opened::Directory(_) => Err(Miss::Nothing),
        }
    }

    /// The coding of a file that the client takes most gladly, of those that there are.
    fn among(&mut self, name: Vec<u8>, plain: Handle) -> Result<Chosen, Miss> {
        if self.settings.codings.is_empty() {
            return Ok(Chosen {
                file: Name::Beneath(name.clone()),
                handle: plain,
                coding: Coding::Identity,
                name,
            });
        }
        for coding in self.want.asked.ranked(&self.settings.codings) {
            let Some(ending) = ending(coding) else {
                let file = Name::Beneath(name.clone());
                return Ok(Chosen { file, handle: plain, coding, name });
            };
            let path = [name.as_slice(), ending].concat();
            // One that is a directory or may not be read is as good as none.
            if let Ok(Opened::File(handle)) = self.open(&path) {
                return Ok(Chosen { file: Name::Beneath(path), handle, coding, name });
            }
        }
        Err(Miss::NotAcceptable)
    }

    fn open(&mut self, path: &[u8]) -> Result<Opened, Miss> {
        loop {
            let refusal = match self.settings.root.resolve(path, self.settings.how()) {
                Ok(opened) => return Ok(opened),
                Err(refusal) => refusal,
            };
            let name = Name::Beneath(path.to_vec());
            let ruling = rule(self.settings, &name, &refusal, self.attempts, false);
            match ruling.decision() {
                Decision::Retry { after } => sleep(after),
                Decision::ReResolve | Decision::Next => {}
                // If it is there and the application says otherwise, then that is what it says.
                Decision::Answer { status: StatusCode::NOT_FOUND, retry_after: None }
                    if refusal.meaning() == Meaning::NotFound =>
                {
                    return Err(Miss::Nothing);
                }
                Decision::Answer { .. } | Decision::Abort => {
                    return Err(Miss::Refused(refusal, ruling));
                }
            }
            self.attempts = self.attempts.saturating_add(1);
        }
    }

    fn without_file(&self, miss: Miss) -> Response<FileBody> {
        let is_head = self.want.asked.is_head();
        match miss {
            Miss::Nothing => error(ErrorAnswer::new(StatusCode::NOT_FOUND), is_head),
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
                    let answer = ErrorAnswer::new(status);
                    let answer = match retry_after {
                        Some(after) => answer.retry_after(after),
                        None => answer,
                    };
                    error(answer, is_head)
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
        }
    }
}

/// What a name ends with in a coding; nothing, if it is in none.
const fn ending(coding: Coding) -> Option<&'static [u8]> {
    match coding {
        Coding::Brotli => Some(b".br"),
        Coding::Zstd => Some(b".zst"),
        Coding::Gzip => Some(b".gz"),
        Coding::Identity => None,
    }
}

/// The type that goes by the ending of a name, with a charset where it is text.
fn media_type(name: &[u8]) -> Option<HeaderValue> {
    let name = std::str::from_utf8(name.rsplit(|byte| *byte == b'/').next()?).ok()?;
    let guess = mime_guess::from_path(name).first()?;
    let is_text = guess.type_() == "text" || guess.subtype() == "javascript";
    let text = match guess.get_param("charset") {
        None if is_text => format!("{guess}; charset=utf-8"),
        _ => guess.to_string(),
    };
    HeaderValue::try_from(text).ok()
}
