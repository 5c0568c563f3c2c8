//! A directory as a page: its names, sizes and dates, escaped, sorted and bounded.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::thread::sleep;

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use http::{Response, Uri};

use super::body::FileBody;
use super::look::Want;
use super::natural::natural_order;
use super::path::FilePath;
use super::sender::{FileSender, Links};
use super::settings::Settings;
use super::source::{Name, rule};
use super::standing::Standing;
use crate::answer::{self, Facts, Plan};
use crate::sys::{Decision, Handle, Kind, Opened, Refusal, Ruling, Stat};

/// About as many bytes of a page are made at once.
const CHUNK: usize = 64 * 1024;

/// The page has neither script nor style, and needs nothing from anywhere.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'");

/// What is in a directory, in the order of the page.
pub(super) struct Listing {
    path: FilePath,
    /// What stands before each name in a link.
    prefix: String,
    up: &'static str,
    rows: Vec<Row>,
    /// There are more names than were wanted.
    cut: bool,
}

/// One name. Directories come first, and each kind is in natural order.
struct Row {
    is_file: bool,
    name: Box<[u8]>,
    size: u64,
    modified: i64,
}

impl FileSender {
    /// Answers a directory that has no index with a page that lists up to `most` names; with 0, the
    /// default, it is 404.
    ///
    /// Listed is what would be served: files and directories, no names that begin with a dot unless
    /// [hidden](Self::hidden) ones are served, and no symbolic links that lead where none may. If there are more
    /// names than `most`, those that the kernel has first are listed, and the page says so. While it is sent a
    /// page costs about 60 bytes of memory for each name, and the name; 100 000 names take some tenths of a
    /// second to look at.
    ///
    /// The page is HTML without script or style, and has a `Content-Security-Policy` that allows neither. It has no
    /// validators and no ranges: a size in it may change while nothing else does. Its `Cache-Control`
    /// goes by patterns of the directory's path with a slash at its end. [`send`](Self::send) lists nothing: it
    /// does not know where the links would lead.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Request;
    /// use letterhead::FileSender;
    /// use tower::ServiceExt;
    ///
    /// # #[tokio::main]
    /// # async fn main() {
    /// let files = FileSender::new("src").unwrap().listing(10_000);
    /// let response = files.oneshot(Request::get("/files/").body(()).unwrap()).await.unwrap();
    /// assert_eq!(response.status(), 200);
    /// assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    /// # }
    /// ```
    #[must_use]
    pub fn listing(self, most: usize) -> Self {
        self.with(|settings| settings.listed = most)
    }
}

impl Listing {
    /// Reads what is in `directory`. It blocks.
    pub(super) fn read(
        settings: &Settings,
        path: &FilePath,
        directory: &Handle,
        uri: &Uri,
    ) -> Result<Self, (Refusal, Ruling)> {
        let name = || Name::Beneath(path.as_bytes().to_vec());
        let mut attempt = 0_u32;
        loop {
            let (mut rows, mut cut) = (Vec::new(), false);
            let read = directory.names(|name| {
                if !settings.hidden && name.starts_with(b".") {
                    return ControlFlow::Continue(());
                }
                if rows.len() == settings.listed {
                    cut = true;
                    return ControlFlow::Break(());
                }
                rows.extend(Row::of(settings, path, directory, name));
                ControlFlow::Continue(())
            });
            let Err(refusal) = read else {
                rows.sort_unstable_by(Row::order);
                return Ok(Self::new(path.clone(), uri, rows, cut));
            };
            let ruling = rule(settings, &name(), &refusal, attempt, false);
            match ruling.decision() {
                Decision::Retry { after } => sleep(after),
                // The directory is open already.
                Decision::ReResolve | Decision::Next => {}
                Decision::Answer { .. } | Decision::Abort => return Err((refusal, ruling)),
            }
            attempt = attempt.saturating_add(1);
        }
    }

    fn new(path: FilePath, uri: &Uri, rows: Vec<Row>, cut: bool) -> Self {
        // Without a slash at the end, names are relative to the directory above.
        let last = uri.path().rsplit('/').next().unwrap_or_default();
        let (prefix, up) = match last {
            // No `./` before a name: a colon in it is encoded, and programs that look for links compare them.
            "" => (String::new(), "../"),
            last if last.contains(':') => (format!("./{last}/"), "./"),
            last => (format!("{last}/"), "./"),
        };
        let prefix = escaped(&prefix);
        Self { path, prefix, up, rows, cut }
    }

    /// The response with the page, or what the conditions of the request make of it.
    pub(super) fn answered(self, settings: &Settings, want: &Want) -> Response<FileBody> {
        let mut text = String::new();
        let mut length = self.head().len() + self.foot().len();
        for row in &self.rows {
            text.clear();
            self.row(row, &mut text);
            length += text.len();
        }
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        let mut facts = Facts::new(length as u64)
            .without_ranges()
            .content_type(html)
            .field(CONTENT_SECURITY_POLICY, POLICY);
        let mut name = self.path.as_bytes().to_vec();
        if !name.is_empty() {
            name.push(b'/');
        }
        if let Some(value) = settings.cache_control(&name, Standing::Settled) {
            facts = facts.cache_control(value);
        }
        let (head, plan) = answer::answer(&want.asked, &facts, want.now).into_parts();
        head.map(|()| match plan {
            Plan::Whole => FileBody::made(Page { listing: self, at: Place::Head }, length as u64),
            // There are no ranges of it.
            Plan::Nothing | Plan::Part(_) | Plan::Parts(_) => FileBody::empty(),
        })
    }

    fn head(&self) -> String {
        let path = shown(&self.path.join(""));
        let path = if path.is_empty() { String::from("/") } else { format!("/{path}") };
        let mut text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <title>Index of {path}</title></head>\n<body><h1>Index of <bdi>{path}</bdi></h1>\n\
             <table><tr><th>Name</th><th>Size</th><th>Modified (UTC)</th></tr>\n"
        );
        if !self.path.as_bytes().is_empty() {
            let _ = writeln!(
                text,
                "<tr><td><a href=\"{}\">../</a></td><td></td><td></td></tr>",
                self.up
            );
        }
        text
    }

    fn row(&self, row: &Row, text: &mut String) {
        let (slash, name) = (if row.is_file { "" } else { "/" }, shown(&row.name));
        let _ = write!(text, "<tr><td><a href=\"{}", self.prefix);
        percent_encoded(&row.name, text);
        let _ = write!(text, "{slash}\"><bdi>{name}</bdi>{slash}</a></td><td>");
        if row.is_file {
            let _ = write!(text, "{}", row.size);
        }
        text.push_str("</td><td>");
        date(row.modified, text);
        text.push_str("</td></tr>\n");
    }

    fn foot(&self) -> String {
        let rest = if self.cut {
            format!("<p>There are more; {} are listed.</p>\n", self.rows.len())
        } else {
            String::new()
        };
        format!("</table>\n{rest}</body></html>\n")
    }
}

impl Row {
    fn order(&self, other: &Self) -> Ordering {
        let kind = self.is_file.cmp(&other.is_file);
        kind.then_with(|| natural_order(&self.name, &other.name))
    }

    /// What is said of a name; nothing, if it would not be served.
    fn of(settings: &Settings, path: &FilePath, directory: &Handle, name: &[u8]) -> Option<Self> {
        let stat = match directory.look_at(name) {
            Ok(stat) => stat,
            Err(refusal) => {
                // It is told and left out.
                let name = Name::Beneath(path.join(name));
                rule(settings, &name, &refusal, u32::MAX, false);
                return None;
            }
        };
        match stat.kind {
            Kind::Regular | Kind::Directory if !settings.concealed => Some(Self::new(name, &stat)),
            Kind::Link if settings.links == Links::None => None,
            // Whether it may be had is known by having it.
            Kind::Regular | Kind::Directory | Kind::Link => {
                match settings.root.resolve(&path.join(name), settings.how()) {
                    Ok(Opened::File(handle) | Opened::Directory(handle)) => {
                        Some(Self::new(name, handle.stat()))
                    }
                    Err(_) => None,
                }
            }
            Kind::Fifo
            | Kind::Socket
            | Kind::BlockDevice
            | Kind::CharacterDevice
            | Kind::Unknown => None,
        }
    }

    fn new(name: &[u8], stat: &Stat) -> Self {
        Self {
            is_file: stat.kind == Kind::Regular,
            name: name.into(),
            size: stat.identity.size,
            modified: stat.identity.mtime.seconds,
        }
    }
}

/// The page, a chunk at a time.
struct Page {
    listing: Listing,
    at: Place,
}

enum Place {
    Head,
    Row(usize),
    End,
}

impl Iterator for Page {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut text = match self.at {
            Place::Head => self.listing.head(),
            Place::Row(_) => String::new(),
            Place::End => return None,
        };
        let mut at = if let Place::Row(at) = self.at { at } else { 0 };
        while let Some(row) = self.listing.rows.get(at).filter(|_| text.len() < CHUNK) {
            self.listing.row(row, &mut text);
            at += 1;
        }
        self.at = Place::Row(at);
        if at == self.listing.rows.len() {
            text.push_str(&self.listing.foot());
            self.at = Place::End;
        }
        Some(Bytes::from(text))
    }
}

/// A name as people read it: what is no text or a control character is replaced.
fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    escaped(&text.replace(char::is_control, "\u{fffd}"))
}

/// What has a meaning in HTML, without it; in an attribute too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A name as a component of a path (RFC 3986, section 2.3): all but unreserved characters encoded.
fn percent_encoded(name: &[u8], text: &mut String) {
    for byte in name {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

/// Seconds since the epoch as a date of the Gregorian calendar: `1994-11-06 08:49`.
fn date(seconds: i64, text: &mut String) {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since the first of March of the year 0, so that a leap day is the last of its year; years
    // repeat every 400.
    let day = day.saturating_add(719_468);
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second % 3_600 / 60);
    let _ = write!(text, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_of_the_gregorian_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00"),
            (784_111_777, "1994-11-06 08:49"),
            (951_782_400, "2000-02-29 00:00"),
            (4_107_542_400, "2100-03-01 00:00"),
            (1_709_251_199, "2024-02-29 23:59"),
            (-1, "1969-12-31 23:59"),
            (-62_167_219_200, "0000-01-01 00:00"),
        ] {
            let mut text = String::new();
            date(seconds, &mut text);
            assert_eq!(text, expected, "{seconds}");
        }
        // Whatever a filesystem says, it is no reason to panic.
        for seconds in [i64::MIN, i64::MAX] {
            date(seconds, &mut String::new());
        }
    }

    #[test]
    fn a_name_is_text_to_people_and_bytes_to_links() {
        assert_eq!(shown(b"<b>&\"'\n\xff"), "&lt;b&gt;&amp;&quot;&#39;\u{fffd}\u{fffd}");
        let mut text = String::new();
        percent_encoded(b"a b:/?#%~\xe9", &mut text);
        assert_eq!(text, "a%20b%3A%2F%3F%23%25~%E9");
    }
}
