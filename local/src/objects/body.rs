//! The bytes of one version of an object, and how they are read.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures_util::stream;
use s3s::{S3Error, S3Result, dto::StreamingBlob, s3_error};

use super::blocking::blocking;

/// How many bytes of a file are in memory at once while it is sent.
const CHUNK: u64 = 128 * 1024;

/// The bytes of one version. Cheap to clone.
#[derive(Clone)]
pub(super) enum Body {
    Memory(Bytes),
    File(Arc<BodyFile>),
}

/// The file of one version. A reader holds this value, so a new upload or a deletion doesn't take the file away from it.
/// When the value is dropped, the file is deleted, unless the version is the current one of its key.
pub(super) struct BodyFile {
    path: PathBuf,
    current: AtomicBool,
}

impl BodyFile {
    /// The file of a version that has not become the current one yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, current: AtomicBool::new(false) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for BodyFile {
    fn drop(&mut self) {
        if !*self.current.get_mut() {
            // If this fails, the next start deletes the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Body {
    /// Sets whether this is the current version of its key.
    pub fn set_current(&self, current: bool) {
        if let Self::File(file) = self {
            file.current.store(current, Ordering::Relaxed);
        }
    }

    /// Streams the bytes of `range`, which must be within the object.
    pub async fn read(&self, range: Range<u64>) -> S3Result<StreamingBlob> {
        match self {
            Self::Memory(bytes) => {
                let Some(bytes) = slice(bytes, &range) else { return Err(s3_error!(InvalidRange)) };
                Ok(StreamingBlob::wrap(stream::iter([Ok::<_, io::Error>(bytes)])))
            }
            Self::File(file) => {
                let file = Arc::clone(file);
                let open = move || -> io::Result<_> {
                    let mut file = File::open(file.path())?;
                    file.seek(SeekFrom::Start(range.start))?;
                    Ok((file, range.end - range.start))
                };
                let start = blocking(move || open().map_err(S3Error::internal_error)).await?;
                Ok(StreamingBlob::wrap(stream::try_unfold(start, next_chunk)))
            }
        }
    }
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Option<Bytes> {
    let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
    (start <= end && end <= bytes.len()).then(|| bytes.slice(start..end))
}

/// Reads the next chunk of the `left` bytes of `file`, on a thread where blocking is allowed.
async fn next_chunk((mut file, left): (File, u64)) -> io::Result<Option<(Bytes, (File, u64))>> {
    if left == 0 {
        return Ok(None);
    }
    let read = move || {
        let mut chunk = Vec::new();
        let count = (&mut file).take(CHUNK.min(left)).read_to_end(&mut chunk)? as u64;
        if count == 0 { Err(io::Error::from(io::ErrorKind::UnexpectedEof)) } else { Ok((chunk, file, count)) }
    };
    let (chunk, file, count) = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
    Ok(Some((chunk.into(), (file, left - count))))
}
