//! Every row, decided and collected in memory.

use http::Response;
use http_body_util::BodyExt as _;
use letterhead::answer::{Asked, Coding, Content, Facts, respond, respond_among};

use crate::check::{self, Got, check};
use crate::data::{self, Row, Thing, content};

/// Serves a thing as an application would that has it in memory.
pub(crate) fn answered(thing: &Thing, asked: &Asked) -> Response<Content> {
    match thing.variants.as_slice() {
        [(facts, coding)] if !thing.varies => {
            respond(asked, facts, content(thing.length, *coding), data::now())
        }
        variants => {
            let variants: Vec<_> = variants
                .iter()
                .map(|(facts, coding)| (facts.clone(), content(thing.length, *coding)))
                .collect();
            respond_among(asked, &variants, data::now())
        }
    }
}

pub(crate) async fn got(response: Response<Content>) -> Got {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap_or_else(|never| match never {}).to_bytes();
    Got { status: head.status.as_u16(), fields: check::fields(&head.headers), body: body.into() }
}

#[tokio::test]
async fn every_row_is_answered_as_it_says() {
    for data in data::files() {
        for row in &data.rows {
            let thing = data.things.get(&row.thing).unwrap_or_else(|| panic!("{}", row.place));
            check(row, thing, &got(answered(thing, &asked(row))).await);
        }
    }
}

#[tokio::test]
async fn where_there_is_nothing_it_is_said_for_every_coding() {
    let asked = Asked::new(&http::Method::GET, &http::HeaderMap::new());
    let got = got(respond_among(&asked, &[], data::now())).await;
    assert_eq!((got.status, got.body.len()), (404, 0));
    assert_eq!(got.field("vary").as_deref(), Some("accept-encoding"));
    assert_eq!(got.field("content-length").as_deref(), Some("0"));
}

#[tokio::test]
async fn content_is_lent_and_not_copied() {
    let bytes = content(10_000, Coding::Identity);
    let whole = bytes.as_ptr_range();
    for (range, slices) in [("bytes=0-", 1), ("bytes=7-8", 1), ("bytes=0-1,9-9,5000-", 3)] {
        let mut fields = http::HeaderMap::new();
        fields.insert("range", range.parse().unwrap());
        let asked = Asked::new(&http::Method::GET, &fields);
        let mut body = respond(&asked, &Facts::new(0), bytes.clone(), data::now()).into_body();
        let mut lent = 0;
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap_or_else(|never| match never {}).into_data().unwrap();
            lent += usize::from(whole.contains(&data.as_ptr()));
        }
        assert_eq!(lent, slices, "{range}");
    }
}

fn asked(row: &Row) -> Asked {
    Asked::new(&row.method, &row.fields)
}

#[tokio::test]
async fn the_date_is_the_time_of_the_answer() {
    for data in data::files() {
        for row in &data.rows {
            let response = answered(&data.things[&row.thing], &asked(row));
            assert_eq!(
                response.headers()["date"],
                "Wed, 01 Jul 2026 00:00:00 GMT",
                "{}",
                row.place
            );
        }
    }
}
