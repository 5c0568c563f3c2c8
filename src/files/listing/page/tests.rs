//! What stands in a list, byte by byte.

use super::super::rows::Draft;
use super::*;
use crate::answer::DigestAlgorithm;

fn page(target: &str, form: Form, sort: Sort, names: &[(&[u8], Option<u64>)]) -> Page {
    let mut draft = Draft::default();
    for (name, size) in names {
        let (is_file, size) = (size.is_some(), size.unwrap_or(0));
        draft.push(Entry { name, is_file, size, modified: 784_111_777 });
    }
    let path = FilePath::literal("a<b/", false).expect("a path");
    Page::new(&path, target, form, sort, Arc::new(draft.finish()))
}

fn text(page: Page) -> String {
    let length = page.length();
    let text: Vec<u8> = page.into_pieces().flatten().collect();
    assert_eq!(length, text.len() as u64);
    String::from_utf8(text).expect("text")
}

#[test]
fn the_policy_allows_the_style_of_the_page_and_no_other() {
    let digest = Sha256::digest(STYLE);
    let value = DigestAlgorithm::Sha256.field_value(&digest);
    let base64 = value.to_str().expect("text").trim_start_matches("sha-256=").trim_matches(':');
    let style = format!("style-src 'sha256-{base64}'");
    let policy = POLICY;
    let policy: Vec<_> = policy.to_str().expect("text").split("; ").collect();
    assert_eq!(policy, ["default-src 'none'", &style, "base-uri 'none'", "form-action 'none'"]);
    let text = text(page("/", Form::Page, Sort::default(), &[]));
    assert!(text.contains(&format!("<style>{STYLE}</style>")), "{text}");
    assert!(!text.contains("style=") && !text.contains("<script"), "{text}");
}

const NAMES: [(&[u8], Option<u64>); 4] =
    [(b"d", None), (b"\xe9:\"&", Some(1)), (b"big", Some(1536)), (b"none", Some(0))];

#[test]
fn a_row_says_name_size_and_date() {
    let html = text(page("/m/", Form::Plain, Sort::default(), &NAMES));
    for row in [
        r#"<td><a href="../">../</a></td>"#,
        r#"<td><a href="d/"><bdi>d</bdi>/</a></td><td></td><td>1994-11-06 08:49</td>"#,
        "<td><a href=\"%E9%3A%22%26\"><bdi>\u{fffd}:&quot;&amp;</bdi></a></td>\
         <td title=\"1 byte\">1 B</td>",
        r#"<a href="big"><bdi>big</bdi></a></td><td title="1536 bytes">1.5 KiB</td>"#,
        r#"<td title="0 bytes">0 B</td>"#,
    ] {
        assert!(html.contains(row), "{row}\n{html}");
    }
}

#[test]
fn json_has_an_object_for_each_name() {
    let json = text(page("/m/", Form::Json, Sort::default(), &NAMES));
    let modified = r#""modified":"1994-11-06T08:49:37Z"}"#;
    let expected = [
        r#"{"path":"/a<b/","truncated":false,"entries":["#,
        &format!(r#"{{"name":"d","href":"d/","kind":"directory","size":null,{modified},"#),
        &format!(r#"{{"name":"big","href":"big","kind":"file","size":1536,{modified},"#),
        &format!(r#"{{"name":"none","href":"none","kind":"file","size":0,{modified},"#),
        &format!(
            "{{\"name\":\"\u{fffd}:\\\"&\",\"href\":\"%E9%3A%22%26\",\"kind\":\"file\",\
             \"size\":1,{modified}"
        ),
        "]}\n",
    ];
    assert_eq!(json, expected.join("\n"));
    let empty = text(page("/", Form::Json, Sort::default(), &[]));
    assert_eq!(empty, "{\"path\":\"/a<b/\",\"truncated\":false,\"entries\":[\n\n]}\n");

    let mut undated = String::new();
    let entry = Entry { name: b"a\x01b", is_file: true, size: u64::MAX, modified: i64::MAX };
    json_row("", entry, &mut undated);
    let expected = r#"{"name":"a\u0001b","href":"a%01b","kind":"file","size":18446744073709551615,"modified":null}"#;
    assert_eq!(undated, expected);
}

#[test]
fn links_are_relative_to_what_the_client_asked_for() {
    for (target, form, link) in [
        ("/m/", Form::Plain, r#"href="x""#),
        ("/m", Form::Plain, r#"href="m/x""#),
        ("/a:b", Form::Plain, r#"href="./a:b/x""#),
        ("/a&b'", Form::Plain, r#"href="a&amp;b&#39;/x""#),
        ("/a&b\"", Form::Json, r#""href":"a&b\"/x""#),
    ] {
        let text = text(page(target, form, Sort::default(), &[(b"x", Some(1))]));
        assert!(text.contains(link), "{target} {text}");
    }
}

#[test]
fn headings_sort_for_those_alone_that_want_a_page() {
    let sort = Sort { column: Column::Size, descending: true };
    let html = text(page("/", Form::Page, sort, &[]));
    for part in [
        r#"<th scope="col"><a href="?sort=name&amp;order=asc" rel="nofollow">Name</a></th>"#,
        r#"<th scope="col" aria-sort="descending"><a href="?sort=size&amp;order=asc" rel="nofollow">"#,
        "Size</a> \u{2193}</th>",
        r#"<a href="?sort=modified&amp;order=desc" rel="nofollow">Modified (UTC)</a>"#,
        r#"<meta name="robots" content="noindex">"#,
        r#"<meta name="viewport""#,
    ] {
        assert!(html.contains(part), "{part}\n{html}");
    }
    let plain = text(page("/", Form::Plain, Sort::default(), &[]));
    assert!(!plain.contains('?') && !plain.contains("robots"), "{plain}");
    assert!(plain.contains("aria-sort=\"ascending\">Name \u{2191}</th>"), "{plain}");
}

#[test]
fn a_tag_is_of_everything_in_the_text() {
    let names: [(&[u8], _); 2] = [(b"a", Some(1)), (b"b", Some(2))];
    let mut tags = Vec::new();
    for form in [Form::Page, Form::Plain, Form::Json] {
        for column in Column::ALL {
            for descending in [false, true] {
                for target in ["/m/", "/m"] {
                    let sort = Sort { column, descending };
                    let tag = || page(target, form, sort, &names).tag();
                    assert_eq!(tag(), tag());
                    tags.push(tag());
                }
            }
        }
    }
    tags.push(page("/m/", Form::Page, Sort::default(), &names[1..]).tag());
    for (at, tag) in tags.iter().enumerate() {
        assert!(!tag.is_weak() && !tags[..at].contains(tag), "{at}");
    }
}

#[test]
fn a_long_list_comes_in_pieces_of_64_kib() {
    let names: Vec<_> = (0..20_000).map(|nth| format!("{nth}").into_bytes()).collect();
    let names: Vec<(&[u8], _)> = names.iter().map(|name| (&name[..], Some(5))).collect();
    for form in [Form::Plain, Form::Json] {
        let sort = Sort { column: Column::Modified, descending: true };
        let page = page("/m", form, sort, &names);
        let length = page.length();
        let pieces: Vec<_> = page.into_pieces().map(|piece| piece.len()).collect();
        assert_eq!(length, pieces.iter().sum::<usize>() as u64);
        let (last, others) = pieces.split_last().expect("a piece");
        assert!(others.len() > 10 && *last < PIECE + 1024, "{pieces:?}");
        assert!(others.iter().all(|piece| (PIECE..PIECE + 1024).contains(piece)), "{pieces:?}");
    }
}
