//! Media of private messages, in the bucket: uploads under `temp/`, where a lifecycle rule ends them after a day, and
//! under `media/` what messages show. Both are read only by URLs that are signed here.

use std::{sync::Arc, time::Duration};

use futures_util::future::{join_all, try_join_all};
use tokio::sync::Semaphore;

use super::{Bucket, Described, Part};
use crate::{
    media::{PartialObject, Probe, Visible, look, without_location},
    store::{Media, StoreError},
    types::{AssetId, AssetSet, ContentType, ConversationId, MediaKind, Upload, UserId, essence},
};

/// How long a URL for reading is good.
const READ_FOR: Duration = Duration::from_secs(60 * 60);
/// How long a URL for an upload is good. The upload has to begin within this time; it may take longer.
pub const UPLOAD_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Bytes of an object that are looked at first.
const HEAD: u64 = 64 * 1024;
/// How often more bytes are read. An object that is still unclear then is refused.
const LOOKS: usize = 8;
/// How long all reads, and all copies, may take. Together with the rest of the request this is less than the gateway
/// waits.
const LOOKED_WITHIN: Duration = Duration::from_secs(6);
const COPIED_WITHIN: Duration = Duration::from_secs(14);
/// Images that are rewritten at once: each is in memory as a whole, twice.
const REWRITES: usize = 2;

pub struct Attachments {
    bucket: Arc<Bucket>,
    rewriting: Semaphore,
}

/// An upload that can become a message's, as it was at `etag`.
pub struct Checked {
    upload: Upload,
    etag: String,
    size: u64,
    content_type: String,
    visible: Option<Visible>,
}

impl Attachments {
    pub fn new(bucket: Arc<Bucket>) -> Self {
        Self { bucket, rewriting: Semaphore::new(REWRITES) }
    }

    /// Where to PUT the upload, of exactly that type and size, until [`UPLOAD_WITHIN`] is over.
    pub async fn upload_url(
        &self,
        upload: &Upload,
        content_type: &ContentType,
        bytes: u64,
    ) -> Result<String, StoreError> {
        self.bucket.upload_url(&upload.public_id(), content_type.as_str(), bytes, UPLOAD_WITHIN).await
    }

    /// Checks that each upload exists and is of its declared type. A few kilobytes of each are read.
    pub async fn check(&self, uploads: &[Upload]) -> Result<Vec<Checked>, StoreError> {
        in_time(LOOKED_WITHIN, try_join_all(uploads.iter().map(|upload| self.check_one(*upload)))).await
    }

    async fn check_one(&self, upload: Upload) -> Result<Checked, StoreError> {
        let key = upload.public_id();
        let thread =
            self.bucket.read(&key, 0..HEAD, None).await?.ok_or_else(|| unfit("is not there, or can't be read"))?;
        let Part { bytes, size, etag, content_type } = thread;
        if !(1..=upload.kind.most_bytes()).contains(&size) {
            return Err(unfit("is empty or too large"));
        }
        if upload.kind == MediaKind::File {
            return Ok(Checked { upload, etag, size, content_type, visible: None });
        }
        // What browsers say of codecs says nothing of the container.
        let content_type = essence(&content_type);
        let mut known = PartialObject::new(size);
        known.add(0, bytes);
        for _ in 0..LOOKS {
            match look(&known) {
                Probe::Is(visible) if visible.content_type == content_type => {
                    return Ok(Checked { upload, etag, size, content_type, visible: Some(visible) });
                }
                Probe::Is(_) | Probe::IsNot => return Err(unfit("is not what it says")),
                Probe::Wants(range) => {
                    let more = self.bucket.read(&key, range.clone(), Some(&etag)).await?;
                    known.add(range.start, more.ok_or_else(replaced)?.bytes);
                }
            }
        }
        Err(unfit("can't be made out"))
    }

    /// Copies all uploads to the message's keys, or returns the error of the first that failed. When this returns, no
    /// copy is under way, unless the time ran out.
    pub async fn promote(
        &self,
        checked: &[Checked],
        conversation: ConversationId,
        set: AssetSet,
    ) -> Result<Vec<Media>, StoreError> {
        let copies =
            checked.iter().zip(set.assets()).map(|(checked, asset)| self.promote_one(checked, asset, conversation));
        in_time(COPIED_WITHIN, async { join_all(copies).await.into_iter().collect() }).await
    }

    async fn promote_one(
        &self,
        checked: &Checked,
        asset: AssetId,
        conversation: ConversationId,
    ) -> Result<Media, StoreError> {
        let Checked { upload, etag, size, content_type, visible } = checked;
        let (from, to) = (upload.public_id(), asset.public_id(conversation));
        let described = Described {
            content_type: content_type.clone(),
            // A file may be a page. Browsers must download it, not show it.
            content_disposition: (upload.kind == MediaKind::File).then_some("attachment"),
        };
        let bytes = match visible {
            Some(visible) if visible.tells_location => {
                let _turn = self.rewriting.acquire().await;
                let whole = self.bucket.read(&from, 0..*size, Some(etag)).await?.ok_or_else(replaced)?;
                let silent = without_location(content_type, whole.bytes).ok_or_else(|| unfit("can't be rewritten"))?;
                let bytes = silent.len() as u64;
                self.bucket.put(&to, silent, described).await?;
                bytes
            }
            _ if self.bucket.copy(&from, etag, &to, described).await? => *size,
            _ => return Err(replaced()),
        };
        let (width, height) = visible.as_ref().map(|visible| (visible.width, visible.height)).unzip();
        Ok(Media { asset, kind: upload.kind, width, height, bytes })
    }

    /// URLs for reading the media of a message, good for an hour. No call is made.
    pub async fn urls(&self, media: &[Media], conversation: ConversationId) -> Result<Vec<String>, StoreError> {
        let url = async |media: &Media| self.bucket.url_of(&media.asset.public_id(conversation), READ_FOR).await;
        try_join_all(media.iter().map(url)).await
    }

    /// Removes those objects of a message that exist.
    pub async fn remove(&self, conversation: ConversationId, set: AssetSet) -> Result<(), StoreError> {
        self.bucket.delete_these(set.assets().map(|asset| asset.public_id(conversation))).await
    }

    /// Removes some of the objects of all messages of a conversation; `false` when there are no more of them.
    pub async fn remove_some(&self, conversation: ConversationId) -> Result<bool, StoreError> {
        self.bucket.delete_some(&AssetId::prefix(conversation)).await
    }

    /// Removes some of a user's uploads; `false` when there are no more of them.
    pub async fn remove_some_uploads(&self, user: UserId) -> Result<bool, StoreError> {
        self.bucket.delete_some(&Upload::prefix(user)).await
    }

    /// Removes uploads that are no longer needed.
    pub async fn remove_uploads(&self, uploads: &[Upload]) -> Result<(), StoreError> {
        self.bucket.delete_these(uploads.iter().map(Upload::public_id)).await
    }
}

/// Ends well within a function's own time-out. So the caller gets an answer, and objects that were made are removed.
async fn in_time<T>(time: Duration, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = || StoreError::Late("media took too long");
    tokio::time::timeout(time, work).await.unwrap_or_else(|_| Err(late()))
}

fn unfit(why: &'static str) -> StoreError {
    StoreError::Upload(why)
}

fn replaced() -> StoreError {
    unfit("was replaced after it was checked, or can't be read any more")
}
