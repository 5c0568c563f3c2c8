//! Media types: those of our own, in front of the table of a thousand endings that a library has.

use http::header::HeaderValue;

use super::sender::FileSender;

/// Endings of which the library has another type than the one that is registered, or none.
///
/// JavaScript is RFC 9239, Markdown RFC 7763, vCard RFC 6350, Zstandard RFC 8878, fonts RFC 8081, YAML RFC 9512;
/// a source map is JSON
/// (ECMA-426, section 9.5). `.ts` is a stream of MPEG-2 wherever one is played; TypeScript is not sent to browsers.
/// `application/x-redhat-package-manager` is nginx's; none is registered.
const OURS: [(&str, &str); 29] = [
    ("arrow", "application/vnd.apache.arrow.file"),
    ("arrows", "application/vnd.apache.arrow.stream"),
    ("cbor", "application/cbor"),
    ("cjs", "text/javascript"),
    ("jsonld", "application/ld+json"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4s", "video/iso.segment"),
    ("map", "application/json"),
    ("markdown", "text/markdown"),
    ("md", "text/markdown"),
    ("mid", "audio/midi"),
    ("midi", "audio/midi"),
    ("mjs", "text/javascript"),
    ("mts", "video/mp2t"),
    ("otf", "font/otf"),
    ("pmtiles", "application/vnd.pmtiles"),
    ("rar", "application/vnd.rar"),
    ("rpm", "application/x-redhat-package-manager"),
    ("sql", "application/sql"),
    ("toml", "application/toml"),
    ("ts", "video/mp2t"),
    ("usdz", "model/vnd.usdz+zip"),
    ("vcard", "text/vcard"),
    ("vcf", "text/vcard"),
    ("woff", "font/woff"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zst", "application/zstd"),
];

/// Names below `/.well-known/` without an ending, and the type that their registration wants.
const WELL_KNOWN: [(&str, &str); 19] = [
    ("api-catalog", "application/linkset+json"),
    ("apple-app-site-association", "application/json"),
    ("atproto-did", "text/plain; charset=utf-8"),
    ("core", "application/link-format"),
    ("host-meta", "application/xrd+xml"),
    ("http-opportunistic", "application/json"),
    ("jmap", "application/json"),
    ("matrix/client", "application/json"),
    ("matrix/server", "application/json"),
    ("nodeinfo", "application/json"),
    ("oauth-authorization-server", "application/json"),
    ("oauth-protected-resource", "application/json"),
    ("openid-configuration", "application/json"),
    ("openid-federation", "application/entity-statement+jwt"),
    ("passkey-endpoints", "application/json"),
    ("private-token-issuer-directory", "application/private-token-issuer-directory"),
    ("void", "text/turtle; charset=utf-8"),
    ("web-identity", "application/json"),
    ("webfinger", "application/jrd+json"),
];

impl FileSender {
    /// The `Content-Type` of files of which the table says none: `application/octet-stream` unless something
    /// else is said. `None`: none is told.
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
        self.with(|settings| settings.unknown = value)
    }
}

/// What goes by an ending, in any letter case.
pub(super) fn by_ending(ending: &[u8]) -> Option<&'static str> {
    let own = OURS.iter().find(|row| row.0.as_bytes().eq_ignore_ascii_case(ending));
    own.map(|row| row.1).or_else(|| {
        let ending = std::str::from_utf8(ending).ok()?;
        mime_guess::from_ext(ending).first_raw()
    })
}

/// What a name is registered for (RFC 8615).
pub(super) fn well_known(name: &[u8]) -> Option<HeaderValue> {
    let name = name.strip_prefix(b".well-known/")?;
    let row = WELL_KNOWN.iter().find(|row| row.0.as_bytes() == name)?;
    Some(HeaderValue::from_static(row.1))
}
