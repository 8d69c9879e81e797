//! PNG as uploaded (W3C, "Portable Network Graphics", third edition): chunks of metadata may stand before the pixels and
//! behind them.

use bytes::{BufMut, Bytes, BytesMut};
use flate2::Crc;

use super::{
    LARGEST_METADATA, TAIL,
    metadata::{Told, exif_with},
    sparse::{Found, Sparse, Stop::IsNot},
};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";

/// Length and kind before the data, a checksum behind it.
const AROUND_DATA: u64 = 12;

struct Chunk {
    kind: [u8; 4],
    start: u64,
    length: u64,
    end: u64,
}

impl Chunk {
    fn at(object: &Sparse, start: u64) -> Found<Self> {
        let [a, b, c, d, kind @ ..]: [u8; 8] = object.array(start)?;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        let end = start + AROUND_DATA + length;
        if end > object.size() || !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(IsNot);
        }
        Ok(Self { kind, start, length, end })
    }

    /// The first chunk, which can be no other.
    fn header(object: &Sparse) -> Found<Self> {
        if object.array(0)? != SIGNATURE {
            return Err(IsNot);
        }
        Self::at(object, SIGNATURE.len() as u64)
            .and_then(|header| if &header.kind == b"IHDR" && header.length == 13 { Ok(header) } else { Err(IsNot) })
    }

    /// All text is: tools put EXIF, XMP and IPTC there, under many names.
    fn is_metadata(kind: [u8; 4]) -> bool {
        matches!(&kind, b"eXIf" | b"zxIf" | b"tEXt" | b"zTXt" | b"iTXt" | b"caBX")
    }

    fn tell(&self, object: &Sparse, told: &mut Told) -> Found<()> {
        if !Self::is_metadata(self.kind) {
            return Ok(());
        }
        if self.length > LARGEST_METADATA {
            told.location = true;
            return Ok(());
        }
        let data = object.bytes(self.start + 8, self.length)?;
        match &self.kind {
            b"eXIf" => told.exif(&data),
            b"tEXt" | b"iTXt" | b"caBX" if !is_encoded(&self.kind, &data) => told.text(&data),
            _ => told.location = true,
        }
        Ok(())
    }
}

/// Text that does not show what it says: in hexadecimal digits, or compressed.
fn is_encoded(kind: &[u8; 4], data: &[u8]) -> bool {
    let is_compressed = || data.iter().position(|byte| *byte == 0).and_then(|end| data.get(end + 1)) == Some(&1);
    data.starts_with(b"Raw profile type") || kind == b"iTXt" && is_compressed()
}

pub(super) fn told(object: &Sparse) -> Found<Told> {
    let mut told = Told::default();
    let mut at = Chunk::header(object)?.end;
    loop {
        let chunk = Chunk::at(object, at)?;
        match &chunk.kind {
            b"IDAT" => break,
            b"IEND" => return Err(IsNot),
            _ => chunk.tell(object, &mut told)?,
        }
        at = chunk.end;
    }
    tell_tail(object, at, &mut told)?;
    Ok(told)
}

/// Takes note of what stands behind the pixels, which begin at `pixels`. There may be thousands of chunks of them: the end is
/// searched for what looks like metadata, has a length that fits, and another chunk behind it. Pixels that do are rare, and
/// cost a rewrite.
fn tell_tail(object: &Sparse, pixels: u64, told: &mut Told) -> Found<()> {
    let start = pixels.max(object.size().saturating_sub(TAIL));
    let tail = object.bytes(start, object.size() - start)?;
    // A trailer.
    told.location |= !tail.ends_with(END);
    let mut at = 0;
    while let Some([_, _, _, _, kind @ ..]) = tail.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        at += 1;
        if !Chunk::is_metadata(*kind) {
            continue;
        }
        // All that is read here is in the tail.
        let Ok(chunk) = Chunk::at(object, start + at as u64 - 1) else { continue };
        if chunk.end == object.size() || Chunk::at(object, chunk.end).is_ok() {
            chunk.tell(object, told)?;
            at = (chunk.end - start) as usize;
        }
    }
    Ok(())
}

pub(super) fn without_metadata(object: &Sparse, orientation: u16) -> Found<Bytes> {
    let header = Chunk::header(object)?;
    let mut file = BytesMut::with_capacity(object.size() as usize);
    file.put(object.bytes(0, header.end)?);
    if orientation != 1 {
        put_chunk(&mut file, b"eXIf", &exif_with(orientation));
    }
    let mut at = header.end;
    loop {
        let chunk = Chunk::at(object, at)?;
        if &chunk.kind == b"IEND" {
            file.put(END);
            return Ok(file.freeze());
        }
        if !Chunk::is_metadata(chunk.kind) {
            file.put(object.bytes(chunk.start, chunk.end - chunk.start)?);
        }
        at = chunk.end;
    }
}

fn put_chunk(file: &mut BytesMut, kind: &[u8; 4], data: &[u8]) {
    let mut checksum = Crc::new();
    checksum.update(kind);
    checksum.update(data);
    file.put_u32(data.len() as u32);
    file.put(&kind[..]);
    file.put(data);
    file.put_u32(checksum.sum());
}
