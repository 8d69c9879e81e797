//! The bytes of an object while they are uploaded.

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use s3s::{
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Md5},
    dto,
};

use super::body::{Body, BodyFile};

/// Bytes that nobody can read yet. If it is dropped, the bytes are deleted.
pub(super) struct Upload {
    sink: Sink,
    size: u64,
    md5: Md5,
    checksums: ChecksumHasher,
}

enum Sink {
    Memory(Vec<u8>),
    File(File, BodyFile),
}

/// All bytes of an upload, with their length and digests. They become an object when the catalogue puts them.
pub(super) struct Uploaded {
    pub body: Body,
    pub size: u64,
    pub md5: [u8; 16],
    /// In base64, for the algorithms that the upload declares.
    pub checksums: dto::Checksum,
}

impl Upload {
    pub fn in_memory(checksums: ChecksumHasher) -> Self {
        Self::new(Sink::Memory(Vec::new()), checksums)
    }

    pub fn in_file(path: PathBuf, checksums: ChecksumHasher) -> io::Result<Self> {
        let file = File::create_new(&path)?;
        Ok(Self::new(Sink::File(file, BodyFile::new(path)), checksums))
    }

    fn new(sink: Sink, checksums: ChecksumHasher) -> Self {
        Self { sink, size: 0, md5: Md5::new(), checksums }
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.sink {
            Sink::Memory(all) => all.extend_from_slice(bytes),
            Sink::File(file, _) => file.write_all(bytes)?,
        }
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
        self.checksums.update(bytes);
        Ok(())
    }

    pub fn finish(self) -> Uploaded {
        let body = match self.sink {
            Sink::Memory(all) => Body::Memory(all.into()),
            Sink::File(_, file) => Body::File(Arc::new(file)),
        };
        Uploaded { body, size: self.size, md5: self.md5.finalize(), checksums: self.checksums.finalize() }
    }
}
