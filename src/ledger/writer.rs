//! Who made a write: a source line, a named layer, or what was there before anyone looked.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::header::HeaderName;

use super::LayerKind;

/// The name of a layer, as it was given to [`named`](crate::named()).
#[derive(Clone)]
pub struct LayerName {
    label: Arc<Label>,
    /// Which of the services that were made of the layer this is.
    instance: u32,
    /// Which of those with the same name on one head, from 1; 0 if it is the only one.
    ordinal: u32,
}

/// A name, and the fields that the layer of that name is there to change.
struct Label {
    name: Cow<'static, str>,
    owns: Vec<HeaderName>,
    owns_status: bool,
    codes_content: bool,
    kind: Option<LayerKind>,
    /// How many requests without a head came through it.
    outside: AtomicU32,
}

impl LayerName {
    pub(crate) fn new(name: Cow<'static, str>) -> Self {
        Self::labelled(Label::new(name))
    }

    fn labelled(label: Label) -> Self {
        Self { label: Arc::new(label), instance: 0, ordinal: 0 }
    }

    /// The name of another service that is made of the layer.
    pub(crate) fn instance(&self) -> Self {
        // After 2^32 of them a number is another's, too; those two hardly meet on one head.
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let instance = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
        Self { label: Arc::clone(&self.label), instance, ordinal: 0 }
    }

    /// Which service of all that have names this is; 0 if it is none.
    pub(crate) const fn number(&self) -> u64 {
        self.instance as u64
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.label.name
    }

    /// The same name with more fields that it owns.
    pub(crate) fn owning(&self, more: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut label = self.label.copy();
        label.owns.extend(more);
        Self::labelled(label)
    }

    /// The same name, which owns the status, too.
    pub(crate) fn owning_status(&self) -> Self {
        Self::labelled(Label { owns_status: true, ..self.label.copy() })
    }

    /// The same name, of a layer that is there to apply or undo a content coding.
    pub(crate) fn coding_content(&self) -> Self {
        Self::labelled(Label { codes_content: true, ..self.label.copy() })
    }

    /// The same name, of a layer of this kind.
    pub(crate) fn of_kind(&self, kind: LayerKind) -> Self {
        Self::labelled(Label { kind: Some(kind), ..self.label.copy() })
    }

    /// What the layer is there for, where its place among others matters.
    pub(crate) fn kind(&self) -> Option<LayerKind> {
        self.label.kind
    }

    /// Whether it is still of interest that requests without a head come through the layer: it may have been put around
    /// what has no layer of this crate, and then it is not for long.
    pub(crate) fn may_be_outside(&self) -> bool {
        /// So many requests tell enough.
        const MOST: u32 = 1024;
        let seen = &self.label.outside;
        seen.load(Ordering::Relaxed) < MOST && seen.fetch_add(1, Ordering::Relaxed) < MOST
    }

    /// Whether the layer is there to change this field.
    pub(crate) fn owns(&self, field: &HeaderName) -> bool {
        self.label.owns.contains(field)
    }

    /// Whether the layer is there to change the status.
    pub(crate) fn owns_status(&self) -> bool {
        self.label.owns_status
    }

    /// Whether the layer is there to apply or undo a content coding.
    fn codes_content(&self) -> bool {
        self.label.codes_content
    }

    /// Gives it a number among those of `layers` that have the same name, if there are several.
    pub(super) fn tell_apart(&mut self, layers: &[Self]) {
        let same = || layers.iter().filter(|other| other.as_str() == self.as_str());
        if let (2.., Some(at)) = (same().count(), same().position(|other| other.is(self))) {
            self.ordinal = u32::try_from(at + 1).unwrap_or_default();
        }
    }

    /// Whether both are of one service, and not only of one name.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.instance == other.instance && Arc::ptr_eq(&self.label, &other.label)
    }
}

impl Label {
    const fn new(name: Cow<'static, str>) -> Self {
        Self {
            name,
            owns: Vec::new(),
            owns_status: false,
            codes_content: false,
            kind: None,
            outside: AtomicU32::new(0),
        }
    }

    fn copy(&self) -> Self {
        let Self { name, owns, owns_status, codes_content, kind, outside: _ } = self;
        let (owns_status, codes_content, kind) = (*owns_status, *codes_content, *kind);
        Self { owns: owns.clone(), owns_status, codes_content, kind, ..Self::new(name.clone()) }
    }
}

/// The name; where several layers of one name wrote to a head, with a number: `cors#1` is the one that wrote
/// first, mostly the innermost.
impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        if self.ordinal > 0 { write!(f, "#{}", self.ordinal) } else { Ok(()) }
    }
}

impl fmt::Debug for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LayerName").field(&self.as_str()).finish()
    }
}

/// A line of a file of header policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyPlace {
    file: Arc<str>,
    number: u32,
}

impl PolicyPlace {
    #[allow(dead_code, reason = "a policy alone makes them, and is an option")]
    pub(crate) const fn new(file: Arc<str>, number: u32) -> Self {
        Self { file, number }
    }

    /// What the file is called, as it was given to [`Policy::parse`](crate::policy::Policy::parse).
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line's number; the first is 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }
}

impl fmt::Display for PolicyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy {}:{}", self.file, self.number)
    }
}

/// Who made a write.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Writer {
    /// A call of [`Head`](crate::Head) or [`HeadDraft`](crate::HeadDraft), at this source line.
    Place(&'static Location<'static>),
    /// A layer that was [`named`](crate::named()).
    Layer(LayerName),
    /// The response as it first came into sight: the handler, or a layer inside the innermost
    /// named one.
    Response,
    /// A layer without a name. It stands outside this named one, if there is one.
    Unnamed(Option<LayerName>),
    /// The body's own trailers, which came before the head was gone.
    Trailers,
    /// The framing guard; see [`Mended`](crate::Mended).
    Framing,
    /// The error answer that took the head's place.
    ErrorAnswer,
    /// A [rule](crate::Rules).
    Rule,
    /// A line of a header policy; see [`LetterheadLayer::policy`](crate::LetterheadLayer::policy).
    Policy(PolicyPlace),
    /// The layer itself, because an option says so: a link to a reporter's [page](crate::report::Reporter::page), or
    /// [times](crate::LetterheadLayer::server_timing).
    Letterhead,
    /// The signature of the head; see [`Rule::BrokenSignature`](crate::Rule::BrokenSignature).
    Signer,
}

impl Writer {
    /// The source line, if it was one.
    #[must_use]
    pub const fn location(&self) -> Option<&'static Location<'static>> {
        match self {
            Self::Place(location) => Some(location),
            Self::Layer(_)
            | Self::Response
            | Self::Unnamed(_)
            | Self::Trailers
            | Self::Framing
            | Self::ErrorAnswer
            | Self::Rule
            | Self::Policy(_)
            | Self::Letterhead
            | Self::Signer => None,
        }
    }

    /// The layer's name, if it was a named one.
    #[must_use]
    pub const fn layer(&self) -> Option<&LayerName> {
        match self {
            Self::Layer(name) => Some(name),
            Self::Place(_)
            | Self::Response
            | Self::Unnamed(_)
            | Self::Trailers
            | Self::Framing
            | Self::ErrorAnswer
            | Self::Rule
            | Self::Policy(_)
            | Self::Letterhead
            | Self::Signer => None,
        }
    }

    /// Whether the writer is there to change this field.
    pub(crate) fn owns(&self, field: &HeaderName) -> bool {
        self.layer().is_some_and(|layer| layer.owns(field))
    }

    /// Whether the writer is there to change the status.
    pub(crate) fn owns_status(&self) -> bool {
        self.layer().is_some_and(LayerName::owns_status)
    }

    /// Whether the writer is there to apply or undo a content coding.
    pub(crate) fn codes_content(&self) -> bool {
        self.layer().is_some_and(LayerName::codes_content)
    }

    /// Whether both are one and the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let kind = std::mem::discriminant(self) == std::mem::discriminant(other);
        kind && self.location() == other.location()
            && match (self.place_of(), other.place_of()) {
                (Some(one), Some(two)) => one.is(two),
                (one, two) => one.is_none() && two.is_none(),
            }
    }

    /// The same, to be changed.
    pub(super) const fn place_mut(&mut self) -> Option<&mut LayerName> {
        match self {
            Self::Layer(name) | Self::Unnamed(Some(name)) => Some(name),
            Self::Place(_)
            | Self::Response
            | Self::Unnamed(None)
            | Self::Trailers
            | Self::Framing
            | Self::ErrorAnswer
            | Self::Rule
            | Self::Policy(_)
            | Self::Letterhead
            | Self::Signer => None,
        }
    }

    /// The named layer that this is, or stands around.
    pub(super) const fn place_of(&self) -> Option<&LayerName> {
        match self {
            Self::Layer(name) | Self::Unnamed(Some(name)) => Some(name),
            Self::Place(_)
            | Self::Response
            | Self::Unnamed(None)
            | Self::Trailers
            | Self::Framing
            | Self::ErrorAnswer
            | Self::Rule
            | Self::Policy(_)
            | Self::Letterhead
            | Self::Signer => None,
        }
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(location) => write!(f, "{}:{}", location.file(), location.line()),
            Self::Layer(name) => write!(f, "layer {name}"),
            Self::Response => f.write_str("the handler"),
            Self::Unnamed(Some(inside)) => write!(f, "an unnamed layer outside {inside}"),
            Self::Unnamed(None) => f.write_str("an unnamed layer"),
            Self::Trailers => f.write_str("the body's trailers"),
            Self::Framing => f.write_str("the framing guard"),
            Self::ErrorAnswer => f.write_str("the error answer"),
            Self::Rule => f.write_str("a rule"),
            Self::Policy(line) => write!(f, "{line}"),
            Self::Letterhead => f.write_str("the letterhead layer"),
            Self::Signer => f.write_str("the signer"),
        }
    }
}
