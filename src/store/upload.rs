//! A file that an application is writing: the payload first, then the head.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response};

use super::When;
use super::disk_ops::DiskOps;
use super::error::{Kind, StoreError};
use super::format::{Kept, fold_trailers, kept};
use super::payload_writer::PayloadWriter;
use super::publish::{Existing, Published};
use super::task::{Task, blocking, locking};
use super::update::{expect_existing, next};
use crate::sys::detached;
use crate::sys::write::Directory;

/// A file on its way into a [`Store`](super::Store): nobody sees it before it is published.
///
/// Dropped before that, it is gone: on a thread that may block, as to give back the room of a long file
/// takes its time.
///
/// # Examples
///
/// ```
/// use http::Response;
/// use letterhead::store::{Store, When};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), letterhead::store::StoreError> {
/// # let directory = std::env::temp_dir().join(format!("letterhead-doc-upload-{}", std::process::id()));
/// # std::fs::create_dir(&directory).unwrap();
/// let store = Store::open(&directory)?;
/// let mut upload = store.upload("rows", When::Always, None).await?;
/// let mut rows = 0;
/// for row in ["one\n", "two\n"] {
///     upload.write(row.into()).await?;
///     rows += 1;
/// }
/// // Only now it is known.
/// let head = Response::builder().header("x-rows", rows).body(()).unwrap();
/// upload.publish(&head).await?;
/// assert_eq!(store.head("rows", None).await?.head().headers()["x-rows"], "2");
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "what is not published is gone"]
pub struct Upload {
    name: Arc<str>,
    when: When,
    ops: Arc<DiskOps<Directory>>,
    /// `None`: a call was given up half-way, or failed.
    writer: Option<Box<PayloadWriter<Directory>>>,
}

impl Upload {
    pub(super) fn new(
        ops: Arc<DiskOps<Directory>>,
        name: &str,
        when: When,
        writer: PayloadWriter<Directory>,
    ) -> Self {
        Self { name: name.into(), when, ops, writer: Some(Box::new(writer)) }
    }

    /// Writes more of the payload.
    ///
    /// # Errors
    ///
    /// What the kernel refused, or more bytes than were announced. The upload is of no use then.
    ///
    /// # Cancel safety
    ///
    /// None: an upload whose call was given up fails from then on, and is never published.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.write_all(vec![bytes]).await
    }

    pub(super) async fn write_all(&mut self, pieces: Vec<Bytes>) -> Result<(), StoreError> {
        let mut writer = self.writer.take().ok_or(Kind::Gone)?;
        let name = Arc::clone(&self.name);
        let writer = blocking(Arc::clone(&self.ops), move |ops| {
            for bytes in &pieces {
                ops.append(&name, &mut writer, bytes)?;
            }
            Ok(writer)
        });
        self.writer = Some(writer.await?);
        Ok(())
    }

    /// Gives it up, and waits until it is gone.
    pub(super) async fn discard(mut self) {
        if let Some(writer) = self.writer.take() {
            // It is gone whatever became of the task.
            let _ = Task::new(&self.ops, move || drop(writer)).await;
        }
    }

    /// Gives the file its head and its name. Once this has said so, both outlive a loss of power, if the
    /// answer has them [durable](Published::durable).
    ///
    /// # Errors
    ///
    /// The name is [taken](StoreError::is_exists) or has [another generation](StoreError::is_changed), the head
    /// [cannot be kept](StoreError::is_head), fewer bytes than were announced, or what the kernel
    /// refused. Whatever had the name has it still.
    ///
    /// # Cancel safety
    ///
    /// If this is given up, the file is published or it is not; it is never there in part.
    pub fn publish<B>(
        self,
        head: &Response<B>,
    ) -> impl Future<Output = Result<Published, StoreError>> + Send + use<B> {
        self.publish_with(head, &HeaderMap::new())
    }

    /// As [`publish`](Self::publish), with what was known only behind the content: trailer fields that
    /// the head has no line of become part of it (RFC 9110, section 6.5.2), unless they are of a kind
    /// that may not come late.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_with<B>(
        mut self,
        head: &Response<B>,
        trailers: &HeaderMap,
    ) -> impl Future<Output = Result<Published, StoreError>> + Send + use<B> {
        let mut head = kept(head);
        fold_trailers(&mut head, trailers);
        async move {
            let writer = self.writer.take().ok_or(Kind::Gone)?;
            let (name, when) = (Arc::clone(&self.name), self.when);
            locking(Arc::clone(&self.ops), move |ops| {
                let plan = |existing: Option<&Existing<'_, Directory>>| when.plan(&head, existing);
                ops.publish(&name, *writer, &plan)
            })
            .await
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        // Without a runtime there is no task to be held up.
        detached(move || drop(writer));
    }
}

impl When {
    /// The head of a new file and its generation, if it may have the name.
    fn plan(
        self,
        head: &Kept,
        existing: Option<&Existing<'_, Directory>>,
    ) -> Result<(Kept, u64), StoreError> {
        match self {
            Self::New if existing.is_some() => return Err(Kind::Exists.into()),
            Self::Generation(wanted) => expect_existing(Some(wanted), existing)?,
            Self::New | Self::Always => {}
        }
        Ok((head.clone(), next(existing.map_or(0, Existing::generation))?))
    }
}
