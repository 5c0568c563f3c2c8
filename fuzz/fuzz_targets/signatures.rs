//! Signatures of odd responses: never a panic, a base that says what its input says, and a head that stays as it was
//! where it is not signed.
#![no_main]

use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use letterhead::LetterheadLayer;
use letterhead::signatures::{Sign, Signer};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower::{Layer as _, ServiceExt as _, service_fn};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

/// Keeps what it is to sign.
#[derive(Clone, Default)]
struct Keeping(Arc<Mutex<Vec<Vec<u8>>>>);

impl Signer for Keeping {
    fn key_id(&self) -> String {
        "key".to_owned()
    }

    fn sign(&self, base: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        self.0.lock().expect("no panic").push(base.to_vec());
        Ok(vec![0xff; 64])
    }
}

/// Covered if the input's first line is no component.
const COVER: [&str; 5] =
    ["\"priority\";sf", "\"a\";key=\"a\"", "\"set-cookie\";bs", "\"@target-uri\";req", "a"];

// The first line is a component, each other one a field of the response.
fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let keeping = Keeping::default();
    let sign = Sign::new(keeping.clone());
    let component = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or("");
    let sign = match sign.clone().cover([component]) {
        Ok(covering) => {
            assert!(sign.cover([component, component]).is_err(), "twice");
            covering
        }
        Err(_) => sign.cover(COVER).expect("components"),
    };
    let mut fields = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&line[colon + 1..])) {
            // What frames a message is the framing guard's business.
            if !["content-length", "transfer-encoding", "trailer", "vary"].contains(&name.as_str())
            {
                fields.append(name, value);
            }
        }
    }
    let answer = fields.clone();
    let app = service_fn(move |_: Request<()>| {
        let mut response = Response::new(Full::new(Bytes::from_static(b"content")));
        *response.headers_mut() = answer.clone();
        async move { Ok::<_, Infallible>(response) }
    });
    let request = Request::get("http://h/p?q").body(()).expect("a request");
    let app = LetterheadLayer::new().sign(sign).layer(app);
    let Ok(response) = RUNTIME.block_on(app.oneshot(request));

    let (mut sent, bases) = (response.headers().clone(), keeping.0.lock().expect("no panic"));
    let Some(base) = bases.first() else {
        assert_eq!(sent, fields, "unsigned, and changed");
        return;
    };
    let text = std::str::from_utf8(base).expect("ASCII");
    assert!(text.is_ascii());
    let whole = sent.clone();
    let last = |name| whole.get_all(name).iter().next_back().expect("it is signed");
    let (input, signature) = (last("signature-input"), last("signature"));
    let (label, input) = input.to_str().expect("ASCII").split_once('=').expect("a label");
    assert!(signature.to_str().expect("ASCII").starts_with(&format!("{label}=://///")));
    let (covered, params) = text.rsplit_once("\"@signature-params\": ").expect("a last line");
    assert_eq!(params, input);
    // As many lines as components, and each begins with its own.
    let mut list = input.strip_prefix('(').expect("a list");
    for line in covered.lines() {
        let identifier = list.get(..line.len().min(list.len())).expect("on a boundary");
        let same = line.bytes().zip(identifier.bytes()).take_while(|(one, two)| one == two).count();
        let (_, rest) = list.split_at(same);
        assert!(line[same..].starts_with(": ") || same > 0, "{line} in {input}");
        list = rest.strip_prefix(' ').unwrap_or(rest);
    }
    assert!(list.starts_with(')'), "{list} is left of {input}");
    // The label is no other one's, and all that was there still is.
    for name in ["signature-input", "signature"] {
        let mut lines: Vec<_> = sent.get_all(name).iter().cloned().collect();
        lines.pop();
        let others: Vec<_> = fields.get_all(name).iter().cloned().collect();
        assert_eq!(lines, others);
        for line in others {
            let start = line.as_bytes().trim_ascii_start();
            assert!(!start.starts_with(format!("{label}=").as_bytes()), "{label} twice");
        }
        sent.remove(name);
        fields.remove(name);
    }
    assert_eq!(sent, fields, "signed, and changed");
});
