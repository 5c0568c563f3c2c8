//! The server of the example.

use std::net::SocketAddr;
use std::path::{Path as Place, PathBuf};
use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::{CONTENT_RANGE, HeaderMap, IF_MATCH, IF_NONE_MATCH};
use http::{Method, StatusCode};
use letterhead::LetterheadLayer;
use letterhead::store::{KeyRing, Scrub, SigningKey, Store, StoreError, Unsigned, When};

use crate::args::{self, Args};
use crate::{explain, fields, shared};

/// A directory that is gone with its value.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[derive(Clone)]
struct App {
    store: Store,
    most: u64,
}

#[tokio::main]
pub(crate) async fn run() -> ExitCode {
    let args = match Args::read(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let name = format!("letterhead-store-{}", std::process::id());
    let mut directory = std::env::temp_dir().join(name);
    let mut _temporary = None;
    if let Some(given) = &args.directory {
        directory.clone_from(given);
    } else if let Err(error) = std::fs::create_dir(&directory) {
        eprintln!("{}: {error}", directory.display());
        return ExitCode::FAILURE;
    } else {
        _temporary = Some(Temporary(directory.clone()));
    }
    let store = match opened(&directory, args.sign.as_deref()) {
        Ok(store) => store.writing(args.writing),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if args.scrub {
        return scrub(&store, args.quarantine).await;
    }
    let app = App { store, most: args.most };
    let router = Router::new().route("/{name}", any(answer)).with_state(app);
    let layer = LetterheadLayer::new().on_end(|receipt| eprintln!("{receipt}"));
    shared::run_at(args.listen, router.layer(layer), curl_lines).await
}

fn opened(directory: &Place, sign: Option<&Place>) -> Result<Store, String> {
    let store = Store::open(directory).map_err(|error| format!("{}: {error}", directory.display()));
    let store = store?.on_notice(|notice| eprintln!("{notice}"));
    let Some(file) = sign else { return Ok(store) };
    let seed = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let seed = seed.try_into().map_err(|seed: Vec<u8>| {
        format!("{}: wanted 32 bytes, found {}", file.display(), seed.len())
    })?;
    let ring = KeyRing::new().sign_with(SigningKey::ed25519("example", &seed));
    Ok(store.keys(ring).unsigned(Unsigned::Refused))
}

async fn scrub(store: &Store, quarantine: bool) -> ExitCode {
    let scrub = if quarantine { Scrub::new().quarantine() } else { Scrub::new() };
    let scrubbed = match store.scrub(scrub).await {
        Ok(scrubbed) => scrubbed,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{} sound, {} repaired", scrubbed.sound, scrubbed.repaired.len());
    for (name, error) in &scrubbed.bad {
        println!("{name}: {error}");
    }
    for (name, file) in &scrubbed.quarantined {
        println!("{name} is {file} now");
    }
    if scrubbed.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn answer(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let done = match *request.method() {
        Method::PUT => put(&app, &name, request).await,
        Method::PATCH => patch(&app, &name, &request.into_parts().0.headers).await,
        Method::DELETE => {
            app.store.remove(&name, None).await.map(|_| StatusCode::NO_CONTENT.into_response())
        }
        _ if query.as_deref() == Some("explain") => {
            let stored = app.store.head(&name, None).await;
            stored.map(|stored| explain::explain(&name, &stored).into_response())
        }
        _ => Ok(app.store.send(&request, &name).await.into_response()),
    };
    done.unwrap_or_else(|error| (error.status(), format!("{error}\n")).into_response())
}

/// 201 for a new name, 204 for one that was taken.
async fn put(app: &App, name: &str, request: Request) -> Result<Response, StoreError> {
    let refuse = |status: StatusCode, why: &'static str| Ok((status, why).into_response());
    // RFC 9110, section 14.5: a part is not the whole, and must not be stored as if it were.
    if request.headers().contains_key(CONTENT_RANGE) {
        pass_over(request.into_body()).await;
        return refuse(StatusCode::BAD_REQUEST, "wanted the whole, found a part\n");
    }
    let length = http_body::Body::size_hint(request.body()).lower();
    if length > app.most {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "wanted less content\n");
    }
    let (parts, body) = request.into_parts();
    let Some(when) = condition(app, name, &parts.headers).await? else {
        pass_over(body).await;
        return refuse(StatusCode::PRECONDITION_FAILED, "the condition does not hold\n");
    };
    let most = usize::try_from(app.most).unwrap_or(usize::MAX);
    let mut response = http::Response::new(http_body_util::Limited::new(body, most));
    *response.headers_mut() = fields::stored(&parts.headers);
    match app.store.put(name, when, response).await {
        Ok(published) if published.generation == 1 => Ok(StatusCode::CREATED.into_response()),
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) if is_too_long(&error) => {
            refuse(StatusCode::PAYLOAD_TOO_LARGE, "wanted less content\n")
        }
        Err(error) => Err(error),
    }
}

/// Reads what nobody wants, up to a megabyte: an answer that crosses a client's content on its way resets an
/// HTTP/2 stream, and some clients then take the answer for none.
async fn pass_over(body: Body) {
    let _ = axum::body::to_bytes(body, 1 << 20).await;
}

fn is_too_long(error: &StoreError) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// `If-None-Match: *` and `If-Match` (RFC 9110, section 13.1); `None`: it does not hold.
async fn condition(app: &App, name: &str, fields: &HeaderMap) -> Result<Option<When>, StoreError> {
    if fields.get(IF_NONE_MATCH).is_some_and(|value| value == "*") {
        // Looked at first, so that the content is not begun to be stored in vain.
        return match app.store.head(name, None).await {
            Ok(_) => Ok(None),
            Err(error) if error.is_not_found() => Ok(Some(When::New)),
            Err(error) => Err(error),
        };
    }
    let Some(wanted) = fields.get(IF_MATCH) else { return Ok(Some(When::Always)) };
    let stored = match app.store.head(name, None).await {
        Err(error) if error.is_not_found() => return Ok(None),
        stored => stored?,
    };
    // The tag is the one that a GET would have.
    let head = http::Request::head("/").body(()).unwrap_or_default();
    let sent = app.store.try_send(&head, name, Some(stored.generation())).await?;
    let tag = sent.headers().get("etag");
    let holds = wanted == "*" || tag == Some(wanted);
    Ok(holds.then_some(When::Generation(stored.generation())))
}

/// Changes the head alone: 204.
async fn patch(app: &App, name: &str, asked: &HeaderMap) -> Result<Response, StoreError> {
    app.store.modify(name, |head| fields::change(head.headers_mut(), asked)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn curl_lines(addr: SocketAddr) -> String {
    format!(
        "curl -i -T Cargo.toml -H 'content-type: text/plain' http://{addr}/a      # 201\n\
         curl -i http://{addr}/a                                                  # as it was stored\n\
         curl -i -X PATCH -H 'x-head-cache-control: max-age=60' http://{addr}/a   # 204: the head alone\n\
         curl -i -r 0-8 http://{addr}/a                                           # 206, with the new head\n\
         curl -i -T Cargo.toml -H 'if-none-match: *' http://{addr}/a              # 412: it is taken\n\
         curl 'http://{addr}/a?explain'                                           # slots, generation, signature\n"
    )
}
