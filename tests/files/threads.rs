//! No thread to be had: 503 at once, and nobody waits for work that will never begin.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;

use letterhead::{FileSender, Operation};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use tokio::sync::oneshot;

use crate::apart::runtime;
use crate::client::{H2, h1_get};
use crate::scratch::Scratch;
use crate::serve::{Server, serve, soon};

/// How many clients ask at once.
const CLIENTS: usize = 50;

/// From now on this thread, and those that it starts, get no thread.
fn no_threads(errno: i32) {
    let rules = [libc::SYS_clone, libc::SYS_clone3].map(|call| (call, Vec::new()));
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter =
        SeccompFilter::new(rules.into_iter().collect(), SeccompAction::Allow, action, arch)
            .unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}

/// A server on a thread of its own that gets no other thread; what is in its pool is `busy` for good.
struct Starved {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Starved {
    fn with(files: FileSender, errno: i32, is_busy: bool) -> Self {
        let (told, addr) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let work = move || {
            let runtime = runtime();
            let (hold, held) = mpsc::channel::<()>();
            runtime.block_on(async {
                if is_busy {
                    let (begin, begun) = oneshot::channel();
                    drop(tokio::task::spawn_blocking(move || {
                        begin.send(()).unwrap();
                        held.recv()
                    }));
                    begun.await.unwrap();
                }
                let server = serve(files).await;
                no_threads(errno);
                told.send(server.addr).unwrap();
                let _ = stopped.await;
                drop(hold);
            });
        };
        let thread = Some(thread::spawn(work));
        Self { addr: addr.recv().unwrap(), stop: Some(stop), thread }
    }

    /// As the clients have it.
    fn server(&self) -> Server {
        Server::begun(self.addr, tokio::spawn(async {}))
    }
}

impl Drop for Starved {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().unwrap().join();
    }
}

/// `CLIENTS` ask a server that gets no thread for one name, over both protocols; then it has threads again.
async fn check(errno: i32, is_busy: bool) {
    let scratch = Scratch::new();
    scratch.write("d/a", "a");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let files = scratch.sender().listing(9).on_refusal(move |refused| {
        ear.lock().unwrap().push((refused.operation(), refused.errno(), refused.to_string()));
    });
    let starved = Starved::with(files.clone(), errno, is_busy);
    let server = starved.server();
    let all = async {
        // The later ones come when the first have been answered.
        for _ in 0..2 {
            let h1 = (0..CLIENTS).map(|_| async {
                let answer = h1_get(&server, "/d/", "").await;
                (answer.status(), answer.field("retry-after").map(str::to_owned))
            });
            let h2 = H2::connect(&server).await;
            let h2 = (0..CLIENTS).map(|_| async {
                let answer = h2.get("/d/").await.unwrap();
                (answer.status.as_u16(), answer.field("retry-after").map(str::to_owned))
            });
            let answers = futures_util::future::join_all(h1).await;
            for answer in answers.into_iter().chain(futures_util::future::join_all(h2).await) {
                assert_eq!(answer, (503, Some("1".to_owned())), "{errno} {is_busy}");
            }
        }
    };
    soon(all).await;
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    assert_eq!(heard.len(), 4 * CLIENTS);
    let (operation, number, text) = &heard[0];
    assert_eq!((*operation, *number), (Operation::Thread, errno), "{text}");
    assert!(text.contains("wanted a thread for work that may block"), "{text}");
    // Where there are threads, the same sender has all it needs: nobody is still ahead.
    let other = serve(files.clone()).await;
    let again = (0..CLIENTS).map(|_| h1_get(&other, "/d/", ""));
    for answer in soon(futures_util::future::join_all(again)).await {
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn no_thread_at_all_is_503_and_nobody_waits_for_it() {
    check(libc::EAGAIN, false).await;
}

#[tokio::test]
async fn no_thread_beside_one_that_is_busy_for_good_is_503_too() {
    check(libc::EAGAIN, true).await;
}

#[tokio::test]
async fn a_filter_that_denies_threads_is_503_as_well() {
    check(libc::EPERM, false).await;
}

#[test]
fn a_server_of_many_workers_has_no_thread_either() {
    // Its workers stand in the pool's count: they are no threads that could do the work.
    let scratch = Scratch::new();
    scratch.write("d/a", "a");
    let files = scratch.sender().listing(9);
    let work = move || {
        let mut many = tokio::runtime::Builder::new_multi_thread();
        let runtime = many.worker_threads(2).enable_all().build().unwrap();
        no_threads(libc::EAGAIN);
        runtime.block_on(async {
            let request = http::Request::get("/d/").body(()).unwrap();
            let response = tower::ServiceExt::oneshot(files, request);
            assert_eq!(soon(response).await.unwrap().status(), 503);
        });
        runtime.shutdown_background();
    };
    thread::spawn(work).join().unwrap();
}

#[test]
fn a_body_whose_rest_needs_a_thread_is_broken_off() {
    use http_body_util::BodyExt as _;

    let scratch = Scratch::new();
    scratch.write("long", vec![7; 3 * FileSender::CHUNK]);
    let files = scratch.sender();
    let work = move || {
        runtime().block_on(async {
            let request = http::Request::get("/long").body(()).unwrap();
            let mut response = tower::ServiceExt::oneshot(files, request).await.unwrap();
            response.body_mut().frame().await.unwrap().unwrap();
            no_threads(libc::EAGAIN);
            // Nothing is read at once any more.
            let none = SeccompAction::Errno(libc::EOPNOTSUPP.unsigned_abs());
            let rules = [(libc::SYS_preadv2, Vec::new())].into_iter().collect();
            let arch = std::env::consts::ARCH.try_into().unwrap();
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, none, arch).unwrap();
            apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
            let error = soon(response.body_mut().collect()).await.unwrap_err();
            assert!(error.to_string().contains("EAGAIN (11)"), "{error}");
        });
    };
    thread::spawn(work).join().unwrap();
}
