//! One exchange as a seed decides it.

use fastrand::Rng;
use http::HeaderName;

/// Fields that are written, with values that tell who wrote them.
pub(crate) const FIELDS: [&str; 12] = [
    "x-frame-options",
    "cache-control",
    "etag",
    "location",
    "set-cookie",
    "vary",
    "link",
    "server-timing",
    "x-rows",
    "retry-after",
    "content-language",
    "access-control-allow-origin",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Insert,
    Append,
    Default,
    Remove,
}

/// A write through `Head`.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    Field(How, &'static str),
    Status(u16),
    /// The same, on an error too.
    Insisted(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    Fails,
    Panics,
}

/// What a body does.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) chunks: Vec<usize>,
    /// Before this chunk the body has nothing to say for a moment.
    pub(crate) pauses: Vec<usize>,
    /// Before this chunk a field is written.
    pub(crate) writes: Option<(usize, Written)>,
    pub(crate) trailers: bool,
    pub(crate) end: End,
}

impl Script {
    pub(crate) fn content(&self) -> Vec<u8> {
        self.chunks.iter().enumerate().flat_map(|(at, length)| vec![digit(at); *length]).collect()
    }
}

/// The byte that a chunk is made of.
pub(crate) fn digit(chunk: usize) -> u8 {
    b'0' + u8::try_from(chunk % 10).unwrap()
}

/// What the handler does when it is asked for the nth time.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) writes: Vec<Written>,
    /// Of the response itself.
    pub(crate) status: u16,
    pub(crate) fields: Vec<&'static str>,
    pub(crate) how: Answers,
    pub(crate) body: Script,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    Response,
    Err,
    Panic,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Insert(&'static str),
    Append(&'static str),
    /// Asks again after an error.
    Retry,
    /// Answers 503 for what does not answer.
    TimeOut,
    /// Answers 500 for a panic or an error.
    Catch,
    /// A page of its own for an error.
    Page,
    /// A fresh 304 for what has a tag.
    Fresh,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(crate) struct Plan {
    pub(crate) version: usize,
    pub(crate) head: bool,
    pub(crate) te: bool,
    pub(crate) hold: usize,
    pub(crate) watched: bool,
    pub(crate) merges: bool,
    pub(crate) hook: Option<Written>,
    /// Innermost first, with whether they have a name.
    pub(crate) layers: Vec<(Act, bool)>,
    pub(crate) attempts: [Attempt; 2],
}

impl Plan {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let random = &mut random;
        let layers: Vec<_> = (0..random.usize(..5)).map(|_| (act(random), random.bool())).collect();
        let times_out = layers.iter().any(|(act, _)| *act == Act::TimeOut);
        let silent = random.u8(..5) == 0;
        let mut plan = Self {
            version: random.usize(..3),
            head: random.u8(..6) == 0,
            te: random.bool(),
            hold: random.usize(..3),
            watched: random.bool(),
            merges: random.u8(..4) == 0,
            hook: (random.u8(..8) == 0).then(|| write(random)),
            layers,
            attempts: [attempt(random, times_out), attempt(random, times_out)],
        };
        if silent {
            plan.hook = None;
            for attempt in &mut plan.attempts {
                attempt.writes.clear();
                attempt.body.writes = None;
            }
        }
        plan
    }

    pub(crate) fn merged(&self) -> Vec<HeaderName> {
        let names = ["repr-digest", "x-frame-options"].map(HeaderName::from_static);
        if self.merges { names.to_vec() } else { Vec::new() }
    }

    /// Whether a hook, a body or somebody who insists writes a status.
    pub(crate) fn asks_for_a_status(&self) -> bool {
        let later = self.attempts.iter().filter_map(|attempt| attempt.body.writes.as_ref());
        let mut later = later.map(|(_, written)| written).chain(&self.hook);
        let insists = |written: &Written| matches!(written, Written::Insisted(_));
        later.any(|written| !matches!(written, Written::Field(..)))
            || self.attempts.iter().any(|attempt| attempt.writes.iter().any(insists))
    }

    /// Whether nobody writes through `Head`.
    pub(crate) fn is_silent(&self) -> bool {
        let writes = |one: &Attempt| !one.writes.is_empty() || one.body.writes.is_some();
        self.hook.is_none() && !self.attempts.iter().any(writes)
    }

    /// Whether every layer that asks again has a name.
    pub(crate) fn is_exact(&self) -> bool {
        self.layers.iter().all(|(act, named)| *act != Act::Retry || *named)
    }
}

fn act(random: &mut Rng) -> Act {
    match random.u8(..9) {
        0 | 1 => Act::Insert(FIELDS[random.usize(..FIELDS.len())]),
        2 | 3 => Act::Append(["set-cookie", "vary", "link", "server-timing"][random.usize(..4)]),
        4 => Act::Retry,
        5 => Act::TimeOut,
        6 => Act::Catch,
        7 => Act::Page,
        _ => Act::Fresh,
    }
}

fn status(random: &mut Rng) -> u16 {
    [200, 200, 200, 201, 204, 206, 302, 304, 404, 422, 429, 500, 503][random.usize(..13)]
}

fn write(random: &mut Rng) -> Written {
    let field = FIELDS[random.usize(..FIELDS.len())];
    match random.u8(..10) {
        0..=3 => Written::Field(How::Insert, field),
        4 | 5 => Written::Field(How::Append, field),
        6 => Written::Field(How::Default, field),
        7 => Written::Field(How::Remove, field),
        8 => Written::Insisted(status(random)),
        _ => Written::Status(status(random)),
    }
}

fn attempt(random: &mut Rng, may_hang: bool) -> Attempt {
    let how = match random.u8(..12) {
        0 => Answers::Err,
        1 => Answers::Panic,
        2 if may_hang => Answers::Never,
        _ => Answers::Response,
    };
    let chunks: Vec<_> = (0..random.usize(..4)).map(|_| random.usize(..6)).collect();
    let end = match random.u8(..6) {
        0 => End::Fails,
        1 => End::Panics,
        _ => End::Whole,
    };
    let writes = (random.u8(..4) == 0).then(|| (random.usize(..=chunks.len()), write(random)));
    let pauses = (0..=chunks.len()).filter(|_| random.u8(..3) == 0).collect();
    Attempt {
        writes: (0..random.usize(..4)).map(|_| write(random)).collect(),
        status: status(random),
        fields: (0..random.usize(..4)).map(|_| FIELDS[random.usize(..FIELDS.len())]).collect(),
        how,
        body: Script { chunks, pauses, writes, trailers: random.u8(..3) == 0, end },
    }
}
