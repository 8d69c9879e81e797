//! PNG as uploaded (W3C, "Portable Network Graphics", third edition): chunks of metadata may stand before the pixels and
//! behind them.

use bytes::{BufMut, Bytes, BytesMut};
use flate2::Crc;

use super::{
    LARGEST_METADATA, TAIL,
    metadata::{Findings, exif_with},
    partial_object::{Found, PartialObject, Stop::IsNot},
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
    fn at(object: &PartialObject, start: u64) -> Found<Self> {
        let [a, b, c, d, kind @ ..]: [u8; 8] = object.array(start)?;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        let end = start + AROUND_DATA + length;
        if end > object.size() || !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(IsNot);
        }
        Ok(Self { kind, start, length, end })
    }

    /// The first chunk, which can be no other.
    fn header(object: &PartialObject) -> Found<Self> {
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

    fn record(&self, object: &PartialObject, findings: &mut Findings) -> Found<()> {
        if !Self::is_metadata(self.kind) {
            return Ok(());
        }
        if self.length > LARGEST_METADATA {
            findings.location = true;
            return Ok(());
        }
        let data = object.bytes(self.start + 8, self.length)?;
        match &self.kind {
            b"eXIf" => findings.exif(&data),
            b"tEXt" | b"iTXt" | b"caBX" if !is_encoded(&self.kind, &data) => findings.text(&data),
            _ => findings.location = true,
        }
        Ok(())
    }
}

/// Text that does not show what it says: in hexadecimal digits, or compressed.
fn is_encoded(kind: &[u8; 4], data: &[u8]) -> bool {
    let is_compressed = || data.iter().position(|byte| *byte == 0).and_then(|end| data.get(end + 1)) == Some(&1);
    data.starts_with(b"Raw profile type") || kind == b"iTXt" && is_compressed()
}

pub(super) fn findings(object: &PartialObject) -> Found<Findings> {
    let mut findings = Findings::default();
    let mut at = Chunk::header(object)?.end;
    loop {
        let chunk = Chunk::at(object, at)?;
        match &chunk.kind {
            b"IDAT" => break,
            b"IEND" => return Err(IsNot),
            _ => chunk.record(object, &mut findings)?,
        }
        at = chunk.end;
    }
    record_tail(object, at, &mut findings)?;
    Ok(findings)
}

/// Takes note of what stands behind the pixels, which begin at `pixels`. There may be thousands of chunks of them: the end is
/// searched for what looks like metadata, has a length that fits, and another chunk behind it. Pixels that do are rare, and
/// cost a rewrite.
fn record_tail(object: &PartialObject, pixels: u64, findings: &mut Findings) -> Found<()> {
    let start = pixels.max(object.size().saturating_sub(TAIL));
    let tail = object.bytes(start, object.size() - start)?;
    // A trailer.
    findings.location |= !tail.ends_with(END);
    let mut at = 0;
    while let Some([_, _, _, _, kind @ ..]) = tail.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        at += 1;
        if !Chunk::is_metadata(*kind) {
            continue;
        }
        // All that is read here is in the tail.
        let Ok(chunk) = Chunk::at(object, start + at as u64 - 1) else { continue };
        if chunk.end == object.size() || Chunk::at(object, chunk.end).is_ok() {
            chunk.record(object, findings)?;
            at = (chunk.end - start) as usize;
        }
    }
    Ok(())
}

pub(super) fn without_metadata(object: &PartialObject, orientation: u16) -> Found<Bytes> {
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
