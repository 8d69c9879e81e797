//! GIF (W3C, "Graphics Interchange Format", version 89a): blocks, of which comments, texts and applications' own may tell of
//! anything. Its first image decides whether it is one.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Image, SEARCHED,
    exif::Display,
    partial_object::{Found, PartialObject, Stop::IsNot},
};

const HEADER: u64 = 13;
const IMAGE: u8 = 0x2c;
const EXTENSION: u8 = 0x21;
const TRAILER: u8 = 0x3b;

/// Kinds of extensions, and the bytes of the one for timing and transparency.
const CONTROL: u8 = 0xf9;
const APPLICATION: u8 = 0xff;
const CONTROL_BYTES: u8 = 4;

/// The names of applications whose extensions are needed to show the image: how often to repeat, the colour profile.
const NEEDED: [&[u8]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

/// Bits of the first code of a compressed image. Decoders know codes of 12 bits at most.
const CODE_BITS: std::ops::RangeInclusive<u8> = 1..=11;

pub(super) fn is_one(start: &[u8]) -> bool {
    start.starts_with(b"GIF87a") || start.starts_with(b"GIF89a")
}

pub(super) fn look(object: &PartialObject) -> Found<Image> {
    let [flags] = object.array(10)?;
    let mut at = HEADER + colours(flags);
    let first = loop {
        match object.array(at)? {
            [IMAGE] => break at,
            [EXTENSION] => {
                let [kind, length] = object.array(at + 1)?;
                if kind == CONTROL && length < CONTROL_BYTES {
                    return Err(IsNot);
                }
                at = end_of_data(object, at + 2)?;
            }
            _ => return Err(IsNot),
        }
    };
    let number = |at: u64| object.array(at).map(|bytes| u32::from(u16::from_le_bytes(bytes)));
    let (left, top, width, height) = (number(first + 1)?, number(first + 3)?, number(first + 5)?, number(first + 7)?);
    let [flags] = object.array(first + 9)?;
    let [bits, length, _] = object.array(first + 10 + colours(flags))?;
    if width == 0 || height == 0 || !CODE_BITS.contains(&bits) || length == 0 {
        return Err(IsNot);
    }
    if length > 1 {
        // The first code clears the table, or is a colour: there is nothing else yet (appendix F).
        let code = u16::from_le_bytes(object.array(first + 12 + colours(flags))?) & ((2 << bits) - 1);
        if code > 1 << bits {
            return Err(IsNot);
        }
    }
    // The screen grows to hold the first image. Later ones are cut.
    let size = (number(6)?.max(left + width), number(8)?.max(top + height));
    // In a large file metadata are not looked for.
    let may_tell = match object.size() <= SEARCHED {
        true => {
            let file = object.bytes(0, object.size())?;
            without_metadata(&file) != file
        }
        false => true,
    };
    Ok(Image { size, may_tell, display: Display::default() })
}

/// Behind the sub-blocks that begin at `at`.
fn end_of_data(object: &PartialObject, mut at: u64) -> Found<u64> {
    loop {
        let [length] = object.array(at)?;
        at += 1 + u64::from(length);
        if length == 0 {
            return Ok(at);
        }
    }
}

/// Bytes of a colour table, by the flags of an image or of the whole.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Up to its end, or as far as it goes.
pub(super) fn without_metadata(file: &Bytes) -> Bytes {
    let colours = |at: usize| file.get(at).map_or(0, |flags| colours(*flags) as usize);
    let mut at = HEADER as usize + colours(10);
    let mut clean = BytesMut::with_capacity(file.len());
    clean.put(&file[..at.min(file.len())]);
    while let Some(kind) = file.get(at) {
        let (data, is_needed) = match *kind {
            IMAGE => (at + 11 + colours(at + 9), true),
            EXTENSION => (at + 2, is_needed(&file[at + 1..])),
            // Some encoders end a block twice.
            0 => {
                at += 1;
                continue;
            }
            TRAILER => {
                clean.put_u8(TRAILER);
                break;
            }
            // Something that decoders stop at.
            _ => break,
        };
        let end = skip(file, data);
        if is_needed {
            clean.put(&file[at..end]);
        }
        at = end;
    }
    clean.freeze()
}

/// Behind the sub-blocks that begin at `at`. XMP is none, but ends with bytes that lead out of it wherever one has got to.
fn skip(file: &[u8], mut at: usize) -> usize {
    while let Some(length) = file.get(at).filter(|length| **length > 0) {
        at += 1 + usize::from(*length);
    }
    (at + 1).min(file.len())
}

/// Whether an extension shows: timing and transparency, how often to repeat, the colour profile. Browsers show no text.
fn is_needed(extension: &[u8]) -> bool {
    match extension {
        [CONTROL, ..] => true,
        [APPLICATION, 11, name @ ..] => NEEDED.iter().any(|needed| name.starts_with(needed)),
        _ => false,
    }
}
