//! WebP (RFC 9649): RIFF chunks. The first one says whether there is metadata, which stands at the end.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    LARGEST_METADATA,
    metadata::{Findings, exif_with},
    partial_object::{Found, PartialObject, Stop::IsNot},
};

/// `RIFF`, the length of all that follows, `WEBP`.
const HEADER: u64 = 12;

/// Flags of the extended format (RFC 9649, 2.7.1).
const ANIMATION: u8 = 0b0000_0010;
const XMP: u8 = 0b0000_0100;
const EXIF: u8 = 0b0000_1000;

struct Chunk {
    kind: [u8; 4],
    start: u64,
    length: u64,
    /// Behind the byte that fills up an odd length.
    end: u64,
}

impl Chunk {
    fn at(object: &PartialObject, start: u64) -> Found<Self> {
        let [a, b, c, d, length @ ..]: [u8; 8] = object.array(start)?;
        let length = u64::from(u32::from_le_bytes(length));
        if start + 8 + length > object.size() {
            return Err(IsNot);
        }
        Ok(Self { kind: [a, b, c, d], start, length, end: start + 8 + length.next_multiple_of(2) })
    }

    fn data(&self, object: &PartialObject) -> Found<Bytes> {
        object.bytes(self.start + 8, self.length)
    }

    /// The flags, if this is the first chunk of the extended format.
    fn flags(&self, object: &PartialObject) -> Found<Option<u8>> {
        match &self.kind {
            b"VP8X" if self.length >= 10 => Ok(Some(u8::from_le_bytes(object.array(self.start + 8)?))),
            // Long enough for the size.
            b"VP8 " if self.length >= 10 => Ok(None),
            b"VP8L" if self.length >= 5 => Ok(None),
            _ => Err(IsNot),
        }
    }
}

/// Where the last chunk ends, by the header.
fn end(object: &PartialObject) -> Found<u64> {
    Ok((8 + u64::from(u32::from_le_bytes(object.array(4)?))).min(object.size()))
}

pub(super) fn findings(object: &PartialObject) -> Found<Findings> {
    let mut findings = Findings::default();
    let end = end(object)?;
    let first = Chunk::at(object, HEADER)?;
    let flags = first.flags(object)?;
    // Nothing may stand behind the simple formats, and behind the last chunk.
    findings.location = object.size() > if flags.is_none() { first.end } else { end.next_multiple_of(2) };
    let metadata = flags.unwrap_or_default() & (EXIF | XMP);
    if metadata == 0 {
        return Ok(findings);
    }
    if flags.is_some_and(|flags| flags & ANIMATION != 0) {
        // Its frames are not walked, of which there may be many. An animation is not turned.
        findings.location = true;
        return Ok(findings);
    }
    let mut at = first.end;
    while at + 8 <= end {
        let chunk = Chunk::at(object, at)?;
        match &chunk.kind {
            b"EXIF" | b"XMP " if chunk.length > LARGEST_METADATA => findings.location = true,
            b"EXIF" => findings.exif(&chunk.data(object)?),
            b"XMP " => findings.text(&chunk.data(object)?),
            _ => {}
        }
        at = chunk.end;
    }
    Ok(findings)
}

pub(super) fn without_metadata(object: &PartialObject, orientation: u16) -> Found<Bytes> {
    let first = Chunk::at(object, HEADER)?;
    let flags = first.flags(object)?;
    let mut file = BytesMut::with_capacity(object.size() as usize + 64);
    file.put(&b"RIFF\0\0\0\0WEBP"[..]);
    let Some(flags) = flags else {
        put_chunk(&mut file, &first.kind, &first.data(object)?);
        return Ok(finished(file));
    };
    let mut extended = first.data(object)?.to_vec();
    let has_orientation = orientation != 1;
    extended[0] = flags & !(EXIF | XMP) | if has_orientation { EXIF } else { 0 };
    put_chunk(&mut file, b"VP8X", &extended);
    let mut at = first.end;
    let end = end(object)?;
    while at + 8 <= end {
        let chunk = Chunk::at(object, at)?;
        if matches!(&chunk.kind, b"ICCP" | b"ANIM" | b"ANMF" | b"ALPH" | b"VP8 " | b"VP8L") {
            put_chunk(&mut file, &chunk.kind, &chunk.data(object)?);
        }
        at = chunk.end;
    }
    if has_orientation {
        put_chunk(&mut file, b"EXIF", &exif_with(orientation));
    }
    Ok(finished(file))
}

fn put_chunk(file: &mut BytesMut, kind: &[u8; 4], data: &[u8]) {
    file.put(&kind[..]);
    file.put_u32_le(data.len() as u32);
    file.put(data);
    if data.len() % 2 == 1 {
        file.put_u8(0);
    }
}

/// The file with its length in the header.
fn finished(mut file: BytesMut) -> Bytes {
    let length = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&length.to_le_bytes());
    file.freeze()
}
