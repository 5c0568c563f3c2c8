//! The policy and the redirects of a directory: files that are watched, or, with a signed list, files as they are listed.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use http::{Request, StatusCode};
use http_body::Body as _;
use letterhead::policy::{Dialect, Policy, Redirect, Redirects};
use letterhead::{
    FileSender, PolicyFile, PolicyFileError, PolicyHandle, PolicyWatch, RedirectsFile, Reloaded,
};

use crate::arguments::Serve;
use crate::printer::Printer;

/// The file of the policy.
pub(crate) const HEADERS: &str = "_headers";

/// The file of what leads elsewhere.
pub(crate) const REDIRECTS: &str = "_redirects";

/// The longest of either that is read.
const LONGEST: usize = 1 << 20;

/// Policy and redirects.
#[derive(Clone)]
pub(crate) enum Rules {
    /// Read when they change.
    Files(PolicyFile, RedirectsFile),
    /// Read through the sender, which has them only as they are listed; again when another list is in force.
    Listed(ListedRules),
}

#[derive(Clone)]
pub(crate) struct ListedRules {
    policy: PolicyHandle,
    redirects: Arc<RwLock<Arc<Redirects>>>,
    dialect: Dialect,
}

impl Rules {
    /// Reads both, as far as they are there; says what is wrong with either.
    pub(crate) async fn read(task: &Serve, files: &FileSender) -> Result<Self, String> {
        if task.trust.is_some() {
            let (policy, redirects) = listed(files, task.dialect).await?;
            let (policy, redirects) =
                (PolicyHandle::new(policy), Arc::new(RwLock::new(Arc::new(redirects))));
            return Ok(Self::Listed(ListedRules { policy, redirects, dialect: task.dialect }));
        }
        let at = |name: &str| task.directory.join(name);
        let policy = PolicyFile::open_if_there(at(HEADERS), task.dialect);
        match (policy, RedirectsFile::open_if_there(at(REDIRECTS))) {
            (Ok(policy), Ok(redirects)) => Ok(Self::Files(policy, redirects)),
            (Err(one), Err(other)) => Err(format!("{one:#}\n{other:#}")),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(format!("{error:#}")),
        }
    }

    pub(crate) fn policy(&self) -> PolicyHandle {
        match self {
            Self::Files(policy, _) => policy.handle(),
            Self::Listed(listed) => listed.policy.clone(),
        }
    }

    /// Where a request leads.
    pub(crate) fn find(&self, path: &str, query: Option<&str>) -> Option<Redirect> {
        match self {
            Self::Files(_, redirects) => redirects.find(path, query),
            Self::Listed(listed) => {
                let redirects = listed.redirects.read().unwrap_or_else(PoisonError::into_inner);
                let redirects = Arc::clone(&redirects);
                redirects.find(path, query)
            }
        }
    }

    /// Watches both, and tells what becomes of each version. Those of a list are as long there as it is in force.
    pub(crate) fn watch(&self, printer: &Printer) -> io::Result<Vec<PolicyWatch>> {
        let Self::Files(policy, redirects) = self else { return Ok(Vec::new()) };
        let tell = |file| {
            let print = printer.handle();
            move |reloaded| print(reload_notice(file, &reloaded))
        };
        Ok(vec![policy.watch(tell(HEADERS))?, redirects.watch(tell(REDIRECTS))?])
    }

    /// Reads both again, as far as they are files that are watched. It blocks.
    pub(crate) fn reload(&self, print: &impl Fn(String)) {
        if let Self::Files(policy, redirects) = self {
            print(reload_notice(HEADERS, &policy.reload()));
            print(reload_notice(REDIRECTS, &redirects.reload()));
        }
    }

    /// Takes both as they are in the tree whose list is in force now.
    pub(crate) async fn follow(&self, files: &FileSender, print: &impl Fn(String)) {
        let Self::Listed(rules) = self else { return };
        match listed(files, rules.dialect).await {
            Ok((policy, redirects)) => {
                rules.policy.replace(policy);
                let redirects = Arc::new(redirects);
                *rules.redirects.write().unwrap_or_else(PoisonError::into_inner) = redirects;
            }
            Err(error) => print(format!("refused, what was before stays\n{error}")),
        }
    }
}

/// What became of a version of a file.
fn reload_notice(file: &str, reloaded: &Result<Reloaded, PolicyFileError>) -> String {
    match reloaded {
        Ok(reloaded) if reloaded.is_new() => {
            format!("{file}: version {} is in force", reloaded.version())
        }
        Ok(reloaded) => format!("{file}: version {} stays, nothing is new", reloaded.version()),
        Err(error) => format!("{file}: refused, what was before stays\n{error:#}"),
    }
}

/// Both as they are listed; one that is not listed has no lines.
async fn listed(files: &FileSender, dialect: Dialect) -> Result<(Policy, Redirects), String> {
    let policy = Policy::parse(HEADERS, &text(files, HEADERS).await?, dialect);
    let redirects = Redirects::parse(REDIRECTS, &text(files, REDIRECTS).await?);
    match (policy, redirects) {
        (Ok(policy), Ok(redirects)) => Ok((policy, redirects)),
        (Err(one), Err(other)) => Err(format!("{one}\n{other}")),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error.to_string()),
    }
}

/// A file as the sender sends it.
async fn text(files: &FileSender, name: &str) -> Result<String, String> {
    let Ok(response) = files.send(&Request::new(()), name).await;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(String::new()),
        status => return Err(format!("{name}: wanted it as it is listed, found {status}")),
    }
    let (mut body, mut bytes) = (response.into_body(), Vec::new());
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| format!("{name}: {error}"))?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if bytes.len() > LONGEST {
            return Err(format!("{name}: wanted at most {LONGEST} bytes, found more"));
        }
    }
    String::from_utf8(bytes).map_err(|error| format!("{name}: wanted UTF-8, {error}"))
}
