//! A policy in Rego that is followed as a file.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use letterhead::{DenyFile, LetterheadLayer, Rego};
use tower::{Layer as _, ServiceExt as _, service_fn};

fn text(name: &str) -> String {
    format!(
        "package letterhead\n\ndeny contains \"{name} is there\" if {{\n    input.fields[\"{name}\"]\n}}\n"
    )
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_changes_nothing_and_names_its_line() {
    let path = std::env::temp_dir().join(format!("letterhead-rego-{}", std::process::id()));
    std::fs::write(&path, text("x-one")).unwrap();
    let file = DenyFile::open(&path, |text| Rego::parse("deny.rego", text)).unwrap();
    let layer = Arc::new(LetterheadLayer::new().deny(file.handle()));
    let status = async |name: &'static str| {
        let app = service_fn(move |_: Request<Full<Bytes>>| async move {
            Response::builder().header(name, "1").body(Full::<Bytes>::default())
        });
        let response = layer.layer(app).oneshot(Request::new(Full::<Bytes>::default())).await;
        response.unwrap().status().as_u16()
    };
    assert_eq!((status("x-one").await, status("x-two").await), (500, 200));
    for (bad, part) in [
        ("package letterhead\n\ndeny contains \"late\" if time.now_ns() > 0\n", "deny.rego:3: "),
        ("package letterhead\n\ndeny contains {\n", "deny.rego:"),
        ("", "wanted Rego"),
    ] {
        std::fs::write(&path, bad).unwrap();
        let error = format!("{:#}", file.reload().unwrap_err());
        assert!(error.contains(part), "{error}");
        assert_eq!((status("x-one").await, status("x-two").await), (500, 200));
    }
    std::fs::write(&path, text("x-two")).unwrap();
    assert_eq!(file.reload().unwrap().version(), 2);
    std::fs::remove_file(&path).unwrap();
    assert_eq!((status("x-one").await, status("x-two").await), (200, 500));
}
