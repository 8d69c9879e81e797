//! Which buckets and objects there are, and the one place where that changes.

use std::{
    collections::BTreeMap,
    fs, io,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use s3s::{S3Error, S3Result, checksum::ChecksumHasher, s3_error};

use super::{
    Keep,
    address::Address,
    body::{Body, BodyFile},
    conditions::MayReplace,
    cors::Cors,
    directory::Directory,
    draft::Draft,
    object::Object,
};

/// The current objects of a bucket by key, in the order that S3 lists them: by their bytes.
pub(super) type Bucket = BTreeMap<String, Arc<Object>>;

/// Calls that write touch files: call them where blocking is allowed.
pub(super) struct Catalogue {
    buckets: RwLock<BTreeMap<String, Bucket>>,
    /// A key belongs to one of these by its hash; whoever changes a key holds it, from looking at the current version
    /// until the new one is there. So a condition on the current version holds when the write takes effect.
    keys: [Mutex<()>; 256],
    pub cors: Cors,
    /// None if everything is in memory.
    directory: Option<Directory>,
}

impl Catalogue {
    pub fn open(keep: Keep) -> io::Result<Self> {
        let directory = match keep {
            Keep::Memory => None,
            Keep::Directory(root) => Some(Directory::open(root)?),
        };
        let buckets = directory.as_ref().map_or_else(|| Ok(BTreeMap::new()), Directory::load)?;
        let keys = [const { Mutex::new(()) }; 256];
        Ok(Self { buckets: RwLock::new(buckets), keys, cors: Cors::default(), directory })
    }

    /// Makes a bucket; one that is there already is left as it is.
    pub fn create_bucket(&self, bucket: &str) -> S3Result<()> {
        if let Some(directory) = &self.directory {
            directory.create_bucket(bucket).map_err(S3Error::internal_error)?;
        }
        self.change().entry(bucket.to_owned()).or_default();
        Ok(())
    }

    /// Error: `NoSuchBucket`.
    pub fn expect_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.look().contains_key(bucket) { Ok(()) } else { Err(no_such_bucket()) }
    }

    /// Errors: `NoSuchBucket`, `NoSuchKey`.
    pub fn find(&self, address: &Address) -> S3Result<Arc<Object>> {
        let no_such_key = || s3_error!(NoSuchKey, "The specified key does not exist");
        self.current(address)?.ok_or_else(no_such_key)
    }

    fn current(&self, address: &Address) -> S3Result<Option<Arc<Object>>> {
        let buckets = self.look();
        Ok(buckets.get(address.bucket()).ok_or_else(no_such_bucket)?.get(address.key()).cloned())
    }

    /// Up to `limit` objects whose keys start with `prefix` and come after `after`, in order.
    pub fn list(&self, bucket: &str, prefix: &str, after: &str, limit: usize) -> S3Result<Vec<Arc<Object>>> {
        let buckets = self.look();
        let objects = buckets.get(bucket).ok_or_else(no_such_bucket)?;
        let start = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        Ok(objects
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(_, object)| Arc::clone(object))
            .collect())
    }

    /// A place for the bytes of a version that is about to come.
    pub fn draft(&self, address: &Address, version: &str, checksums: ChecksumHasher) -> io::Result<Draft> {
        match &self.directory {
            None => Ok(Draft::in_memory(checksums)),
            Some(directory) => Draft::in_file(directory.body(address, version), checksums),
        }
    }

    /// The same bytes for a version elsewhere.
    pub fn copy(&self, body: &Body, address: &Address, version: &str) -> io::Result<Body> {
        let (Body::File(from), Some(directory)) = (body, &self.directory) else { return Ok(body.clone()) };
        let to = BodyFile::new(directory.body(address, version));
        fs::copy(from.path(), to.path())?;
        Ok(Body::File(Arc::new(to)))
    }

    /// Makes `object` the current version of its key, if it may replace the one before.
    pub fn put(&self, object: Object, may_replace: &MayReplace) -> S3Result<()> {
        let address = object.row.address.clone();
        let _alone = self.lock(&address);
        let before = self.current(&address)?;
        may_replace.check(before.as_deref().map(|object| &object.row))?;

        if let Some(directory) = &self.directory {
            directory.write_row(&object.row).map_err(S3Error::internal_error)?;
        }
        object.body.set_current(true);
        if let Some(bucket) = self.change().get_mut(address.bucket()) {
            bucket.insert(address.key().to_owned(), Arc::new(object));
        }
        if let Some(before) = before {
            before.body.set_current(false);
        }
        Ok(())
    }

    /// Removes the current version of a key, if it may. That there is none is no error, as in S3.
    pub fn remove(&self, address: &Address, may_remove: &MayReplace) -> S3Result<()> {
        let _alone = self.lock(address);
        let current = self.current(address)?;
        may_remove.check(current.as_deref().map(|object| &object.row))?;
        let Some(current) = current else { return Ok(()) };

        if let Some(directory) = &self.directory {
            directory.remove_row(address).map_err(S3Error::internal_error)?;
        }
        current.body.set_current(false);
        if let Some(bucket) = self.change().get_mut(address.bucket()) {
            bucket.remove(address.key());
        }
        Ok(())
    }

    // No invariant spans a panic in any of these, so a poisoned lock is as good as another.

    fn lock(&self, address: &Address) -> MutexGuard<'_, ()> {
        self.keys[usize::from(address.hash()[0])].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) -> RwLockReadGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}
