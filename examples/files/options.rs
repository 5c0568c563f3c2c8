//! The options that are about the server and its log, not about files.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use letterhead::report::{AccessLog, LogForm};
use letterhead::serve::rustls::ServerConfig;

use crate::fields::Field;
use crate::tls::Pair;

/// What is set by flags.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) quiet: bool,
    access_log: Option<PathBuf>,
    form: LogForm,
    tls: Option<Pair>,
    pub(crate) fields: Vec<Field>,
}

impl Options {
    /// Whether `name` is a flag without a value that is known here.
    pub(crate) fn switch(&mut self, name: &str) -> bool {
        match name {
            "--quiet" => self.quiet = true,
            "--json-log" => self.form = LogForm::Json,
            "--cors" => self.fields.extend(Field::cors()),
            _ => return false,
        }
        true
    }

    /// Whether `name` is a flag with a value that is known here.
    pub(crate) fn valued(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "--access-log" => self.access_log = Some(value.into()),
            "--header" => self.fields.push(Field::read(value)?),
            "--tls" => self.tls = Some(Pair::read(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The log, unless none is wanted.
    pub(crate) fn log(&self) -> Result<Option<AccessLog>, String> {
        let log = match &self.access_log {
            Some(path) => AccessLog::file(path).map_err(|error| {
                format!("--access-log: cannot open {}: {error}", path.display())
            })?,
            None if self.quiet => return Ok(None),
            None => AccessLog::stderr().map_err(|error| format!("no log on stderr: {error}"))?,
        };
        Ok(Some(log.form(self.form)))
    }

    /// What TLS needs, if it is wanted.
    pub(crate) fn tls(&self) -> Result<Option<Arc<ServerConfig>>, String> {
        self.tls.as_ref().map(Pair::config).transpose()
    }
}

/// Opens the log's file anew at each SIGHUP, as logrotate wants it.
pub(crate) fn reopen_on_hangup(log: AccessLog) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            log.reopen();
        }
    });
    Ok(())
}
