//! The server of the example.

use std::net::SocketAddr;
use std::path::{Path as Place, PathBuf};
use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::{ALLOW, CONTENT_RANGE, EXPECT, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use letterhead::LetterheadLayer;
use letterhead::store::{KeyRing, Scrub, SigningKey, Store, StoreError, Unsigned, When};

use crate::args::{self, Args};
use crate::condition::Condition;
use crate::content::Content;
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
        Ok(store) if args.group => store.shared_with_group().writing(args.writing),
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
    let greeting = |addr| format!("listening on http://{addr}\n\n{}", curl_lines(addr));
    shared::run_at(args.listen, router.layer(layer), greeting, |server| server).await
}

fn opened(directory: &Place, sign: Option<&Place>) -> Result<Store, String> {
    let store = Store::open(directory).map_err(|error| {
        format!("--dir: wanted a directory that is there, found {}: {error}", directory.display())
    });
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
    let (parts, mut body) = request.into_parts();
    let done = match parts.method {
        Method::PUT => put(&app, &name, &parts.headers, &mut body).await,
        Method::PATCH => patch(&app, &name, &parts.headers).await,
        Method::DELETE => delete(&app, &name, &parts.headers).await,
        Method::GET | Method::HEAD if query.as_deref() == Some("explain") => {
            let stored = app.store.head(&name, None).await;
            stored.map(|stored| explain::explain(&name, &stored).into_response())
        }
        _ => Ok(send(&app, &name, &http::Request::from_parts(parts.clone(), ())).await),
    };
    let response = done.unwrap_or_else(|error| refused(&error));
    if !response.status().is_success() {
        pass_over(&parts.headers, body);
    }
    response
}

/// What `GET`, `HEAD` and `OPTIONS` get, and 405 what else there is.
async fn send(app: &App, name: &str, request: &http::Request<()>) -> Response {
    let mut response = app.store.send(request, name).await.into_response();
    // The store knows of those that it answers itself.
    if let Some(allow) = response.headers_mut().get_mut(ALLOW) {
        *allow = HeaderValue::from_static("GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
    }
    response
}

fn refused(error: &StoreError) -> Response {
    let mut response = (error.status(), format!("{error}\n")).into_response();
    if let Some(after) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, after.as_secs().into());
    }
    response
}

fn refuse(status: StatusCode, why: &'static str) -> Response {
    (status, why).into_response()
}

fn not_met() -> Response {
    refuse(StatusCode::PRECONDITION_FAILED, "the condition does not hold\n")
}

/// What has nothing to be changed, whatever the condition (RFC 9110, section 13.2.1).
fn missing() -> Response {
    refuse(StatusCode::NOT_FOUND, "there is nothing of that name\n")
}

/// 201 for a new name, 204 for one that was taken.
async fn put(
    app: &App,
    name: &str,
    asked: &HeaderMap,
    body: &mut Body,
) -> Result<Response, StoreError> {
    // RFC 9110, section 14.5: a part is not the whole, and must not be stored as if it were.
    if asked.contains_key(CONTENT_RANGE) {
        return Ok(refuse(StatusCode::BAD_REQUEST, "wanted the whole, found a part\n"));
    }
    let too_long = || refuse(StatusCode::PAYLOAD_TOO_LARGE, "wanted less content\n");
    if http_body::Body::size_hint(body).lower() > app.most {
        return Ok(too_long());
    }
    // Looked at first, so that the content is not begun to be stored in vain.
    let when = match Condition::of(&app.store, name, asked).await? {
        Condition::None => When::Always,
        Condition::Missing { holds: true } => When::New,
        Condition::Holds(stored) => When::Generation(stored.generation()),
        Condition::Missing { holds: false } | Condition::Fails => return Ok(not_met()),
    };
    let most = usize::try_from(app.most).unwrap_or(usize::MAX);
    let mut response = http::Response::new(http_body_util::Limited::new(Content(body), most));
    *response.headers_mut() = fields::stored(asked);
    match app.store.put(name, when, response).await {
        Ok(published) if published.generation == 1 => Ok(StatusCode::CREATED.into_response()),
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) if is_too_long(&error) => Ok(too_long()),
        Err(error) => Err(error),
    }
}

/// Changes the head alone: 204.
async fn patch(app: &App, name: &str, asked: &HeaderMap) -> Result<Response, StoreError> {
    match Condition::of(&app.store, name, asked).await? {
        Condition::None => {
            app.store.modify(name, |head| fields::change(head.headers_mut(), asked)).await?
        }
        Condition::Holds(stored) => {
            let mut head = stored.head();
            fields::change(head.headers_mut(), asked);
            app.store.update(name, Some(stored.generation()), &head).await?
        }
        Condition::Missing { .. } => return Ok(missing()),
        Condition::Fails => return Ok(not_met()),
    };
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// 204.
async fn delete(app: &App, name: &str, asked: &HeaderMap) -> Result<Response, StoreError> {
    let expected = match Condition::of(&app.store, name, asked).await? {
        Condition::None => None,
        Condition::Holds(stored) => Some(stored.generation()),
        Condition::Missing { .. } => return Ok(missing()),
        Condition::Fails => return Ok(not_met()),
    };
    app.store.remove(name, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Reads what nobody wants, up to a megabyte, while the answer goes out: content that is not read resets an
/// HTTP/2 stream, and some clients then take the answer for none. One that waits to be asked to go on
/// keeps its content.
fn pass_over(asked: &HeaderMap, body: Body) {
    if !asked.contains_key(EXPECT) {
        tokio::spawn(async move { axum::body::to_bytes(body, 1 << 20).await });
    }
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
