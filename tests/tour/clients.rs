//! Trailers, as clients see them that share no code with the server.

use crate::process::{Example, curl, run};

const BOTH: [&str; 2] = ["server-timing: db;dur=53", "x-checksum: 8d9e"];

#[test]
fn curl_sees_the_trailers_over_h1_and_h2() {
    let tour = Example::start("tour");
    for protocol in crate::process::PROTOCOLS {
        let args = ["-H", "TE: trailers", &tour.url("/trailer")];
        let Some(ran) = curl(protocol, &args) else { return };
        ran.exits(0).says("trailer: server-timing, x-checksum\n").says("more content\n");
        let after = ran.out.split("more content\n").nth(1).unwrap_or_default();
        // curl prints what comes behind the content with the head of the response.
        let whole = format!("{}{after}", ran.out);
        for trailer in BOTH {
            assert!(whole.contains(trailer), "wanted {trailer:?} in:\n{}", ran.out);
        }
    }
}

#[test]
fn nghttp_sees_the_trailers() {
    let tour = Example::start("tour");
    let Some(ran) = run("nghttp", &["-v", &tour.url("/trailer")]) else { return };
    for trailer in BOTH {
        ran.says(trailer);
    }
}

#[test]
fn node_sees_the_trailers() {
    let tour = Example::start("tour");
    let script = "tests/clients/trailers.js";
    let Some(ran) = run("node", &[script, &tour.url("/trailer")]) else { return };
    ran.exits(0).says(r#"{"server-timing":"db;dur=53","x-checksum":"8d9e"}"#);
}

#[test]
fn h11_sees_the_trailers() {
    let tour = Example::start("tour");
    let script = "tests/clients/trailers.py";
    let (host, port) = tour.addr.split_once(':').unwrap();
    let Some(ran) = run("python3", &[script, host, port, "/trailer"]) else { return };
    if ran.code == 77 {
        return crate::skip::tool("python's h11");
    }
    ran.exits(0);
    for trailer in BOTH {
        ran.says(trailer);
    }
}
