//! `letterhead serve --tls`, as curl sees it.

use std::process::Command;

use crate::command::{Scratch, Serving};
use crate::{pem, skip};

#[test]
fn a_certificate_makes_it_https_and_the_policy_knows() {
    if !skip::has("curl") {
        return skip::tool("curl");
    }
    let (site, keys) = (Scratch::new(), Scratch::new());
    site.write("index.html", "<p>index");
    site.write("_headers", "/*\n  Strict-Transport-Security: max-age=31536000\n");
    site.write("_redirects", "/old / 301\n");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    keys.write("cert.pem", &pem::text("CERTIFICATE", made.cert.der()));
    keys.write("key.pem", &pem::text("PRIVATE KEY", &made.signing_key.serialize_der()));
    let path = |name: &str| keys.path().join(name).display().to_string();
    let pair = format!("{},{}", path("cert.pem"), path("key.pem"));
    let server = Serving::start(site.path(), &["--quiet", "--tls", &pair]);
    let (_, port) = server.addr.split_once(':').unwrap();
    for (target, status) in [("/", "200"), ("/old", "301"), ("/none", "404")] {
        for protocol in ["--http1.1", "--http2"] {
            let ran = Command::new("curl")
                .args(["-sS", "-i", "--max-time", "20", protocol, "--cacert", &path("cert.pem")])
                .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
                .arg(format!("https://localhost:{port}{target}"))
                .output()
                .unwrap();
            let answer = String::from_utf8_lossy(&ran.stdout).into_owned();
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{target} {protocol}: {said}");
            let (version, rest) = answer.split_once(' ').unwrap();
            assert!(version.starts_with("HTTP/") && rest.starts_with(status), "{answer}");
            assert!(
                answer.contains("\nstrict-transport-security: max-age=31536000\r\n"),
                "{answer}"
            );
        }
    }
    let (status, _, said) = server.end("-TERM");
    assert!(status.success() && said.is_empty(), "{said:#?}");
}
