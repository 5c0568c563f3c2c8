//! What counts as a version of a file, and how a client learns it: age, dates, tags, digests.

use std::time::Duration;

use super::FileSender;
use crate::files::options::Stability;

impl FileSender {
    /// How old a file's last change, by its modification and its change time, has to be for the file to
    /// count as settled; [`SETTLE`](Self::SETTLE) by default. Below 2 seconds it is 2 seconds where times have no
    /// fractions.
    ///
    /// A younger file may be another one in a moment, with the same size and times. So it is sent with no
    /// `ETag`, no `Last-Modified` and no `Accept-Ranges`; a `Range` is ignored; and the response says
    /// `Cache-Control: no-cache`, unless a pattern says otherwise. For files that [only
    /// grow](crate::files::OnChange::AllowGrowth) it has a weak tag, and ranges are answered.
    ///
    /// An older one that somebody has open for writing has a weak tag, against which no condition holds, and
    /// `no-cache`; ranges are answered. See [`Stability`].
    #[must_use]
    pub fn settle(self, age: Duration) -> Self {
        self.with(|settings| settings.versions.settle = age)
    }

    /// How a file comes to count as settled; [`Stability::ByAge`] by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::FileSender;
    /// use letterhead::files::Stability;
    ///
    /// let files = FileSender::new("src").unwrap().settled(Stability::Proved);
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn settled(self, how: Stability) -> Self {
        self.with(|settings| settings.versions.settled = how)
    }

    /// Whether every file of the tree has one date, or another one that says nothing of its content: trees that
    /// a build tool made with `SOURCE_DATE_EPOCH` or `--mtime`, and that are replaced by the next build.
    /// Off by default.
    ///
    /// Two builds then have files of one length and one date with different content. So no `Last-Modified` is
    /// sent, and tags are made of the content, as for files whose date is before 1990, with or without
    /// this: up to [`CONTENT_TAG`](Self::CONTENT_TAG) bytes before the first response, above that in the
    /// background, and there is no tag until then.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::FileSender;
    ///
    /// let files = FileSender::new("src").unwrap().constant_dates(true);
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn constant_dates(self, constant: bool) -> Self {
        self.with(|settings| settings.versions.constant_dates = constant)
    }

    /// Makes the tags of settled files that are up to `most` bytes long from their content (SHA-256), and not
    /// from size and modification time. With 0, the default, of those alone whose date
    /// [is none](Self::CONTENT_TAG).
    ///
    /// So the tag is the same wherever and whenever the same bytes are put in place, and another where two
    /// versions have the same size and time. `Last-Modified` is sent as ever. A version is read once more before it
    /// is reported for the first time, as for [`digests`](Self::digests).
    #[must_use]
    pub fn content_tags(self, most: u64) -> Self {
        self.with(|settings| settings.versions.tagged = most)
    }

    /// Sends `Repr-Digest` and `Content-Digest` (RFC 9530) to clients that want them, with 200s and 206s of settled
    /// files that are up to `most` bytes long. With 0, the default, to nobody.
    ///
    /// Clients ask with `Want-Repr-Digest` and `Want-Content-Digest`, for `sha-256` or `sha-512`, whichever they
    /// prefer. `Repr-Digest` is of the whole file in the coding that was chosen, also with a part of it and to a `HEAD`.
    /// `Content-Digest` is of the bytes that are sent; a `HEAD` has none.
    ///
    /// Such a file is read once more before its head is sent, on the blocking pool: some milliseconds for
    /// each megabyte, less than one if the processor has instructions for it. Digests of whole files are remembered by
    /// version, 4096 of them; those of parts are made each time.
    #[must_use]
    pub fn digests(self, most: u64) -> Self {
        self.with(|settings| settings.versions.digested = most)
    }

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
        self.with(|settings| settings.versions.blind = age)
    }
}
