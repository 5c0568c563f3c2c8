//! The table is in order, is what the guide says, and gives each name its class.

use http::header::HeaderName;

use super::Role::{Connection, Policy, Representation};
use super::Shape::{Framing, Lines, List, Single, Unknown};
use super::*;

fn class(name: &str) -> Class {
    of(&HeaderName::try_from(name).expect("a field name"))
}

fn check(cases: &[(&str, Shape, Role)]) {
    for (name, shape, role) in cases {
        assert_eq!(class(name), Class::new(*shape, *role), "{name}");
    }
}

#[test]
fn the_rows_are_sorted_and_every_one_is_found() {
    assert!(TABLE.is_sorted_by(|one, next| one.name < next.name));
    for row in TABLE {
        let name = HeaderName::from_bytes(row.name.as_bytes()).expect("a field name");
        assert_eq!(name.as_str(), row.name, "in lower case");
        assert_eq!(of(&name), row.class, "{}", row.name);
        assert_eq!(defined(&name), Some(row.defined), "{}", row.name);
    }
    assert_eq!(defined(&HeaderName::from_static("x-something-of-ours")), None);
}

#[test]
fn fields_have_the_shape_of_their_grammar() {
    check(&[
        ("ETag", Single, Representation),
        ("Location", Single, Representation),
        ("Content-Type", Single, Representation),
        ("Access-Control-Allow-Origin", Single, Policy),
        ("Vary", List, Policy),
        ("Cache-Control", List, Representation),
        ("Link", List, Representation),
        ("Allow", List, Representation),
        ("Server-Timing", List, Policy),
        ("Access-Control-Expose-Headers", List, Policy),
        ("Set-Cookie", Lines, Policy),
        ("WWW-Authenticate", Lines, Policy),
        ("Content-Security-Policy", Lines, Policy),
        ("Content-Length", Framing, Representation),
        ("Transfer-Encoding", Framing, Connection),
        ("Trailer", Framing, Connection),
        ("Connection", Framing, Connection),
    ]);
}

#[test]
fn a_name_without_a_row_goes_by_its_family_and_then_by_the_default() {
    check(&[
        ("cloudflare-cdn-cache-control", List, Representation),
        ("content-something-new", Unknown, Representation),
        ("surrogate-x", Unknown, Representation),
        ("x-accel-x", Unknown, Representation),
        ("grpc-status", Unknown, Representation),
        ("connect-content-encoding", Unknown, Representation),
        ("sec-websocket-key", Unknown, Connection),
        ("x-something-of-ours", Unknown, Policy),
        ("access-control-something-new", Unknown, Policy),
        ("aaa", Unknown, Policy),
        ("zzz", Unknown, Policy),
        ("|", Unknown, Policy),
        ("~", Unknown, Policy),
        ("0", Unknown, Policy),
        ("vary-x", Unknown, Policy),
        ("var", Unknown, Policy),
    ]);
}

#[test]
fn the_guide_has_every_row_and_no_other() {
    let guide = include_str!("../../guide/fields.md");
    let rows = TABLE.iter().map(|row| {
        let Class { shape, role } = row.class;
        format!("| `{}` | {shape} | {role} | {} |", row.name, row.defined)
    });
    let written = guide.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(written.collect::<Vec<_>>(), rows.collect::<Vec<_>>());
}
