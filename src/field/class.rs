//! Which shape and which role a response field has: one table, a few families, and a default.

mod table;
#[cfg(test)]
mod tests;

use std::fmt;

use http::header::HeaderName;

pub(crate) use table::{Row, TABLE};

/// How the values of a field stand beside each other.
///
/// It says what a second write may do without harm: nothing to a single value, add a member to a
/// list, add a line to a field of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// One value on one line, as `ETag` or `Location`.
    Single,
    /// Members between commas, on one line or on many, as `Vary` (RFC 9110, section 5.6.1).
    List,
    /// Lines that mean something each and are not joined.
    ///
    /// `Set-Cookie` has commas in its dates; a challenge of `WWW-Authenticate` has commas inside;
    /// each line of `Content-Security-Policy` is a policy that holds beside the others.
    Lines,
    /// The words between a server and its connection, as `Content-Length` or `Connection`.
    Framing,
    /// A field that nobody registered.
    ///
    /// An overwrite counts as it does for [`Single`](Self::Single); several lines are not held
    /// against it, for it may be a list.
    Unknown,
}

impl Shape {
    /// The shape in one lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::List => "list",
            Self::Lines => "lines",
            Self::Framing => "framing",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a field speaks of, and so whether it outlives the content that never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// The content: its type, length, validators, place, and how long to cache it. An error answer
    /// drops it.
    Representation,
    /// The site, the resource or the exchange: CORS, HSTS, CSP, cookies, request ids, timing. An
    /// error answer keeps it.
    Policy,
    /// The connection that carries the response. An error answer drops it.
    Connection,
}

impl Role {
    /// The role in one lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Representation => "representation",
            Self::Policy => "policy",
            Self::Connection => "connection",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of field a name stands for: its shape and its role.
///
/// # Examples
///
/// ```
/// use letterhead::{Class, Role, Shape};
///
/// // `X-Tags: a, b` of one's own.
/// let tags = Class::new(Shape::List, Role::Policy);
/// assert_eq!(tags.shape(), Shape::List);
/// assert_eq!(tags.role().as_str(), "policy");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    shape: Shape,
    role: Role,
}

impl Class {
    /// The class with this shape and this role.
    #[must_use]
    pub const fn new(shape: Shape, role: Role) -> Self {
        Self { shape, role }
    }

    /// How the values of the field stand beside each other.
    #[must_use]
    pub const fn shape(self) -> Shape {
        self.shape
    }

    /// What the field speaks of.
    #[must_use]
    pub const fn role(self) -> Role {
        self.role
    }
}

/// The class of `name`: by the table, else by its family, else unknown and kept like a policy.
pub(crate) fn of(name: &HeaderName) -> Class {
    let name = name.as_str();
    match find(name) {
        Some(row) => row.class,
        None => by_family(name),
    }
}

/// Where `name` is defined, for people who read a report.
pub(crate) fn defined(name: &HeaderName) -> Option<&'static str> {
    find(name.as_str()).map(|row| row.defined)
}

/// The longest name that a row may have.
const LONGEST: usize = 40;

/// The places of the rows in [`TABLE`], shortest name first, and where each length starts.
const BY_LENGTH: ([u8; TABLE.len()], [u8; LONGEST + 2]) = {
    let (mut rows, mut starts) = ([0; TABLE.len()], [0; LONGEST + 2]);
    let (mut length, mut found) = (0, 0_u8);
    while length <= LONGEST {
        starts[length] = found;
        let mut row = 0_u8;
        while (row as usize) < TABLE.len() {
            if TABLE[row as usize].name.len() == length {
                rows[found as usize] = row;
                found += 1;
            }
            row += 1;
        }
        length += 1;
    }
    starts[length] = found;
    (rows, starts)
};

/// A handful of rows have a name of the right length, and most of those another last letter.
fn find(name: &str) -> Option<&'static Row> {
    static ROWS: [u8; TABLE.len()] = BY_LENGTH.0;
    static STARTS: [u8; LONGEST + 2] = BY_LENGTH.1;
    let from = usize::from(*STARTS.get(name.len())?);
    let to = usize::from(*STARTS.get(name.len() + 1)?);
    let last = name.as_bytes().last();
    ROWS.get(from..to)?
        .iter()
        .map(|row| &TABLE[usize::from(*row)])
        .find(|row| row.name.as_bytes().last() == last && row.name == name)
}

/// What describes the content, some cache's copy of it, or the outcome of the call that it is of.
const CONTENT_FAMILIES: [&str; 5] = ["content-", "surrogate-", "x-accel-", "grpc-", "connect-"];

/// The class of a name that has no row of its own but is made like those of a family.
fn by_family(name: &str) -> Class {
    let content = Role::Representation;
    if name.ends_with("-cache-control") {
        // RFC 9213: the words of `Cache-Control`, said to one kind of cache.
        Class::new(Shape::List, content)
    } else if CONTENT_FAMILIES.iter().any(|start| name.starts_with(start)) {
        Class::new(Shape::Unknown, content)
    } else if name.starts_with("sec-websocket-") {
        Class::new(Shape::Unknown, Role::Connection)
    } else {
        Class::new(Shape::Unknown, Role::Policy)
    }
}
