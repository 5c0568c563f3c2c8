//! The whole table of recovery as a snapshot, and what overrides may change of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::expect;

use super::*;
use crate::sys::door;
use crate::sys::errno::COMMON;

/// What is done about one error number again and again, until it ends.
fn course(recovery: &Recovery, operation: Operation, errno: i32, committed: bool) -> String {
    let mut course = Vec::new();
    for attempt in 0..100 {
        let ruling = recovery.decide(operation, errno, attempt, committed);
        course.push(ruling.decision().to_string());
        match ruling.decision() {
            Decision::Retry { .. } | Decision::ReResolve | Decision::Next => {}
            Decision::Answer { .. } | Decision::Abort => break,
        }
        // A lease that is not to be had is always followed by the next strategy.
        if operation == Operation::Lease && attempt == 2 {
            break;
        }
        assert!(attempt < 99, "{operation:?} {errno} never ends");
    }
    course.dedup_by(|a, b| operation == Operation::Lease && a == b);
    course.join(", then ")
}

#[test]
fn the_whole_table() {
    let recovery = Recovery::standard();
    let mut table = String::new();
    for operation in Operation::ALL.iter().copied() {
        for committed in [false, true] {
            let mut rows: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (errno, name) in COMMON.iter().chain(&door::ERRNOS) {
                rows.entry(course(&recovery, operation, *errno, committed)).or_default().push(name);
            }
            let nameless = course(&recovery, operation, 4000, committed);
            rows.entry(nameless).or_default().push("others");
            let when = if committed { "after the commit" } else { "before" };
            writeln!(table, "{} {when}", operation.as_str()).expect("a string");
            for (course, names) in rows {
                writeln!(table, "    {course}: {}", names.join(" ")).expect("a string");
            }
        }
    }
    expect![[r"
        open before
            403: EACCES EPERM EROFS
            404: ELOOP EMLINK ENAMETOOLONG ENODEV ENOENT ENOTDIR ENXIO
            500: EBADF EEXIST EFAULT EILSEQ EINVAL EIO EISDIR ENOSYS ENOTCONN ENOTEMPTY EOPNOTSUPP EOVERFLOW ESPIPE EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
            503, retry after 1 s: EBUSY EMFILE ENFILE ENOLCK ENOMEM ETIMEDOUT ETXTBSY
            507: EDQUOT EFBIG ENOSPC
            re-resolve, then re-resolve, then 503, retry after 1 s: ESTALE
            retry at once, then retry at once, then retry at once, then 503, retry after 1 s: EINTR
            retry in 1 ms, then retry in 2 ms, then retry in 4 ms, then 503, retry after 1 s: EAGAIN
        open after the commit
            abort: EACCES EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EILSEQ EINVAL EIO EISDIR ELOOP EMFILE EMLINK ENAMETOOLONG ENFILE ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOSYS ENOTCONN ENOTDIR ENOTEMPTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EROFS ESPIPE ETIMEDOUT ETXTBSY EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
            re-resolve, then abort: ESTALE
            retry at once, then retry at once, then retry at once, then abort: EINTR
            retry in 1 ms, then retry in 2 ms, then retry in 4 ms, then abort: EAGAIN
        resolve before
            403: EACCES EPERM EROFS
            404: EILSEQ EISDIR ELOOP EMLINK ENAMETOOLONG ENODEV ENOENT ENOTDIR ENXIO EXDEV
            500: EBADF EEXIST EFAULT EINVAL EIO ENOTCONN ENOTEMPTY EOPNOTSUPP EOVERFLOW ESPIPE ENODATA ENOKEY EREMOTEIO EUCLEAN others
            503, retry after 1 s: EBUSY EMFILE ENFILE ENOLCK ENOMEM ETIMEDOUT ETXTBSY
            507: EDQUOT EFBIG ENOSPC
            next strategy, then 500: ENOSYS
            re-resolve, then re-resolve, then 503, retry after 1 s: ESTALE
            retry at once, then retry at once, then retry at once, then 503, retry after 1 s: EINTR
            retry in 1 ms, then retry in 2 ms, then retry in 4 ms, then 503, retry after 1 s: EAGAIN
        resolve after the commit
            abort: EACCES EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EILSEQ EINVAL EIO EISDIR ELOOP EMFILE EMLINK ENAMETOOLONG ENFILE ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOTCONN ENOTDIR ENOTEMPTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EROFS ESPIPE ETIMEDOUT ETXTBSY EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
            next strategy, then abort: ENOSYS
            re-resolve, then abort: ESTALE
            retry at once, then retry at once, then retry at once, then abort: EINTR
            retry in 1 ms, then retry in 2 ms, then retry in 4 ms, then abort: EAGAIN
        stat before
            403: EACCES EPERM EROFS
            404: ELOOP EMLINK ENAMETOOLONG ENODEV ENOENT ENOTDIR ENXIO
            500: EBADF EEXIST EFAULT EILSEQ EINVAL EIO EISDIR ENOSYS ENOTCONN ENOTEMPTY EOPNOTSUPP EOVERFLOW ESPIPE EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
            503, retry after 1 s: EBUSY EMFILE ENFILE ENOLCK ENOMEM ETIMEDOUT ETXTBSY
            507: EDQUOT EFBIG ENOSPC
            re-resolve, then re-resolve, then 503, retry after 1 s: ESTALE
            retry at once, then retry at once, then retry at once, then 503, retry after 1 s: EINTR
            retry in 1 ms, then retry in 2 ms, then retry in 4 ms, then 503, retry after 1 s: EAGAIN
        stat after the commit
            abort: EACCES EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EILSEQ EINVAL EIO EISDIR ELOOP EMFILE EMLINK ENAMETOOLONG ENFILE ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOSYS ENOTCONN ENOTDIR ENOTEMPTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EROFS ESPIPE ETIMEDOUT ETXTBSY EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
            re-resolve, then abort: ESTALE
            retry at once, then retry at once, then retry at once, then abort: EINTR
            retry in 1 ms, then retry in 2 ms, then retry in 4 ms, then abort: EAGAIN
        read before
            403: EACCES EPERM EROFS
            404: EISDIR ELOOP EMLINK ENAMETOOLONG ENODEV ENOENT ENOTDIR ENXIO
            500: EBADF EEXIST EFAULT EILSEQ EINVAL EIO ENOSYS ENOTCONN ENOTEMPTY EOVERFLOW ESPIPE EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
            503, retry after 1 s: EBUSY EMFILE ENFILE ENOLCK ENOMEM ETIMEDOUT ETXTBSY
            507: EDQUOT EFBIG ENOSPC
            next strategy, then 500: EOPNOTSUPP
            next strategy, then retry in 2 ms, then retry in 4 ms, then 503, retry after 1 s: EAGAIN
            re-resolve, then re-resolve, then 503, retry after 1 s: ESTALE
            retry at once, then retry at once, then retry at once, then 503, retry after 1 s: EINTR
        read after the commit
            abort: EACCES EBADF EDQUOT EEXIST EFAULT EFBIG EILSEQ EINVAL EIO EISDIR ELOOP EMFILE EMLINK ENAMETOOLONG ENFILE ENODEV ENOENT ENOLCK ENOSPC ENOSYS ENOTCONN ENOTDIR ENOTEMPTY ENXIO EOVERFLOW EPERM EROFS ESPIPE ETIMEDOUT ETXTBSY EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
            next strategy, then abort: EOPNOTSUPP
            next strategy, then retry in 2 ms, then retry in 4 ms, then abort: EAGAIN
            re-resolve, then abort: ESTALE
            retry at once, then retry at once, then retry at once, then abort: EINTR
            retry in 1 ms, then retry in 2 ms, then retry in 4 ms, then abort: EBUSY ENOMEM
        list before
            403: EACCES EPERM EROFS
            404: ELOOP EMLINK ENAMETOOLONG ENODEV ENOENT ENOTDIR ENXIO
            500: EBADF EEXIST EFAULT EILSEQ EINVAL EIO EISDIR ENOSYS ENOTCONN ENOTEMPTY EOPNOTSUPP EOVERFLOW ESPIPE EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
            503, retry after 1 s: EBUSY EMFILE ENFILE ENOLCK ENOMEM ETIMEDOUT ETXTBSY
            507: EDQUOT EFBIG ENOSPC
            re-resolve, then re-resolve, then 503, retry after 1 s: ESTALE
            retry at once, then retry at once, then retry at once, then 503, retry after 1 s: EINTR
            retry in 1 ms, then retry in 2 ms, then retry in 4 ms, then 503, retry after 1 s: EAGAIN
        list after the commit
            abort: EACCES EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EILSEQ EINVAL EIO EISDIR ELOOP EMFILE EMLINK ENAMETOOLONG ENFILE ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOSYS ENOTCONN ENOTDIR ENOTEMPTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EROFS ESPIPE ETIMEDOUT ETXTBSY EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
            re-resolve, then abort: ESTALE
            retry at once, then retry at once, then retry at once, then abort: EINTR
            retry in 1 ms, then retry in 2 ms, then retry in 4 ms, then abort: EAGAIN
        lease before
            next strategy: EACCES EAGAIN EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EILSEQ EINTR EINVAL EIO EISDIR ELOOP EMFILE EMLINK ENAMETOOLONG ENFILE ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOSYS ENOTCONN ENOTDIR ENOTEMPTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EROFS ESPIPE ESTALE ETIMEDOUT ETXTBSY EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
        lease after the commit
            next strategy: EACCES EAGAIN EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EILSEQ EINTR EINVAL EIO EISDIR ELOOP EMFILE EMLINK ENAMETOOLONG ENFILE ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOSYS ENOTCONN ENOTDIR ENOTEMPTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EROFS ESPIPE ESTALE ETIMEDOUT ETXTBSY EXDEV ENODATA ENOKEY EREMOTEIO EUCLEAN others
    "]].assert_eq(&table);
}

#[test]
fn an_override_is_bounded_and_never_an_answer_after_the_commit() {
    let eio = |decision| Recovery::standard().on(Operation::Read, libc::EIO, decision);
    let check = |recovery: &Recovery, committed, wanted: &str| {
        assert_eq!(course(recovery, Operation::Read, libc::EIO, committed), wanted);
        // Other rows are as they were.
        assert_eq!(
            course(recovery, Operation::Stat, libc::EIO, committed).len(),
            [3, 5][usize::from(committed)]
        );
    };
    let retry = eio(Decision::Retry { after: Duration::from_millis(5) });
    check(&retry, false, "retry in 5 ms, then retry in 5 ms, then retry in 5 ms, then 500");
    check(&retry.clone().attempts(1), true, "retry in 5 ms, then abort");
    check(&retry.clone().attempts(0), true, "abort");
    let gone = eio(Decision::Answer { status: StatusCode::GONE, retry_after: None });
    check(&gone, false, "410");
    check(&gone, true, "abort");
    check(&retry.on(Operation::Read, libc::EIO, Decision::Abort), false, "abort");
    assert_eq!(
        gone.decide(Operation::Read, libc::EIO, 0, false).reason(),
        "the application says so"
    );
}

#[test]
fn what_a_refusal_knows_beyond_its_number_decides_the_status() {
    use crate::sys::refusal::Found;
    use rustix::io::Errno;
    let status = |found| {
        let refusal = Refusal::new(Operation::Resolve, found, Errno::LOOP);
        Recovery::standard().judge(&refusal, 0, false).to_string()
    };
    assert_eq!(status(Found::Errno), "404: there is no such file to be had");
    assert_eq!(status(Found::Link), "403: it is there, and may not be had");
}
