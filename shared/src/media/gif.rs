//! GIF (W3C, "Graphics Interchange Format", version 89a): blocks, of which applications' own may hold XMP or IPTC.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    TAIL,
    metadata::{Findings, contains},
    partial_object::{Found, PartialObject, Stop::IsNot},
};

/// What an object's start is searched: it is fetched anyway.
const HEAD: u64 = 64 * 1024;

const IMAGE: u8 = 0x2c;
const EXTENSION: u8 = 0x21;
const TRAILER: u8 = 0x3b;

/// The start of blocks that are metadata, and the names of applications whose blocks are needed to show the image.
const METADATA: [&[u8]; 3] = [b"!\xff\x0bXMP DataXMP", b"!\xff\x0bMGK8BIM0000", b"!\xff\x0bMGKIPTC0000"];
const NEEDED: [&[u8]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

pub(super) fn findings(object: &PartialObject) -> Found<Findings> {
    let mut findings = Findings::default();
    if !matches!(&object.array(0)?, b"GIF87a" | b"GIF89a") {
        return Err(IsNot);
    }
    let start = object.bytes(0, object.size().min(HEAD))?;
    let tail_start = object.size().saturating_sub(TAIL);
    let tail = object.bytes(tail_start, object.size() - tail_start)?;
    findings.location = METADATA.into_iter().any(|name| contains(&start, name) || contains(&tail, name));
    Ok(findings)
}

/// A GIF knows no orientation.
pub(super) fn without_metadata(object: &PartialObject) -> Found<Bytes> {
    let mut file = BytesMut::with_capacity(object.size() as usize);
    let [flags] = object.array(10)?;
    let mut at = 13 + colours(flags);
    file.put(object.bytes(0, at)?);
    loop {
        let [kind] = object.array(at)?;
        let (end, is_needed) = match kind {
            TRAILER => {
                file.put_u8(TRAILER);
                return Ok(file.freeze());
            }
            IMAGE => {
                let [flags] = object.array(at + 9)?;
                (end_of_data(object, at + 11 + colours(flags))?, true)
            }
            EXTENSION => (end_of_data(object, at + 2)?, is_needed(object, at)?),
            // Some encoders end a block twice.
            0 => (at + 1, false),
            _ => return Err(IsNot),
        };
        if is_needed {
            file.put(object.bytes(at, end - at)?);
        }
        at = end;
    }
}

/// Bytes of a colour table, by the flags of an image or of the whole.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Behind the sub-blocks that begin at `at`. XMP is none, but ends with bytes that lead out of it wherever one has got to.
fn end_of_data(object: &PartialObject, mut at: u64) -> Found<u64> {
    loop {
        let [length] = object.array(at)?;
        at += 1 + u64::from(length);
        if length == 0 {
            return Ok(at);
        }
    }
}

/// Whether an extension shows: text, timing, how often to repeat, the colour profile.
fn is_needed(object: &PartialObject, at: u64) -> Found<bool> {
    match object.array(at + 1)? {
        [0x01 | 0xf9] => Ok(true),
        [0xff] => {
            let name = object.array::<12>(at + 2)?;
            Ok(name[0] == 11 && NEEDED.contains(&&name[1..]))
        }
        _ => Ok(false),
    }
}
