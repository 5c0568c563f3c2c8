//! The media type of each ending, compared with nginx's table and with what is registered.

use http::HeaderValue;

use crate::client::h1_get;
use crate::scratch::Scratch;
use crate::serve::serve;

/// The essence of what is sent, without a charset.
fn essence(value: Option<&str>) -> Option<&str> {
    value.map(|value| value.split(';').next().unwrap_or(value))
}

#[tokio::test]
async fn each_type_is_nginx_s_and_the_registered_one_or_it_says_why_not() {
    let scratch = Scratch::new();
    let server = serve(scratch.sender()).await;
    let rows = include_str!("types.txt").lines();
    let mut compared = 0;
    for row in rows.filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (types, why) = match row.split_once('#') {
            Some((types, why)) => (types, Some(why.trim())),
            None => (row, None),
        };
        let words: Vec<_> = types.split_whitespace().collect();
        let [ending, ours, others @ ..] = &words[..] else { panic!("{row}") };
        assert_eq!(others.len(), 2, "{row}");
        scratch.write(&format!("a.{ending}"), "a");
        let answer = h1_get(&server, &format!("/a.{ending}"), "").await;
        assert_eq!(essence(answer.field("content-type")), Some(*ours), "{row}");
        // `=` says that it is the same, so another name for it is a difference that wants a reason.
        let differs = others.iter().any(|other| !matches!(*other, "=" | "-"));
        assert_eq!(why.is_some_and(|why| !why.is_empty()), differs, "{row}");
        assert!(others.iter().all(|other| other != ours), "{row}: `=` is shorter");
        compared += 1;
    }
    assert!(compared > 150, "{compared}");
}

#[tokio::test]
async fn what_is_not_known_is_bytes_unless_somebody_says_otherwise() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", "{}").write("program", "\x7fELF");
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    for (sender, expected) in [
        (scratch.sender(), Some("application/octet-stream")),
        (scratch.sender().unknown_type(Some(text)), Some("text/plain; charset=utf-8")),
        (scratch.sender().unknown_type(None), None),
    ] {
        let server = serve(sender).await;
        for path in ["/a.jsonl", "/program"] {
            assert_eq!(h1_get(&server, path, "").await.field("content-type"), expected, "{path}");
        }
    }
}

#[tokio::test]
async fn a_well_known_name_without_an_ending_has_its_registered_type() {
    let scratch = Scratch::new();
    let server = serve(scratch.sender().hidden(true)).await;
    for (name, expected) in [
        (".well-known/apple-app-site-association", "application/json"),
        (".well-known/openid-configuration", "application/json"),
        (".well-known/matrix/server", "application/json"),
        (".well-known/host-meta", "application/xrd+xml"),
        (".well-known/api-catalog", "application/linkset+json"),
        (".well-known/security.txt", "text/plain; charset=utf-8"),
        // RFC 8555, section 8.3.
        (".well-known/acme-challenge/token", "application/octet-stream"),
        ("apple-app-site-association", "application/octet-stream"),
        ("below/.well-known/host-meta", "application/octet-stream"),
    ] {
        scratch.write(name, "a");
        let answer = h1_get(&server, &format!("/{name}"), "").await;
        assert_eq!(answer.field("content-type"), Some(expected), "{name}");
    }
}
