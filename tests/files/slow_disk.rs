//! A filesystem that another process answers for: with any error number, and late.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use expect_test::expect_file;
use http::Request;
use http_body_util::BodyExt as _;
use letterhead::answer::Coding;
use letterhead::files::OnChange;
use letterhead::{FileSender, LetterheadLayer};
use tower::{Layer as _, ServiceExt as _};

use crate::apart::{descriptors, in_namespace, runtime, until};
use crate::cell::{Matrix, Told, ask};
use crate::client::{H2, h1_get};
use crate::faults::ERRNOS;
use crate::fuse::{Asks, FAULTY, Fuse, MISSING, SIZE, SLOW, Step};
use crate::scratch::Scratch;
use crate::serve::{serve, soon};
use crate::skip;

const BEHIND: u64 = FileSender::CHUNK as u64;

const STEPS: [(&str, Step); 6] = [
    ("lookup", Step { asks: Asks::Lookup, from: 0 }),
    ("open", Step { asks: Asks::Open, from: 0 }),
    ("look", Step { asks: Asks::Getattr, from: 0 }),
    ("first read", Step { asks: Asks::Read, from: 0 }),
    ("later read", Step { asks: Asks::Read, from: BEHIND }),
    ("later look", Step { asks: Asks::Getattr, from: BEHIND }),
];

/// A root on the machine's own disk, with such a filesystem mounted below it.
fn mounted() -> Option<(Scratch, Fuse)> {
    let scratch = Scratch::new();
    scratch.write("near", "near").write("far/covered", "");
    match Fuse::mount(&scratch.path("far")) {
        Ok(fuse) => Some((scratch, fuse)),
        Err(why) => {
            skip::right(format!("FUSE ({why})"));
            None
        }
    }
}

#[test]
fn the_matrix_of_a_filesystem_that_refuses() {
    in_namespace("slow_disk::the_matrix_of_a_filesystem_that_refuses", || {
        let Some((scratch, fuse)) = mounted() else { return };
        let mut matrix = Matrix::new("faults of a filesystem", 14, "errno", 2);
        for (name, _) in STEPS {
            matrix.cell(name);
        }
        runtime().block_on(async {
            let told = Told::default();
            let sender = told.by(scratch.sender());
            let server = serve(LetterheadLayer::new().layer(sender)).await;
            let path = format!("/far/{FAULTY}");
            assert_eq!(ask(&server, &path).await, ["200", "200"]);
            // What clients hold is closed by now, or soon will be.
            let before = descriptors() - 2;
            for (name, errno) in ERRNOS {
                matrix.row(name);
                for (step, refused) in STEPS {
                    // To the kernel this is no refusal: such a filesystem needs no open.
                    if (refused.asks, *errno) == (Asks::Open, libc::ENOSYS) {
                        matrix.cell("-");
                        continue;
                    }
                    fuse.refuse(refused, *errno);
                    let [h1, h2] = ask(&server, &path).await;
                    assert_eq!(h1, h2, "{step} {name}");
                    matrix.cell(&h1);
                    let has_cause =
                        matches!(*errno, libc::EPERM | libc::EACCES | libc::EROFS | libc::EDQUOT);
                    // That there is no such name is no news.
                    let is_news =
                        !matches!(*errno, libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG);
                    let why = if has_cause { "+why" } else { "" };
                    let expected = if is_news { format!("{name}{why}") } else { String::new() };
                    assert_eq!(told.take(), expected, "{step} {name}");
                    fuse.refuse(refused, 0);
                    until("every descriptor closed", || descriptors() <= before).await;
                }
            }
            assert_eq!(ask(&server, &path).await, ["200", "200"]);
        });
        matrix.finish(&expect_file!["./slow_disk.txt"]);
    });
}

#[test]
fn a_file_that_is_slow_delays_nobody_else() {
    in_namespace("slow_disk::a_file_that_is_slow_delays_nobody_else", || {
        let Some((scratch, fuse)) = mounted() else { return };
        let fuse = Arc::new(fuse);
        // The kernel knows the names or has to ask for them; the second is where a cached path
        // looks harmless and the open behind it is not.
        for kept in [false, true] {
            fuse.keep(kept);
            for (name, step) in STEPS {
                // What is kept is not asked for.
                if kept && matches!(step.asks, Asks::Lookup | Asks::Getattr) {
                    continue;
                }
                let held = Held { name: SLOW, step, path: SLOW, expected: (200, SIZE) };
                // Below another root, and as the root.
                let root = FileSender::new(scratch.path("far")).unwrap().settle(Duration::ZERO);
                for (sender, at) in [(scratch.sender(), "/far/"), (root, "/")] {
                    for is_h2 in [false, true] {
                        runtime().block_on(held.while_others_go_on(&sender, at, &fuse, is_h2));
                    }
                }
                println!("{name}, kept: {kept}: nobody else waited");
            }
        }
    });
}

#[test]
fn a_name_that_is_missing_slowly_delays_nobody_else() {
    in_namespace("slow_disk::a_name_that_is_missing_slowly_delays_nobody_else", || {
        let Some((scratch, fuse)) = mounted() else { return };
        let (fuse, step) = (Arc::new(fuse), STEPS[0].1);
        // The file itself, and a sibling that is looked for each time.
        for held in [
            Held { name: MISSING, step, path: MISSING, expected: (404, 55) },
            Held { name: "slow.gz", step, path: SLOW, expected: (200, SIZE) },
        ] {
            let sender = scratch.sender().precompressed([Coding::Gzip]);
            for is_h2 in [false, true] {
                runtime().block_on(held.while_others_go_on(&sender, "/far/", &fuse, is_h2));
            }
        }
    });
}

/// A request for `path` while this step of the file `name` is held back.
struct Held {
    name: &'static str,
    step: Step,
    path: &'static str,
    /// Status and length of the answer, in the end.
    expected: (u16, u64),
}

impl Held {
    /// The filesystem is to be had `at` this path.
    async fn while_others_go_on(
        &self,
        sender: &FileSender,
        at: &str,
        fuse: &Arc<Fuse>,
        is_h2: bool,
    ) {
        let server = serve(LetterheadLayer::new().layer(sender.clone())).await;
        let (path, other) = (format!("{at}{}", self.path), format!("{at}{FAULTY}"));
        let h2 = H2::connect(&server).await;
        let asked = async || {
            let request = Request::get(format!("http://test{path}"));
            let request = request.header("accept-encoding", "gzip").body(()).unwrap();
            let (response, mut sending) = h2.send(request).await;
            sending.send_data(Bytes::new(), true).unwrap();
            let (head, mut body) = soon(response).await.unwrap().into_parts();
            let mut got = 0;
            while let Some(bytes) = soon(body.data()).await {
                let bytes = bytes.unwrap().len();
                body.flow_control().release_capacity(bytes).unwrap();
                got += bytes as u64;
            }
            (head.status.as_u16(), got)
        };
        let ask = async || {
            if is_h2 {
                return asked().await;
            }
            let answer = h1_get(&server, &path, "accept-encoding: gzip\r\n").await;
            (answer.status(), answer.body.len() as u64)
        };
        // What can be known of it is known.
        for _ in 0..2 {
            assert_eq!(ask().await, self.expected);
        }
        fuse.hold(self.name, self.step);
        // If the only thread is the one that waits, nothing else here goes on.
        let guard = Arc::clone(fuse);
        let guard = std::thread::spawn(move || guard.is_released_within(Duration::from_secs(10)));
        let others = async {
            until("the answer held back", || fuse.is_holding() || guard.is_finished()).await;
            for _ in 0..20 {
                if at != "/" {
                    assert_eq!(h1_get(&server, "/near", "").await.body, "near");
                    assert_eq!(h2.get("/near").await.unwrap().body, "near");
                }
                assert_eq!(h2.get(&other).await.unwrap().body.len() as u64, SIZE);
                assert_eq!(h1_get(&server, &other, "").await.body.len() as u64, SIZE);
            }
            assert!(fuse.is_holding(), "others waited, or it was not held back");
            fuse.release();
        };
        let (held, ()) = tokio::join!(ask(), others);
        assert!(guard.join().unwrap(), "others waited");
        assert_eq!(held, self.expected);
    }
}

#[test]
fn a_file_that_is_closed_slowly_delays_nobody_else() {
    in_namespace("slow_disk::a_file_that_is_closed_slowly_delays_nobody_else", || {
        let Some((scratch, fuse)) = mounted() else { return };
        let fuse = Arc::new(fuse);
        let open = || std::fs::File::open(scratch.path("far").join(SLOW)).unwrap();
        let request = || Request::get(format!("/far/{SLOW}")).body(()).unwrap();
        let sender = scratch.sender();
        // Of a path, and of a file that somebody else opened; dropped with something in hand or not.
        for (is_path, frames) in [(true, 0), (true, 1), (false, 0), (false, 1)] {
            runtime().block_on(async {
                let answered = if is_path {
                    sender.clone().oneshot(request()).await
                } else {
                    sender.send_file(&request(), open(), "word").await
                };
                let mut body = answered.unwrap().into_body();
                for _ in 0..frames {
                    body.frame().await.unwrap().unwrap();
                }
                fuse.hold(SLOW, Step { asks: Asks::Flush, from: 0 });
                let guard = Arc::clone(&fuse);
                let patience = Duration::from_secs(10);
                let guard = std::thread::spawn(move || guard.is_released_within(patience));
                // The client has left.
                drop(body);
                until("the close", || fuse.is_holding() || guard.is_finished()).await;
                assert!(fuse.is_holding(), "the only thread waited: {is_path} {frames}");
                fuse.release();
                assert!(guard.join().unwrap());
            });
        }
    });
}

#[test]
fn a_log_caught_in_the_middle_of_an_append_goes_on() {
    in_namespace("slow_disk::a_log_caught_in_the_middle_of_an_append_goes_on", || {
        // The time of an append is there, and its bytes come soon; or never, and it is none.
        for (looks, expected) in [(0, true), (1, true), (3, true), (u64::MAX, false)] {
            let Some((scratch, fuse)) = mounted() else { return };
            let path = format!("/far/{FAULTY}");
            let sender = scratch.sender().on_change(path.as_str(), OnChange::AllowGrowth);
            let request = Request::get(&path).body(()).unwrap();
            runtime().block_on(async {
                let mut body = sender.oneshot(request).await.unwrap().into_body();
                body.frame().await.unwrap().unwrap();
                fuse.append(16, looks);
                let rest = body.collect().await.map(|rest| rest.to_bytes().len() as u64);
                assert_eq!(rest.ok(), expected.then_some(BEHIND), "{looks}");
            });
        }
    });
}
