//! MP4 and QuickTime (ISO/IEC 14496-12; Apple, "QuickTime File Format"): boxes within boxes. Only the headers of boxes are read, and
//! two boxes of each track: those with its kind and its display size.

use std::ops::Range;

use super::{
    Visible,
    partial_object::{Found, PartialObject, Stop::IsNot},
};

struct Header {
    kind: [u8; 4],
    contents: Range<u64>,
}

impl Header {
    /// The box at `start` within a parent, or an object, that ends at `end`.
    fn at(object: &PartialObject, start: u64, end: u64) -> Found<Self> {
        let [a, b, c, d, kind @ ..]: [u8; 8] = object.array(start)?;
        let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => (8, end - start),
            1 => (16, u64::from_be_bytes(object.array(start + 8)?)),
            size => (8, u64::from(size)),
        };
        let contents = start + header..start.checked_add(size).ok_or(IsNot)?;
        if contents.start > contents.end || contents.end > end { Err(IsNot) } else { Ok(Self { kind, contents }) }
    }

    /// The first box of a kind among those in a range.
    fn first(object: &PartialObject, within: Range<u64>, kind: &[u8; 4]) -> Found<Option<Self>> {
        let mut at = within.start;
        while at + 8 <= within.end {
            let header = Self::at(object, at, within.end)?;
            at = header.contents.end;
            if &header.kind == kind {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}

pub(super) fn look(object: &PartialObject) -> Found<Visible> {
    let all = 0..object.size();
    let first = Header::at(object, 0, all.end)?;
    let content_type = match &first.kind {
        b"ftyp" if &object.array(first.contents.start)? != b"qt  " => "video/mp4",
        // QuickTime is older than `ftyp`.
        b"ftyp" | b"moov" | b"mdat" | b"free" | b"skip" | b"wide" | b"pnot" => "video/quicktime",
        _ => return Err(IsNot),
    };
    let movie = Header::first(object, all, b"moov")?.ok_or(IsNot)?;
    let mut tracks = movie.contents;
    while let Some(track) = Header::first(object, tracks.clone(), b"trak")? {
        tracks.start = track.contents.end;
        if let Some((width, height)) = size(object, track.contents)? {
            return Ok(Visible { content_type, width, height, tells_location: false });
        }
    }
    Err(IsNot)
}

/// Width and height of a track as shown; `None` when it is no video or has no size.
fn size(object: &PartialObject, track: Range<u64>) -> Found<Option<(u32, u32)>> {
    let Some(media) = Header::first(object, track.clone(), b"mdia")? else { return Ok(None) };
    let Some(handler) = Header::first(object, media.contents, b"hdlr")? else { return Ok(None) };
    // Behind version, flags, and four bytes that QuickTime has a use for.
    if &object.array(handler.contents.start + 8)? != b"vide" {
        return Ok(None);
    }
    let Some(header) = Header::first(object, track, b"tkhd")? else { return Ok(None) };
    let [version] = object.array(header.contents.start)?;
    // Version 1 has times of 64 bits.
    let matrix = header.contents.start + if version == 1 { 52 } else { 40 };
    let number = |index: u64| object.array(matrix + 4 * index).map(u32::from_be_bytes);
    let (a, b, c, d) = (number(0)?, number(1)?, number(3)?, number(4)?);
    let is_on_its_side = a == 0 && d == 0 && b != 0 && c != 0;
    // Fixed point, 16 bits each.
    let (width, height) = (number(9)? >> 16, number(10)? >> 16);
    let (width, height) = if is_on_its_side { (height, width) } else { (width, height) };
    Ok((width > 0 && height > 0).then_some((width, height)))
}
