//! An object's bytes on their way in.

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

/// Bytes that no one can read yet. Dropped, it leaves nothing.
pub(super) struct Draft {
    sink: Sink,
    size: u64,
    md5: Md5,
    checksums: ChecksumHasher,
}

enum Sink {
    Memory(Vec<u8>),
    File(File, BodyFile),
}

/// All the bytes, and what they came to. They are an object only once the catalogue has them.
pub(super) struct Written {
    pub body: Body,
    pub size: u64,
    pub md5: [u8; 16],
    /// In base64, of the algorithms that were asked for.
    pub checksums: dto::Checksum,
}

impl Draft {
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

    pub fn finish(self) -> Written {
        let body = match self.sink {
            Sink::Memory(all) => Body::Memory(all.into()),
            Sink::File(_, file) => Body::File(Arc::new(file)),
        };
        Written { body, size: self.size, md5: self.md5.finalize(), checksums: self.checksums.finalize() }
    }
}
