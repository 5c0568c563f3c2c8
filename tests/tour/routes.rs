//! Every route of the tour, over HTTP/1.1 and HTTP/2, as curl sees it.

use crate::process::{Example, PROTOCOLS, Ran, curl, run};

/// Asks for `path` over both protocols and looks at the answers.
fn check(path: &str, look: impl Fn(&Ran)) {
    let tour = Example::start("tour");
    for protocol in PROTOCOLS {
        let Some(ran) = curl(protocol, &[&tour.url(path)]) else { return };
        look(&ran);
    }
    let (status, _) = tour.interrupt();
    assert!(status.success(), "Ctrl-C ends it with {status}");
}

#[test]
fn a_field_written_after_the_handler_has_returned_lands() {
    check("/late", |ran| {
        ran.exits(0).says(" 200").says("x-late: landed\n");
    });
}

#[test]
fn a_write_after_the_first_frame_is_refused_and_says_why() {
    let tour = Example::start("tour");
    for (protocol, reason) in PROTOCOLS.into_iter().zip([
        "refused: the request has no `TE: trailers`",
        "refused: the name was not promised before the commit",
    ]) {
        let Some(ran) = curl(protocol, &[&tour.url("/too-late")]) else { return };
        ran.exits(0).says(" 200").lacks("x-too-late");
        assert_eq!(ran.out.lines().last(), Some(reason));
        let receipt = tour.receipt_with(reason);
        assert!(receipt.contains("insert x-too-late by examples/tour/writing.rs:"), "{receipt}");
    }
}

#[test]
fn without_te_no_trailer_line_goes_out_and_the_receipt_has_the_refusal() {
    let tour = Example::start("tour");
    let Some(ran) = curl("--http1.1", &[&tour.url("/trailer")]) else { return };
    ran.exits(0).lacks("trailer:").lacks("x-checksum").says("more content\n");
    let receipt = tour.receipt_with("promise x-checksum");
    assert!(receipt.contains("refused: the request has no `TE: trailers`"), "{receipt}");
}

#[test]
fn a_body_that_fails_on_its_first_frame_has_a_true_status() {
    check("/fail-first", |ran| {
        ran.exits(0).says(" 500").says("content-type: application/problem+json\n");
        ran.says("access-control-allow-origin: *\n").lacks("etag").lacks("content-length: 1000");
    });
    check("/fail-first?errno=ESTALE", |ran| {
        ran.exits(0).says(" 503").says("retry-after: 1\n").says(r#""status":503}"#);
        ran.says("access-control-allow-origin: *\n").lacks("etag");
    });
    check("/fail-first?errno=EACCES", |ran| {
        ran.exits(0).says(" 403");
    });
    check("/fail-first?errno=nonsense", |ran| {
        ran.exits(0).says(" 400").says("wanted one of EACCES").says("found \"nonsense\"");
    });
}

#[test]
fn a_body_that_fails_later_breaks_the_connection_after_its_first_chunk() {
    let tour = Example::start("tour");
    for (protocol, code) in PROTOCOLS.into_iter().zip([18, 92]) {
        let Some(ran) = curl(protocol, &[&tour.url("/fail-later")]) else { return };
        ran.exits(code).says(" 200").says("the first chunk\n");
        let Some(ran) = curl(protocol, &[&tour.url("/fail-later?now")]) else { return };
        ran.exits(code);
    }
    tour.receipt_with("aborted (the response body failed: a later read failed)");
    // curl hides what came just before a reset; nghttp shows it.
    let Some(ran) = run("nghttp", &["-v", "--no-dep", &tour.url("/fail-later?now")]) else {
        return;
    };
    ran.says(":status: 200").says("the first chunk").says("INTERNAL_ERROR");
}

#[test]
fn a_panic_is_a_500_and_the_server_goes_on() {
    let tour = Example::start("tour");
    for protocol in PROTOCOLS {
        for _ in 0..2 {
            let Some(ran) = curl(protocol, &[&tour.url("/panic-first")]) else { return };
            ran.exits(0).says(" 500");
        }
        let Some(ran) = curl(protocol, &[&tour.url("/late")]) else { return };
        ran.exits(0).says(" 200");
    }
}

#[test]
fn the_true_length_goes_out_and_the_next_answer_on_the_connection_is_right() {
    let tour = Example::start("tour");
    for lie in ["declared=3&actual=5", "declared=10&actual=5"] {
        let (lie, late) = (tour.url(&format!("/length-lie?{lie}")), tour.url("/late"));
        let Some(ran) = curl("--http1.1", &["-w", "[%{num_connects}]", &lie, &late]) else {
            return;
        };
        ran.exits(0).says("content-length: 5\n").says("xxxxx[1]").says("x-late: landed");
        // The second request opened no connection of its own.
        ran.says("first frame\n[0]");
        // curl 7.88 cannot use an h2 connection of prior knowledge twice, so nghttp does.
        let Some(ran) = run("nghttp", &["-v", &lie, &late]) else { return };
        ran.exits(0).says("content-length: 5\n").says("DATA frame <length=5, flags=0x01");
        ran.says("x-late: landed").lacks("RST_STREAM");
    }
    tour.receipt_with("content-length says 3, body has 5: sent 5");
}

#[test]
fn a_204_has_neither_length_nor_content() {
    check("/no-content", |ran| {
        ran.exits(0).says(" 204").lacks("content-length").lacks("not due");
    });
}

#[test]
fn the_head_of_an_event_stream_does_not_wait_for_an_event() {
    let tour = Example::start("tour");
    for protocol in PROTOCOLS {
        // The first event comes after a second; half a second is enough for the head.
        let args = ["--max-time", "0.5", &tour.url("/events")];
        let Some(ran) = curl(protocol, &args) else { return };
        ran.exits(28).says(" 200").says("text/event-stream").lacks("data:");
    }
    tour.receipt_with("committed by not held");
}

#[test]
fn a_slow_body_has_its_head_sent_at_the_deadline() {
    let tour = Example::start("tour");
    for protocol in PROTOCOLS {
        let Some(ran) = curl(protocol, &["--max-time", "0.6", &tour.url("/slow-first")]) else {
            return;
        };
        ran.exits(28).says(" 200").lacks("a second later");
    }
    tour.receipt_with("committed by deadline");
    check("/slow-first", |ran| {
        ran.exits(0).says("a second later\n");
    });
}

#[test]
fn a_small_body_is_one_response_with_a_length_and_with_what_it_wrote_at_its_end() {
    check("/small", |ran| {
        ran.exits(0).says("content-length: 14\n").says("x-rows: 3\n").says("one\ntwo\nthree\n");
    });
}

#[test]
fn hooks_run_last_registered_first() {
    check("/hooks", |ran| {
        ran.exits(0).says(" 202");
        let hooks: Vec<_> = ran.out.lines().filter_map(|l| l.strip_prefix("x-hook: ")).collect();
        let expected =
            ["third registered", "second registered, sets the status", "first registered"];
        assert_eq!(hooks, expected);
    });
}

#[test]
fn the_receipt_names_both_writers_of_a_status() {
    let tour = Example::start("tour");
    let Some(ran) = curl("--http1.1", &[&tour.url("/twice")]) else { return };
    ran.exits(0).says(" 202");
    let receipt = tour.receipt_with("status 201");
    let writer = "by examples/tour/writing.rs:";
    assert!(receipt.contains("overridden; status 202"), "{receipt}");
    assert_eq!(receipt.matches(writer).count(), 2, "{receipt}");
}

#[test]
fn a_websocket_is_upgraded() {
    let tour = Example::start("tour");
    let args = [
        "--max-time",
        "2",
        "-H",
        "connection: upgrade",
        "-H",
        "upgrade: websocket",
        "-H",
        "sec-websocket-version: 13",
        "-H",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        &tour.url("/ws"),
    ];
    // curl has nothing to say on a websocket; the echo itself is in the wire tests.
    let Some(ran) = curl("--http1.1", &args) else { return };
    ran.says(" 101").says("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n");
    tour.receipt_with("upgraded");
}

#[test]
fn the_layer_does_the_same_on_bare_hyper() {
    let server = Example::start("hyper");
    for protocol in PROTOCOLS {
        let Some(ran) = curl(protocol, &[&server.url("/late")]) else { return };
        ran.exits(0).says(" 200").says("x-late: landed\n");
        let args = ["-H", "TE: trailers", &server.url("/trailer")];
        let Some(ran) = curl(protocol, &args) else { return };
        ran.exits(0).says("trailer: x-checksum\n").says("x-checksum: 8d9e");
        let Some(ran) = curl(protocol, &[&server.url("/fail-first")]) else { return };
        ran.exits(0).says(" 500").says("content-type: application/problem+json\n");
    }
    let (status, receipts) = server.interrupt();
    assert!(status.success());
    assert_eq!(receipts.len(), 6, "{receipts:#?}");
}

#[test]
fn each_way_of_settling_a_quarrel_gives_another_answer() {
    let server = Example::start("conflicts");
    for protocol in PROTOCOLS {
        let Some(ran) = curl(protocol, &[&server.url("/?mode=report")]) else { return };
        ran.exits(0).says(" 200").says("vary: accept-language\n").lacks("set-cookie: id=");
        let Some(ran) = curl(protocol, &[&server.url("/?mode=merge")]) else { return };
        ran.exits(0).says("vary: accept-encoding, origin, accept-language\n");
        ran.says("set-cookie: id=").says("set-cookie: theme=dark\n");
        let Some(ran) = curl(protocol, &[&server.url("/?mode=reject")]) else { return };
        ran.exits(0).says(" 500").says("layer session, then layer theme");
        let Some(ran) = curl(protocol, &[&server.url("/?mode=nonsense")]) else { return };
        ran.exits(0).says(" 400").says("wanted report, merge or reject, found \"nonsense\"");
        let args = ["-H", "accept-encoding: gzip", "--compressed", &server.url("/?mode=merge")];
        let Some(ran) = curl(protocol, &args) else { return };
        ran.exits(0).says("etag: W/\"v1\"\n").says("content-encoding: gzip\n");
    }
    server.receipt_with("strong-tag etag: the handler, then layer compression; `\"v1\"`");
    let (status, _) = server.interrupt();
    assert!(status.success());
}

#[test]
fn a_bad_argument_is_named() {
    for (args, part) in [
        (
            ["--listen", "nowhere"],
            "--listen: wanted an address like 127.0.0.1:3000, found `nowhere`",
        ),
        (["--port", "1"], "wanted `--listen ADDR`, found `--port`"),
    ] {
        let ran = run(&crate::process::path_of("tour"), &args).expect("it is built");
        ran.exits(2).says(part);
    }
}
