//! Every error number at every step, refused by the kernel for real, on HTTP/1.1 and HTTP/2.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use expect_test::expect_file;
use letterhead::{FileSender, LetterheadLayer, Recovery};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
use tower::Layer as _;

use crate::client::{H2, Raw};
use crate::scratch::Scratch;
use crate::serve::{serve, soon};

/// The system calls of a step.
type Calls = fn() -> Vec<(i64, Vec<SeccompRule>)>;

/// Where a file of two chunks is refused.
const STEPS: [(&str, Calls); 4] = [
    ("resolve", || vec![(libc::SYS_openat2, vec![]), (libc::SYS_openat, vec![])]),
    ("stat", || vec![(libc::SYS_fstat, vec![])]),
    ("first read", || vec![(libc::SYS_pread64, vec![])]),
    ("later read", || {
        let behind = FileSender::CHUNK as u64;
        let op = SeccompCmpOp::Ge;
        let offset = SeccompCondition::new(3, SeccompCmpArgLen::Qword, op, behind).unwrap();
        vec![(libc::SYS_pread64, vec![SeccompRule::new(vec![offset]).unwrap()])]
    }),
];

macro_rules! errnos {
    ($($name:ident)*) => { &[$((stringify!($name), libc::$name)),*] };
}

const ERRNOS: &[(&str, i32)] = errnos!(
    EPERM ENOENT EINTR EIO ENXIO EAGAIN ENOMEM EACCES EBUSY EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE
    EMFILE ETXTBSY EFBIG ENOSPC EROFS EMLINK ENAMETOOLONG ENOSYS ELOOP EOVERFLOW EILSEQ EOPNOTSUPP
    ETIMEDOUT ESTALE EDQUOT
);

/// From now on this thread and those that it starts are refused these calls with `errno`.
fn refuse(calls: Vec<(i64, Vec<SeccompRule>)>, errno: i32) {
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let filter =
        SeccompFilter::new(calls.into_iter().collect(), SeccompAction::Allow, action, arch)
            .unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}

/// What a client of HTTP/1.1 and one of HTTP/2 get while the kernel refuses.
fn refused(
    sender: FileSender,
    step: fn() -> Vec<(i64, Vec<SeccompRule>)>,
    errno: i32,
) -> [String; 2] {
    let serving = move || {
        refuse(step(), errno);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let server = serve(LetterheadLayer::new().layer(sender)).await;
            let mut raw = Raw::connect(&server).await;
            raw.get("/f", "connection: close\r\n").await;
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

fn told(status: &str, retry_after: Option<&str>, got: usize, promised: usize) -> String {
    let after = retry_after.map_or_else(String::new, |seconds| format!("+{seconds}s"));
    let end = if got < promised { " cut" } else { "" };
    format!("{status}{after}{end}")
}

#[test]
fn the_matrix_of_faults() {
    let scratch = Scratch::new();
    scratch.write("f", vec![b'a'; 2 * FileSender::CHUNK]);
    let mut matrix = format!("{:<14}", "errno");
    for (name, _) in STEPS {
        write!(matrix, "{name:<12}").unwrap();
    }
    for (name, errno) in ERRNOS {
        matrix.truncate(matrix.trim_end().len());
        write!(matrix, "\n{name:<14}").unwrap();
        for (step, calls) in STEPS {
            let [h1, h2] = refused(scratch.sender(), calls, *errno);
            assert_eq!(h1, h2, "{step} {name}");
            write!(matrix, "{h1:<12}").unwrap();
        }
    }
    let matrix = format!("{}\n", matrix.trim_end());
    println!("{matrix}");
    expect_file!["./faults.txt"].assert_eq(&matrix);
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
        return eprintln!("skipped: wants root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("f", "closed").write("d/f", "below");
    for (name, mode) in [("f", 0o600), ("d", 0o700)] {
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let server = serve(LetterheadLayer::new().layer(sender)).await;
            for path in ["/f", "/d/f", "/d/"] {
                let answer = crate::client::h1_get(&server, path, "").await;
                // Terse to the client.
                let terse = r#"{"type":"about:blank","title":"Forbidden","status":403}"#;
                assert_eq!((answer.status(), answer.body.as_str()), (403, terse), "{path}");
            }
        });
    };
    std::thread::spawn(nobody).join().unwrap();
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, lacking) in
        lines.iter().zip(["`f` lacks r for others", "`d` lacks x for others", "`d` lacks r"])
    {
        assert!(line.contains(lacking), "{line}");
    }
}

#[test]
fn the_application_decides_otherwise() {
    let scratch = Scratch::new();
    scratch.write("f", vec![b'a'; 2 * FileSender::CHUNK]).write("index.html", "index");
    let gone = letterhead::Decision::Answer { status: http::StatusCode::GONE, retry_after: None };
    let recovery = Recovery::standard().on(letterhead::Operation::Read, libc::EIO, gone).on(
        letterhead::Operation::Read,
        libc::EBUSY,
        letterhead::Decision::Abort,
    );
    let sender = scratch.sender().recovery(recovery);
    let answers = |errno| refused(sender.clone(), STEPS[2].1, errno);
    assert_eq!(answers(libc::EIO), ["410", "410"]);
    // A body that is broken off before its head is a failure like any other: the layer has a status.
    assert_eq!(answers(libc::EBUSY), ["503+1s", "503+1s"]);
}
