//! How long a deny policy of five rules takes for a head of twelve fields, at the commit; prints quantiles.
#![expect(clippy::unwrap_used, reason = "in a bench, a panic is the report")]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use letterhead::deny::{Deny as _, FinalHead, Verdict};
use letterhead::{LetterheadLayer, Rego};
use tower::{Layer as _, ServiceExt as _, service_fn};

const POLICY: &str = r#"
package letterhead

deny contains msg if {
	some line in input.fields["cache-control"]
	contains(line, "public")
	input.fields["set-cookie"]
	msg := sprintf("%s sets a cookie on a response that caches share", [input.request.path])
}

deny contains "html without a policy" if {
	some line in input.fields["content-type"]
	startswith(line, "text/html")
	not input.fields["content-security-policy"]
}

deny contains msg if {
	input.request.scheme == "https"
	not input.fields["strict-transport-security"]
	msg := sprintf("%s has no HSTS", [input.request.path])
}

deny contains msg if {
	some name, _ in input.fields
	startswith(name, "x-internal")
	msg := sprintf("leaks %s", [name])
}

deny contains "an error that is cached" if {
	input.status >= 500
	not "no-store" in input.fields["cache-control"]
}
"#;

/// None of them is denied: that is what almost every head is.
const FIELDS: [(&str, &str); 12] = [
    ("cache-control", "private, max-age=60"),
    ("content-language", "en"),
    ("content-security-policy", "default-src 'self'"),
    ("content-type", "text/html; charset=utf-8"),
    ("etag", "\"0123456789abcdef\""),
    ("last-modified", "Tue, 24 Nov 2026 00:00:00 GMT"),
    ("referrer-policy", "no-referrer"),
    ("server", "letterhead"),
    ("set-cookie", "id=0123456789abcdef; Path=/; HttpOnly"),
    ("strict-transport-security", "max-age=31536000"),
    ("vary", "accept-encoding"),
    ("x-content-type-options", "nosniff"),
];

const ROUNDS: usize = 100_000;

fn main() {
    // `cargo test` runs benches, too, to see that they work.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 10 };
    let rego = Rego::parse("deny.rego", POLICY).unwrap();
    let layer = LetterheadLayer::new().deny(move |head: &FinalHead<'_>| {
        let first = Instant::now();
        assert!(!rego.deny(head).is_denied());
        println!("the first one on a thread: {:?}", first.elapsed());
        let mut took: Vec<Duration> = (0..rounds)
            .map(|_| {
                let begin = Instant::now();
                let verdict = rego.deny(head);
                let took = begin.elapsed();
                assert!(!verdict.is_denied() && verdict.failure().is_none());
                took
            })
            .collect();
        took.sort_unstable();
        for (name, of_thousand) in [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999)] {
            println!("{name}: {:?}", took[(took.len() - 1) * of_thousand / 1000]);
        }
        Verdict::allow()
    });
    let service = service_fn(|_: Request<Full<Bytes>>| async {
        let mut response = Response::builder();
        for (name, value) in FIELDS {
            response = response.header(name, value);
        }
        Ok::<_, Infallible>(response.body(Full::<Bytes>::default()).unwrap())
    });
    let request = Request::builder().uri("https://a.test/users/7").body(Full::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(layer.layer(service).oneshot(request)).unwrap();
}
