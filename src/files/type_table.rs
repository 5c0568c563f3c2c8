//! Media types: those of our own, in front of the table of a thousand endings that a library has.

use http::header::HeaderValue;

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

/// Types that become much smaller in a coding, beside text and what is written in JSON, XML or YAML. Plain fonts, icons
/// and bitmaps are among them; whatever is compressed in itself is not.
const COMPRESSES: [&str; 25] = [
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/json-seq",
    "application/link-format",
    "application/postscript",
    "application/rtf",
    "application/sql",
    "application/toml",
    "application/vnd.apple.mpegurl",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-sh",
    "application/x-subrip",
    "application/x-tar",
    "application/x-tex",
    "application/xml",
    "application/yaml",
    "font/collection",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/x-icon",
];

/// Whether files of this type are worth to be compressed, so that sooner or later there is a sibling of them.
pub(super) fn compresses(value: &HeaderValue) -> bool {
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    let ends = |suffix: &&[u8]| essence.ends_with(suffix);
    essence.starts_with(b"text/")
        || [b"+json".as_slice(), b"+xml", b"+yaml"].iter().any(ends)
        || COMPRESSES.iter().any(|known| known.as_bytes() == essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_in_itself_has_no_sibling() {
        let of = |name: &str| by_ending(name.as_bytes()).map(HeaderValue::from_static);
        let compresses = |name: &str| of(name).is_some_and(|value| compresses(&value));
        for name in "html js mjs css txt md svg json map wasm xml webmanifest geojson gltf ttf otf eot ico bmp csv \
                     yaml toml rtf sh m3u8 vtt srt tar rss atom xhtml sql ndjson bash jsonld cjs ics"
            .split_ascii_whitespace()
            .filter(|name| of(name).is_some())
        {
            assert!(compresses(name), "{name} {:?}", of(name));
        }
        for name in "mp4 webm mkv mp3 ogg flac png jpg jpeg gif webp avif jxl heic woff woff2 zip gz br zst xz 7z \
                     pdf jar epub docx iso bin exe dmg deb rpm parquet ts m4s pmtiles usdz"
            .split_ascii_whitespace()
        {
            assert!(!compresses(name), "{name} {:?}", of(name));
        }
        for text in ["TEXT/Plain", "text/html;charset=utf-8", "image/SVG+xml ;x=y"] {
            assert!(super::compresses(&HeaderValue::from_static(text)), "{text}");
        }
        assert!(COMPRESSES.is_sorted());
    }
}
