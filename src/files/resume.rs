//! Ranges that would put two versions into one file of the client's.

use std::time::Duration;

use http::StatusCode;

use super::dates;
use super::look::Look;
use super::sender::FileSender;
use crate::answer::Facts;
use crate::head::ErrorAnswer;
use crate::sys::Stat;

impl FileSender {
    /// Refuses with 409 to resume a download of a file that was changed within `age` before the request, unless the
    /// client says which version it has. With 0, the default, nobody is refused.
    ///
    /// A client that resumes sends `Range: bytes=1000-` for what it lacks. With `If-Range` (or `If-Match`,
    /// or `If-Unmodified-Since`) it gets the rest of that version or all of the present one. wget and aria2 send
    /// none of these: if the file was changed meanwhile, they put the end of the new version behind the beginning of
    /// the old one, and exit with 0. With this they fail. A 200 would not help: wget skips as many bytes of it
    /// as it has.
    ///
    /// A `Range` that begins at 0, or that asks for the last bytes, is answered as ever. **Off by default**: programs
    /// that read parts of files (GDAL, fsspec, ffmpeg, and aria2 with several connections) send ranges
    /// without `If-Range` rightly, and would fail for files that were changed lately.
    /// [The guide](crate::guide::validators) says what clients do.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use letterhead::FileSender;
    ///
    /// // Downloads take up to a day.
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// let files = FileSender::new("src").unwrap().refuse_blind_resumption(day);
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn refuse_blind_resumption(self, age: Duration) -> Self {
        self.with(|settings| settings.blind = age)
    }
}

impl Look<'_> {
    /// Whether the client asks for the rest of a file that was changed lately, and does not say of which version.
    pub(super) fn is_blind(&self, facts: &Facts, stat: &Stat) -> bool {
        !self.settings.blind.is_zero()
            && self.want.asked.resumes_blindly(facts)
            && dates::age(stat, self.want.now) < self.settings.blind
    }
}

/// The state of the resource is not the one that the client may have met (RFC 9110, section 15.5.10). No 503: aria2
/// waits after one, and asks again.
pub(super) fn refused() -> ErrorAnswer {
    ErrorAnswer::new(StatusCode::CONFLICT)
}
