//! What a list says of one file.

use http::header::{self, HeaderName, HeaderValue};

use super::error::{ManifestError, structure};
use super::hex;
use super::json::{self, Object, Value};

/// Bytes of a block that has a digest of its own: 1 MiB.
pub const BLOCK: u64 = 1 << 20;

/// The member of `custom` that has what TUF has no place for.
const OURS: &str = "letterhead";

/// What a list cannot say, because the answer does, or because it would be untrue.
const NOT_PINNED: [HeaderName; 15] = [
    header::ACCEPT_RANGES,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::DATE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::SET_COOKIE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VARY,
    HeaderName::from_static("repr-digest"),
];

/// What a list says of one file: its length, its digest, and what else is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(super) length: u64,
    pub(super) sha256: [u8; 32],
    pub(super) media_type: Option<HeaderValue>,
    pub(super) blocks: Vec<[u8; 32]>,
    pub(super) verity: Option<[u8; 32]>,
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
}

impl Entry {
    /// A file of this length with this SHA-256.
    #[must_use]
    pub const fn new(length: u64, sha256: [u8; 32]) -> Self {
        Self {
            length,
            sha256,
            media_type: None,
            blocks: Vec::new(),
            verity: None,
            fields: Vec::new(),
        }
    }

    /// The same with the SHA-256 of each [`BLOCK`], the last of which may be shorter. Other than as many as there have to be are
    /// left out.
    #[must_use]
    pub fn with_blocks(mut self, blocks: Vec<[u8; 32]>) -> Self {
        if blocks.len() as u64 == self.length.div_ceil(BLOCK) {
            self.blocks = blocks;
        }
        self
    }

    /// The same with the digest of fs-verity, by which a filesystem may have sealed it.
    #[must_use]
    pub const fn with_verity(mut self, digest: [u8; 32]) -> Self {
        self.verity = Some(digest);
        self
    }

    /// The same with its media type pinned.
    #[must_use]
    pub fn with_type(mut self, media_type: HeaderValue) -> Self {
        self.media_type = Some(media_type);
        self
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The SHA-256 of its bytes, in the coding that it is stored in.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The media type, if that is pinned.
    #[must_use]
    pub const fn media_type(&self) -> Option<&HeaderValue> {
        self.media_type.as_ref()
    }

    /// The SHA-256 of each [`BLOCK`]; none, if they are not listed.
    #[must_use]
    pub fn blocks(&self) -> &[[u8; 32]] {
        &self.blocks
    }

    /// The digest of fs-verity, if it is listed: a file that is sealed by it on Linux is as it is listed, and need not be read.
    #[must_use]
    pub const fn verity(&self) -> Option<&[u8; 32]> {
        self.verity.as_ref()
    }

    /// Fields of its responses.
    pub fn fields(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.fields.iter().map(|(name, value)| (name, value))
    }

    pub(super) fn read(value: Value) -> Result<Self, ManifestError> {
        let mut members = json::object(value)?;
        let length = json::number(&json::take(&mut members, "length")?, 0)?;
        let mut hashes = json::object(json::take(&mut members, "hashes")?)?;
        let sha256 = digest(json::take(&mut hashes, "sha256")?)?;
        let mut entry = Self::new(length, sha256);
        let Some(custom) = members.remove("custom") else { return Ok(entry) };
        if let Some(ours) = json::object(custom)?.remove(OURS) {
            for (name, value) in json::object(ours)? {
                entry.read_member(&name, value)?;
            }
        }
        Ok(entry)
    }

    fn read_member(&mut self, name: &str, value: Value) -> Result<(), ManifestError> {
        match name {
            "type" => self.media_type = Some(field_value(value)?),
            "verity" => self.verity = Some(digest(value)?),
            "blocks" => {
                let blocks = json::list(value)?;
                self.blocks = blocks.into_iter().map(digest).collect::<Result<_, _>>()?;
                let (wanted, found) = (self.length.div_ceil(BLOCK), self.blocks.len() as u64);
                if wanted != found {
                    return Err(structure(&format!("{wanted} digests of blocks"), found));
                }
            }
            "fields" => {
                for (name, value) in json::object(value)? {
                    let name = HeaderName::from_bytes(name.as_bytes())
                        .ok()
                        .filter(|name| !NOT_PINNED.contains(name))
                        .ok_or_else(|| {
                            structure("a field that can be pinned", format!("`{name}`"))
                        })?;
                    self.fields.push((name, field_value(value)?));
                }
            }
            other => {
                return Err(structure("type, blocks, verity or fields", format!("`{other}`")));
            }
        }
        Ok(())
    }

    pub(super) fn document(&self) -> Value {
        let digest = |digest: &[u8; 32]| Value::Text(hex::encode(digest));
        let text = |value: &HeaderValue| {
            Value::Text(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let mut ours = Object::new();
        if let Some(media_type) = &self.media_type {
            ours.insert("type".to_owned(), text(media_type));
        }
        if let Some(verity) = &self.verity {
            ours.insert("verity".to_owned(), digest(verity));
        }
        if !self.blocks.is_empty() {
            let blocks = self.blocks.iter().map(digest).collect();
            ours.insert("blocks".to_owned(), Value::List(blocks));
        }
        if !self.fields.is_empty() {
            let field =
                |(name, value): &(HeaderName, HeaderValue)| (name.as_str().to_owned(), text(value));
            let fields = self.fields.iter().map(field).collect();
            ours.insert("fields".to_owned(), Value::Object(fields));
        }
        let length = i64::try_from(self.length).unwrap_or(i64::MAX);
        let hashes = Object::from([("sha256".to_owned(), digest(&self.sha256))]);
        let mut members = Object::from([
            ("length".to_owned(), Value::Integer(length)),
            ("hashes".to_owned(), Value::Object(hashes)),
        ]);
        if !ours.is_empty() {
            let custom = Object::from([(OURS.to_owned(), Value::Object(ours))]);
            members.insert("custom".to_owned(), Value::Object(custom));
        }
        Value::Object(members)
    }
}

fn digest(value: Value) -> Result<[u8; 32], ManifestError> {
    let text = json::text(value)?;
    hex::sha256(&text).ok_or_else(|| structure("64 hexadecimal digits", "another text"))
}

fn field_value(value: Value) -> Result<HeaderValue, ManifestError> {
    let text = json::text(value)?;
    HeaderValue::try_from(text).map_err(|_| structure("the value of a field", "another text"))
}
