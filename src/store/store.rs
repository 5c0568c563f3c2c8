//! A directory of headed files, as an application has it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Response};
use http_body::Body;

use super::When;
use super::batch::Batch;
use super::cache::Cache;
use super::disk_ops::{DiskOps, Settings};
use super::error::{Kind, StoreError, Unfit};
use super::format::{Kept, Layout, kept, status_fits};
use super::notice::Statistics;
use super::publish::{Published, roomy};
use super::read::check_name;
use super::stored::Stored;
use super::task::{blocking, locking};
use super::upload::Upload;

use crate::error::BoxError;
use crate::sys::Diagnosis;
use crate::sys::write::Directory;

/// How many bytes small responses may take in memory.
const BUDGET: u64 = 8 << 20;

/// How often a head is changed again because somebody else changed it meanwhile.
const MOST_CHANGES: u32 = 100;

/// Responses in a directory, each a file that begins with its head.
///
/// A name is one component of a path that does not begin with a dot. Several processes may work on one
/// directory. A clone works on the same store and shares what is remembered and counted.
///
/// # Examples
///
/// ```
/// use http::{Request, Response};
/// use http_body_util::BodyExt;
/// use letterhead::store::{Store, When};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), letterhead::store::StoreError> {
/// # let directory = std::env::temp_dir().join(format!("letterhead-doc-{}", std::process::id()));
/// # std::fs::create_dir(&directory).unwrap();
/// let store = Store::open(&directory)?;
/// let response = Response::builder()
///     .header("content-type", "text/plain")
///     .body("hello".to_owned())
///     .unwrap();
/// store.put("greeting", When::New, response).await?;
///
/// // Another head for the same payload, which is not touched.
/// let generation = store
///     .modify("greeting", |head| {
///         head.headers_mut().insert("cache-control", "max-age=60".parse().unwrap());
///     })
///     .await?
///     .generation;
/// assert_eq!(generation, 2);
///
/// let request = Request::get("/").header("range", "bytes=1-").body(()).unwrap();
/// let response = store.send(&request, "greeting").await;
/// assert_eq!(response.status(), 206);
/// assert_eq!(response.headers()["cache-control"], "max-age=60");
/// assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ello");
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Store {
    pub(super) ops: Arc<DiskOps<Directory>>,
    /// `None`: nothing is kept, or to look might take its time.
    pub(super) cache: Option<Arc<Cache>>,
    pub(super) budget: u64,
    pub(super) local: bool,
}

impl Store {
    /// Opens a directory that is there. Whatever its path comes to mean later, it stays the one.
    ///
    /// # Errors
    ///
    /// What the kernel says of a path that cannot be opened.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let settings = Settings::default();
        match Directory::open(directory.as_ref()) {
            Ok(disk) => {
                let local = disk.is_local();
                let ops = Arc::new(DiskOps::new(disk, settings));
                Ok(Self { ops, cache: None, budget: BUDGET, local }.with(|_| ()))
            }
            Err(refusal) => {
                let path = directory.as_ref().as_os_str().as_encoded_bytes();
                let diagnosis = Diagnosis::of_root(&refusal, path);
                let refusal = refusal.because(diagnosis.as_ref());
                let ruling = settings.recovery.judge(&refusal, u32::MAX, false);
                Err(Kind::Refused(refusal, ruling).into())
            }
        }
    }

    /// Stores a whole response: head, content, and the trailers that may be part of a head.
    ///
    /// If the body says that it has more bytes than there is room for, not one of them is read. Room itself is
    /// reserved as they come, about as much again as has come; so who announces much and sends little holds little.
    /// If it is the body of a request, decide first how much that may be all the same. And take its trailers away,
    /// unless the client may say what is in the head.
    ///
    /// # Errors
    ///
    /// As [`upload`](Self::upload), [`Upload::write`] and [`Upload::publish`], and the body's own. Whatever had the name
    /// has it still.
    ///
    /// # Cancel safety
    ///
    /// If this is given up, the response is stored or it is not; it is never there in part.
    pub async fn put<B>(
        &self,
        name: &str,
        when: When,
        response: Response<B>,
    ) -> Result<Published, StoreError>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = response.into_parts();
        let head = Response::from_parts(parts, ());
        let length = body.size_hint().exact();
        // What can never be published is not written first.
        if !status_fits(head.status(), length.unwrap_or(0)) {
            return Err(Unfit::Status(head.status()).into());
        }
        let fields = &head.headers();
        let lines = fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        let room = lines.sum::<usize>().saturating_add(name.len() + 512);
        let mut upload = self.begin(name, when, length, room).await?;
        match written(&mut upload, body).await {
            Ok(trailers) => upload.publish_with(&head, &trailers).await,
            Err(error) => {
                upload.discard().await;
                Err(error)
            }
        }
    }

    /// Begins a file whose head may be known only at the end. If its length in bytes is given, as many have to come;
    /// if that is more than there is room for, it ends here (507), before any of them has.
    ///
    /// # Errors
    ///
    /// The [name](StoreError::is_name) cannot be one, [something else](StoreError::is_not_a_file) than a file has it,
    /// or what the kernel refused: for want of room, mostly.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::store::{Store, When};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), letterhead::store::StoreError> {
    /// # let directory = std::env::temp_dir().join(format!("letterhead-doc-room-{}", std::process::id()));
    /// # std::fs::create_dir(&directory).unwrap();
    /// let store = Store::open(&directory)?;
    /// // An exbibyte.
    /// let error = store.upload("rows", When::Always, Some(1 << 60)).await.unwrap_err();
    /// assert_eq!(error.status(), 507);
    /// # std::fs::remove_dir_all(&directory).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn upload(
        &self,
        name: &str,
        when: When,
        length: Option<u64>,
    ) -> Result<Upload, StoreError> {
        self.begin(name, when, length, self.ops.settings.room).await
    }

    async fn begin(
        &self,
        name: &str,
        when: When,
        length: Option<u64>,
        room: usize,
    ) -> Result<Upload, StoreError> {
        check_name(name)?;
        let owned = name.to_owned();
        // A head that turns out to be longer costs a copy.
        let layout = roomy(room).or_else(|| Layout::holding(0)).ok_or(Kind::Gone)?;
        let ops = Arc::clone(&self.ops);
        let writer = locking(ops, move |ops| ops.begin(&owned, layout, length)).await?;
        Ok(Upload::new(Arc::clone(&self.ops), name, when, writer))
    }

    /// Reads a head. With `least` one of an earlier generation is refused: a file alone cannot prove that it
    /// is the latest.
    ///
    /// # Errors
    ///
    /// There is [none](StoreError::is_not_found), it is damaged or [no file](StoreError::is_not_a_file), or it is not
    /// believed: each has its question.
    pub async fn head(&self, name: &str, least: Option<u64>) -> Result<Stored, StoreError> {
        let (ops, name) = (Arc::clone(&self.ops), name.to_owned());
        blocking(ops, move |ops| ops.find(&name, least).map(Stored::of)).await
    }

    /// Reads a head and all of the payload, and holds them against each other.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    pub async fn check(&self, name: &str, least: Option<u64>) -> Result<Stored, StoreError> {
        let (ops, name) = (Arc::clone(&self.ops), name.to_owned());
        blocking(ops, move |ops| {
            let found = ops.find(&name, least)?;
            ops.verify_payload(&name, &found).map_err(|error| ops.reject(&name, error))?;
            Ok(Stored::of(found))
        })
        .await
    }

    /// Gives a file another head, all of it; with `expected` only if it has this generation. The payload
    /// is not touched, and readers see the old head or the new one.
    ///
    /// # Errors
    ///
    /// There is no such file, it has [another generation](StoreError::is_changed), the head cannot be kept, or
    /// what the kernel refused.
    ///
    /// # Cancel safety
    ///
    /// If this is given up, the head is the old one or the new one.
    pub fn update<B>(
        &self,
        name: &str,
        expected: Option<u64>,
        head: &Response<B>,
    ) -> impl Future<Output = Result<Published, StoreError>> + Send + use<B> {
        self.replace_head(name, expected, kept(head))
    }

    /// Nothing of what it was called with is borrowed: most bodies cannot be, by two threads.
    fn replace_head(
        &self,
        name: &str,
        expected: Option<u64>,
        head: Kept,
    ) -> impl Future<Output = Result<Published, StoreError>> + Send + use<> {
        let (ops, name) = (Arc::clone(&self.ops), name.to_owned());
        locking(ops, move |ops| ops.update(&name, expected, &head))
    }

    /// Changes a head by what it is: `change` is called with it, once more if somebody else changed it
    /// meanwhile. No lock is held while it runs.
    ///
    /// # Errors
    ///
    /// As [`update`](Self::update).
    ///
    /// # Cancel safety
    ///
    /// If this is given up, the head is the old one or the new one.
    pub async fn modify(
        &self,
        name: &str,
        mut change: impl FnMut(&mut Response<()>),
    ) -> Result<Published, StoreError> {
        for _ in 0..MOST_CHANGES {
            let stored = self.head(name, None).await?;
            let mut head = stored.head();
            change(&mut head);
            match self.replace_head(name, Some(stored.generation()), kept(&head)).await {
                Err(error) if error.is_changed() && !error.is_not_found() => {}
                done => return done,
            }
        }
        Err(Kind::Restless.into())
    }

    /// Removes a file; with `expected` only if its head has this generation. Whether that is known to
    /// outlive a loss of power.
    ///
    /// # Errors
    ///
    /// There is [none](StoreError::is_not_found), [no file](StoreError::is_not_a_file) has the name, it has
    /// [another generation](StoreError::is_changed), or what the kernel refused.
    pub async fn remove(&self, name: &str, expected: Option<u64>) -> Result<bool, StoreError> {
        let (ops, name) = (Arc::clone(&self.ops), name.to_owned());
        locking(ops, move |ops| ops.remove(&name, expected)).await
    }

    /// The names in the store, sorted. Names that are not UTF-8 are left out, and so is what is no file.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub async fn list(&self) -> Result<Vec<String>, StoreError> {
        let ops = Arc::clone(&self.ops);
        blocking(ops, DiskOps::list).await
    }

    /// Removes what writers that are gone left behind, if it is older than `age`. How many files there were.
    ///
    /// # Errors
    ///
    /// The directory cannot be read or locked.
    pub async fn sweep(&self, age: Duration) -> Result<usize, StoreError> {
        let ops = Arc::clone(&self.ops);
        locking(ops, move |ops| ops.sweep(age, SystemTime::now())).await
    }

    /// How often what happened since the store was opened.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.ops.counts.statistics()
    }
}

/// Writes all of a body. The trailers that came behind it.
async fn written<B>(upload: &mut Upload, body: B) -> Result<HeaderMap, StoreError>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut body = std::pin::pin!(body);
    let (mut batch, mut trailers) = (Batch::default(), HeaderMap::new());
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|cause| Kind::Content(cause.into()))?;
        match frame.into_data() {
            Ok(data) => {
                batch.push(data);
                if batch.is_enough() {
                    upload.write_all(batch.take()).await?;
                }
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    if !batch.is_empty() {
        upload.write_all(batch.take()).await?;
    }
    Ok(trailers)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
