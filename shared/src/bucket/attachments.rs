//! Media of private messages, in the bucket: uploads under `temp/`, where a lifecycle rule ends them after a day, and
//! under `media/` what messages show. Both are read only by URLs that are signed here.

use std::{ops::Range, sync::Arc, time::Duration};

use futures_util::future::{join_all, try_join_all};
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::{Bucket, Described, Part};
use crate::{
    media::{PartialObject, Probe, Visible, look, without_location},
    store::{Media, StoreError},
    types::{AssetId, AssetSet, ContentType, ConversationId, FileName, MediaKind, Upload, UserId, essence},
};

/// How long a URL for reading is good.
const READ_FOR: Duration = Duration::from_secs(60 * 60);
/// How long a URL for an upload is good. The upload has to begin within this time; it may take longer.
pub const UPLOAD_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Bytes of an object that are looked at first.
const HEAD: u64 = 64 * 1024;
/// How often more bytes of an object are read. An image that is still unclear then is read as a whole, a video is refused.
const IMAGE_LOOKS: usize = 8;
const VIDEO_LOOKS: usize = 32;
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
    /// What it is, not what it was announced as.
    content_type: String,
    name: Option<FileName>,
    visible: Option<Visible>,
}

/// Why uploads can't become a message's.
pub enum NotPromoted {
    /// The sender's own fault: what is wrong with each upload that failed, in the order named.
    Unfit(Vec<Unfit>),
    /// A failure of ours. It tells nothing of the uploads.
    Failed(StoreError),
}

impl From<StoreError> for NotPromoted {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// An upload that can't become part of a message.
#[derive(Serialize, ToSchema)]
#[schema(as = UnfitUpload)]
#[serde(rename_all = "camelCase")]
pub struct Unfit {
    /// As it was named.
    #[schema(examples("temp/user_019c32f1d2a04c5b6e7f8091/image-7d1f0c5b9e2a48638f5a1c0e6d93b752"))]
    pub public_id: String,
    pub reason: Reason,
}

/// The reason why an upload failed, in words for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UnfitReason)]
pub enum Reason {
    #[serde(rename = "Upload not found or expired")]
    Absent,
    #[serde(rename = "Not the announced size")]
    Size,
    #[serde(rename = "Not the announced type")]
    Type,
    #[serde(rename = "Not an image that browsers show")]
    NoImage,
    #[serde(rename = "Not a video of a known container")]
    NoVideo,
}

/// What one upload can end with.
enum Refused {
    For(Reason),
    Failed(StoreError),
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self::For(reason)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// All of them, or why not. A failure of ours comes first: what else is wrong will be told by the next try.
fn all<T>(results: Vec<(String, Result<T, Refused>)>) -> Result<Vec<T>, NotPromoted> {
    let (mut good, mut unfit) = (Vec::with_capacity(results.len()), Vec::new());
    for (public_id, result) in results {
        match result {
            Ok(result) => good.push(result),
            Err(Refused::For(reason)) => unfit.push(Unfit { public_id, reason }),
            Err(Refused::Failed(error)) => return Err(NotPromoted::Failed(error)),
        }
    }
    if unfit.is_empty() { Ok(good) } else { Err(NotPromoted::Unfit(unfit)) }
}

impl Attachments {
    pub fn new(bucket: Arc<Bucket>) -> Self {
        Self { bucket, rewriting: Semaphore::new(REWRITES) }
    }

    /// Where to PUT the upload, of exactly that type, size and header `Content-Disposition`, until [`UPLOAD_WITHIN`] is over.
    pub async fn upload_url(
        &self,
        upload: &Upload,
        content_type: &ContentType,
        content_disposition: Option<String>,
        bytes: u64,
    ) -> Result<String, StoreError> {
        let described = Described { content_type: content_type.as_str().to_owned(), content_disposition };
        self.bucket.upload_url(&upload.public_id(), described, bytes, UPLOAD_WITHIN).await
    }

    /// Checks that each upload exists and is of its declared type. `None` is one that never was, under the name given with it. Of most of
    /// them a few kilobytes are read.
    pub async fn check(&self, uploads: &[(&str, Option<Upload>)]) -> Result<Vec<Checked>, NotPromoted> {
        let check = async |(name, upload): &(&str, Option<Upload>)| {
            let checked = match upload {
                Some(upload) => self.check_one(*upload).await,
                None => Err(Reason::Absent.into()),
            };
            ((*name).to_owned(), checked)
        };
        let checks = join_all(uploads.iter().map(check));
        all(in_time(LOOKED_WITHIN, async { Ok(checks.await) }).await?)
    }

    async fn check_one(&self, upload: Upload) -> Result<Checked, Refused> {
        let key = upload.public_id();
        let part = self.bucket.read(&key, 0..HEAD, None).await?.ok_or(Reason::Absent)?;
        let Part { bytes, size, etag, content_type, content_disposition } = part;
        if !(1..=upload.kind.most_bytes()).contains(&size) {
            return Err(Reason::Size.into());
        }
        let name = content_disposition.as_deref().and_then(FileName::of_disposition);
        if upload.kind == MediaKind::File {
            return Ok(Checked { upload, etag, size, content_type, name, visible: None });
        }
        // What browsers say of codecs says nothing of the container.
        let content_type = essence(&content_type);
        let mut known = PartialObject::new(size);
        known.add(0, bytes);
        let visible = self.look(&upload, &etag, known).await?;
        // These two are one container.
        let either = ["video/mp4", "video/quicktime"];
        let is_announced = visible.content_type == content_type
            || either.contains(&visible.content_type) && either.contains(&content_type.as_str());
        if !is_announced {
            return Err(Reason::Type.into());
        }
        let content_type = visible.content_type.to_owned();
        Ok(Checked { upload, etag, size, content_type, name, visible: Some(visible) })
    }

    /// What an upload shows, of which some bytes are known.
    async fn look(&self, upload: &Upload, etag: &str, mut known: PartialObject) -> Result<Visible, Refused> {
        let (key, size) = (upload.public_id(), known.size());
        let read = async |range: Range<u64>| match self.bucket.read(&key, range, Some(etag)).await {
            Ok(part) => part.ok_or(Refused::For(Reason::Absent)),
            Err(error) => Err(Refused::Failed(error)),
        };
        let (looks, otherwise) = match upload.kind {
            MediaKind::Image => (IMAGE_LOOKS, Reason::NoImage),
            MediaKind::Video | MediaKind::File => (VIDEO_LOOKS, Reason::NoVideo),
        };
        for _ in 0..looks {
            match look(&known) {
                Probe::Is(visible) => return Ok(visible),
                Probe::IsNot => return Err(otherwise.into()),
                Probe::Wants(range) => {
                    let start = range.start;
                    known.add(start, read(range).await?.bytes);
                }
            }
        }
        drop(known);
        if upload.kind == MediaKind::Image {
            let _turn = self.rewriting.acquire().await;
            if let Probe::Is(visible) = look(&PartialObject::whole(read(0..size).await?.bytes)) {
                return Ok(visible);
            }
        }
        Err(otherwise.into())
    }

    /// Copies all uploads to the message's keys, or says why not. When this returns, no copy is under way, unless the time ran out.
    pub async fn promote(
        &self,
        checked: &[Checked],
        conversation: ConversationId,
        set: AssetSet,
    ) -> Result<Vec<Media>, NotPromoted> {
        let copy = async |(checked, asset): (&Checked, AssetId)| {
            (checked.upload.public_id(), self.promote_one(checked, asset, conversation).await)
        };
        let copies = join_all(checked.iter().zip(set.assets()).map(copy));
        all(in_time(COPIED_WITHIN, async { Ok(copies.await) }).await?)
    }

    async fn promote_one(
        &self,
        checked: &Checked,
        asset: AssetId,
        conversation: ConversationId,
    ) -> Result<Media, Refused> {
        let Checked { upload, etag, size, content_type, name, visible } = checked;
        let (from, to) = (upload.public_id(), asset.public_id(conversation));
        let content_disposition = match name {
            Some(name) => Some(name.disposition(upload.kind)),
            None => upload.kind.nameless_disposition(content_type),
        };
        let described = Described { content_type: content_type.clone(), content_disposition };
        let bytes = match visible {
            Some(visible) if visible.tells_location => {
                let _turn = self.rewriting.acquire().await;
                let whole = self.bucket.read(&from, 0..*size, Some(etag)).await?.ok_or(Reason::Absent)?;
                let silent = without_location(content_type, whole.bytes).ok_or(Reason::NoImage)?;
                let bytes = silent.len() as u64;
                self.bucket.put(&to, silent, described).await?;
                bytes
            }
            _ if self.bucket.copy(&from, etag, &to, described).await? => *size,
            _ => return Err(Reason::Absent.into()),
        };
        let (width, height) = visible.as_ref().map(|visible| (visible.width, visible.height)).unzip();
        Ok(Media { asset, kind: upload.kind, width, height, bytes, name: name.clone() })
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
