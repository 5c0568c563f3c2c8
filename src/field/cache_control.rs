//! `Cache-Control` by its directives: the stricter of two, and what contradicts itself.

mod allows;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;

use http::header::{HeaderName, HeaderValue};

#[allow(unused_imports, reason = "a policy and its nonces ask, and are an option")]
pub(crate) use allows::is_targeted;
pub(crate) use allows::{
    Storage, forbids_transform, is_shared, restrictions, shared_storage, shares_cookies,
};

use super::list;

/// The directives of one writer (RFC 9111, section 5.2.2); a repeated one counts as the stricter.
#[derive(Debug, Default)]
struct Directives<'a> {
    flags: [bool; FLAGS.len()],
    /// Which of them stand without an argument: with one, a cache may not know them for what they are.
    bare: [bool; FLAGS.len()],
    no_cache: Bound<'a>,
    private: Bound<'a>,
    lifetimes: [Option<u64>; LIFETIMES.len()],
    /// What no standard names; a repeated one counts where it is first.
    extensions: Vec<Extension<'a>>,
}

#[derive(Debug)]
struct Extension<'a> {
    /// In lower case.
    name: Cow<'a, [u8]>,
    value: Option<&'a [u8]>,
    /// The directive as it was written.
    written: &'a [u8],
}

/// What `no-cache` or `private` is said of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Bound<'a> {
    #[default]
    Nothing,
    /// These fields of the response, which may be named twice.
    Fields(Vec<&'a [u8]>),
    /// What is no list of field names. It is taken for the whole, which is the stricter reading; a cache
    /// may read it otherwise.
    Garbled,
    /// The whole response.
    Whole,
}

/// The names of the flags, in the order of [`Flag`].
const FLAGS: [&str; 7] = [
    "no-store",
    "public",
    "must-understand",
    "must-revalidate",
    "proxy-revalidate",
    "no-transform",
    "immutable",
];

#[derive(Clone, Copy, Debug)]
enum Flag {
    NoStore,
    Public,
    MustUnderstand,
    MustRevalidate,
    ProxyRevalidate,
    NoTransform,
    Immutable,
}

/// The names of the lifetimes, in the order of [`Lifetime`].
const LIFETIMES: [&str; 4] = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];

#[derive(Clone, Copy, Debug)]
enum Lifetime {
    MaxAge,
    Shared,
}

/// One line that allows a cache no more than `first` does and no more than `second` does.
///
/// A restriction stands if one of them has it; `public` and `immutable` stand if both have them;
/// of two lifetimes the smaller one stands; an extension stands as it was written first. What is
/// of no use beside the rest goes: lifetimes beside `no-store`, `s-maxage` beside `private`.
/// The line is empty if nothing is left.
pub(crate) fn stricter(first: &[HeaderValue], second: &[HeaderValue]) -> HeaderValue {
    Directives::read(first).join(Directives::read(second)).print()
}

/// Whether `after` lacks a directive of `before`, or has it in a laxer form.
///
/// What a stricter directive makes void is not lacking: `max-age` beside a new `no-store`.
pub(crate) fn loosens(before: &[HeaderValue], after: &[HeaderValue]) -> bool {
    let (before, after) = (Directives::read(before), Directives::read(after));
    let gone = |flag: Flag| {
        before.has(flag) && !after.has(flag) || before.is_bare(flag) && !after.is_bare(flag)
    };
    if before.has_extension_beyond(&after) || gone(Flag::NoTransform) {
        return true;
    }
    if after.forbids_storage() && after.is_bare(Flag::NoStore) {
        return false;
    }
    let private = after.private == Bound::Whole;
    let mut lifetimes = before.lifetimes.iter().zip(&after.lifetimes).enumerate();
    before.forbids_storage() && !after.forbids_storage()
        || gone(Flag::NoStore)
        || gone(Flag::MustUnderstand)
        || gone(Flag::MustRevalidate)
        || gone(Flag::ProxyRevalidate) && !after.is_bare(Flag::MustRevalidate) && !private
        || gone(Flag::Immutable)
        || gone(Flag::Public) && !private
        || before.no_cache.exceeds(&after.no_cache)
        || before.private.exceeds(&after.private)
        || lifetimes.any(|(at, lifetime)| match lifetime {
            (None, _) => false,
            (Some(_), None) => at != Lifetime::Shared as usize || !private,
            (Some(before), Some(after)) => after > before,
        })
}

/// Two directives of `values` that cannot both be meant.
///
/// `no-store` beside `must-understand` is meant for caches that do not know the latter (RFC 9111,
/// section 5.2.2.3), and a lifetime of 0 asks for nothing.
pub(crate) fn contradicts<'a>(
    values: impl IntoIterator<Item = &'a HeaderValue>,
) -> Option<&'static str> {
    let said = Directives::read(values);
    let lives = |lifetime| said.lifetime(lifetime).is_some_and(|seconds| seconds > 0);
    let (no_store, private) = (said.forbids_storage(), said.private.is_whole());
    [
        (no_store && lives(Lifetime::MaxAge), "no-store beside max-age"),
        (no_store && lives(Lifetime::Shared), "no-store beside s-maxage"),
        (no_store && said.has(Flag::Immutable), "no-store beside immutable"),
        (no_store && said.has(Flag::Public), "no-store beside public"),
        (private && said.has(Flag::Public), "private beside public"),
        (private && lives(Lifetime::Shared), "private beside s-maxage"),
    ]
    .into_iter()
    .find_map(|(found, text)| found.then_some(text))
}

impl<'a> Directives<'a> {
    fn read(values: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let mut read = Self::default();
        for value in values {
            for member in list::members(value.as_bytes()) {
                read.take(member);
            }
        }
        distinct(&mut read.extensions);
        read
    }

    fn take(&mut self, member: &'a [u8]) {
        let (name, value) = list::pair(member);
        let at = |names: &[&str]| {
            names.iter().position(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        };
        if let Some(flag) = at(&FLAGS) {
            self.flags[flag] = true;
            self.bare[flag] |= value.is_none();
        } else if let Some(lifetime) = at(&LIFETIMES) {
            let seconds = seconds(value);
            let lifetime = &mut self.lifetimes[lifetime];
            *lifetime = Some(lifetime.map_or(seconds, |other| other.min(seconds)));
        } else if name.eq_ignore_ascii_case(b"no-cache") {
            self.no_cache.tighten(Bound::read(value));
        } else if name.eq_ignore_ascii_case(b"private") {
            self.private.tighten(Bound::read(value));
        } else if !name.is_empty() {
            let name = list::lower(name);
            self.extensions.push(Extension { name, value, written: member });
        }
    }

    const fn has(&self, flag: Flag) -> bool {
        self.flags[flag as usize]
    }

    const fn is_bare(&self, flag: Flag) -> bool {
        self.bare[flag as usize]
    }

    const fn lifetime(&self, lifetime: Lifetime) -> Option<u64> {
        self.lifetimes[lifetime as usize]
    }

    /// Whether no cache at all may store the response.
    const fn forbids_storage(&self) -> bool {
        self.has(Flag::NoStore) && !self.has(Flag::MustUnderstand)
    }

    /// How long a shared cache may keep the response: `s-maxage` overrides `max-age` there.
    fn shared(&self) -> Option<u64> {
        self.lifetime(Lifetime::Shared).or(self.lifetime(Lifetime::MaxAge))
    }

    fn join(mut self, other: Self) -> Self {
        let forbidden = self.forbids_storage() || other.forbids_storage();
        // A shared cache asks for `s-maxage` first, so it must not exceed a bare `max-age` either.
        let shared = smaller(self.shared(), other.shared());
        let has_shared = [&self, &other].iter().any(|one| one.lifetime(Lifetime::Shared).is_some());
        for (at, flag) in self.flags.iter_mut().enumerate() {
            let allows = at == Flag::Public as usize || at == Flag::Immutable as usize;
            *flag = if allows { self.bare[at] && other.bare[at] } else { *flag || other.flags[at] };
        }
        for (lifetime, other) in self.lifetimes.iter_mut().zip(other.lifetimes) {
            *lifetime = smaller(*lifetime, other);
        }
        self.no_cache.tighten(other.no_cache);
        self.private.tighten(other.private);
        self.extensions.extend(other.extensions);
        distinct(&mut self.extensions);
        let private = self.private.is_whole();
        self.lifetimes[Lifetime::Shared as usize] = shared.filter(|_| has_shared && !private);
        if private {
            self.flags[Flag::Public as usize] = false;
        }
        if forbidden {
            // `must-understand` would take `no-store` back.
            for void in [Flag::MustUnderstand, Flag::Public, Flag::Immutable] {
                self.flags[void as usize] = false;
            }
            self.lifetimes = [None; LIFETIMES.len()];
        }
        self
    }

    /// Whether `after` lacks an extension of `self`, or has it with another value.
    fn has_extension_beyond(&self, after: &Self) -> bool {
        let kept: BTreeSet<_> = after.extensions.iter().map(|one| (&one.name, one.value)).collect();
        self.extensions.iter().any(|one| !kept.contains(&(&one.name, one.value)))
    }

    /// The directives in one line, restrictions first.
    fn print(&self) -> HeaderValue {
        let mut line: Vec<Cow<'_, [u8]>> = Vec::new();
        let flag = |line: &mut Vec<Cow<'_, [u8]>>, flag: Flag| {
            if self.has(flag) {
                line.push(Cow::Borrowed(FLAGS[flag as usize].as_bytes()));
            }
        };
        flag(&mut line, Flag::NoStore);
        line.extend(self.no_cache.print("no-cache"));
        line.extend(self.private.print("private"));
        flag(&mut line, Flag::Public);
        flag(&mut line, Flag::MustUnderstand);
        flag(&mut line, Flag::MustRevalidate);
        flag(&mut line, Flag::ProxyRevalidate);
        flag(&mut line, Flag::NoTransform);
        for (name, seconds) in LIFETIMES.iter().zip(self.lifetimes) {
            line.extend(seconds.map(|seconds| Cow::Owned(format!("{name}={seconds}").into())));
        }
        flag(&mut line, Flag::Immutable);
        line.extend(self.extensions.iter().map(|one| Cow::Borrowed(one.written)));
        list::join(line.iter().map(Cow::as_ref))
    }
}

/// Leaves the first extension of each name.
fn distinct(extensions: &mut Vec<Extension<'_>>) {
    if extensions.len() > 1 {
        let mut seen = BTreeSet::new();
        extensions.retain(|one| seen.insert(one.name.clone()));
    }
}

impl<'a> Bound<'a> {
    /// Reads the value of `no-cache` or `private`.
    fn read(value: Option<&'a [u8]>) -> Self {
        let Some(value) = value else { return Self::Whole };
        let Some(names) = unquoted(value) else { return Self::Garbled };
        let names: Vec<_> = names
            .split(|byte| *byte == b',')
            .map(list::trim)
            .filter(|name| !name.is_empty())
            .collect();
        if names.is_empty() || names.iter().any(|name| HeaderName::from_bytes(name).is_err()) {
            return Self::Garbled;
        }
        Self::Fields(names)
    }

    /// Whether it is said of the whole response, as far as we are concerned.
    const fn is_whole(&self) -> bool {
        matches!(self, Self::Whole | Self::Garbled)
    }

    fn tighten(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Whole, _)
            | (_, Self::Nothing)
            | (Self::Garbled, Self::Garbled | Self::Fields(_)) => {}
            (Self::Fields(names), Self::Fields(others)) => names.extend(others),
            (Self::Nothing | Self::Fields(_) | Self::Garbled, other) => *self = other,
        }
    }

    /// The directive `name` in its qualified or unqualified form, if it is said at all.
    fn print(&self, name: &'static str) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Nothing => None,
            Self::Whole | Self::Garbled => Some(Cow::Borrowed(name.as_bytes())),
            Self::Fields(names) => {
                let mut seen = BTreeSet::new();
                let fresh = names.iter().copied().filter(|name| seen.insert(list::lower(name)));
                let names = fresh.collect::<Vec<_>>().join(&b", "[..]);
                Some(Cow::Owned([name.as_bytes(), b"=\"", &names, b"\""].concat()))
            }
        }
    }

    /// Whether `self` is said of something that `other` is not said of.
    fn exceeds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Whole) | (Self::Garbled, Self::Garbled) => false,
            (Self::Whole | Self::Garbled, _) | (Self::Fields(_), Self::Nothing | Self::Garbled) => {
                true
            }
            (Self::Fields(names), Self::Fields(others)) => {
                let others: BTreeSet<_> = others.iter().map(|name| list::lower(name)).collect();
                names.iter().any(|name| !others.contains(&list::lower(name)))
            }
        }
    }
}

fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A number of seconds; what is none counts as 0, so that the response is stale (RFC 9111, section
/// 4.2.1), and one that is too large as the largest (section 1.2.2).
fn seconds(value: Option<&[u8]>) -> u64 {
    let digits = value.and_then(unquoted).unwrap_or(b"");
    digits
        .iter()
        .try_fold(0_u64, |sum, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            Some(sum.saturating_mul(10).saturating_add(digit))
        })
        .unwrap_or(0)
}

/// The inside of a quoted string, or the token; `None` if the quote is not closed.
fn unquoted(value: &[u8]) -> Option<&[u8]> {
    match value.strip_prefix(b"\"") {
        Some(inside) => inside.strip_suffix(b"\""),
        None => Some(value),
    }
}
