//! The guide: how the crate is built, how to mount it, and what it knows about its neighbours.

#[doc = include_str!("glossary.md")]
pub mod glossary {}

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("mounting.md")]
pub mod mounting {}

#[doc = include_str!("writes.md")]
pub mod writes {}

#[doc = include_str!("framing.md")]
pub mod framing {}

#[doc = include_str!("fields.md")]
pub mod fields {}

#[doc = include_str!("rules.md")]
pub mod rules {}

#[cfg(feature = "policy")]
#[doc = include_str!("policy.md")]
pub mod policy {}

#[doc = include_str!("deny.md")]
pub mod deny {}

#[cfg(feature = "signatures")]
#[doc = include_str!("signatures.md")]
pub mod signatures {}

#[doc = include_str!("answers.md")]
pub mod answers {}

#[doc = include_str!("examples.md")]
pub mod examples {}

#[doc = include_str!("reports.md")]
pub mod reports {}

#[cfg(feature = "inspector")]
#[doc = include_str!("inspect.md")]
#[doc = concat!(
    "\n# Pictures\n\nOf the example `inspect`.\n\n![The list: a form to filter it, and a row for each response](data:image/png;base64,",
    include_str!("../../images/inspector-list.b64"),
    ")\n\n![An exchange: how it was committed, with a bar of its times, and two conflicts with both writers](data:image/png;base64,",
    include_str!("../../images/inspector-exchange.b64"),
    ")"
)]
pub mod inspect {}

#[cfg(all(feature = "files", unix))]
#[doc = include_str!("files.md")]
pub mod files {}

#[cfg(all(feature = "files", unix))]
#[doc = include_str!("validators.md")]
pub mod validators {}

#[cfg(all(feature = "trust", unix))]
#[doc = include_str!("trust.md")]
pub mod trust {}

#[doc = include_str!("errno.md")]
pub mod errno {}

#[cfg(all(feature = "store", target_os = "linux"))]
#[doc = include_str!("store.md")]
pub mod store {}

#[cfg(feature = "serve")]
#[doc = include_str!("serving.md")]
pub mod serving {}

#[doc = include_str!("command.md")]
pub mod command {}

#[doc = include_str!("neighbours.md")]
pub mod neighbours {}
