//! `letterhead::store::Store` behind `letterhead::serve`, in its variants: `store DIR VARIANT[+KEYS]`.

use std::convert::Infallible;
use std::path::Path;

use http::Request;
use letterhead::serve::RequestBody;
use letterhead::store::{Store, Unsigned, Verify};
use letterhead_peers::{anywhere, arguments, keys, run, say};
use tokio::net::TcpListener;

type Set = fn(Store) -> Store;

/// A new variant is a line here, and one in `stored.py`.
const VARIANTS: &[(&str, Set)] = &[
    // Small responses in memory, checked before, each proved by one look (the default).
    ("kept", |store| store),
    // Opened and read for each request, checked once for each version of a file.
    ("once", |store| store.cache(0).verify(Verify::Once)),
    // Opened and read for each request, the payload checked each time, the head for each version.
    ("whole", |store| store.cache(0)),
    // Opened, read and checked for each request, head and payload.
    ("every", |store| store.cache(0).verify(Verify::Always)),
];

fn main() -> std::io::Result<()> {
    let (directory, wanted) = arguments();
    let (wanted, key) = wanted.split_once('+').unwrap_or((&wanted, "unsigned"));
    let names: Vec<_> = VARIANTS.iter().map(|(name, _)| *name).collect();
    let (_, set) = VARIANTS
        .iter()
        .find(|(known, _)| *known == wanted)
        .unwrap_or_else(|| panic!("wanted one of {names:?}, found `{wanted}`"));
    let store = Store::open(Path::new(&directory).join(key)).unwrap().keys(keys(key));
    let store = if key == "unsigned" { store } else { store.unsigned(Unsigned::Refused) };
    let store = set(store);
    run(async {
        let listener = TcpListener::bind(anywhere()).await?;
        say(listener.local_addr()?);
        let service = tower::service_fn(move |request: Request<RequestBody>| {
            let name = request.uri().path().trim_start_matches('/');
            let sent = store.send(&request, name);
            async { Ok::<_, Infallible>(sent.await) }
        });
        letterhead::serve(listener, service).await
    })
    .map(drop)
}
