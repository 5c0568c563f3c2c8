//! Things that are too long to send: their plans.

use letterhead::answer::{Asked, Piece, Plan, answer};

use crate::check::{self, Got};
use crate::data::{self, Data, Row, Sent, Thing};

#[test]
fn a_plan_counts_in_more_than_32_bits() {
    let data = Data::read("huge.txt", include_str!("huge.txt"));
    assert!(data.rows.len() >= 10);
    for row in &data.rows {
        planned(row, &data.things[&row.thing]);
    }
}

fn planned(row: &Row, thing: &Thing) {
    let asked = Asked::new(&row.method, &row.fields);
    let (head, plan) = answer(&asked, &thing.variants[0].0, data::now()).into_parts();
    let got = Got {
        status: head.status().as_u16(),
        fields: check::fields(head.headers()),
        body: Vec::new(),
    };
    check::head(row, thing, &got);
    let told: Option<u64> = got.field("content-length").map(|length| length.parse().unwrap());
    let (sent, length) = match plan {
        Plan::Nothing => (Sent::Nothing, told),
        Plan::Whole => (Sent::Whole, Some(thing.length)),
        Plan::Part(part) => (Sent::Ranges(vec![part.clone()]), Some(part.end - part.start)),
        Plan::Parts(parts) => {
            let mut ranges = Vec::new();
            let mut length = 0;
            for piece in parts.pieces() {
                length += match piece {
                    Piece::Glue(glue) => glue.len() as u64,
                    Piece::Content(range) => {
                        ranges.push(range.clone());
                        range.end - range.start
                    }
                };
            }
            assert_eq!(length, parts.length(), "{}", row.place);
            (Sent::Ranges(ranges), Some(length))
        }
    };
    assert_eq!(sent, row.sent, "{}", row.place);
    assert_eq!(told, length, "{}", row.place);
}
