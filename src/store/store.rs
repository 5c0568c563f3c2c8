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
use super::desk::{Desk, Settings};
use super::draft::Draft;
use super::error::{Kind, StoreError, Unfit};
use super::format::{Kept, Layout, kept, status_fits};
use super::notice::Statistics;
use super::publish::{Published, roomy};
use super::read::check_name;
use super::scrub::{Scrub, Scrubbed};
use super::stored::Stored;
use super::task::{blocking, locking};

use crate::error::BoxError;
use crate::sys::Diagnosis;
use crate::sys::write::Directory;

/// How many bytes small responses may take in memory.
const BUDGET: u64 = 8 << 20;

/// How often a head is changed anew because somebody else changed it meanwhile.
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
    pub(super) desk: Arc<Desk<Directory>>,
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
                let desk = Arc::new(Desk::new(disk, settings));
                Ok(Self { desk, cache: None, budget: BUDGET, local }.with(|_| ()))
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
    /// Room for as many bytes as the body says it has is reserved at once, before the first of them has come. So
    /// if it is the body of a request, decide first how much that may be. And take its trailers away, unless the
    /// client may say what is in the head.
    ///
    /// # Errors
    ///
    /// As [`Draft::write`] and [`Draft::publish`], and the body's own. Whatever had the name has it still.
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
        let mut draft = self.begin(name, when, length, room).await?;
        match written(&mut draft, body).await {
            Ok(trailers) => draft.publish_with(&head, &trailers).await,
            Err(error) => {
                draft.discard().await;
                Err(error)
            }
        }
    }

    /// Begins a file whose head may be known only at the end. With its length room is reserved for all
    /// of it at once.
    ///
    /// # Errors
    ///
    /// The [name](StoreError::is_name) cannot be one, or what the kernel refused: for want of room, mostly.
    pub async fn draft(
        &self,
        name: &str,
        when: When,
        length: Option<u64>,
    ) -> Result<Draft, StoreError> {
        self.begin(name, when, length, self.desk.settings.room).await
    }

    async fn begin(
        &self,
        name: &str,
        when: When,
        length: Option<u64>,
        room: usize,
    ) -> Result<Draft, StoreError> {
        check_name(name)?;
        let owned = name.to_owned();
        // A head that turns out to be longer costs a copy.
        let layout = roomy(room).or_else(|| Layout::holding(0)).ok_or(Kind::Gone)?;
        let desk = Arc::clone(&self.desk);
        let making = locking(desk, move |desk| desk.begin(&owned, layout, length)).await?;
        Ok(Draft::new(Arc::clone(&self.desk), name, when, making))
    }

    /// Reads a head. With `least` one of an earlier generation is refused: a file alone cannot prove that it
    /// is the latest.
    ///
    /// # Errors
    ///
    /// There is [none](StoreError::is_not_found), it is damaged, or it is not believed: each has its question.
    pub async fn head(&self, name: &str, least: Option<u64>) -> Result<Stored, StoreError> {
        let (desk, name) = (Arc::clone(&self.desk), name.to_owned());
        blocking(desk, move |desk| desk.find(&name, least).map(Stored::of)).await
    }

    /// Reads a head and all of the payload, and holds them against each other.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    pub async fn check(&self, name: &str, least: Option<u64>) -> Result<Stored, StoreError> {
        let (desk, name) = (Arc::clone(&self.desk), name.to_owned());
        blocking(desk, move |desk| {
            let found = desk.find(&name, least)?;
            desk.verify_payload(&name, &found).map_err(|error| desk.reject(&name, error))?;
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
        let (desk, name) = (Arc::clone(&self.desk), name.to_owned());
        locking(desk, move |desk| desk.update(&name, expected, &head))
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
    /// There is [none](StoreError::is_not_found), it has [another generation](StoreError::is_changed), or what
    /// the kernel refused.
    pub async fn remove(&self, name: &str, expected: Option<u64>) -> Result<bool, StoreError> {
        let (desk, name) = (Arc::clone(&self.desk), name.to_owned());
        locking(desk, move |desk| desk.remove(&name, expected)).await
    }

    /// The names in the store, sorted. Names that are not UTF-8 are left out, and so is what is no file.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub async fn list(&self) -> Result<Vec<String>, StoreError> {
        let desk = Arc::clone(&self.desk);
        blocking(desk, Desk::list).await
    }

    /// Looks at every file, to its last byte if `scrub` has it so, and mends what can be mended.
    ///
    /// # Errors
    ///
    /// The directory cannot be read. What is wrong with a file is in the answer.
    pub async fn scrub(&self, scrub: Scrub) -> Result<Scrubbed, StoreError> {
        let (mut scrub, mut scrubbed) = (scrub, Scrubbed::default());
        if scrub.repair || scrub.quarantine {
            let desk = Arc::clone(&self.desk);
            let swept = match blocking(desk, |desk| desk.writable("")).await {
                Ok(()) if scrub.repair => self.sweep(Duration::from_secs(3600)).await,
                done => done.map(|()| 0),
            };
            match swept {
                Ok(swept) => scrubbed.swept = swept,
                // What may not be written to can be read all the same.
                Err(error) if error.is_denied() => {
                    scrub = scrub.changing_nothing();
                    scrubbed.unrepaired = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        for name in self.list().await? {
            let (desk, owned) = (Arc::clone(&self.desk), name.clone());
            match locking(desk, move |desk| desk.check(&owned, scrub)).await {
                Ok(repaired) => {
                    scrubbed.sound += 1;
                    if repaired {
                        scrubbed.repaired.push(name);
                    }
                }
                // Removed meanwhile.
                Err(error) if error.is_not_found() => {}
                Err(error) => {
                    if scrub.quarantine && error.may_be_put_aside() {
                        let (desk, owned) = (Arc::clone(&self.desk), name.clone());
                        if let Some(file) =
                            locking(desk, move |desk| desk.quarantine(&owned)).await?
                        {
                            scrubbed.quarantined.push((name.clone(), file));
                        }
                    }
                    scrubbed.bad.push((name, error));
                }
            }
        }
        Ok(scrubbed)
    }

    /// Removes what writers that are gone left behind, if it is older than `age`. How many files there were.
    ///
    /// # Errors
    ///
    /// The directory cannot be read or locked.
    pub async fn sweep(&self, age: Duration) -> Result<usize, StoreError> {
        let desk = Arc::clone(&self.desk);
        locking(desk, move |desk| desk.sweep(age, SystemTime::now())).await
    }

    /// How often what happened since the store was opened.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.desk.counts.statistics()
    }
}

/// Writes all of a body. The trailers that came behind it.
async fn written<B>(draft: &mut Draft, body: B) -> Result<HeaderMap, StoreError>
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
                    draft.write_all(batch.take()).await?;
                }
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    if !batch.is_empty() {
        draft.write_all(batch.take()).await?;
    }
    Ok(trailers)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
