//! A directory is read, every name looked at or those that are known looked at again, and answered as a list.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::sleep;
use std::time::SystemTime;

use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, HeaderValue};
use http::{Response, Uri};

use super::body::FileBody;
use super::dates;
use super::listing::{Ahead, Draft, Entry, Form, Known, POLICY, Page, Rows, Sort, Ticket};
use super::opened::Name;
use super::options::Links;
use super::path::FilePath;
use super::settings::Settings;
use super::standing::Standing;
use crate::answer::{self, Asked, Facts, Plan};
use crate::sys::{Decision, Handle, Identity, Kind, Opened, Place, Refusal, Ruling, Stat};

/// How often a directory is read in all that changes while it is read: of a name that is renamed meanwhile the
/// kernel may have listed neither the old one nor the new one.
const MOST_READINGS: u32 = 3;

/// A directory without an index.
pub(super) struct Listing {
    page: Page,
    path: FilePath,
    form: Form,
}

impl Listing {
    /// Looks at what is in `directory`. It blocks.
    pub(super) fn read(
        settings: &Settings,
        path: &FilePath,
        directory: &Handle,
        (ticket, now): (Ticket, SystemTime),
        (uri, form): (&Uri, Option<Form>),
    ) -> Result<Self, (Refusal, Ruling)> {
        let identity = directory.stat().identity;
        let key = (identity.dev, identity.ino);
        let rows = settings.shared.desk.rows(key, ticket, |ahead, known| {
            Reading { settings, path, directory, ahead, now }.rows(known)
        })?;
        let form = form.unwrap_or(Form::Plain);
        let page = Page::new(path, uri.path(), form, Sort::of(uri.query()), rows);
        Ok(Self { page, path: path.clone(), form })
    }

    /// The response with the list, or what the conditions of the request make of it.
    pub(super) fn answered(
        self,
        settings: &Settings,
        asked: &Asked,
        now: SystemTime,
    ) -> Response<FileBody> {
        let length = self.page.length();
        let mut facts = Facts::new(length).without_ranges().tag(self.page.tag()).vary(ACCEPT);
        facts = match self.form {
            Form::Page | Form::Plain => facts
                .content_type(HeaderValue::from_static("text/html; charset=utf-8"))
                .field(CONTENT_SECURITY_POLICY, POLICY),
            Form::Json => facts.content_type(HeaderValue::from_static("application/json")),
        };
        let mut name = self.path.as_bytes().to_vec();
        if !name.is_empty() {
            name.push(b'/');
        }
        if let Some(value) = settings.fields.cache_control(&name, Standing::Settled) {
            facts = facts.cache_control(value);
        }
        let (head, plan) = answer::answer(asked, &facts, now).into_parts();
        head.map(|()| match plan {
            Plan::Whole => FileBody::made(self.page.into_pieces(), length),
            // There are no ranges of it.
            Plan::Nothing | Plan::Part(_) | Plan::Parts(_) => FileBody::empty(),
        })
    }
}

/// A look into a directory.
pub(super) struct Reading<'a> {
    pub(super) settings: &'a Settings,
    pub(super) path: &'a FilePath,
    pub(super) directory: &'a Handle,
    pub(super) ahead: &'a Ahead<'a>,
    /// When it was asked for.
    pub(super) now: SystemTime,
}

/// Whether a name is listed.
enum Listed {
    As {
        is_file: bool,
        size: u64,
        modified: i64,
    },
    /// It is nothing that is served.
    Never,
    /// It cannot be had, and may be the next time.
    NotNow,
}

impl Reading<'_> {
    /// What is in the directory; `known` itself where that is the same. It blocks.
    pub(super) fn rows(&self, known: Option<Known>) -> Result<Known, (Refusal, Ruling)> {
        let mut before = self.version();
        let proof = known.as_ref().and_then(|known| known.proof);
        if let Some(known) = known.as_ref().filter(|_| proof.is_some() && proof == before) {
            if self.is_still(&known.rows) {
                self.settings.shared.counters.lists_shared.add();
                return Ok(known.clone());
            }
        }
        let mut readings = 0;
        let (rows, is_certain, after) = loop {
            let (draft, is_certain) = self.read()?;
            let after = self.version();
            readings += 1;
            if after == before || readings == MOST_READINGS {
                break (draft.finish(), is_certain, after);
            }
            before = after;
        };
        let proof = before.filter(|_| is_certain && after == before && self.is_proof(before));
        // Of the very same rows one copy is enough, however they were found.
        let same = known.filter(|known| known.rows.digest() == rows.digest());
        let rows = same.map_or_else(|| Arc::new(rows), |known| known.rows);
        Ok(Known { rows, proof })
    }

    /// The version of the directory: with another name in it, it is another one.
    fn version(&self) -> Option<Identity> {
        Stat::of(self.directory).ok().map(|stat| stat.identity)
    }

    /// Whether no name can come or go without another version: not where others write, nor so soon after a
    /// change that the clock of the filesystem may not tell the next one from it.
    fn is_proof(&self, version: Option<Identity>) -> bool {
        let stat = self.directory.stat();
        let is_old = version.is_some_and(|identity| {
            let age = dates::age(&Stat { identity, ..*stat }, self.now);
            age >= self.settings.versions.settle_of(&identity)
        });
        is_old && self.directory.place() != Place::Elsewhere
    }

    /// Whether all that is known of these names still holds.
    fn is_still(&self, rows: &Rows) -> bool {
        rows.entries().all(|entry| match self.look(entry.name) {
            Listed::As { is_file, size, modified } => {
                (is_file, size, modified) == (entry.is_file, entry.size, entry.modified)
            }
            Listed::Never | Listed::NotNow => false,
        })
    }

    /// Every name, and whether those that are left out would be left out again.
    fn read(&self) -> Result<(Draft, bool), (Refusal, Ruling)> {
        self.settings.shared.counters.lists_read.add();
        let mut attempt = 0_u32;
        loop {
            let (mut draft, mut is_certain) = (Draft::default(), true);
            let read = self.directory.names(|name| {
                if !self.settings.lookup.hidden && name.starts_with(b".") {
                    return ControlFlow::Continue(());
                }
                if draft.len() == self.settings.lookup.listed {
                    draft.cut();
                    return ControlFlow::Break(());
                }
                match self.look(name) {
                    Listed::As { is_file, size, modified } => {
                        draft.push(Entry { name, is_file, size, modified });
                    }
                    Listed::Never => {}
                    Listed::NotNow => is_certain = false,
                }
                ControlFlow::Continue(())
            });
            let Err(refusal) = read else { return Ok((draft, is_certain)) };
            let name = Name::Beneath(self.path.as_bytes().to_vec());
            let ruling = self.rule(&name, &refusal, attempt);
            match ruling.decision() {
                Decision::Retry { after } => sleep(after),
                // The directory is open already.
                Decision::ReResolve | Decision::Next => {}
                Decision::Answer { .. } | Decision::Abort => return Err((refusal, ruling)),
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// What is said of a name; nothing, if it would not be served.
    fn look(&self, name: &[u8]) -> Listed {
        let stat = match self.directory.look_at(name) {
            Ok(stat) => stat,
            Err(refusal) => {
                // It is reported and left out.
                let name = Name::Beneath(self.path.join(name));
                self.rule(&name, &refusal, u32::MAX);
                return Listed::NotNow;
            }
        };
        match stat.kind {
            Kind::Regular | Kind::Directory if !self.settings.errors.concealed => Listed::of(&stat),
            Kind::Link if self.settings.lookup.links == Links::None => Listed::Never,
            // Whether it may be had is known by having it.
            Kind::Regular | Kind::Directory | Kind::Link => {
                match self
                    .settings
                    .root()
                    .resolve(&self.path.join(name), self.settings.lookup.how())
                {
                    Ok(Opened::File(handle) | Opened::Directory(handle)) => {
                        Listed::of(handle.stat())
                    }
                    Err(_) => Listed::NotNow,
                }
            }
            Kind::Fifo
            | Kind::Socket
            | Kind::BlockDevice
            | Kind::CharacterDevice
            | Kind::Unknown => Listed::Never,
        }
    }

    /// Decides about a refusal and calls the listener, for which no request waits.
    fn rule(&self, name: &Name, refusal: &Refusal, attempt: u32) -> Ruling {
        if self.settings.os_errors.on_refusal.is_some() {
            self.ahead.land();
        }
        self.settings.os_errors.decide(name, refusal, attempt, false)
    }
}

impl Listed {
    fn of(stat: &Stat) -> Self {
        Self::As {
            is_file: stat.kind == Kind::Regular,
            size: stat.identity.size,
            modified: stat.identity.mtime.seconds,
        }
    }
}
