//! The table of who may see the pages.

use super::*;

/// A request from `peer` with these fields.
fn asked(peer: Option<&str>, fields: &[(&str, &str)], uri: &str) -> Request<()> {
    let mut request = Request::builder().uri(uri);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut request = request.body(()).expect("a request");
    if let Some(peer) = peer {
        let addr = format!("{peer}:4711").parse().expect("an address");
        request.extensions_mut().insert(Peer::new(addr, false));
    }
    request
}

fn judged(request: &Request<()>, doors: &Doors, release: bool) -> Access {
    Caller::of(request).judge(doors, release)
}

#[test]
fn only_who_is_on_this_machine_and_asks_it_by_its_own_name_gets_in() {
    let check = |peer: Option<&str>, fields: &[(&str, &str)], expected: Option<&[Failed]>| {
        let request = asked(peer, fields, "/");
        let access = judged(&request, &Doors::default(), false);
        let expected = match expected {
            Some([]) => Access::Granted,
            Some(failed) => Access::Explained(failed.to_vec()),
            None => Access::Hidden,
        };
        assert_eq!(access, expected, "{peer:?} {fields:?}");
    };
    let here = Some("127.0.0.1");
    for host in ["127.0.0.1", "127.0.0.1:80", "[::1]:65535", "localhost", "LocalHost:3000"] {
        check(here, &[("host", host)], Some(&[]));
        check(Some("[::1]"), &[("host", host)], Some(&[]));
        check(Some("[::ffff:127.0.0.1]"), &[("host", host)], Some(&[]));
        check(Some("127.8.9.1"), &[("host", host)], Some(&[]));
        check(Some("192.0.2.1"), &[("host", host)], None);
        check(Some("[2001:db8::1]"), &[("host", host)], None);
        check(None, &[("host", host)], Some(&[Failed::NoPeer]));
    }
    for host in [
        "evil.test",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "localhost:80@evil.test",
        "127.0.0.1:80:80",
        "localhost:123456",
        "[::1]x",
        "127.0.0.2",
        "0.0.0.0",
        "localhost.",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
        "localhost:80, evil.test",
        "",
    ] {
        check(here, &[("host", host)], Some(&[Failed::Host]));
    }
    check(here, &[], Some(&[Failed::Host]));
    check(here, &[("host", "localhost"), ("host", "evil.test")], Some(&[Failed::Host]));
    for name in [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded",
        "x-real-ip",
        "via",
        "cf-connecting-ip",
        "true-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-envoy-external-address",
        "x-original-host",
        "fly-client-ip",
        "cdn-loop",
    ] {
        let name_of = HeaderName::from_static(name);
        check(here, &[("host", "localhost"), (name, "")], Some(&[Failed::Proxied(name_of)]));
    }
    let both = [Failed::Host, Failed::Proxied(HeaderName::from_static("via"))];
    check(here, &[("host", "a.test"), ("via", "1.1 a")], Some(&both));
}

#[test]
fn what_comes_over_http_1_0_comes_from_a_proxy() {
    let mut request = asked(Some("127.0.0.1"), &[("host", "127.0.0.1:3000")], "/");
    for version in [http::Version::HTTP_10, http::Version::HTTP_09] {
        *request.version_mut() = version;
        let expected = Access::Explained(vec![Failed::OldVersion]);
        assert_eq!(judged(&request, &Doors::default(), false), expected);
    }
    for version in [http::Version::HTTP_11, http::Version::HTTP_2, http::Version::HTTP_3] {
        *request.version_mut() = version;
        assert_eq!(judged(&request, &Doors::default(), false), Access::Granted);
    }
    let doors = Doors { token: Some("t".into()), in_release: false };
    let cookie = format!("{COOKIE_NAME}={}", cookie_value("t"));
    let mut request = asked(Some("127.0.0.1"), &[("host", "a"), ("cookie", &cookie)], "/");
    *request.version_mut() = http::Version::HTTP_10;
    assert_eq!(judged(&request, &doors, false), Access::Granted, "the token opens it");
}

#[test]
fn the_host_of_the_target_counts_too() {
    let check = |uri: &str, fields: &[(&str, &str)], granted: bool| {
        let access = judged(&asked(Some("127.0.0.1"), fields, uri), &Doors::default(), false);
        assert_eq!(access == Access::Granted, granted, "{uri} {fields:?}");
    };
    check("http://localhost:80/a", &[], true);
    check("http://evil.test/a", &[], false);
    check("http://evil.test/a", &[("host", "localhost")], false);
    check("http://localhost/a", &[("host", "evil.test")], false);
}

#[test]
fn a_page_of_another_origin_may_lead_here_and_read_nothing() {
    let check = |fields: &[(&str, &str)], granted: bool| {
        let fields = [&[("host", "localhost:80")], fields].concat();
        let access = judged(&asked(Some("127.0.0.1"), &fields, "/"), &Doors::default(), false);
        let expected =
            if granted { Access::Granted } else { Access::Explained(vec![Failed::CrossSite]) };
        assert_eq!(access, expected, "{fields:?}");
    };
    check(&[("sec-fetch-site", "none")], true);
    check(&[("sec-fetch-site", "same-origin")], true);
    check(&[("sec-fetch-site", "same-site")], false);
    check(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")], false);
    let led = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    check(&[&led[..], &[("sec-fetch-dest", "document")]].concat(), true);
    check(&[&led[..], &[("sec-fetch-dest", "iframe")]].concat(), false);
    check(&[("origin", "http://localhost:80")], true);
    check(&[("origin", "http://localhost:81")], false);
    check(&[("origin", "null")], false);
}

#[test]
fn the_token_opens_what_is_closed_and_nothing_else_does() {
    let doors = Doors { token: Some("s3cret; \u{e9}".into()), in_release: false };
    let cookie = format!("a=b; {COOKIE_NAME}={}; c", cookie_value("s3cret; \u{e9}"));
    let remote =
        |cookie: &str| asked(Some("192.0.2.1"), &[("host", "a.test"), ("cookie", cookie)], "/");
    assert_eq!(judged(&remote(&cookie), &doors, false), Access::Granted);
    assert_eq!(judged(&remote(&cookie), &doors, true), Access::Hidden, "a release build");
    assert_eq!(judged(&remote(&cookie), &Doors::default(), false), Access::Hidden, "no token");
    let empty = Doors { token: Some("".into()), in_release: false };
    for wrong in ["", "a=b", &format!("{COOKIE_NAME}="), &cookie[..cookie.len() - 5]] {
        assert_eq!(judged(&remote(wrong), &doors, false), Access::Hidden, "{wrong}");
        assert_eq!(judged(&remote(wrong), &empty, false), Access::Hidden, "{wrong}");
    }
    assert!(doors.open_to(false, "s3cret; \u{e9}"));
    assert!(!doors.open_to(true, "s3cret; \u{e9}"));
    for wrong in ["", "s3cret; ", "s3cret; \u{e9}x", "S3cret; \u{e9}"] {
        assert!(!doors.open_to(false, wrong), "{wrong}");
        assert!(!empty.open_to(false, wrong), "{wrong}");
    }
    let cross = [("host", "a.test"), ("cookie", &*cookie), ("sec-fetch-site", "cross-site")];
    assert_eq!(judged(&asked(Some("192.0.2.1"), &cross, "/"), &doors, false), Access::Hidden);
}

#[test]
fn a_release_build_is_closed_until_it_is_said_otherwise() {
    let open = Doors { token: None, in_release: true };
    let here = asked(Some("127.0.0.1"), &[("host", "localhost")], "/");
    assert_eq!(judged(&here, &open, true), Access::Granted);
    let closed = Access::Explained(vec![Failed::Release]);
    assert_eq!(judged(&here, &Doors::default(), true), closed);
    let anyone = asked(None, &[("host", "localhost")], "/");
    assert_eq!(judged(&anyone, &Doors::default(), true), Access::Hidden);
}

#[test]
fn every_refusal_says_what_to_do() {
    for failed in [
        Failed::Release,
        Failed::NoPeer,
        Failed::Remote,
        Failed::Host,
        Failed::CrossSite,
        Failed::OldVersion,
    ] {
        assert!(failed.text().len() > 20 && !failed.text().contains("  "), "{failed:?}");
    }
}
