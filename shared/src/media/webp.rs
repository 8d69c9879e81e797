//! WebP (RFC 9649): RIFF chunks. Metadata may be wherever a chunk can be, whether the header tells of them or not. Browsers turn no
//! WebP by its EXIF, and show none that breaks off.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Image, SEARCHED,
    exif::Display,
    partial_object::{Found, PartialObject, Stop::IsNot},
};

/// `RIFF`, the length of all that follows, `WEBP`.
const HEADER: u64 = 12;

/// More than the format can hold (RFC 9649, 2.4).
const LONGEST: u32 = u32::MAX - 9;

/// Flags of the extended format (RFC 9649, 2.7.1): of all others, what they tell of is kept.
const ANIMATION: u8 = 0b0000_0010;
const XMP: u8 = 0b0000_0100;
const EXIF: u8 = 0b0000_1000;

/// Bytes of the header of the extended format, and of that of a frame of an animation, before its chunks.
const EXTENDED: u64 = 10;
const FRAME: u64 = 16;

/// Chunks that a large file may have in which metadata are looked for.
const MOST_CHUNKS_SEARCHED: u32 = 4;

struct Chunk {
    kind: [u8; 4],
    start: u64,
    length: u64,
    /// Behind the byte that fills up an odd length.
    end: u64,
}

impl Chunk {
    /// The chunk at `start` within a parent that ends at `end`.
    fn at(object: &PartialObject, start: u64, end: u64) -> Found<Self> {
        let [a, b, c, d, length @ ..]: [u8; 8] = object.array(start)?;
        let length = u64::from(u32::from_le_bytes(length));
        if start + 8 + length > end.min(object.size()) {
            return Err(IsNot);
        }
        Ok(Self { kind: [a, b, c, d], start, length, end: start + 8 + length.next_multiple_of(2) })
    }

    fn data(&self, object: &PartialObject) -> Found<Bytes> {
        object.bytes(self.start + 8, self.length)
    }

    /// Whether it is kept behind the header of the extended format.
    fn is_needed(&self) -> bool {
        matches!(&self.kind, b"ICCP" | b"ANIM" | b"ANMF") || self.is_of_a_picture()
    }

    fn is_of_a_picture(&self) -> bool {
        matches!(&self.kind, b"ALPH" | b"VP8 " | b"VP8L")
    }

    /// Width and height, if this is a picture. The two bits above each in a lossy one are for scaling, which browsers don't do.
    fn picture(&self, object: &PartialObject) -> Found<Option<(u32, u32)>> {
        match &self.kind {
            // A key frame that is shown (RFC 6386, 9.1), with its first partition.
            b"VP8 " if self.length >= 10 => {
                let [a, b, c, 0x9d, 0x01, 0x2a, width @ .., e, f]: [u8; 10] = object.array(self.start + 8)? else {
                    return Err(IsNot);
                };
                let tag = u32::from_le_bytes([a, b, c, 0]);
                let has_partition = u64::from(tag >> 5) <= self.length - 10;
                let side = |bytes: [u8; 2]| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
                let is_shown = tag & 1 == 0 && tag & 0x10 != 0;
                if is_shown && has_partition { Ok(Some((side(width), side([e, f])))) } else { Err(IsNot) }
            }
            b"VP8L" if self.length > 5 => {
                let [0x2f, bits @ ..]: [u8; 5] = object.array(self.start + 8)? else { return Err(IsNot) };
                let bits = u32::from_le_bytes(bits);
                let side = |bits: u32| (bits & 0x3fff) + 1;
                if bits >> 29 == 0 { Ok(Some((side(bits), side(bits >> 14)))) } else { Err(IsNot) }
            }
            b"VP8 " | b"VP8L" => Err(IsNot),
            _ => Ok(None),
        }
    }
}

pub(super) fn is_one(start: &[u8]) -> bool {
    start.starts_with(b"RIFF") && start.get(8..).is_some_and(|rest| rest.starts_with(b"WEBP"))
}

fn u24(object: &PartialObject, at: u64) -> Found<u32> {
    let [a, b, c] = object.array(at)?;
    Ok(u32::from_le_bytes([a, b, c, 0]))
}

/// Where the last chunk ends, by the header. A length from which no file of this format could come is refused, as browsers do.
fn end(object: &PartialObject) -> Found<u64> {
    match u32::from_le_bytes(object.array(4)?) {
        LONGEST..=u32::MAX => Err(IsNot),
        length => Ok(8 + u64::from(length)),
    }
}

pub(super) fn look(object: &PartialObject) -> Found<Image> {
    let end = end(object)?;
    let first = Chunk::at(object, HEADER, end)?;
    if &first.kind == b"VP8X" {
        return extended(object, &first, end);
    }
    let size = first.picture(object)?.ok_or(IsNot)?;
    // Nothing may stand behind the picture.
    let may_tell = object.size() > first.end || end != first.end;
    Ok(Image { size, may_tell, display: Display::default() })
}

fn extended(object: &PartialObject, first: &Chunk, end: u64) -> Found<Image> {
    if first.length != EXTENDED {
        return Err(IsNot);
    }
    let [flags] = object.array(first.start + 8)?;
    let canvas = (u24(object, first.start + 12)? + 1, u24(object, first.start + 15)? + 1);
    let is_animation = flags & ANIMATION != 0;
    let mut may_tell = flags & (EXIF | XMP) != 0 || object.size() != end;
    let (mut is_shown, mut has_animation, mut chunks) = (false, false, 0);
    let mut at = first.end;
    while at + 8 <= end.min(object.size()) {
        chunks += 1;
        if is_shown && object.size() > SEARCHED && chunks > MOST_CHUNKS_SEARCHED {
            may_tell = true;
            break;
        }
        let chunk = match Chunk::at(object, at, end) {
            Err(IsNot) if is_shown => {
                may_tell = true;
                break;
            }
            chunk => chunk?,
        };
        match &chunk.kind {
            b"ANIM" if is_animation => has_animation = true,
            b"ANMF" if is_animation && has_animation && !is_shown => {
                if !is_frame(object, &chunk, canvas)? {
                    return Err(IsNot);
                }
                is_shown = true;
            }
            b"VP8 " | b"VP8L" if !is_animation && !is_shown => {
                if chunk.picture(object)? != Some(canvas) {
                    return Err(IsNot);
                }
                is_shown = true;
            }
            b"VP8 " | b"VP8L" | b"VP8X" | b"ANMF" if !(is_animation && is_shown) => return Err(IsNot),
            _ => {}
        }
        may_tell |= !chunk.is_needed() || &chunk.kind == b"ANMF" && has_more(object, &chunk)?;
        at = chunk.end;
    }
    if is_shown { Ok(Image { size: canvas, may_tell, display: Display::default() }) } else { Err(IsNot) }
}

/// Whether a frame of an animation has a picture, and is within the canvas.
fn is_frame(object: &PartialObject, frame: &Chunk, canvas: (u32, u32)) -> Found<bool> {
    let at = frame.start + 8;
    if frame.length < FRAME {
        return Ok(false);
    }
    let [x, y] = [u24(object, at)? * 2, u24(object, at + 3)? * 2];
    let size = (u24(object, at + 6)? + 1, u24(object, at + 9)? + 1);
    let (mut at, end) = (at + FRAME, at + frame.length);
    while at + 8 <= end {
        let chunk = Chunk::at(object, at, end)?;
        if let Some(picture) = chunk.picture(object)? {
            return Ok(picture == size && x + size.0 <= canvas.0 && y + size.1 <= canvas.1);
        }
        at = chunk.end;
    }
    Ok(false)
}

/// Whether there is anything but a picture in a frame.
fn has_more(object: &PartialObject, frame: &Chunk) -> Found<bool> {
    let (mut at, end) = (frame.start + 8 + FRAME, frame.start + 8 + frame.length);
    while at < end {
        match Chunk::at(object, at, end) {
            Ok(chunk) if chunk.is_of_a_picture() => at = chunk.end,
            Ok(_) | Err(IsNot) => return Ok(true),
            Err(wants) => return Err(wants),
        }
    }
    Ok(false)
}

pub(super) fn without_metadata(file: &Bytes) -> Found<Bytes> {
    let object = PartialObject::whole(file.clone());
    let end = end(&object)?;
    let first = Chunk::at(&object, HEADER, end)?;
    let mut clean = BytesMut::with_capacity(file.len() + 64);
    clean.put(&b"RIFF\0\0\0\0WEBP"[..]);
    let mut data = first.data(&object)?.to_vec();
    if &first.kind != b"VP8X" {
        put_chunk(&mut clean, &first.kind, &data);
        return Ok(finished(clean));
    }
    if let Some(flags) = data.first_mut() {
        *flags &= !(EXIF | XMP);
    }
    put_chunk(&mut clean, b"VP8X", &data);
    let mut at = first.end;
    while at + 8 <= end {
        let Ok(chunk) = Chunk::at(&object, at, end) else { break };
        let data = chunk.data(&object)?;
        match &chunk.kind {
            b"ANMF" if data.len() >= FRAME as usize => put_chunk(&mut clean, b"ANMF", &clean_frame(&data)),
            _ if chunk.is_needed() => put_chunk(&mut clean, &chunk.kind, &data),
            _ => {}
        }
        at = chunk.end;
    }
    Ok(finished(clean))
}

/// A frame of an animation with nothing but its picture.
fn clean_frame(frame: &Bytes) -> Vec<u8> {
    let (object, end) = (PartialObject::whole(frame.clone()), frame.len() as u64);
    let mut clean = frame[..FRAME as usize].to_vec();
    let mut at = FRAME;
    while let Ok(chunk) = Chunk::at(&object, at, end) {
        if chunk.is_of_a_picture() {
            put_chunk(&mut clean, &chunk.kind, &frame[(chunk.start + 8) as usize..][..chunk.length as usize]);
        }
        at = chunk.end;
    }
    clean
}

fn put_chunk(file: &mut impl BufMut, kind: &[u8; 4], data: &[u8]) {
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
