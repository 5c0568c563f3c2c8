//! What a line looks like, byte by byte.

use std::time::{Duration, UNIX_EPOCH};

use super::super::AccessLog;
use super::*;

fn line(form: LogForm, target: &str, agent: Option<&[u8]>, status: Option<u16>) -> String {
    let (mut request, mut agents, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let client = Some([192, 0, 2, 7].into());
    let peer = Some(([192, 0, 2, 7], 4711).into());
    let (host, version) = (Some(b"a.example" as &[u8]), "HTTP/1.1");
    form.request(&mut request, &Request { method: "GET", target, version, host, peer, client });
    form.agents(&mut agents, None, agent);
    let mut clock = Clock::new();
    let millis = clock.turn(UNIX_EPOCH + Duration::from_millis(1_795_933_432_007));
    let facts = Facts {
        client,
        request: &request,
        agents: &agents,
        status,
        sent: 1024,
        micros: 312,
        outcome: "handed",
    };
    form.line(&mut out, &facts, &clock, millis);
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn the_combined_form_is_that_of_apache_and_nginx() {
    assert_eq!(
        line(LogForm::Combined, "/a?b=1", Some(b"curl/8.5.0"), Some(200)),
        "192.0.2.7 - - [29/Nov/2026:06:23:52 +0000] \"GET /a?b=1 HTTP/1.1\" 200 1024 \"-\" \"curl/8.5.0\"\n"
    );
}

#[test]
fn the_json_form_has_every_key() {
    assert_eq!(
        line(LogForm::Json, "/a?b=1", Some(b"curl/8.5.0"), Some(200)),
        "{\"v\":1,\"time\":\"2026-11-29T06:23:52.007Z\",\"client\":\"192.0.2.7\",\"method\":\"GET\",\
         \"target\":\"/a?b=1\",\"version\":\"HTTP/1.1\",\"status\":200,\"sent\":1024,\"referer\":null,\
         \"user_agent\":\"curl/8.5.0\",\"micros\":312,\"outcome\":\"handed\"}\n"
    );
}

#[test]
fn the_form_of_caddy_has_its_names_and_units() {
    assert_eq!(
        line(LogForm::Caddy, "/a?b=1", Some(b"curl/8.5.0"), Some(200)),
        "{\"level\":\"info\",\"ts\":1795933432.007,\"logger\":\"http.log.access\",\"msg\":\"handled request\",\
         \"request\":{\"remote_ip\":\"192.0.2.7\",\"remote_port\":\"4711\",\"client_ip\":\"192.0.2.7\",\
         \"proto\":\"HTTP/1.1\",\"method\":\"GET\",\"host\":\"a.example\",\"uri\":\"/a?b=1\",\
         \"headers\":{\"User-Agent\":[\"curl/8.5.0\"]}},\"duration\":0.000312,\"size\":1024,\"status\":200}\n"
    );
    for (status, level) in [(404, "info"), (499, "info"), (500, "error"), (599, "error")] {
        let line = line(LogForm::Caddy, "/", None, Some(status));
        assert!(line.starts_with(&format!("{{\"level\":\"{level}\",\"ts\":")), "{line}");
    }
    let none = line(LogForm::Caddy, "/", None, None);
    assert!(none.ends_with("\"headers\":{}},\"duration\":0.000312,\"size\":1024,\"status\":0}\n"));
}

#[test]
fn the_form_of_elastic_has_its_names_and_units() {
    assert_eq!(
        line(LogForm::Ecs, "/a?b=1", Some(b"curl/8.5.0"), Some(200)),
        "{\"@timestamp\":\"2026-11-29T06:23:52.007Z\",\"log.level\":\"info\",\"ecs.version\":\"8.5.0\",\
         \"message\":\"handled request\",\"client.ip\":\"192.0.2.7\",\"http.request.method\":\"GET\",\
         \"url.original\":\"/a?b=1\",\"http.version\":\"1.1\",\"http.response.status_code\":200,\
         \"http.response.body.bytes\":1024,\"user_agent.original\":\"curl/8.5.0\",\
         \"event.duration\":312000,\"event.outcome\":\"success\"}\n"
    );
    let failed = line(LogForm::Ecs, "/", None, Some(503));
    assert!(failed.ends_with("\"event.outcome\":\"failure\"}\n"), "{failed}");
}

#[test]
fn a_client_cannot_end_the_line_or_the_quote() {
    let odd = b"a\"b\\c\r\nd\t\x1b[2J\x7f caf\xc3\xa9";
    let combined = line(LogForm::Combined, "/", Some(odd), Some(200));
    assert!(
        combined.ends_with("\"a\\x22b\\x5Cc\\x0D\\x0Ad\\x09\\x1B[2J\\x7F caf\\xC3\\xA9\"\n"),
        "{combined}"
    );
    for form in [LogForm::Json, LogForm::Caddy, LogForm::Ecs] {
        let json = line(form, "/", Some(odd), Some(200));
        let wanted = "a\\u0022b\\u005Cc\\u000D\\u000Ad\\u0009\\u001B[2J\\u007F caf\\u00C3\\u00A9";
        assert!(json.contains(wanted), "{json}");
    }
}

#[test]
fn no_status_is_499_or_null() {
    assert!(line(LogForm::Combined, "/", None, None).contains("\" 499 1024 \"-\" \"-\"\n"));
    assert!(line(LogForm::Json, "/", None, None).contains(",\"status\":null,"));
}

#[test]
fn a_long_value_is_cut_and_says_so() {
    let long = vec![b'"'; AccessLog::MOST_SHOWN + 1];
    let cut = line(LogForm::Combined, "/", Some(&long), Some(200));
    assert!(cut.ends_with("\\x22...\"\n"));
    assert_eq!(cut.matches("\\x22").count(), AccessLog::MOST_SHOWN);
    let fits = line(LogForm::Combined, "/", Some(&long[1..]), Some(200));
    assert!(fits.ends_with("\\x22\"\n"));
}

#[test]
fn a_gap_is_a_line_of_its_form() {
    let mut clock = Clock::new();
    clock.turn(UNIX_EPOCH);
    let mut out = Vec::new();
    LogForm::Combined.gap(&mut out, 120, &clock, 0);
    LogForm::Json.gap(&mut out, u64::MAX, &clock, 42);
    LogForm::Caddy.gap(&mut out, 120, &clock, 42);
    LogForm::Ecs.gap(&mut out, 120, &clock, 42);
    assert_eq!(
        String::from_utf8(out).expect("ASCII"),
        "- - - [01/Jan/1970:00:00:00 +0000] \"-\" 0 0 \"-\" \"access log: 120 lines dropped\"\n\
         {\"v\":1,\"time\":\"1970-01-01T00:00:00.042Z\",\"dropped\":18446744073709551615}\n\
         {\"level\":\"warn\",\"ts\":0.042,\"logger\":\"http.log.access\",\"msg\":\"access log: 120 lines dropped\"}\n\
         {\"@timestamp\":\"1970-01-01T00:00:00.042Z\",\"log.level\":\"warn\",\"ecs.version\":\"8.5.0\",\
         \"message\":\"access log: 120 lines dropped\"}\n"
    );
}
