//! Behind nginx, which asks for slices of 1 MiB and keeps them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use letterhead::LetterheadLayer;
use tower::Layer as _;

use crate::apart::tool;
use crate::scratch::Scratch;
use crate::serve::serve;
use crate::skip;

/// Five slices, the last of them short.
const LENGTH: usize = 4_500_000;

/// How long a file is young here.
const SETTLE: Duration = Duration::from_millis(500);

/// nginx in front of a server; gone with its value.
struct Nginx {
    child: Child,
    addr: SocketAddr,
}

impl Nginx {
    fn before(scratch: &Scratch, origin: SocketAddr) -> Self {
        // A port that was free a moment ago: nginx takes no other kind.
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let at = scratch.path("nginx");
        fs::create_dir(&at).unwrap();
        let at = at.display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/errors; events {{}}
             http {{ access_log off; client_body_temp_path {at}/a; proxy_temp_path {at}/b;
               fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; scgi_temp_path {at}/e;
               proxy_cache_path {at}/cache keys_zone=c:1m;
               server {{ listen {addr}; location / {{
                 slice 1m; proxy_cache c; proxy_cache_key $uri$slice_range;
                 proxy_set_header Range $slice_range; proxy_http_version 1.1;
                 proxy_cache_valid 200 206 1h; proxy_pass http://{origin}; }} }} }}"
        );
        fs::write(scratch.path("nginx/conf"), config).unwrap();
        let conf = scratch.path("nginx/conf").display().to_string();
        let child =
            Command::new("nginx").args(["-c", &conf]).stderr(Stdio::null()).spawn().unwrap();
        let nginx = Self { child, addr };
        while TcpStream::connect(addr).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }

    /// Status and content of what is behind a path; what was broken off is shorter.
    fn get(&self, path: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        (head.lines().next().unwrap().to_owned(), all.split_off(end + 4))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slices_of_a_file_that_settles_meanwhile_are_of_one_version() {
    if let Err(why) = tool("nginx", &["-v"]) {
        return skip::tool(why);
    }
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("root")).unwrap();
    let sender = letterhead::FileSender::new(scratch.path("root")).unwrap().settle(SETTLE);
    let counting = sender.clone();
    let server = serve(LetterheadLayer::new().layer(sender)).await;
    let origin = server.addr;
    tokio::task::spawn_blocking(move || {
        let nginx = Nginx::before(&scratch, origin);
        let content: Vec<u8> = (0..=250).cycle().take(LENGTH).collect();
        fs::write(scratch.path("root/f"), &content).unwrap();
        let age = || fs::metadata(scratch.path("root/f")).unwrap().modified().unwrap().elapsed();
        // From its first moment until it is old enough, and some more from what nginx has kept by then.
        let mut after = 0;
        while after < 3 {
            let is_old = age().is_ok_and(|age| age > 2 * SETTLE);
            after += u32::from(is_old);
            let (status, got) = nginx.get("/f");
            assert_eq!((status.as_str(), got.len()), ("HTTP/1.1 200 OK", LENGTH), "{is_old}");
            assert!(got == content, "{is_old}");
        }
        // In the end they are slices, and nobody asks for them any more.
        let before = counting.counts();
        assert_eq!(nginx.get("/f").1.len(), LENGTH);
        assert_eq!(counting.counts(), before);
        let errors = fs::read_to_string(scratch.path("nginx/errors")).unwrap();
        assert!(!errors.contains("etag mismatch"), "{errors}");
    })
    .await
    .unwrap();
}
