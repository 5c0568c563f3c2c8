//! What came over the wire, written down for other verifiers.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use http::Response;
use letterhead::signatures::SigningKey;
use serde_json::{Value, json};

use crate::client::{HOST, Kind, Version};

/// Exchanges and keys.
#[derive(Default)]
pub(crate) struct Record {
    exchanges: Vec<Value>,
    keys: Vec<Value>,
}

impl Record {
    pub(crate) fn key(&mut self, id: &str, key: &SigningKey) {
        let jwk: Value = serde_json::from_str(&key.public_jwk()).unwrap();
        self.keys.push(json!({ "id": id, "algorithm": key.algorithm().as_str(), "jwk": jwk }));
    }

    /// One that is signed by the key of this id, with this tag.
    pub(crate) fn exchange(
        &mut self,
        name: &str,
        (kind, version): (&Kind, Version),
        response: &Response<Bytes>,
        (key, tag): (&str, &str),
    ) {
        // One character for each byte, as Latin-1 has it.
        let text = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
        let fields = response.headers().iter();
        let fields: Vec<_> =
            fields.map(|(name, value)| json!([name.as_str(), text(value.as_bytes())])).collect();
        self.exchanges.push(json!({
            "name": name,
            "version": format!("{version:?}"),
            "method": kind.method,
            "url": format!("http://{HOST}{}", kind.path),
            "request_fields": kind.fields,
            "status": response.status().as_u16(),
            "fields": fields,
            "key": key,
            "tag": tag,
        }));
    }

    pub(crate) fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// Into the file that the environment names, if it names one.
    pub(crate) fn save(self) {
        let Some(path) = std::env::var_os("LETTERHEAD_SIGNED").map(PathBuf::from) else { return };
        let all = json!({ "keys": self.keys, "exchanges": self.exchanges });
        fs::write(path, serde_json::to_vec_pretty(&all).unwrap()).unwrap();
    }
}
