//! The store's files. `<root>/<bucket>/<hash>.json` is the row of an object, `<hash>.<version>` its bytes; the hash is
//! of bucket and key, so no key is ever a path.
//!
//! The row is what makes the bytes an object: it is written beside and renamed, so a process that is killed leaves
//! either the version before or the one after, and files that no row names, which the next start removes.

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
    catalogue::Bucket,
    object::{Object, Row},
};

pub(super) struct Directory {
    root: PathBuf,
    /// Held for as long as the directory is open; the system lets go of it if the process dies.
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

    /// Reads every row.
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

    /// Where the bytes of a version are.
    pub fn body(&self, address: &Address, version: &str) -> PathBuf {
        self.file(address, version)
    }

    fn row(&self, address: &Address) -> PathBuf {
        self.file(address, "json")
    }

    fn file(&self, address: &Address, extension: &str) -> PathBuf {
        self.root.join(address.bucket()).join(format!("{}.{extension}", hex::encode(address.hash())))
    }

    /// Makes `row` the one of its address, whole or not at all.
    pub fn write_row(&self, row: &Row) -> io::Result<()> {
        let beside = self.file(&row.address, "new");
        fs::write(&beside, serde_json::to_vec_pretty(row)?)?;
        fs::rename(beside, self.row(&row.address))
    }

    pub fn remove_row(&self, address: &Address) -> io::Result<()> {
        fs::remove_file(self.row(address))
    }
}

/// Whether we named it: nothing else is read or removed, whatever directory someone points us at.
fn is_ours(path: &Path) -> bool {
    path.file_stem().and_then(OsStr::to_str).is_some_and(|stem| stem.len() == 64 && hex::decode(stem).is_ok())
}
