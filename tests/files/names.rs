//! Names that are special: those of the site itself, and those that lead to others.

use http::Method;
use letterhead::FileSender;

use crate::client::{H2, Raw, h1_get, h2_get};
use crate::scratch::Scratch;
use crate::serve::{Server, serve};

/// Each path with the status of its answer, and the body or where it leads.
async fn check(server: &Server, rows: &[(&str, u16, &str)]) {
    let h2 = H2::connect(server).await;
    // Looked for, then from what is remembered.
    for (path, status, expected) in rows.iter().chain(rows) {
        let answer = h1_get(server, path, "").await;
        let (status, is_file) = (*status, *status == 200);
        assert_eq!(answer.status(), status, "{path} {answer:?}");
        let location = (status == 308).then_some(*expected);
        assert_eq!(answer.field("location"), location, "{path}");
        assert!(!is_file || answer.body == *expected, "{path} {answer:?}");
        for method in [Method::GET, Method::HEAD] {
            let body = if is_file && method == Method::GET { *expected } else { "" };
            let answer = h2.request(method, path).await.unwrap();
            let told = (answer.status.as_u16(), answer.field("location"));
            assert_eq!(told, (status, location), "{path}");
            assert!(!is_file || answer.body == body, "{path}");
        }
    }
}

#[tokio::test]
async fn what_a_site_says_of_itself_is_served_and_no_other_hidden_name_is() {
    let scratch = Scratch::new();
    scratch.write(".well-known/acme-challenge/t", "t").write(".git/config", "s").write(".env", "s");
    scratch.write(".well-known/.git/config", "s").write("d/.well-known/t", "s");
    let rows = [
        ("/.well-known/acme-challenge/t", "t", [200, 200]),
        ("/.git/config", "s", [404, 200]),
        ("/.env", "s", [404, 200]),
        // RFC 8615 has it at the root alone, and nothing hidden in it.
        ("/.well-known/.git/config", "s", [404, 200]),
        ("/d/.well-known/t", "s", [404, 200]),
    ];
    for (at, hidden) in [false, true].into_iter().enumerate() {
        let server = serve(scratch.cautious().hidden(hidden)).await;
        for (path, content, statuses) in rows {
            let h1 = h1_get(&server, path, "").await;
            let h2 = h2_get(&server, path).await.unwrap();
            let told = (h1.status(), h2.status.as_u16());
            assert_eq!(told, (statuses[at], statuses[at]), "{path}, hidden {hidden}");
            if statuses[at] == 200 {
                assert_eq!((h1.body.as_str(), h2.body.as_str()), (content, content), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn slashes_in_a_row_are_a_redirection_to_one_if_there_is_something() {
    let scratch = Scratch::new();
    scratch.write("d/f", "f").write("d/index.html", "d").write("index.html", "root");
    scratch.write("list/x", "x").write("a:b/f", "odd").write(".env", "s").write("secret/.x", "s");
    let sender = || scratch.sender();
    let server = serve(sender().listing(9)).await;
    check(
        &server,
        &[
            ("//d//f", 308, "../../../d/f"),
            ("//d//f?x=//y", 308, "../../../d/f?x=//y"),
            ("/d//f", 308, "../../d/f"),
            ("//", 308, "../"),
            ("///", 308, "../../"),
            ("//d/", 308, "../../d/"),
            ("//d", 308, "../d"),
            ("/list//", 308, "../../list/"),
            ("//a%3Ab/f", 308, "../../a%3Ab/f"),
            // Another server's name would begin with both slashes.
            ("//example.org/", 404, ""),
            ("//example.org//..", 404, ""),
            ("///example.org", 404, ""),
            ("//d//missing", 404, ""),
            ("//.env", 404, ""),
            ("//d//..//d/f", 404, ""),
            ("//d%2f/f", 404, ""),
        ],
    )
    .await;
    // One that only looks like a server, in a tree that has it.
    scratch.write("example.org/index.html", "a directory");
    let server = serve(sender()).await;
    check(
        &server,
        &[("//example.org", 308, "../example.org"), ("//example.org/", 308, "../../example.org/")],
    )
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.send("GET //d//f HTTP/1.0\r\nhost: test\r\n\r\n").await;
    assert!(raw.head().await.contains("\r\nlocation: ../../../d/f\r\n"));
    // Below a path of a router, which takes one slash for its own and so serves `/files//d/f` as it is.
    let nested = serve(axum::Router::new().nest_service("/files", sender())).await;
    let rows = [
        ("/files/d//f", 308, "../../d/f"),
        ("/files//d//f", 308, "../../d/f"),
        ("/files//d/f", 200, "f"),
    ];
    check(&nested, &rows).await;
    // The views of an application are somewhere, too; what is loaded by them is not.
    let server = serve(sender().fallback("index.html")).await;
    for (lines, status) in [("accept: text/html\r\n", 308), ("accept: */*\r\n", 404)] {
        let view = h1_get(&server, "//some//view", lines).await;
        assert_eq!((view.status(), view.field("vary")), (status, Some("accept")));
    }
    let answer = sender().send(&http::Request::new(()), "d//f").await.unwrap();
    assert_eq!(answer.status(), 404);
}

fn pages(scratch: &Scratch) -> FileSender {
    scratch.write("index.html", "root").write("about.html", "about").write("d/index.html", "d");
    scratch
        .write("d/a b.html", "a b")
        .write("both.html", "both page")
        .write("both/index.html", "both");
    scratch.write("file.html", "file page").write("file", "file").write("empty.html", "");
    scratch.write("dir/x", "x").write("dir.html", "dir page").write("x.html.html", "twice");
    scratch.write("caf\u{e9}:.html", "coffee").write(".hidden.html", "s").write("d/.html", "s");
    scratch.write("plain/x", "x").write("odd.html/x", "x");
    scratch.sender().clean_urls(true)
}

#[tokio::test]
async fn with_clean_urls_each_page_has_one_url() {
    let scratch = Scratch::new();
    let server = serve(pages(&scratch)).await;
    check(
        &server,
        &[
            ("/", 200, "root"),
            ("/index.html", 308, "./"),
            ("/index?q", 308, "./?q"),
            ("/about", 200, "about"),
            ("/about?q", 200, "about"),
            ("/about.html", 308, "./about"),
            ("/about.html?q=1&r", 308, "./about?q=1&r"),
            ("/about/", 308, "../about"),
            ("/about/?q", 308, "../about?q"),
            ("/d/", 200, "d"),
            ("/d", 308, "./d/"),
            ("/d/index.html?q", 308, "./?q"),
            ("/d/index", 308, "./"),
            ("/d/index/", 308, "../"),
            ("/d/a%20b", 200, "a b"),
            ("/d/a%20b.html", 308, "./a%20b"),
            ("/d/a%20b%2Ehtml", 308, "./a%20b"),
            ("/caf%C3%A9:", 200, "coffee"),
            ("/caf%C3%A9:.html", 308, "./caf%C3%A9%3A"),
            ("/empty", 200, ""),
            // A page before a directory, and each is to be had.
            ("/both", 200, "both page"),
            ("/both/", 200, "both"),
            ("/both.html", 308, "./both"),
            ("/dir", 200, "dir page"),
            ("/dir/", 308, "../dir"),
            ("/dir/x", 200, "x"),
            // A file before a page.
            ("/file", 200, "file"),
            ("/file.html", 200, "file page"),
            ("/x", 404, ""),
            ("/x.html", 200, "twice"),
            ("/x.html.html", 308, "./x.html"),
            ("/plain", 308, "./plain/"),
            ("/plain/", 404, ""),
            ("/odd", 404, ""),
            ("/odd.html", 308, "./odd.html/"),
            ("/missing", 404, ""),
            ("/missing.html", 404, ""),
            ("/missing/", 404, ""),
            ("/.hidden", 404, ""),
            ("/d/.html", 404, ""),
            ("/about/x", 404, ""),
            ("//about", 308, "../about"),
            ("//about.html", 308, "../about.html"),
        ],
    )
    .await;
    let server = serve(pages(&scratch).listing(9).slash(false)).await;
    check(&server, &[("/both", 200, "both page"), ("/about/", 308, "../about")]).await;
    assert_eq!(h1_get(&server, "/plain/", "").await.status(), 200);
    let server = serve(pages(&scratch).index(None)).await;
    check(&server, &[("/index", 200, "root"), ("/index.html", 308, "./index"), ("/d/", 404, "")])
        .await;
    // They are an option.
    let server = serve(pages(&scratch).clean_urls(false)).await;
    check(&server, &[("/about", 404, ""), ("/about.html", 200, "about"), ("/about/", 404, "")])
        .await;
}

#[tokio::test]
async fn a_page_without_its_ending_is_the_file_that_it_is() {
    let scratch = Scratch::new();
    let no_cache = http::HeaderValue::from_static("no-cache");
    let sender = pages(&scratch).cache_control("*.html", no_cache).fallback("index.html");
    scratch.write("about.html.gz", "gzip");
    let server = serve(sender.precompressed([letterhead::answer::Coding::Gzip])).await;
    let page = h1_get(&server, "/about", "").await;
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.field("cache-control"), Some("no-cache"));
    assert_eq!(page.field("vary"), Some("accept-encoding"));
    let tag = page.field("etag").unwrap();
    let same = h1_get(&server, "/about", &format!("if-none-match: {tag}\r\n")).await;
    assert_eq!((same.status(), same.field("etag")), (304, Some(tag)));
    let part = h1_get(&server, "/about", "range: bytes=1-2\r\n").await;
    assert_eq!((part.status(), part.body.as_str()), (206, "bo"));
    for _ in 0..2 {
        let coded = h1_get(&server, "/about", "accept-encoding: gzip\r\n").await;
        assert_eq!((coded.body.as_str(), coded.field("content-encoding")), ("gzip", Some("gzip")));
    }
    // A page that comes, and one that goes.
    assert_eq!(h1_get(&server, "/new", "").await.status(), 404);
    scratch.write("new.html", "new");
    assert_eq!(h1_get(&server, "/new", "").await.body, "new");
    std::fs::remove_file(scratch.path("new.html")).unwrap();
    assert_eq!(h1_get(&server, "/new", "").await.status(), 404);
    assert_eq!(h1_get(&server, "/new", "accept: text/html\r\n").await.body, "root");
    // A handler says the name as it is.
    let sent = pages(&scratch).send(&http::Request::new(()), "about").await.unwrap();
    assert_eq!(sent.status(), 404);
}
