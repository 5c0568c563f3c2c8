//! System calls of writing, refused by the kernel's own filter: what becomes of each operation.

use std::fmt::Write as _;

use bytes::Bytes;
use expect_test::expect_file;
use http::Response;
use letterhead::store::{Published, Store, StoreError, Strategy, When};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use crate::apart::runtime;
use crate::scratch::Scratch;
use crate::tools::{get, text};

/// The calls that are refused, by what they are for.
const CALLS: [(&str, &[i64]); 11] = [
    ("a file without a name", &[libc::SYS_openat]),
    ("room", &[libc::SYS_fallocate]),
    ("writing", &[libc::SYS_pwrite64]),
    ("fsync", &[libc::SYS_fsync]),
    ("fdatasync", &[libc::SYS_fdatasync]),
    ("linkat", &[libc::SYS_linkat]),
    ("renaming", &[libc::SYS_renameat, libc::SYS_renameat2]),
    ("locking", &[libc::SYS_fcntl]),
    ("cutting", &[libc::SYS_ftruncate]),
    ("taking a name away", &[libc::SYS_unlinkat]),
    ("a thread", &[libc::SYS_clone, libc::SYS_clone3]),
];

macro_rules! errnos {
    ($($name:ident)*) => { &[$((stringify!($name), libc::$name)),*] };
}

/// The same as at reads (`tests/files/faults.rs`).
const ERRNOS: &[(&str, i32)] = errnos!(
    EPERM ENOENT EINTR EIO ENXIO EAGAIN ENOMEM EACCES EBUSY EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE
    EMFILE ETXTBSY EFBIG ENOSPC EROFS EMLINK ENAMETOOLONG ENOSYS ELOOP EOVERFLOW EILSEQ EOPNOTSUPP
    ETIMEDOUT ESTALE EDQUOT
);

/// From now on this thread and those that it starts are refused these calls.
pub(crate) fn refuse(what: &str, calls: &[i64], errno: i32) {
    let rules = || {
        let narrow = |argument, op, value: i32| {
            let value = u64::from(value.unsigned_abs());
            let length = SeccompCmpArgLen::Dword;
            let condition = SeccompCondition::new(argument, length, op, value).unwrap();
            vec![SeccompRule::new(vec![condition]).unwrap()]
        };
        match what {
            "a file without a name" => {
                let flag = libc::O_TMPFILE;
                narrow(2, SeccompCmpOp::MaskedEq(u64::from(flag.unsigned_abs())), flag)
            }
            "locking" => narrow(1, SeccompCmpOp::Eq, libc::F_OFD_SETLK),
            _ => Vec::new(),
        }
    };
    let rules = calls.iter().map(|call| (*call, rules())).collect();
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}

fn outcome(done: Result<Published, StoreError>) -> String {
    match done {
        Ok(published) => {
            let strategy = match published.strategy {
                Strategy::Anonymous => "anonymous",
                Strategy::Replace => "replace",
                Strategy::InPlace => "in place",
                _ => "another",
            };
            format!("{strategy}{}", if published.durable { "" } else { "?" })
        }
        Err(error) => error.status().as_u16().to_string(),
    }
}

/// A new name, another file of a name, another head, a longer one.
async fn each(store: &Store) -> [String; 4] {
    let create = async {
        let mut upload = store.upload("new", When::New, Some(7)).await?;
        upload.write(Bytes::from_static(b"content")).await?;
        upload.publish(&Response::new(())).await
    };
    let head = |filler: usize| {
        Response::builder().header("x-filler", "x".repeat(filler)).body(()).unwrap()
    };
    [
        outcome(create.await),
        outcome(store.put("put", When::Always, text("put")).await),
        outcome(store.update("old", None, &head(100)).await),
        outcome(store.update("long", None, &head(20_000)).await),
    ]
}

#[test]
fn the_matrix_of_refused_calls() {
    let mut matrix = String::new();
    for (what, calls) in CALLS {
        let _ = writeln!(matrix, "{what}");
        for (name, errno) in ERRNOS {
            let scratch = Scratch::new();
            let names = ["put", "old", "long"];
            runtime().block_on(async {
                for name in names {
                    scratch.store().put(name, When::New, text("old")).await.unwrap();
                }
            });
            let work = || {
                let store = scratch.store();
                refuse(what, calls, *errno);
                runtime().block_on(each(&store))
            };
            // The filter goes with the thread.
            let cells = std::thread::scope(|scope| scope.spawn(work).join().unwrap());
            let _ = writeln!(matrix, "    {name:<11} {}", cells.join(", "));
            runtime().block_on(async {
                let store = scratch.store();
                for name in names {
                    let (status, content) = get(&store, name).await;
                    let allowed = ["old", if name == "put" { "put" } else { "old" }];
                    assert!(status == 200 && allowed.contains(&content.as_str()), "{what} {name}");
                    store.modify(name, |_| ()).await.unwrap();
                }
            });
            let left = scratch.names();
            assert!(left.iter().all(|name| !name.starts_with('.')), "{what} {name}: {left:?}");
        }
    }
    expect_file!["./refused.txt"].assert_eq(&matrix);
}
