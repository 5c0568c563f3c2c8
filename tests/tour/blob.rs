//! The `blob` example, over HTTP/1.1 and HTTP/2, as curl sees it.

use crate::process::{Example, PROTOCOLS, Ran, curl};

fn check(args: &[&str], look: impl Fn(&Ran)) {
    check_at("/blob", args, look);
}

fn check_at(path: &str, args: &[&str], look: impl Fn(&Ran)) {
    let blob = Example::start("blob");
    for protocol in PROTOCOLS {
        let Some(ran) = curl(protocol, &[args, &[&blob.url(path)]].concat()) else { return };
        look(&ran);
    }
}

#[test]
fn a_range_is_a_part_and_only_of_the_version_that_is_meant() {
    check(&["-r", "32-63"], |ran| {
        ran.exits(0).says(" 206").says("content-range: bytes 32-63/1048576\n");
        ran.says("content-length: 32\n").says("\n\n000000000000002\n000000000000003\n");
    });
    check(&["-r", "-16", "-H", "If-Range: \"lines-65536\""], |ran| {
        ran.exits(0).says(" 206").says("\n\n000000000065535\n");
    });
    check(&["-r", "0-15", "-H", "If-Range: \"other\""], |ran| {
        ran.exits(0).says(" 200").says("content-length: 1048576\n").says("000000000065535\n");
    });
    check(&["-r", "0-15,1048560-"], |ran| {
        ran.exits(0).says(" 206").says("content-type: multipart/byteranges; boundary=");
        ran.says("Content-Range: bytes 0-15/1048576\n\n000000000000000\n");
        ran.says("Content-Range: bytes 1048560-1048575/1048576\n\n000000000065535\n");
    });
    check(&["-r", "1048576-"], |ran| {
        ran.exits(0).says(" 416").says("content-range: bytes */1048576\n");
    });
}

#[test]
fn conditions_are_answered_with_what_is_there() {
    check(&["-I"], |ran| {
        ran.exits(0).says(" 200").says("content-length: 1048576\n");
        ran.says("etag: \"lines-65536\"\n").says("last-modified: ").says("accept-ranges: bytes\n");
    });
    check(&["-H", "If-None-Match: \"lines-65536\""], |ran| {
        ran.exits(0).says(" 304").says("cache-control: no-cache\n").lacks("content-length");
    });
    check(&["-H", "If-Match: \"other\""], |ran| {
        ran.exits(0).says(" 412").says("content-length: 0\n");
    });
    check(&["-X", "DELETE"], |ran| {
        ran.exits(0).says(" 405").says("allow: GET, HEAD, OPTIONS\n");
    });
}

#[test]
fn a_query_is_answered_where_it_is_taken() {
    // Without content, where none is read: hyper resets the stream of what it has not read (`NO_ERROR`),
    // and a curl that is still sending takes that for a failure.
    check(&["-X", "QUERY", "-H", "Content-Type: text/plain"], |ran| {
        ran.exits(0).says(" 405").says("allow: GET, HEAD, OPTIONS\n").lacks("accept-query");
    });
    let query = |more: &[&'static str]| {
        [&["-X", "QUERY", "-H", "Content-Type: text/plain", "-d", "0000"], more].concat()
    };
    let lines = |args: &[&str], look: &dyn Fn(&Ran)| check_at("/lines", args, look);
    lines(&query(&[]), &|ran| {
        ran.exits(0).says(" 200").says("accept-query: text/plain\n");
        ran.says("content-length: 112\n").says("etag: \"lines-65536-0000\"\n");
        ran.says("\n\n000000000000000\n000000000010000\n").says("000000000060000\n");
    });
    lines(&query(&["-H", "If-None-Match: \"lines-65536-0000\""]), &|ran| {
        ran.exits(0).says(" 304").says("accept-query: text/plain\n").lacks("content-length");
    });
    lines(&query(&["-H", "If-Match: \"lines-65536\""]), &|ran| {
        ran.exits(0).says(" 412").says("etag: \"lines-65536-0000\"\n");
    });
    // curl leaves `-r` out where it sends content.
    lines(&query(&["-H", "Range: bytes=16-31"]), &|ran| {
        ran.exits(0).says(" 206").says("content-range: bytes 16-31/112\n");
        ran.says("\n\n000000000010000\n");
    });
    lines(&["-X", "QUERY"], &|ran| {
        ran.exits(0).says(" 400").says("accept-query: text/plain\n");
    });
    lines(&["-X", "QUERY", "-H", "Content-Type: application/json"], &|ran| {
        ran.exits(0).says(" 415").says("accept-query: text/plain\n");
    });
    lines(&["-X", "OPTIONS"], &|ran| {
        ran.exits(0).says(" 204").says("allow: GET, HEAD, QUERY, OPTIONS\n");
    });
}
