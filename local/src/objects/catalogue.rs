//! The list of buckets and objects. All changes of it are made here.

use std::{collections::BTreeMap, fs, io, ops::Bound, path::PathBuf, sync::Arc};

use parking_lot::{Mutex, MutexGuard, RwLock};
use s3s::{S3Error, S3Result, checksum::ChecksumHasher, s3_error};

use super::{
    address::Address,
    body::{Body, BodyFile},
    conditions::WriteCondition,
    cors::Cors,
    directory::Directory,
    object::{Bucket, Object},
    upload::Upload,
};

/// The list of buckets and objects. Calls that write do file I/O: make them where blocking is allowed.
pub(super) struct Catalogue {
    buckets: RwLock<BTreeMap<String, Bucket>>,
    /// A write holds the lock of its key, which is chosen by hash, from reading the current version until the new one has
    /// replaced it. So a condition that was checked still holds when the write takes effect.
    keys: [Mutex<()>; 256],
    pub cors: Cors,
    /// `None`: everything is in memory.
    directory: Option<Directory>,
}

impl Catalogue {
    pub fn open(root: Option<PathBuf>) -> io::Result<Self> {
        let directory = root.map(Directory::open).transpose()?;
        let buckets = directory.as_ref().map_or_else(|| Ok(BTreeMap::new()), Directory::load)?;
        let keys = [const { Mutex::new(()) }; 256];
        Ok(Self { buckets: RwLock::new(buckets), keys, cors: Cors::default(), directory })
    }

    /// Creates a bucket, unless it exists.
    pub fn create_bucket(&self, bucket: &str) -> S3Result<()> {
        if let Some(directory) = &self.directory {
            directory.create_bucket(bucket).map_err(S3Error::internal_error)?;
        }
        self.buckets.write().entry(bucket.to_owned()).or_default();
        Ok(())
    }

    /// Error: `NoSuchBucket`.
    pub fn expect_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.buckets.read().contains_key(bucket) { Ok(()) } else { Err(no_such_bucket()) }
    }

    /// Errors: `NoSuchBucket`, `NoSuchKey`.
    pub fn find(&self, address: &Address) -> S3Result<Arc<Object>> {
        let no_such_key = || s3_error!(NoSuchKey, "The specified key does not exist");
        self.current(address)?.ok_or_else(no_such_key)
    }

    fn current(&self, address: &Address) -> S3Result<Option<Arc<Object>>> {
        let buckets = self.buckets.read();
        Ok(buckets.get(address.bucket()).ok_or_else(no_such_bucket)?.get(address.key()).cloned())
    }

    /// Up to `limit` objects whose keys start with `prefix` and come after `after`, in order.
    pub fn list(&self, bucket: &str, prefix: &str, after: &str, limit: usize) -> S3Result<Vec<Arc<Object>>> {
        let buckets = self.buckets.read();
        let objects = buckets.get(bucket).ok_or_else(no_such_bucket)?;
        let start = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        Ok(objects
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(_, object)| Arc::clone(object))
            .collect())
    }

    /// Begins the upload of a new version.
    pub fn upload(&self, address: &Address, version: &str, checksums: ChecksumHasher) -> io::Result<Upload> {
        match &self.directory {
            None => Ok(Upload::in_memory(checksums)),
            Some(directory) => Upload::in_file(directory.body(address, version), checksums),
        }
    }

    /// Copies the bytes for a version at another address.
    pub fn copy(&self, body: &Body, address: &Address, version: &str) -> io::Result<Body> {
        let (Body::File(from), Some(directory)) = (body, &self.directory) else { return Ok(body.clone()) };
        let to = BodyFile::new(directory.body(address, version));
        fs::copy(from.path(), to.path())?;
        Ok(Body::File(Arc::new(to)))
    }

    /// Makes `object` the current version of its key, if the condition holds.
    pub fn put(&self, object: Object, condition: &WriteCondition) -> S3Result<()> {
        let address = object.row.address.clone();
        let _alone = self.lock(&address);
        let before = self.current(&address)?;
        condition.check(before.as_deref().map(|object| &object.row))?;

        if let Some(directory) = &self.directory {
            directory.write_row(&object.row).map_err(S3Error::internal_error)?;
        }
        object.body.set_current(true);
        if let Some(bucket) = self.buckets.write().get_mut(address.bucket()) {
            bucket.insert(address.key().to_owned(), Arc::new(object));
        }
        if let Some(before) = before {
            before.body.set_current(false);
        }
        Ok(())
    }

    /// Deletes the current version of a key, if the condition holds. As in S3, it is no error if there is none.
    pub fn remove(&self, address: &Address, condition: &WriteCondition) -> S3Result<()> {
        let _alone = self.lock(address);
        let current = self.current(address)?;
        condition.check(current.as_deref().map(|object| &object.row))?;
        let Some(current) = current else { return Ok(()) };

        if let Some(directory) = &self.directory {
            directory.remove_row(address).map_err(S3Error::internal_error)?;
        }
        current.body.set_current(false);
        if let Some(bucket) = self.buckets.write().get_mut(address.bucket()) {
            bucket.remove(address.key());
        }
        Ok(())
    }

    fn lock(&self, address: &Address) -> MutexGuard<'_, ()> {
        self.keys[usize::from(address.hash()[0])].lock()
    }
}

fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}
