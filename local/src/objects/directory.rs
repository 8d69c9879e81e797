//! The files of the S3. `<root>/<bucket>/<hash>.json` is the row of an object, and `<hash>.<version>` has its bytes. The
//! hash is of bucket and key, so no key is part of a path.
//!
//! Bytes become an object when their row is written. The row is written to a temporary file, which is then renamed. So a
//! process that is killed leaves the old version or the new one, and files without a row. The next start deletes these.

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsStr,
    fs::{self, DirEntry, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use s3s::path::check_bucket_name;

use super::{
    address::Address,
    body::{Body, BodyFile},
    object::{Bucket, Object, Row},
};

pub(super) struct Directory {
    root: PathBuf,
    /// Held while the directory is open. The operating system releases it if the process dies.
    _lock: File,
}

impl Directory {
    pub fn open(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        let lock = File::create(root.join(".lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let message = format!("{} is in use by another process", root.display());
                Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Reads all rows.
    pub fn load(&self) -> io::Result<BTreeMap<String, Bucket>> {
        let mut buckets = BTreeMap::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if let Some(bucket) = entry.file_name().to_str().filter(|name| check_bucket_name(name))
                && entry.file_type()?.is_dir()
            {
                buckets.insert(bucket.to_owned(), self.load_bucket(&entry)?);
            }
        }
        Ok(buckets)
    }

    fn load_bucket(&self, bucket: &DirEntry) -> io::Result<Bucket> {
        let files: Vec<_> = fs::read_dir(bucket.path())?
            .map(|entry| Ok(entry?.path()))
            .filter(|path: &io::Result<PathBuf>| path.as_ref().map_or(true, |path| is_ours(path)))
            .collect::<io::Result<_>>()?;
        let mut objects = Bucket::new();
        let mut named = HashSet::new();
        for path in files.iter().filter(|path| path.extension() == Some(OsStr::new("json"))) {
            let object = self.load_object(path).map_err(|error| {
                let message = format!("{} is damaged, remove it to go on without that object: {error}", path.display());
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?;
            named.extend([path.clone(), self.body(&object.row.address, &object.row.version)]);
            object.body.set_current(true);
            objects.insert(object.row.address.key().to_owned(), Arc::new(object));
        }
        for path in files.iter().filter(|path| !named.contains(*path)) {
            fs::remove_file(path)?;
        }
        Ok(objects)
    }

    fn load_object(&self, path: &Path) -> io::Result<Object> {
        let row: Row = serde_json::from_slice(&fs::read(path)?)?;
        let body = self.body(&row.address, &row.version);
        if fs::metadata(&body)?.len() != row.size || path != self.row(&row.address) {
            return Err(io::Error::other("it doesn't fit its bytes"));
        }
        let file = BodyFile::new(body);
        Ok(Object { row, body: Body::File(Arc::new(file)) })
    }

    pub fn create_bucket(&self, bucket: &str) -> io::Result<()> {
        fs::create_dir_all(self.root.join(bucket))
    }

    /// The file with the bytes of a version.
    pub fn body(&self, address: &Address, version: &str) -> PathBuf {
        self.file(address, version)
    }

    fn row(&self, address: &Address) -> PathBuf {
        self.file(address, "json")
    }

    fn file(&self, address: &Address, extension: &str) -> PathBuf {
        self.root.join(address.bucket()).join(format!("{}.{extension}", hex::encode(address.hash())))
    }

    /// Replaces the row of an address as a whole.
    pub fn write_row(&self, row: &Row) -> io::Result<()> {
        let beside = self.file(&row.address, "new");
        fs::write(&beside, serde_json::to_vec_pretty(row)?)?;
        fs::rename(beside, self.row(&row.address))
    }

    pub fn remove_row(&self, address: &Address) -> io::Result<()> {
        fs::remove_file(self.row(address))
    }
}

/// Whether this module has named the file. Other files are never read or deleted, whatever directory is configured.
fn is_ours(path: &Path) -> bool {
    path.file_stem().and_then(OsStr::to_str).is_some_and(|stem| stem.len() == 64 && hex::decode(stem).is_ok())
}
