//! What becomes of refusals of the kernel, who hears of them, and which page a client gets.

use std::sync::Arc;

use http::StatusCode;

use super::FileSender;
use crate::files::refused::Refused;
use crate::sys::Recovery;

impl FileSender {
    /// What is done about each error number.
    #[must_use]
    pub fn recovery(self, recovery: Recovery) -> Self {
        self.with(|settings| Arc::make_mut(&mut settings.os_errors).recovery = recovery)
    }

    /// Calls `callback` with each refusal of the kernel and what was decided about it, with a
    /// diagnosis where it can be seen why; but not if it is just that there is no such name. Of [precompressed
    /// siblings](Self::precompressed) that are passed over because they are too old it hears once for each
    /// directory. It runs on a thread where
    /// blocking is allowed; but of [`Operation::Thread`](crate::Operation::Thread), where no such thread is to be had,
    /// it hears on one of the runtime's own.
    #[must_use]
    pub fn on_refusal(self, callback: impl Fn(&Refused) + Send + Sync + 'static) -> Self {
        self.with(|settings| {
            Arc::make_mut(&mut settings.os_errors).on_refusal = Some(Arc::new(callback));
        })
    }

    /// Answers what may not be had as if it were not there: 404, or whatever answers a missing file, in place of
    /// 403. Off by default. A [listing](Self::listing) leaves it out, and opens each name to know.
    ///
    /// [`on_refusal`](Self::on_refusal) hears of it all the same, with its diagnosis.
    #[must_use]
    pub fn conceal(self, concealed: bool) -> Self {
        self.with(|settings| settings.errors.concealed = concealed)
    }

    /// Sends the file at `path` below the root with error answers of this status, in place of a
    /// problem document. For as many statuses as this is called with; a later call for one replaces an earlier.
    ///
    /// The status stays, and so do `Retry-After`, `Allow`, `Vary`, and the `no-store` of 5xx. Of the page
    /// the response has only its type and length. It may be of [`CHUNK`](Self::CHUNK) bytes at most, and
    /// its name may begin with a dot, so that it is served as nothing else. One that cannot be read leaves the
    /// standard answer.
    ///
    /// Answers that are no errors have no page, nor have 412 and 416: who gets them has the thing itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use letterhead::FileSender;
    ///
    /// let files = FileSender::new("src")
    ///     .unwrap()
    ///     .error_page(StatusCode::NOT_FOUND, "errors/404.html")
    ///     .error_page(StatusCode::SERVICE_UNAVAILABLE, ".errors/busy.html");
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn error_page(self, status: StatusCode, path: &str) -> Self {
        let path = path.trim_start_matches('/').as_bytes().into();
        self.with(|settings| {
            settings.errors.pages.retain(|page| page.0 != status);
            settings.errors.pages.push((status, path));
        })
    }
}
