//! What a path of a request leads to: names, links, siblings, lists.

use super::FileSender;
use crate::answer::Coding;
use crate::files::options::Links;

impl FileSender {
    /// The file that is served for a directory; `index.html` by default. `None`: a directory is 404.
    #[must_use]
    pub fn index(self, name: Option<&str>) -> Self {
        let name = name.map(Into::into);
        self.with(|settings| settings.lookup.index = name)
    }

    /// The file that is served, with status 200, to a browser that goes to a page where there is nothing: for
    /// applications that do their own routing in the browser.
    ///
    /// It goes by `Accept`: browsers list `text/html` when they go to a page, and never when they load a script, a
    /// picture or data. Those, and programs that take anything (`*/*`), get 404 as ever: a script that is missing
    /// is an error, and no page in its place. So what is answered where there is nothing has `Vary: accept`,
    /// whichever it is.
    ///
    /// Not for paths that can name nothing, like `/.git` or `/%00`, and not for [handlers](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Request;
    /// use letterhead::FileSender;
    /// use tower::ServiceExt;
    ///
    /// # #[tokio::main]
    /// # async fn main() {
    /// let files = FileSender::new("src").unwrap().fallback("lib.rs");
    /// let page = Request::get("/some/view").header("accept", "text/html,*/*;q=0.8");
    /// let response = files.clone().oneshot(page.body(()).unwrap()).await.unwrap();
    /// assert_eq!(response.status(), 200);
    /// assert_eq!(response.headers()["vary"], "accept");
    ///
    /// let script = Request::get("/assets/gone.js").header("accept", "*/*");
    /// let response = files.oneshot(script.body(()).unwrap()).await.unwrap();
    /// assert_eq!(response.status(), 404);
    /// assert_eq!(response.headers()["vary"], "accept");
    /// # }
    /// ```
    #[must_use]
    pub fn fallback(self, path: &str) -> Self {
        let path = Some(path.trim_start_matches('/').into());
        self.with(|settings| settings.lookup.fallback = path)
    }

    /// Serves names that begin with a dot, too; by default that is `/.well-known` alone (RFC 8615), as the
    /// first component below the root.
    #[must_use]
    pub fn hidden(self, served: bool) -> Self {
        self.with(|settings| settings.lookup.hidden = served)
    }

    /// Whether a directory that is asked for without a slash at its end is a redirection to the one
    /// with it (the default), or served as it is.
    ///
    /// Below a path in axum (`nest_service("/files", ..)`) the root itself looks the same with a slash
    /// and without, and is served as it is; redirect `/files` by a route of its own.
    #[must_use]
    pub fn slash(self, redirected: bool) -> Self {
        self.with(|settings| settings.lookup.slash = redirected)
    }

    /// Serves `about.html` at `/about`. Off by default.
    ///
    /// Each page has one URL, and the others are redirections (308) to it that keep the query:
    ///
    /// | asked for | there is | answer |
    /// |---|---|---|
    /// | `/about` | `about` | that file, as ever |
    /// | `/about` | `about.html` | that file, also if there is a directory `about` |
    /// | `/about` | a directory `about` | `/about/`, as ever |
    /// | `/about.html` | `about.html` | `/about`; the file if there is a file `about`, too |
    /// | `/about/` | `about/index.html` | that file, as ever |
    /// | `/about/` | `about.html`, and no index or listing | `/about` |
    /// | `/d/index.html`, `/d/index` | `d/index.html`, where that is the [index](Self::index) | `/d/` |
    ///
    /// Type, `Cache-Control` and siblings are those of the file. [`send`](Self::send) takes names as they are.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Request;
    /// use letterhead::FileSender;
    /// use tower::ServiceExt;
    ///
    /// # #[tokio::main]
    /// # async fn main() {
    /// # let site = std::env::temp_dir().join(format!("letterhead-clean-{}", std::process::id()));
    /// # std::fs::create_dir_all(&site).unwrap();
    /// # std::fs::write(site.join("about.html"), "<p>").unwrap();
    /// let files = FileSender::new(&site).unwrap().clean_urls(true);
    /// let get = |path: &str| files.clone().oneshot(Request::get(path).body(()).unwrap());
    /// assert_eq!(get("/about").await.unwrap().status(), 200);
    /// assert_eq!(get("/about.html?x=1").await.unwrap().headers()["location"], "./about?x=1");
    /// assert_eq!(get("/about/").await.unwrap().headers()["location"], "../about");
    /// # std::fs::remove_dir_all(&site).unwrap();
    /// # }
    /// ```
    #[must_use]
    pub fn clean_urls(self, clean: bool) -> Self {
        self.with(|settings| settings.lookup.clean_urls = clean)
    }

    /// What becomes of symbolic links; [`Links::Beneath`] by default.
    #[must_use]
    pub fn links(self, links: Links) -> Self {
        self.with(|settings| settings.lookup.links = links)
    }

    /// Leaves the access times of files alone where they belong to the user of this process (Linux); elsewhere
    /// they are read like any other. Off by default: most mounts keep access times only roughly anyway.
    #[must_use]
    pub fn no_atime(self, left_alone: bool) -> Self {
        self.with(|settings| settings.lookup.no_atime = left_alone)
    }

    /// Serves `name.br`, `name.zst` or `name.gz` beside `name` to clients that take them, best first,
    /// each with a tag of its own.
    ///
    /// `Vary: accept-encoding` is sent with a file that has such a sibling, and with one whose type is worth to be
    /// compressed (text, scripts, JSON, XML, SVG, WebAssembly, plain fonts, ..) and so may get one; not with pictures,
    /// videos and archives, which a cache would store once for each browser. A 406, where the client forbids
    /// what there is, always has it.
    ///
    /// A sibling that is [more than two seconds older](Self::older_siblings) than its file is passed over.
    #[must_use]
    pub fn precompressed(self, codings: impl IntoIterator<Item = Coding>) -> Self {
        let mut codings: Vec<Coding> = codings.into_iter().collect();
        if !codings.contains(&Coding::Identity) {
            codings.push(Coding::Identity);
        }
        self.with(|settings| settings.lookup.codings = codings)
    }

    /// Serves [precompressed](Self::precompressed) siblings also if their modification time is more than two
    /// seconds earlier than that of the file itself. By default those are passed over: they are of an older
    /// version. Within two seconds nobody can tell: copies keep times to the microsecond (node's `cpSync`, Python's
    /// `copytree`), to the second (`tar`), or not at all. What is passed over is
    /// [counted](crate::files::Counts::older_siblings), and reported once for each directory. A build that takes less than that is better
    /// served from another directory.
    ///
    /// For trees that are put in place with times in no order.
    #[must_use]
    pub fn older_siblings(self, served: bool) -> Self {
        self.with(|settings| settings.lookup.older_siblings = served)
    }

    /// Answers a directory that has no index with a list of up to `most` names; with 0, the
    /// default, it is 404.
    ///
    /// Listed is what would be served: files and directories, no names that begin with a dot unless
    /// [hidden](Self::hidden) ones are served, and no symbolic links that lead where none may. If there are more
    /// names than `most`, those that the kernel has first are listed, and the list says so.
    ///
    /// # Forms
    ///
    /// - A page in HTML, with names, sizes and dates of the last change. For clients whose `Accept` names
    ///   `text/html`, as browsers' does, its headings are links that sort: `?sort=size&order=desc`. For those that take
    ///   anything they are none, so that `wget -r` does not fetch each directory in every order. The page has
    ///   no script, and a `Content-Security-Policy` that allows nothing but its own style, which goes with light and dark.
    /// - JSON, for clients that would rather have `application/json`: `path` is that below the root, `truncated` says
    ///   whether there are more names, and `entries` has an object for each name. Its `name` is text, with U+FFFD where
    ///   the name is none; `href` leads to it from the request's target, also then; `kind` is `file` or `directory`; `size` is in
    ///   bytes, and `null` of a directory; `modified` is as in RFC 3339, and `null` of a time that has no such form.
    ///
    /// Both are sorted by the query: `sort` is `name`, `size` or `modified`, and `order` is `asc` or `desc`; another query
    /// changes nothing. Numbers in names count by what they say (`file2` before `file10`), and directories come first.
    ///
    /// # Caching
    ///
    /// Each form and order of each state has a strong `ETag` of its own, and `Vary: accept` is also with a 304 and where
    /// a directory could be listed and is not there. There is no `Last-Modified`, because a size may change while no date does,
    /// and there are no ranges. `Cache-Control` goes by patterns of the directory's path with a slash at its end.
    ///
    /// # Cost
    ///
    /// Every request looks at every name again, after it came: 100 000 names take some tenths of a second, on a
    /// thread for that. Requests that come meanwhile share the next look, and responses of one state share
    /// its rows, which take 24 bytes for each name, and the name. Beside them a response has a piece of 64 KiB in memory, and
    /// what the server has in its queue. Its length is known before, by counting: so a list that is cut off is seen to be,
    /// and a `HEAD` has the head of its `GET`. A list shows one state, whatever happens to the directory while it is sent.
    ///
    /// [`send`](Self::send) lists nothing: it does not know where the links would lead.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Request;
    /// use http_body_util::BodyExt;
    /// use letterhead::FileSender;
    /// use tower::ServiceExt;
    ///
    /// # #[tokio::main]
    /// # async fn main() {
    /// let files = FileSender::new("src").unwrap().listing(10_000);
    /// let request = Request::get("/files/?sort=size&order=desc").body(()).unwrap();
    /// let response = files.clone().oneshot(request).await.unwrap();
    /// assert_eq!(response.status(), 200);
    /// assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    /// assert_eq!(response.headers()["vary"], "accept");
    ///
    /// let request = Request::get("/files/").header("accept", "application/json").body(()).unwrap();
    /// let response = files.oneshot(request).await.unwrap();
    /// let list = response.into_body().collect().await.unwrap().to_bytes();
    /// let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    /// assert_eq!(list["path"], "/files/");
    /// assert_eq!(list["truncated"], false);
    /// // Directories come first.
    /// let first = &list["entries"][0];
    /// assert_eq!((&first["name"], &first["href"]), (&"listing".into(), &"listing/".into()));
    /// assert_eq!((&first["kind"], &first["size"]), (&"directory".into(), &().into()));
    /// # }
    /// ```
    #[must_use]
    pub fn listing(self, most: usize) -> Self {
        self.with(|settings| settings.lookup.listed = most)
    }
}
