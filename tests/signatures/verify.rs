//! A small verifier: it knows Ed25519 and what is covered if nothing is said.

use std::fmt::Write as _;

use bytes::Bytes;
use ed25519_dalek::{Signature, SigningKey, Verifier as _};
use http::Response;

use crate::client::Kind;

/// The members of both fields by their label: the input, and the signature's text.
pub(crate) fn signatures(response: &Response<Bytes>) -> Vec<(String, String, String)> {
    let members = |name: &str| -> Vec<(String, String)> {
        let lines = response.headers().get_all(name).iter();
        lines
            .map(|line| {
                let (label, member) = line.to_str().unwrap().split_once('=').unwrap();
                (label.to_owned(), member.to_owned())
            })
            .collect()
    };
    let (inputs, signatures) = (members("signature-input"), members("signature"));
    assert_eq!(inputs.len(), signatures.len(), "{:?}", response.headers());
    inputs
        .into_iter()
        .zip(signatures)
        .map(|((label, input), (other, signature))| {
            assert_eq!(label, other);
            (label, input, signature)
        })
        .collect()
}

/// Whether the key of this seed signed the response.
pub(crate) fn holds(kind: &Kind, response: &Response<Bytes>, seed: [u8; 32]) -> bool {
    let (_, input, signature) = signatures(response).into_iter().last().expect("a signature");
    let (list, _) = input[1..].split_once(')').unwrap();
    let mut base = String::new();
    for component in list.split(' ') {
        let value = match component {
            "\"@path\";req" => kind.path.split('?').next().unwrap().to_owned(),
            "\"@method\";req" => kind.method.to_owned(),
            "\"@status\"" => response.status().as_str().to_owned(),
            field => {
                let lines = response.headers().get_all(field.trim_matches('"')).iter();
                let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
                assert!(!lines.is_empty(), "{field}");
                lines.join(", ")
            }
        };
        writeln!(base, "{component}: {value}").unwrap();
    }
    write!(base, "\"@signature-params\": {input}").unwrap();
    let bytes = base64(signature.trim_matches(':'));
    let key = SigningKey::from_bytes(&seed).verifying_key();
    key.verify(base.as_bytes(), &Signature::from_slice(&bytes).unwrap()).is_ok()
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').chars().map(|digit| DIGITS.find(digit).unwrap());
    let (mut bytes, mut bits, mut have) = (Vec::new(), 0, 0);
    for digit in digits {
        (bits, have) = (bits << 6 | digit, have + 6);
        if have >= 8 {
            have -= 8;
            bytes.push(u8::try_from(bits >> have & 0xff).unwrap());
        }
    }
    bytes
}
