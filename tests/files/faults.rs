//! Every error number at every step, refused by the kernel for real, on HTTP/1.1 and HTTP/2.

use std::sync::{Arc, Mutex};

use expect_test::expect_file;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use letterhead::files::FileBody;
use letterhead::{Decision, FileSender, LetterheadLayer, Operation, Recovery};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
use tower::{Layer as _, ServiceExt as _};

use crate::apart::{descriptors, in_child, runtime};
use crate::cell::{Matrix, told};
use crate::client::{H2, Raw};
use crate::scratch::Scratch;
use crate::serve::{serve, soon};

/// The system calls of a step.
type Calls = fn() -> Vec<(i64, Vec<SeccompRule>)>;

/// Both have the offset in the same place.
const READS: [i64; 2] = [libc::SYS_pread64, libc::SYS_preadv2];

/// Where a file of two chunks is refused.
const STEPS: [(&str, Calls); 5] = [
    ("resolve", || vec![(libc::SYS_openat2, vec![]), (libc::SYS_openat, vec![])]),
    ("stat", || vec![(libc::SYS_fstat, vec![])]),
    ("first read", || READS.map(|call| (call, vec![])).to_vec()),
    ("later read", || {
        let behind = FileSender::CHUNK as u64;
        let op = SeccompCmpOp::Ge;
        let offset = SeccompCondition::new(3, SeccompCmpArgLen::Qword, op, behind).unwrap();
        let rule = SeccompRule::new(vec![offset]).unwrap();
        READS.map(|call| (call, vec![rule.clone()])).to_vec()
    }),
    ("thread", || {
        // What cannot be opened at once needs one.
        refuse(vec![(libc::SYS_openat2, vec![])], libc::EAGAIN);
        vec![(libc::SYS_clone, vec![]), (libc::SYS_clone3, vec![])]
    }),
];

macro_rules! errnos {
    ($($name:ident)*) => { &[$((stringify!($name), libc::$name)),*] };
}

pub(crate) const ERRNOS: &[(&str, i32)] = errnos!(
    EPERM ENOENT EINTR EIO ENXIO EAGAIN ENOMEM EACCES EBUSY EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE
    EMFILE ETXTBSY EFBIG ENOSPC EROFS EMLINK ENAMETOOLONG ENOSYS ELOOP EOVERFLOW EILSEQ EOPNOTSUPP
    ETIMEDOUT ESTALE EDQUOT
);

/// From now on this thread and those that it starts are refused these calls with `errno`.
pub(crate) fn refuse(calls: Vec<(i64, Vec<SeccompRule>)>, errno: i32) {
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let filter =
        SeccompFilter::new(calls.into_iter().collect(), SeccompAction::Allow, action, arch)
            .unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}

/// What a client of HTTP/1.1 and one of HTTP/2 get while the kernel refuses.
fn refused(sender: FileSender, step: Calls, errno: i32) -> [String; 2] {
    refused_lines(sender, step, errno, "")
}

/// As [`refused`], with these field lines in the request on HTTP/1.1.
fn refused_lines(sender: FileSender, step: Calls, errno: i32, lines: &'static str) -> [String; 2] {
    let serving = move || {
        refuse(step(), errno);
        runtime().block_on(async move {
            let server = serve(LetterheadLayer::new().layer(sender)).await;
            let mut raw = Raw::connect(&server).await;
            raw.get("/f", &format!("connection: close\r\n{lines}")).await;
            let head = raw.head().await;
            let body = raw.rest().await;
            let lines: Vec<&str> = head.split("\r\n").collect();
            let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name));
            let promised = field("content-length: ").unwrap().parse().unwrap();
            let h1 = told(&lines[0][9..12], field("retry-after: "), body.len(), promised);

            let h2 = H2::connect(&server).await;
            let answer = soon(h2.get("/f")).await.unwrap();
            let promised = answer.field("content-length").unwrap().parse().unwrap();
            let mut text = told(
                answer.status.as_str(),
                answer.field("retry-after"),
                answer.body.len(),
                promised,
            );
            // Short of what was promised there is a reset, and else there is none.
            assert_eq!(answer.reset.is_some(), answer.body.len() < promised, "{answer:?}");
            if answer.reset.is_some_and(|reset| reset != h2::Reason::INTERNAL_ERROR) {
                text = format!("{:?}", answer.reset);
            }
            [h1, text]
        })
    };
    // The filter goes with the thread.
    std::thread::spawn(serving).join().unwrap()
}

#[test]
fn the_matrix_of_faults() {
    // Nobody else opens descriptors there.
    in_child("faults::the_matrix_of_faults", || {
        let scratch = Scratch::new();
        scratch.write("f", vec![b'a'; 2 * FileSender::CHUNK]);
        let mut matrix = Matrix::new("refused system calls", 14, "errno", 2);
        for (name, _) in STEPS {
            matrix.cell(name);
        }
        // What the first runtime opens for the process stays open.
        drop(runtime());
        let mut before = descriptors();
        for (name, errno) in ERRNOS {
            matrix.row(name);
            for (step, calls) in STEPS {
                let [h1, h2] = refused(scratch.sender(), calls, *errno);
                assert_eq!(h1, h2, "{step} {name}");
                matrix.cell(&h1);
                if step == "thread" {
                    // tokio never drops a runtime whose pool has work and never had a thread.
                    before = descriptors();
                }
                assert_eq!(descriptors(), before, "{step} {name}");
            }
        }
        matrix.finish(&expect_file!["./faults.txt"]);
    });
}

#[test]
fn a_refusal_is_told_with_its_decision_and_a_diagnosis() {
    let scratch = Scratch::new();
    scratch.write("f", vec![b'a'; 2 * FileSender::CHUNK]);
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&lines);
    let sender = scratch.sender().on_refusal(move |refused| {
        kept.lock().unwrap().push(refused.to_string());
        // Its panic is nobody's business.
        panic!("in the callback");
    });
    let [h1, h2] = refused(sender, STEPS[2].1, libc::EACCES);
    assert_eq!([h1.as_str(), h2.as_str()], ["403", "403"]);
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 2);
    let start =
        "f: wanted the file's bytes, found EACCES (13): 403: it is there, and may not be had (";
    assert!(lines[0].starts_with(start), "{}", lines[0]);
    // The filter that did it is named.
    assert!(lines[0].contains(", seccomp filter"), "{}", lines[0]);
}

#[test]
fn a_file_of_others_is_forbidden_and_the_missing_right_is_told() {
    use rustix::process::{Gid, Uid, geteuid};
    use std::os::unix::fs::PermissionsExt as _;
    if !geteuid().is_root() {
        return crate::skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("f", "closed").write("d/f", "below");
    // Who may pass through a directory need not be able to list it.
    scratch.write("passed/index.html", "index");
    for (name, mode) in [("f", 0o600), ("d", 0o700), ("passed", 0o711)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(scratch.path(name), mode).unwrap();
    }
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&lines);
    let sender = scratch.sender().on_refusal(move |refused| {
        assert_eq!(refused.errno(), libc::EACCES);
        kept.lock().unwrap().push(refused.to_string());
    });
    let nobody = move || {
        let (uid, gid) = (Uid::from_raw(65534), Gid::from_raw(65534));
        rustix::thread::set_thread_groups(&[]).unwrap();
        rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
        runtime().block_on(async move {
            let server = serve(LetterheadLayer::new().layer(sender)).await;
            for path in ["/f", "/d/f", "/d/"] {
                let answer = crate::client::h1_get(&server, path, "").await;
                // Terse to the client.
                let terse = r#"{"type":"about:blank","title":"Forbidden","status":403}"#;
                assert_eq!((answer.status(), answer.body.as_str()), (403, terse), "{path}");
            }
            assert_eq!(crate::client::h1_get(&server, "/passed/", "").await.body, "index");
        });
    };
    std::thread::spawn(nobody).join().unwrap();
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, lacking) in
        lines.iter().zip(["`f` lacks r for others", "`d` lacks x for others", "d/index.html: "])
    {
        assert!(line.contains(lacking), "{line}");
    }
}

#[test]
fn the_application_decides_otherwise() {
    let scratch = Scratch::new();
    scratch.write("f", vec![b'a'; 2 * FileSender::CHUNK]).write("index.html", "index");
    let gone = Decision::Answer { status: http::StatusCode::GONE, retry_after: None };
    let recovery = Recovery::standard().on(Operation::Read, libc::EIO, gone).on(
        Operation::Read,
        libc::EBUSY,
        Decision::Abort,
    );
    let sender = scratch.sender().recovery(recovery);
    let answers = |errno| refused(sender.clone(), STEPS[2].1, errno);
    assert_eq!(answers(libc::EIO), ["410", "410"]);
    // A body that is broken off before its head is a failure like any other: the layer has a status.
    assert_eq!(answers(libc::EBUSY), ["503+1s", "503+1s"]);
}

#[test]
fn several_parts_are_promised_no_sooner_than_one() {
    let scratch = Scratch::new();
    scratch.write("f", vec![b'a'; 2 * FileSender::CHUNK]);
    for lines in ["", "range: bytes=0-0\r\n", "range: bytes=0-0,50-50\r\n"] {
        let [h1, _] = refused_lines(scratch.sender(), STEPS[2].1, libc::EIO, lines);
        assert_eq!(h1, "500", "{lines}");
    }
}

/// What a sender answers, without a server around it.
async fn answered(sender: FileSender, method: &str, path: &str) -> Response<FileBody> {
    let request = Request::builder().method(method).uri(path).body(()).unwrap();
    sender.oneshot(request).await.unwrap()
}

#[tokio::test]
async fn what_the_application_decides_is_not_taken_for_an_absent_file() {
    let scratch = Scratch::new();
    scratch.write("root/index.html", "app").link("root/out", "../secret").write("secret", "s");
    let told: Arc<Mutex<Vec<i32>>> = Arc::default();
    let decided = |decision| {
        let told = Arc::clone(&told);
        FileSender::new(scratch.path("root"))
            .unwrap()
            .recovery(Recovery::standard().on(Operation::Resolve, libc::EXDEV, decision))
            .on_refusal(move |refused| told.lock().unwrap().push(refused.errno()))
    };
    let later = Decision::Answer {
        status: http::StatusCode::NOT_FOUND,
        retry_after: Some(std::time::Duration::from_secs(9)),
    };
    let response = answered(decided(later).fallback("index.html"), "GET", "/out").await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["retry-after"], "9");
    // Broken off before there is a head: no success, and never a clean end.
    let response = answered(decided(Decision::Abort), "HEAD", "/out").await;
    assert_eq!(response.status(), 500);
    let response = answered(decided(Decision::Abort), "GET", "/out").await;
    assert_eq!(response.status(), 500);
    assert!(response.into_body().collect().await.is_err());
    // A way out of the root is news; that there is no such name is none.
    answered(decided(later), "GET", "/missing").await;
    assert_eq!(*told.lock().unwrap(), [libc::EXDEV; 3]);
}

#[tokio::test]
async fn a_file_of_others_that_cannot_be_read_is_told_by_its_word() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content");
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&lines);
    let again = Recovery::standard().on(Operation::Read, libc::EBADF, Decision::ReResolve);
    let sender = scratch
        .sender()
        .recovery(again)
        .on_refusal(move |refused| kept.lock().unwrap().push(refused.to_string()));
    let shut = std::fs::File::options().append(true).open(scratch.path("a.txt")).unwrap();
    let request = Request::get("/").body(()).unwrap();
    let Ok(response) = sender.send_file(&request, shut, "word.txt").await;
    assert_eq!(response.status(), 500);
    let start = "word.txt: wanted the file's bytes, found EBADF (9): ";
    let lines = lines.lock().unwrap();
    // There is nothing to resolve: it is given up at once.
    assert_eq!(
        *lines,
        [
            format!("{start}re-resolve: the application says so"),
            format!("{start}500: this is not the client's fault"),
        ]
    );
}

#[tokio::test]
async fn what_is_no_file_of_a_disk_is_an_error() {
    // It says that it is a page long, and is not.
    let size = |path: &str| std::fs::metadata(path).map_or(0, |file| file.len());
    if size("/sys/kernel/profiling") == 0 {
        return crate::skip::right("sysfs");
    }
    let sender = FileSender::new("/sys/kernel").unwrap().settle(std::time::Duration::ZERO);
    assert_eq!(answered(sender, "GET", "/profiling").await.status(), 500);
}

#[test]
fn work_of_clients_that_have_left_is_not_begun() {
    let scratch = Scratch::new();
    scratch.write("root/a", "a").link("root/out", "../a");
    let told: Arc<Mutex<u32>> = Arc::default();
    let count = Arc::clone(&told);
    let sender = FileSender::new(scratch.path("root"))
        .unwrap()
        .on_refusal(move |_| *count.lock().unwrap() += 1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        // The only thread that may block is taken.
        let (free, wait) = std::sync::mpsc::channel::<()>();
        let taken = tokio::task::spawn_blocking(move || wait.recv());
        let request = Request::get("/out").body(()).unwrap();
        for _ in 0..100 {
            drop(sender.send(&request, "out"));
        }
        let last = sender.send(&request, "out");
        free.send(()).unwrap();
        taken.await.unwrap().unwrap();
        let Ok(response) = last.await;
        assert_eq!(response.status(), 404);
    });
    assert_eq!(*told.lock().unwrap(), 1);
}
