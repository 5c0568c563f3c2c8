//! HTML for people, HTML for programs, and JSON: who gets which, and by what each is known.

use std::fs;

use http::Method;
use letterhead::FileSender;
use letterhead::answer::Coding;

use super::links;
use crate::client::{Answer, H2, Raw, h1_get};
use crate::scratch::Scratch;
use crate::serve::{Server, serve};

const BROWSER: &str = "accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
const JSON: &str = "accept: application/json\r\n";
/// A browser, a program that takes anything, and one that wants JSON.
const CLIENTS: [&str; 3] = [BROWSER, "accept: */*\r\n", JSON];

/// A tree whose sizes and dates are in another order than the names.
fn some() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("d/file10", "1").write("d/file2", "four").write("d/big", vec![b'x'; 1536]);
    scratch.write("d/z/inner", "").write("d/y/inner", "");
    let at = |seconds| std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    crate::scratch::set_modified(&scratch.path("d/big"), at(1));
    crate::scratch::set_modified(&scratch.path("d/file2"), at(1_000_000_000));
    scratch
}

fn listed(scratch: &Scratch) -> FileSender {
    scratch.sender().listing(100)
}

async fn get(server: &Server, path: &str, lines: &str) -> Answer {
    let answer = h1_get(server, path, lines).await;
    assert_eq!(answer.status(), 200, "{path} {lines}: {answer:?}");
    assert_eq!(answer.field("vary"), Some("accept"), "{path} {lines}");
    answer
}

fn json(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.field("content-type"), Some("application/json"));
    serde_json::from_str(&answer.body).unwrap()
}

/// One field of each entry.
fn column(list: &serde_json::Value, name: &str) -> Vec<String> {
    let entries = list["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry[name].to_string().trim_matches('"').to_owned()).collect()
}

#[tokio::test]
async fn each_client_gets_the_form_that_it_names() {
    let scratch = some();
    let server = serve(listed(&scratch)).await;
    let page = get(&server, "/d/", BROWSER).await;
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.body.matches("rel=\"nofollow\"").count(), 3);
    let plain = get(&server, "/d/", "accept: */*\r\n").await;
    assert_eq!(plain.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(links(&plain.body), ["../", "y/", "z/", "big", "file2", "file10"]);
    assert_eq!(get(&server, "/d/", "").await, plain);
    assert_eq!(get(&server, "/d/", "accept: image/png\r\n").await, plain);

    let list = get(&server, "/d/", JSON).await;
    assert_eq!(list.field("content-security-policy"), None);
    let list = json(&list);
    assert_eq!((&list["path"], &list["truncated"]), (&"/d/".into(), &false.into()));
    assert_eq!(column(&list, "name"), ["y", "z", "big", "file2", "file10"]);
    assert_eq!(column(&list, "href"), ["y/", "z/", "big", "file2", "file10"]);
    assert_eq!(column(&list, "kind"), ["directory", "directory", "file", "file", "file"]);
    assert_eq!(column(&list, "size"), ["null", "null", "1536", "4", "1"]);
    let dates = ["1970-01-01T00:00:01Z", "2001-09-09T01:46:40Z", "1994-11-06T08:49:37Z"];
    assert_eq!(column(&list, "modified")[2..], dates);

    let h2 = H2::connect(&server).await;
    for (lines, expected) in CLIENTS.into_iter().zip([page, plain, get(&server, "/d/", JSON).await])
    {
        let accept = lines.trim_start_matches("accept: ").trim_end();
        let request = http::Request::get("http://test/d/").header("accept", accept);
        let answer = h2.ask(request.body(()).unwrap()).await.unwrap();
        assert_eq!(answer.body, expected.body);
        for name in ["content-type", "content-length", "etag", "vary"] {
            assert_eq!(answer.field(name), expected.field(name), "{name} {lines}");
        }
    }
}

#[tokio::test]
async fn each_form_has_a_tag_of_its_own_and_vary_is_everywhere() {
    let scratch = some();
    let server = serve(listed(&scratch)).await;
    let mut tags = Vec::new();
    for lines in CLIENTS {
        for path in ["/d/", "/d/?sort=size", "/d/?sort=size&order=desc", "/d/z/"] {
            let answer = get(&server, path, lines).await;
            let tag = answer.field("etag").unwrap().to_owned();
            assert!(tag.starts_with('"') && !tags.contains(&tag), "{tag} {path} {lines}");
            // The same query in other words, and words that are none.
            let again = get(&server, &format!("{path}{}x=1", separator(path)), lines).await;
            assert_eq!(again, answer);

            let mut raw = Raw::connect(&server).await;
            raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n{lines}\r\n")).await;
            assert_eq!(raw.head().await, answer.head);
            raw.send(format!("GET {path} HTTP/1.0\r\n{lines}\r\n")).await;
            let old = raw.rest().await;
            assert!(old.ends_with(&format!("\r\n\r\n{}", answer.body)), "{old}");
            assert!(old.contains(&format!("content-length: {}\r\n", answer.body.len())), "{old}");

            let known = h1_get(&server, path, &format!("{lines}if-none-match: {tag}\r\n")).await;
            assert_eq!((known.status(), known.body.as_str()), (304, ""));
            let lost = h1_get(&server, path, &format!("{lines}if-match: \"x\"\r\n")).await;
            assert_eq!(lost.status(), 412);
            for answer in [known, lost] {
                assert_eq!(answer.field("etag"), Some(tag.as_str()));
                assert_eq!(answer.field("vary"), Some("accept"));
            }
            let part = get(&server, path, &format!("{lines}range: bytes=0-3\r\n")).await;
            assert_eq!((part.field("accept-ranges"), &part.body), (Some("none"), &answer.body));
            tags.push(tag);
        }
    }
    // None of them is taken for another.
    for lines in CLIENTS {
        let own = get(&server, "/d/", lines).await.field("etag").unwrap().to_owned();
        let others: Vec<_> = tags.iter().filter(|tag| **tag != own).cloned().collect();
        get(&server, "/d/", &format!("{lines}if-none-match: {}\r\n", others.join(", "))).await;
    }
}

fn separator(path: &str) -> char {
    if path.contains('?') { '&' } else { '?' }
}

#[tokio::test]
async fn where_there_is_no_list_it_says_so_to_caches_too() {
    let scratch = some();
    let server = serve(listed(&scratch).precompressed([Coding::Gzip])).await;
    // No list is in a coding, whatever files are.
    for (path, status) in [("/missing/", 404), ("/d/", 200)] {
        let answer = h1_get(&server, path, JSON).await;
        assert_eq!((answer.status(), answer.field("vary")), (status, Some("accept")), "{path}");
    }

    let server = serve(listed(&scratch)).await;
    for (path, status, vary) in [
        ("/missing/", 404, Some("accept")),
        ("/d/.git/", 404, Some("accept")),
        // No list is ever there.
        ("/missing", 404, None),
        ("/d/big", 200, None),
        ("/d", 308, None),
    ] {
        for lines in CLIENTS {
            let h1 = h1_get(&server, path, lines).await;
            assert_eq!((h1.status(), h1.field("vary")), (status, vary), "{path} {lines}");
        }
        let h2 = H2::connect(&server).await.request(Method::HEAD, path).await.unwrap();
        assert_eq!((h2.status.as_u16(), h2.field("vary")), (status, vary), "{path}");
    }
    let server = serve(listed(&scratch).slash(false)).await;
    assert_eq!(h1_get(&server, "/missing", "").await.field("vary"), Some("accept"));
    let server = serve(scratch.sender()).await;
    assert_eq!(h1_get(&server, "/missing/", "").await.field("vary"), None);
}

#[tokio::test]
async fn a_query_sorts_every_form() {
    let scratch = some();
    let server = serve(listed(&scratch)).await;
    for (query, names) in [
        ("", ["y", "z", "big", "file2", "file10"]),
        ("?C=N;O=D", ["y", "z", "big", "file2", "file10"]),
        ("?sort=name&order=desc", ["z", "y", "file10", "file2", "big"]),
        ("?sort=size", ["y", "z", "file10", "file2", "big"]),
        ("?order=desc&sort=size", ["y", "z", "big", "file2", "file10"]),
        ("?sort=size&order=up", ["y", "z", "file10", "file2", "big"]),
    ] {
        let path = format!("/d/{query}");
        assert_eq!(column(&json(&get(&server, &path, JSON).await), "name"), names, "{query}");
        let plain = get(&server, &path, "").await;
        let expected = names.map(|name| name.replace('y', "y/").replace('z', "z/"));
        assert_eq!(links(&plain.body)[1..], expected, "{query}");
        let page = get(&server, &path, BROWSER).await;
        let page = links(&page.body).into_iter().filter(|link| !link.starts_with('?'));
        assert_eq!(page.skip(1).collect::<Vec<_>>(), expected, "{query}");
    }
    let dated = json(&get(&server, "/d/?sort=modified", JSON).await);
    assert_eq!(column(&dated, "name")[2..], ["big", "file10", "file2"]);
    // The links of the headings are of the same directory, and a redirection keeps the query.
    let page = get(&server, "/d/", BROWSER).await;
    for link in links(&page.body).iter().filter(|link| link.starts_with('?')) {
        let path = format!("/d/{}", link.replace("&amp;", "&"));
        let sorted = get(&server, &path, BROWSER).await;
        assert_ne!(sorted.field("etag"), page.field("etag"), "{path}");
    }
    let redirected = h1_get(&server, "/d?sort=size", "").await;
    assert_eq!(redirected.field("location"), Some("./d/?sort=size"));
}

#[tokio::test]
async fn a_tag_is_of_what_is_listed_and_comes_back_with_it() {
    let scratch = some();
    let server = serve(listed(&scratch)).await;
    let tag = async || get(&server, "/d/", JSON).await.field("etag").unwrap().to_owned();
    let before = tag().await;
    assert_eq!(tag().await, before);
    // In place: nothing of the directory changes.
    scratch.write("d/file2", "longer");
    let longer = tag().await;
    assert_ne!(longer, before);
    scratch.write("d/other", "");
    let other = tag().await;
    assert!(other != longer && other != before);
    fs::remove_file(scratch.path("d/other")).unwrap();
    assert_eq!(tag().await, longer);
    // What would not be served is not in it.
    scratch.write("d/.hidden", "").link("d/out", "/etc/passwd");
    assert_eq!(tag().await, longer);
    fs::rename(scratch.path("d/file2"), scratch.path("d/file3")).unwrap();
    assert_ne!(tag().await, longer);
}
