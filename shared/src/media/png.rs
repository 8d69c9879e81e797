//! PNG as uploaded (W3C, "Portable Network Graphics", third edition): chunks of metadata may stand before the pixels and
//! behind them. One that breaks off within its pixels is shown as far as it goes.

use std::ops::RangeInclusive;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::Crc;

use super::{
    Image, LARGEST_METADATA, SEARCHED,
    exif::{self, Display},
    partial_object::{Found, PartialObject, Stop::IsNot},
};

pub const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
pub const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";

/// Length and kind before the data, a checksum behind it.
const AROUND_DATA: u64 = 12;

/// Chunks that a large file may have from its pixels on. In one that has more, metadata are not looked for.
const MOST_CHUNKS_SEARCHED: u32 = 4;

#[derive(Clone, Copy)]
struct Chunk {
    kind: [u8; 4],
    start: u64,
    length: u64,
    /// May be behind the file's end.
    end: u64,
}

impl Chunk {
    fn at(object: &PartialObject, start: u64) -> Found<Self> {
        let [a, b, c, d, kind @ ..]: [u8; 8] = object.array(start)?;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        if length > i32::MAX as u64 {
            Err(IsNot)
        } else {
            Ok(Self { kind, start, length, end: start + AROUND_DATA + length })
        }
    }

    fn is_pixels(self) -> bool {
        matches!(&self.kind, b"IDAT" | b"fdAT")
    }

    fn changes_pixels(self) -> bool {
        self.is_pixels() || length_of(&self.kind).is_some_and(|length| length.contains(&self.length))
    }

    /// A capital first letter: no decoder may pass over the chunk.
    fn is_critical(self) -> bool {
        self.kind[0].is_ascii_uppercase()
    }

    /// The data, if the checksum fits.
    fn checked(self, object: &PartialObject) -> Found<Option<Bytes>> {
        let bytes = object.bytes(self.start + 4, self.length + 8)?;
        let (checked, checksum) = bytes.split_at(bytes.len() - 4);
        let fits = crc(checked).to_be_bytes() == checksum;
        Ok(fits.then(|| bytes.slice(4..bytes.len() - 4)))
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The lengths that a chunk can have which changes how pixels look: palette and transparency, colours, significant bits, background,
/// the size of a pixel, frames of an animation. Every other chunk may hold anything. `None` also for the pixels themselves.
pub fn length_of(kind: &[u8; 4]) -> Option<RangeInclusive<u64>> {
    Some(match kind {
        b"PLTE" => 1..=768,
        b"tRNS" => 1..=256,
        b"gAMA" | b"cICP" => 4..=4,
        b"cHRM" => 32..=32,
        b"sRGB" => 1..=1,
        // A name, how it is compressed, and a profile.
        b"iCCP" => 3..=LARGEST_METADATA,
        b"mDCV" | b"mDCv" => 24..=24,
        b"cLLI" | b"cLLi" | b"acTL" => 8..=8,
        b"sBIT" => 1..=4,
        b"bKGD" => 1..=6,
        b"hIST" => 2..=512,
        b"pHYs" => 9..=9,
        b"fcTL" => 26..=26,
        _ => return None,
    })
}

pub(super) fn is_one(start: &[u8]) -> bool {
    start.starts_with(SIGNATURE)
}

/// The end of the first chunk, which can be no other; width, height, and the type of its colours.
fn header(object: &PartialObject) -> Found<(u64, (u32, u32), u8)> {
    let chunk = Chunk::at(object, SIGNATURE.len() as u64)?;
    if &chunk.kind != b"IHDR" || chunk.length != 13 {
        return Err(IsNot);
    }
    let data = chunk.checked(object)?.ok_or(IsNot)?;
    let [a, b, c, d, e, f, g, h, depth, colours, 0, 0, 0 | 1] = *data else { return Err(IsNot) };
    let has_such_depth = match colours {
        0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
        3 => matches!(depth, 1 | 2 | 4 | 8),
        2 | 4 | 6 => matches!(depth, 8 | 16),
        _ => false,
    };
    let size = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    if has_such_depth { Ok((chunk.end, size, colours)) } else { Err(IsNot) }
}

const INDEXED: u8 = 3;

pub(super) fn look(object: &PartialObject) -> Found<Image> {
    let (mut at, size, colours) = header(object)?;
    let (mut display, mut has_palette, mut may_tell) = (None, false, false);
    let pixels = loop {
        let chunk = Chunk::at(object, at)?;
        match &chunk.kind {
            b"IDAT" => break chunk,
            b"PLTE" if !has_palette && (1..=768).contains(&chunk.length) => has_palette = true,
            // Among them those without which there is no image, at a wrong place.
            _ if chunk.is_critical() => return Err(IsNot),
            b"eXIf" if display.is_none() => {
                // Browsers take the first one, if it is whole.
                let is_small = chunk.length <= LARGEST_METADATA;
                let data = if is_small { chunk.checked(object)? } else { None };
                may_tell |= !data.as_ref().is_some_and(|data| exif::is_harmless(data));
                display = Some(data.map(|data| Display::of(&data)).unwrap_or_default());
            }
            _ => may_tell |= !chunk.changes_pixels(),
        }
        at = chunk.end;
    };
    if colours == INDEXED && !has_palette || !begins_pixels(object, pixels)? {
        return Err(IsNot);
    }
    may_tell |= tells_behind(object, pixels.start)?;
    let display = display.unwrap_or_default().fitting(size);
    // Chromium turns a PNG by its EXIF, but does not scale it.
    Ok(Image { size: display.turned(size), may_tell, display })
}

/// Whether compressed data begin in this chunk, or in the next one that is not empty (RFC 1950, 2.2).
fn begins_pixels(object: &PartialObject, mut chunk: Chunk) -> Found<bool> {
    while chunk.length == 0 {
        chunk = Chunk::at(object, chunk.end)?;
        if &chunk.kind != b"IDAT" {
            return Ok(false);
        }
    }
    if chunk.length == 1 {
        return Ok(true);
    }
    let [method, flags]: [u8; 2] = object.array(chunk.start + 8)?;
    let is_deflate = method & 0x0f == 8 && method >> 4 <= 7 && flags & 0x20 == 0;
    Ok(is_deflate && u16::from_be_bytes([method, flags]) % 31 == 0)
}

/// Whether something besides pixels may stand from the first chunk of pixels on.
fn tells_behind(object: &PartialObject, mut at: u64) -> Found<bool> {
    let is_large = object.size() > SEARCHED;
    for chunks in 0.. {
        if is_large && chunks == MOST_CHUNKS_SEARCHED {
            break;
        }
        let chunk = match Chunk::at(object, at) {
            Ok(chunk) => chunk,
            // It breaks off. Bytes too few for another chunk may be anything.
            Err(IsNot) => return Ok(at < object.size()),
            Err(wants) => return Err(wants),
        };
        at = chunk.end;
        match &chunk.kind {
            b"IEND" => return Ok(chunk.length > 0 || at != object.size()),
            _ if at > object.size() => return Ok(!chunk.is_pixels()),
            _ if chunk.changes_pixels() => {}
            _ => break,
        }
    }
    Ok(true)
}

pub(super) fn without_metadata(file: &Bytes, display: Display) -> Found<Bytes> {
    let object = PartialObject::whole(file.clone());
    let (mut at, ..) = header(&object)?;
    let mut clean = BytesMut::with_capacity(file.len() + 256);
    clean.put(&file[..at as usize]);
    if let Some(exif) = display.exif() {
        put_chunk(&mut clean, b"eXIf", &exif);
    }
    // What breaks off goes on breaking off: an end behind too few pixels would be taken for damage.
    while let Ok(chunk) = Chunk::at(&object, at) {
        if &chunk.kind == b"IEND" {
            clean.put(END);
            break;
        }
        if chunk.changes_pixels() && (chunk.end <= object.size() || chunk.is_pixels()) {
            clean.put(&file[at as usize..chunk.end.min(object.size()) as usize]);
        }
        at = chunk.end;
    }
    Ok(clean.freeze())
}

pub fn put_chunk(file: &mut impl BufMut, kind: &[u8; 4], data: &[u8]) {
    let mut checksum = Crc::new();
    checksum.update(kind);
    checksum.update(data);
    file.put_u32(data.len() as u32);
    file.put(&kind[..]);
    file.put(data);
    file.put_u32(checksum.sum());
}
