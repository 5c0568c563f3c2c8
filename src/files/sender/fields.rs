//! Which fields go by the name of a file: its type, its name for saving, how long caches keep it.

use http::header::HeaderValue;

use super::FileSender;
use crate::files::options::Disposition;

impl FileSender {
    /// The `Content-Type` of files whose name ends with `.extension`, in any letter case, in place of the
    /// one that the standard table has, if any. It is sent as it is: a charset has to be in it.
    ///
    /// A later call for the same extension replaces an earlier one. In a coding a file has the type of what is coded.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::HeaderValue;
    /// use letterhead::FileSender;
    ///
    /// let gltf = HeaderValue::from_static("model/gltf+json");
    /// let files = FileSender::new("src").unwrap().media_type("gltf", gltf);
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn media_type(self, extension: &str, value: HeaderValue) -> Self {
        let extension = extension.trim_start_matches('.').to_ascii_lowercase();
        self.with(|settings| {
            settings.fields.types.retain(|row| *row.0 != *extension);
            settings.fields.types.push((extension.into(), value));
        })
    }

    /// The `Content-Type` of files of which the table says none: `application/octet-stream` unless something
    /// else is said. `None`: the field is left out.
    ///
    /// With none and the `nosniff` that every response has, browsers show what they take for text: Chromium
    /// shows an archive as letters. A type that says that nothing is known has it saved.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::HeaderValue;
    /// use letterhead::FileSender;
    ///
    /// // A tree of notes without endings.
    /// let text = HeaderValue::from_static("text/plain; charset=utf-8");
    /// let files = FileSender::new("src").unwrap().unknown_type(Some(text));
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn unknown_type(self, value: Option<HeaderValue>) -> Self {
        self.with(|settings| settings.fields.unknown = value)
    }

    /// The charset of text whose path below the root matches `pattern`, as in
    /// [`cache_control`](Self::cache_control), where the standard table has none: `utf-8` unless something else
    /// is said. `None`, or what is no token: no charset is sent.
    ///
    /// Text is `text/*` and JavaScript.
    #[must_use]
    pub fn charset(self, pattern: &str, charset: Option<&str>) -> Self {
        let charset = charset.filter(|name| is_token(name)).map(Into::into);
        self.with(|settings| settings.fields.charsets.push((pattern.into(), charset)))
    }

    /// Tells browsers whether to show or to save files whose path below the root matches `pattern`, as in
    /// [`cache_control`](Self::cache_control), and under which name: the last component of the path, in ASCII
    /// and, where that is not all of it, in UTF-8 (RFC 6266, RFC 8187).
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::FileSender;
    /// use letterhead::files::Disposition;
    ///
    /// let files = FileSender::new("src").unwrap().disposition("/uploads/*", Disposition::Attachment);
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn disposition(self, pattern: &str, disposition: Disposition) -> Self {
        self.with(|settings| settings.fields.dispositions.push((pattern.into(), disposition)))
    }

    /// The `Cache-Control` of files whose path below the root, with a `/` before it, matches `pattern`,
    /// in which `*` stands for any characters. The first pattern that matches counts.
    #[must_use]
    pub fn cache_control(self, pattern: &str, value: HeaderValue) -> Self {
        self.with(|settings| settings.fields.cache_control.push((pattern.into(), value)))
    }

    /// Sends files with a hash in their name with `Cache-Control: public, max-age=31536000, immutable`, unless a
    /// pattern of [`cache_control`](Self::cache_control) says otherwise. Off by default.
    ///
    /// A hash is at least eight hexadecimal digits, a letter and a decimal digit among them, between `.`, `-` or
    /// `_` in the last component, with an extension somewhere behind: `app.3f9a2c1b.js`, `main-0a1b2c3d4e.css.map`,
    /// not `report.20240131.pdf`. A file that is not [settled](Self::settle) is not called immutable.
    #[must_use]
    pub fn immutable_names(self, immutable: bool) -> Self {
        self.with(|settings| settings.fields.immutable = immutable)
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}
