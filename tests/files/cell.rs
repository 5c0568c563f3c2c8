//! One cell of a table of faults: what a client of HTTP/1.1 and one of HTTP/2 get.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use expect_test::ExpectFile;
use http::Request;
use letterhead::FileSender;

use crate::apart::figures;
use crate::client::{H2, Raw};
use crate::faults::ERRNOS;
use crate::serve::{Server, soon};

/// A status, when to come again, and whether the body came short of what was promised.
pub(crate) fn told(status: &str, retry_after: Option<&str>, got: usize, promised: usize) -> String {
    let after = retry_after.map_or_else(String::new, |seconds| format!("+{seconds}s"));
    let end = if got < promised { " cut" } else { "" };
    format!("{status}{after}{end}")
}

/// A client of HTTP/1.1 and one of HTTP/2.
pub(crate) struct Clients {
    raw: Raw,
    h2: H2,
}

/// A response of which the head is there.
struct Begun<B> {
    status: String,
    retry_after: Option<String>,
    promised: usize,
    body: B,
}

/// What a client of HTTP/1.1 and one of HTTP/2 are answered with, one after the other.
///
/// A file has to be made of `a` alone. A body that is short is reset on HTTP/2 and cut off by the
/// connection's end on HTTP/1.1; that no other one is, is asserted here.
pub(crate) async fn ask(server: &Server, path: &str) -> [String; 2] {
    Clients::connect(server).await.ask(path).await
}

impl Clients {
    pub(crate) async fn connect(server: &Server) -> Self {
        Self { raw: Raw::connect(server).await, h2: H2::connect(server).await }
    }

    /// As [`ask`], on connections that are there.
    pub(crate) async fn ask(&mut self, path: &str) -> [String; 2] {
        let h1 = self.h1_begin(path).await.h1_end(self).await;
        [h1, self.h2_begin(path).await.h2_end().await]
    }

    /// As [`ask`], and `midway` runs between both heads and both bodies.
    pub(crate) async fn ask_while(&mut self, path: &str, midway: impl FnOnce()) -> [String; 2] {
        let (h1, h2) = (self.h1_begin(path).await, self.h2_begin(path).await);
        midway();
        [h1.h1_end(self).await, h2.h2_end().await]
    }

    async fn h1_begin(&mut self, path: &str) -> Begun<()> {
        self.raw.get(path, "").await;
        let head = self.raw.head().await;
        let field = |name| head.split("\r\n").find_map(|line| line.strip_prefix(name));
        Begun {
            status: head[9..12].to_owned(),
            retry_after: field("retry-after: ").map(str::to_owned),
            promised: field("content-length: ").unwrap().parse().unwrap(),
            body: (),
        }
    }

    async fn h2_begin(&self, path: &str) -> Begun<h2::RecvStream> {
        let request = Request::get(format!("http://test{path}")).body(()).unwrap();
        let (response, mut sending) = self.h2.send(request).await;
        sending.send_data(Bytes::new(), true).unwrap();
        let (head, body) = soon(response).await.unwrap().into_parts();
        let field = |name| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        Begun {
            status: head.status.as_str().to_owned(),
            retry_after: field("retry-after"),
            promised: field("content-length").unwrap().parse().unwrap(),
            body,
        }
    }
}

impl<B> Begun<B> {
    fn check(&self, bytes: &[u8]) {
        const A: [u8; 4096] = [b'a'; 4096];
        let is_a = |bytes: &[u8]| bytes == &A[..bytes.len()];
        assert!(self.status != "200" || bytes.chunks(A.len()).all(is_a), "other bytes");
    }

    fn told(&self, got: usize) -> String {
        told(&self.status, self.retry_after.as_deref(), got, self.promised)
    }
}

impl Begun<()> {
    async fn h1_end(self, clients: &mut Clients) -> String {
        let got = clients.raw.up_to(self.promised).await;
        self.check(&got);
        self.told(got.len())
    }
}

impl Begun<h2::RecvStream> {
    async fn h2_end(mut self) -> String {
        let mut got = 0;
        let reset = loop {
            match soon(self.body.data()).await {
                Some(Ok(chunk)) => {
                    self.body.flow_control().release_capacity(chunk.len()).unwrap();
                    self.check(&chunk);
                    got += chunk.len();
                }
                Some(Err(error)) => break error.reason(),
                None => break None,
            }
        };
        let expected = (got < self.promised).then_some(h2::Reason::INTERNAL_ERROR);
        assert_eq!(reset, expected, "{got} of {}", self.promised);
        self.told(got)
    }
}

/// The refusals that a sender told of: their numbers, and which of them came with a diagnosis.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<BTreeSet<String>>>);

impl Told {
    pub(crate) fn by(&self, sender: FileSender) -> FileSender {
        let told = Arc::clone(&self.0);
        sender.on_refusal(move |refused| {
            let name = ERRNOS.iter().find(|(_, errno)| *errno == refused.errno());
            let name = name.map_or_else(|| refused.errno().to_string(), |(name, _)| (*name).into());
            let why = if refused.diagnosis().is_some() { "+why" } else { "" };
            told.lock().unwrap().insert(name + why);
        })
    }

    /// What was told since the last time.
    pub(crate) fn take(&self) -> String {
        let told = std::mem::take(&mut *self.0.lock().unwrap());
        told.into_iter().collect::<Vec<_>>().join(" ")
    }
}

/// A table of cells, and how many of them are what they should be.
pub(crate) struct Matrix {
    name: &'static str,
    width: usize,
    text: String,
    clients: usize,
}

impl Matrix {
    /// A table whose first column is this wide; each of its cells is asked for by `clients`.
    pub(crate) fn new(name: &'static str, width: usize, first: &str, clients: usize) -> Self {
        Self { name, width, text: format!("{first:<width$}"), clients }
    }

    pub(crate) fn row(&mut self, name: &str) {
        self.text.truncate(self.text.trim_end().len());
        write!(self.text, "\n{name:<width$}", width = self.width).unwrap();
    }

    /// What was found; `-`: nothing was asked.
    pub(crate) fn cell(&mut self, text: &str) {
        write!(self.text, "{text:<12}").unwrap();
    }

    /// Tells how many cells are as `expected` has them, and fails unless all are.
    pub(crate) fn finish(self, expected: &ExpectFile) {
        let text = format!("{}\n", self.text.trim_end());
        let cells = |text: &str| -> Vec<Vec<String>> {
            text.lines().skip(1).map(|row| row_of(row, self.width)).collect()
        };
        let (found, wanted) = (cells(&text), cells(&expected.data()));
        let is_tried = |cell: &&String| cell.as_str() != "-";
        let tried: usize = found.iter().map(|row| row[1..].iter().filter(is_tried).count()).sum();
        let same = |(found, wanted): (&Vec<String>, &Vec<String>)| {
            let is_row = found.first() == wanted.first();
            let cells = found.iter().zip(wanted).skip(1);
            cells.filter(|(found, wanted)| is_row && found == wanted && is_tried(found)).count()
        };
        let right: usize = found.iter().zip(&wanted).map(same).sum();
        let (tried, right) = (tried * self.clients, right * self.clients);
        let told = format!("{}: {tried} cells tried, {right} right\n\n{text}", self.name);
        figures(self.name, &told);
        expected.assert_eq(&text);
    }
}

/// The name and the cells of a row.
fn row_of(row: &str, width: usize) -> Vec<String> {
    let (name, rest) = row.split_at(width.min(row.len()));
    let cells = rest.as_bytes().chunks(12).map(|cell| String::from_utf8_lossy(cell));
    std::iter::once(name.trim().to_owned()).chain(cells.map(|c| c.trim().to_owned())).collect()
}
