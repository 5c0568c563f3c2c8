//! Chains of `io_uring` on a real kernel: refused, cut, too long, and given up by whoever waits.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::Response;
use letterhead::store::{Store, When, Writing};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::apart::{in_child, in_namespace, runtime, tool};
use crate::refused::refuse;
use crate::scratch::Scratch;
use crate::tools::{get, text};
use crate::writings::{has_ring, has_strace, listening, store, traced};

/// Whatever is wanted of a store, with what its notices said.
fn refused(calls: &[i64], errno: i32) -> Vec<String> {
    let scratch = Scratch::new();
    let work = || {
        // It had a ring before, and has none any more, or never.
        let before = store(&scratch, Writing::Ring);
        runtime().block_on(before.put("before", When::New, text("before"))).unwrap();
        let (store, heard) = listening(store(&scratch, Writing::Ring));
        let (before, heard_before) = listening(before);
        refuse("rings", calls, errno);
        runtime().block_on(async {
            for store in [&store, &before] {
                for name in ["a", "b"] {
                    let put = store.put(name, When::Always, text(name)).await.unwrap();
                    assert_eq!((put.writing, put.durable), (Writing::Positional, true));
                    let update = store.update(name, None, &Response::new(())).await.unwrap();
                    assert_eq!((update.writing, update.durable), (Writing::Positional, true));
                    assert_eq!(get(store, name).await, (200, name.to_owned()));
                }
            }
        });
        let before = heard_before.lock().unwrap().len();
        assert_eq!(before, usize::from(calls.contains(&libc::SYS_io_uring_enter)));
        heard.lock().unwrap().clone()
    };
    // The filter goes with the thread.
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

#[test]
fn a_ring_that_is_refused_is_told_once_and_done_without() {
    if !has_ring() {
        return;
    }
    let calls = [
        vec![libc::SYS_io_uring_setup, libc::SYS_io_uring_enter],
        vec![libc::SYS_io_uring_register, libc::SYS_io_uring_enter],
        vec![libc::SYS_io_uring_enter],
    ];
    for calls in &calls {
        for (errno, name) in [
            (libc::ENOSYS, "ENOSYS (38)"),
            (libc::EPERM, "EPERM (1)"),
            (libc::ENOMEM, "ENOMEM (12)"),
        ] {
            let told = refused(calls, errno);
            let mut line = format!("Ring is not to be had, {name}: written by position");
            // That there is no such call may also be said by a kernel.
            if calls[0] == libc::SYS_io_uring_setup && errno != libc::ENOSYS {
                line.push_str(" (a filter of system calls (seccomp) answers io_uring_setup)");
            }
            assert_eq!(told, [line], "{calls:?}");
        }
    }
}

#[test]
fn without_io_uring_in_the_kernel_it_is_done_without() {
    in_child("ring::without_io_uring_in_the_kernel_it_is_done_without", || {
        let scratch = Scratch::new();
        let (store, heard) = listening(store(&scratch, Writing::Ring));
        refuse("rings", &[libc::SYS_io_uring_setup], libc::ENOSYS);
        // Of one store each thread gets the same answer.
        runtime().block_on(async {
            let all = (0..8).map(|nth| {
                let store = store.clone();
                tokio::spawn(async move {
                    store.put(&nth.to_string(), When::New, text("x")).await.unwrap().writing
                })
            });
            for one in all.collect::<Vec<_>>() {
                assert_eq!(one.await.unwrap(), Writing::Positional);
            }
        });
        assert_eq!(heard.lock().unwrap().len(), 1);
    });
}

#[test]
fn a_signal_and_a_want_of_memory_are_outlived() {
    if !has_strace() || !has_ring() {
        return;
    }
    // Each third submission is not even begun: tried again, or done call by call.
    for (error, writes) in [("EINTR", false), ("EAGAIN", true)] {
        let scratch = Scratch::new();
        let inject = format!("inject=io_uring_enter:error={error}:when=2+3");
        let strace = ["-e", "trace=io_uring_enter,pwrite64", "-e", &inject];
        let told = traced(&scratch, 1, "publish", &strace);
        let refused = told.lines().filter(|line| line.contains(error)).count();
        assert!(refused > 10, "{told}");
        let entered = told.lines().filter(|line| line.contains("io_uring_enter")).count() - refused;
        assert!(entered > 30, "{told}");
        assert_eq!(told.contains("pwrite64"), writes, "{told}");
        runtime().block_on(async {
            let store = scratch.store();
            let names = store.list().await.unwrap();
            assert_eq!(names.len(), 51);
            for name in names {
                store.check(&name, None).await.unwrap();
            }
        });
    }
}

/// A payload without order, of so many bytes.
async fn put(store: &Store, name: &str, length: usize) -> Result<Writing, (u16, i32)> {
    let done = async {
        let mut upload = store.upload(name, When::New, None).await?;
        upload.write(Bytes::from(vec![b'x'; length])).await?;
        upload.publish(&Response::new(())).await
    };
    let code = |error: letterhead::store::StoreError| {
        (error.status().as_u16(), error.refused().map_or(0, |(_, errno)| errno))
    };
    done.await.map(|published| published.writing).map_err(code)
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_chain_leaves_nothing() {
    in_namespace("ring::a_disk_that_is_full_in_the_middle_of_a_chain_leaves_nothing", || {
        if !has_ring() {
            return;
        }
        let scratch = Scratch::new();
        let at = scratch.path("full");
        std::fs::create_dir(&at).unwrap();
        let target = at.display().to_string();
        tool("mount", &["-t", "tmpfs", "-o", "size=256k", "none", &target]).unwrap();
        let store = Store::open(&at).unwrap().writing(Writing::Ring);
        // Room cannot be reserved, so a chain finds out.
        refuse("room", &[libc::SYS_fallocate], libc::EOPNOTSUPP);
        let runtime = runtime();
        assert_eq!(runtime.block_on(put(&store, "fits", 40_000)), Ok(Writing::Ring));
        for length in [230_000, 256_000, 700_000] {
            let done = runtime.block_on(put(&store, "much", length));
            assert_eq!(done, Err((507, libc::ENOSPC)), "{length}");
            let names: Vec<_> =
                std::fs::read_dir(&at).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names.len(), 2, "{names:?}");
            // Its blocks are free again, and the ring is of use.
            assert_eq!(runtime.block_on(put(&store, "more", 100_000)), Ok(Writing::Ring));
            runtime.block_on(store.remove("more", None)).unwrap();
        }
        assert_eq!(runtime.block_on(get(&store, "fits")).1.len(), 40_000);
        let update = runtime.block_on(store.update("fits", None, &Response::new(()))).unwrap();
        assert_eq!(update.writing, Writing::Ring);
    });
}

#[test]
fn a_chain_beyond_the_limit_of_a_file_ends_nobody() {
    in_child("ring::a_chain_beyond_the_limit_of_a_file_ends_nobody", || {
        if !has_ring() {
            return;
        }
        let scratch = Scratch::new();
        let store = store(&scratch, Writing::Ring);
        let before = getrlimit(Resource::Fsize);
        let limit = |current| setrlimit(Resource::Fsize, Rlimit { current, ..before }).unwrap();
        runtime().block_on(async {
            for limited in [4096, 50_000, 100_000] {
                // With its room reserved before there was a limit.
                let mut upload = store.upload("a", When::New, Some(200_000)).await.unwrap();
                upload.write(Bytes::from(vec![b'x'; 200_000])).await.unwrap();
                limit(Some(limited));
                // `SIGXFSZ` would be the end of this.
                let error = upload.publish(&Response::new(())).await.unwrap_err();
                assert_eq!(error.refused().unwrap().1, libc::EFBIG);
                assert_eq!(error.status(), 507);
                limit(before.current);
            }
            assert!(scratch.names().is_empty());
            assert_eq!(put(&store, "a", 200_000).await, Ok(Writing::Ring));
        });
    });
}

#[test]
fn a_publish_that_is_given_up_is_whole_or_not_there() {
    if !has_ring() {
        return;
    }
    let scratch = Scratch::new();
    let store = store(&scratch, Writing::Ring);
    let payload = |nth: usize| Bytes::from(nth.to_string().repeat(60_000));
    let mut given_up = Vec::new();
    let mut found = 0;
    while found < 20 {
        let nth = given_up.len();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let name = nth.to_string();
        let upload = runtime.block_on(async {
            let mut upload = store.upload(&name, When::New, None).await.unwrap();
            upload.write(payload(nth)).await.unwrap();
            upload
        });
        {
            // Its bytes are the publish's alone, and go with it.
            let guard = runtime.enter();
            let head = Response::new(());
            let mut publish = pin!(upload.publish(&head));
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..nth % 50 * 20 {
                std::thread::yield_now();
            }
            let polled = publish.as_mut().poll(&mut cx);
            assert!(matches!(polled, Poll::Pending), "it has a disk to wait for");
            for _ in 0..nth % 7 * 100 {
                std::thread::yield_now();
            }
            drop(guard);
        }
        // What is freed now may be had by others at once.
        let others: Vec<Vec<u8>> = (0..32).map(|_| vec![0xff; 60_000]).collect();
        // This waits for what has begun.
        drop(runtime);
        drop(others);
        let there = scratch.names();
        assert!(there.iter().all(|name| !name.starts_with('.')), "{there:?}");
        found = there.len();
        given_up.push(name);
        assert!(given_up.len() < 5000, "of {found} that began");
    }
    let store = scratch.store();
    runtime().block_on(async {
        for (nth, name) in given_up.iter().enumerate() {
            match store.check(name, None).await {
                Ok(_) => assert!(get(&store, name).await.1.as_bytes() == payload(nth)),
                Err(error) => assert!(error.is_not_found(), "{error}"),
            }
        }
    });
}
