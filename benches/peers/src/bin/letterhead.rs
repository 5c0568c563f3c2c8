//! `letterhead::FileSender` behind `letterhead::serve`, in its variants.

use std::time::Duration;

use letterhead::answer::Coding;
use letterhead::files::Freshness;
use letterhead::{FileSender, LetterheadLayer};
use letterhead_peers::{anywhere, arguments, run, say};
use tokio::net::TcpListener;
use tower::Layer as _;

type Set = fn(FileSender) -> FileSender;

/// A new variant is a line here, and one in `systems.py`.
const VARIANTS: &[(&str, Set)] = &[
    // Small files in memory, each proved by one look (the default).
    ("stat", |sender| sender),
    // Nothing kept: opened, looked at and read for each request.
    ("inline", |sender| sender.cache(0)),
    // As the first, and the kernel tells of changes, so that a look is good for a second.
    ("watched", |sender| sender.freshness(Freshness::Watched { max_age: Duration::from_secs(1) })),
    // From 64 KiB on the kernel sends what is in its page cache.
    ("zero", |sender| sender),
];

fn main() -> std::io::Result<()> {
    let (root, wanted) = arguments();
    let (name, layered) = match wanted.strip_suffix("+layer") {
        Some(name) => (name, true),
        None => (wanted.as_str(), false),
    };
    let names: Vec<_> = VARIANTS.iter().map(|(name, _)| *name).collect();
    let (_, set) = VARIANTS
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("wanted one of {names:?}, found `{wanted}`"));
    let sender = set(FileSender::new(root)?.precompressed([Coding::Gzip]));
    run(async {
        let listener = TcpListener::bind(anywhere()).await?;
        say(listener.local_addr()?);
        if name == "zero" {
            letterhead::serve(listener, sender.zero_copy()).await
        } else if layered {
            letterhead::serve(listener, LetterheadLayer::new().layer(sender)).await
        } else {
            letterhead::serve(listener, sender).await
        }
    })
    .map(drop)
}
