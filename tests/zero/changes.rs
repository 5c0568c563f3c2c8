//! Files that change while they are sent: what came is of the version that was opened, and it is no
//! whole response.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use bytes::Buf as _;
use http::Request;
use letterhead::files::FileData;
use letterhead::serve::RequestBody;
use tower::{BoxError, ServiceExt as _, service_fn};

use crate::site::{KIB, MIB, Raw, Running, Site, noise, same};

/// More than the sockets of both ends hold.
const LARGE: usize = 10 * MIB;

/// A client that has the head and little more, while the file is changed by `change`; then it takes
/// what there is. What came, and what was told of the connection's end.
async fn midway(site: &Site, change: impl FnOnce(&Site)) -> (Vec<u8>, String) {
    let mut server = Running::start(site.files.clone().zero_copy()).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("file", "").await;
    assert!(raw.more().await);
    // The socket is full before the file is through.
    change(site);
    let came = raw.answer().await;
    assert_eq!(came.length, LARGE);
    assert!(!raw.more().await, "the connection goes on");
    assert!(site.spans() > 0);
    let event = server.event().await;
    server.ended().await;
    (came.body, event)
}

#[tokio::test]
async fn a_file_that_is_cut_short_breaks_the_response_off() {
    let site = Site::new();
    let content = site.file("file", LARGE);
    let (body, event) = midway(&site, |site| {
        let file = File::options().write(true).open(site.path("file")).unwrap();
        file.set_len(content.len() as u64 - 1000).unwrap();
    })
    .await;
    assert!(body.len() < LARGE - 1000, "{} bytes", body.len());
    same(&body, &content[..body.len()]);
    assert!(event.contains("found that it changed"), "{event}");
}

#[tokio::test]
async fn a_file_that_is_emptied_breaks_the_response_off() {
    let site = Site::new();
    let content = site.file("file", LARGE);
    let (body, event) = midway(&site, |site| drop(File::create(site.path("file")).unwrap())).await;
    assert!(body.len() < LARGE, "{} bytes", body.len());
    // A packet that was made before and is sent again has what the file had, or nothing.
    let true_to = body.iter().zip(&content).take_while(|(a, b)| a == b).count();
    assert!(body[true_to..].iter().all(|byte| *byte == 0), "other bytes behind {true_to}");
    assert!(event.contains("found that it changed"), "{event}");
}

#[tokio::test]
async fn a_file_that_is_written_to_breaks_the_response_off() {
    let site = Site::new();
    let content = site.file("file", LARGE);
    let (body, event) = midway(&site, |site| {
        let file = File::options().write(true).open(site.path("file")).unwrap();
        file.write_all_at(&noise(99), LARGE as u64 - 99).unwrap();
    })
    .await;
    assert!(body.len() < LARGE - 99, "{} bytes", body.len());
    same(&body, &content[..body.len()]);
    assert!(event.contains("found that it changed"), "{event}");
}

#[tokio::test]
async fn a_file_that_grows_breaks_the_response_off() {
    let site = Site::new();
    let content = site.file("file", LARGE);
    let (body, event) = midway(&site, |site| {
        let file = File::options().write(true).open(site.path("file")).unwrap();
        file.write_all_at(&noise(99), LARGE as u64).unwrap();
    })
    .await;
    assert!(body.len() < LARGE, "{} bytes", body.len());
    same(&body, &content[..body.len()]);
    assert!(event.contains("found that it changed"), "{event}");
}

#[tokio::test]
async fn a_file_that_is_replaced_goes_to_its_end() {
    let site = Site::new();
    let content = site.file("file", LARGE);
    let server = Running::start(site.files.clone().zero_copy()).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("file", "").await;
    assert!(raw.more().await);
    let next = site.file("next", LARGE - 5);
    fs::rename(site.path("next"), site.path("file")).unwrap();
    same(&raw.answer().await.body, &content);
    raw.get("file", "").await;
    same(&raw.answer().await.body, &next);
    server.ended().await;
}

#[tokio::test]
async fn a_layer_that_looks_at_a_changed_file_ends_the_connection() {
    let site = Site::new();
    let content = site.file("file", MIB);
    let files = site.files.clone().zero_copy();
    let path = site.path("file");
    let server = Running::start(service_fn(move |request: Request<RequestBody>| {
        let (files, path) = (files.clone(), path.clone());
        async move {
            let response = files.oneshot(request).await?;
            Ok::<_, BoxError>(response.map(|body| {
                http_body_util::BodyExt::map_frame(body, move |frame| {
                    frame.map_data(|mut data: FileData| {
                        let length = data.remaining();
                        if length > 64 * KIB {
                            // Within the reading of it.
                            data.advance(200_000);
                            File::create(&path).unwrap();
                        }
                        FileData::from(data.copy_to_bytes(data.remaining()))
                    })
                })
            }))
        }
    }))
    .await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("file", "").await;
    let came = raw.rest().await;
    let body =
        came.windows(4).position(|four| four == b"\r\n\r\n").map_or(&[][..], |at| &came[at + 4..]);
    assert!(body.len() <= 64 * KIB, "{} bytes", body.len());
    same(body, &content[..body.len()]);
    server.ended().await;
}
