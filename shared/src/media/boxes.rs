//! MP4 and QuickTime (ISO/IEC 14496-12; Apple, "QuickTime File Format"): boxes within boxes. Read are the headers of boxes, and
//! what says how a track is shown.

use std::ops::Range;

use super::{
    Visible,
    partial_object::{Found, PartialObject, Stop::IsNot},
};

/// Boxes of the file that are passed over one by one, each at the price of a read, before the movie is looked for at the end.
const MOST_PASSED_OVER: u32 = 8;

/// How much of the end is searched for the movie, in this order.
const ENDS: [u64; 2] = [256 * 1024, 4 * 1024 * 1024];

/// Where the sample descriptions of a track begin in the box that lists them, and in one of a video its size and the boxes within it
/// (14496-12, 8.5.2 and 12.1.3).
const LIST: u64 = 8;
const SIZE_IN_SAMPLE: u64 = 24;
const PARTS_OF_SAMPLE: u64 = 78;

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
            0 => (8, end.saturating_sub(start)),
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

    /// The box at the end of a path of kinds.
    fn within(object: &PartialObject, mut range: Range<u64>, path: &[&[u8; 4]]) -> Found<Option<Self>> {
        let mut found = None;
        for kind in path {
            let Some(header) = Self::first(object, range, kind)? else { return Ok(None) };
            range = header.contents.clone();
            found = Some(header);
        }
        Ok(found)
    }
}

pub(super) fn look(object: &PartialObject) -> Found<Visible> {
    let (movie, content_type) = movie(object)?;
    let turn = match Header::first(object, movie.clone(), b"mvhd")? {
        Some(header) => matrix(object, &header.contents, 36)?,
        None => UPRIGHT,
    };
    let mut tracks = movie;
    while let Some(track) = Header::first(object, tracks.clone(), b"trak")? {
        tracks.start = track.contents.end;
        if let Some((width, height)) = size(object, track.contents, turn)? {
            return Ok(Visible { content_type, width, height, tells_location: false });
        }
    }
    Err(IsNot)
}

/// The contents of the movie's box, and what the file is: QuickTime, which is older than the box that says so, or MP4.
fn movie(object: &PartialObject) -> Found<(Range<u64>, &'static str)> {
    let end = object.size();
    let mut content_type = "video/quicktime";
    let (mut at, mut passed_over) = (0, 0);
    while at + 8 <= end {
        let header = Header::at(object, at, end)?;
        match &header.kind {
            b"moov" => return Ok((header.contents, content_type)),
            b"ftyp" if &object.array(header.contents.start)? != b"qt  " => content_type = "video/mp4",
            // Others may come later, but no file of this kind begins with one.
            b"ftyp" | b"mdat" | b"free" | b"skip" | b"wide" | b"pnot" | b"uuid" | b"styp" | b"pdin" => {}
            _ if at == 0 => return Err(IsNot),
            _ => {}
        }
        at = header.contents.end;
        passed_over += 1;
        if passed_over == MOST_PASSED_OVER
            && let Some(movie) = at_end(object, at)?
        {
            return Ok((movie, content_type));
        }
    }
    Err(IsNot)
}

/// The movie among the last boxes of the file. Recorders write one box of media for each second, or for each frame, and the movie
/// behind all of them. It is found by its name: all that follows must be boxes up to the end of the file.
fn at_end(object: &PartialObject, after: u64) -> Found<Option<Range<u64>>> {
    let end = object.size();
    for length in ENDS {
        let start = end.saturating_sub(length).max(after);
        let tail = object.bytes(start, end - start)?;
        for name in (4..tail.len().saturating_sub(3)).rev().filter(|at| tail[*at..].starts_with(b"moov")) {
            let Ok(movie) = Header::at(object, start + name as u64 - 4, end) else { continue };
            let mut at = movie.contents.end;
            while let Ok(header) = Header::at(object, at, end) {
                at = header.contents.end;
            }
            if at == end {
                return Ok(Some(movie.contents));
            }
        }
        if start == after {
            break;
        }
    }
    Ok(None)
}

/// The part of a matrix that turns and scales, as fixed-point numbers.
type Turn = [i128; 4];
const UPRIGHT: Turn = [1 << 16, 0, 0, 1 << 16];

/// The matrix in a header of the movie or of a track, which begins so many bytes behind version and flags if times have 32 bits.
fn matrix(object: &PartialObject, header: &Range<u64>, at: u64) -> Found<Turn> {
    let at = header.start + at + if is_long(object, header)? { 12 } else { 0 };
    let number = |index: u64| object.array(at + 4 * index).map(|bytes| i128::from(i32::from_be_bytes(bytes)));
    Ok([number(0)?, number(1)?, number(3)?, number(4)?])
}

/// Version 1 has times of 64 bits.
fn is_long(object: &PartialObject, header: &Range<u64>) -> Found<bool> {
    Ok(object.array(header.start)? == [1])
}

/// Width and height of a track as shown; `None` when it is no video or has no size.
fn size(object: &PartialObject, track: Range<u64>, movie: Turn) -> Found<Option<(u32, u32)>> {
    let Some(media) = Header::first(object, track.clone(), b"mdia")? else { return Ok(None) };
    let Some(handler) = Header::first(object, media.contents.clone(), b"hdlr")? else { return Ok(None) };
    // Behind version, flags, and four bytes that QuickTime has a use for.
    if &object.array(handler.contents.start + 8)? != b"vide" {
        return Ok(None);
    }
    let header = Header::first(object, track, b"tkhd")?.map(|header| header.contents);
    let mut size = sample_size(object, media.contents)?;
    if size.is_none()
        && let Some(header) = &header
    {
        let at = header.start + 76 + if is_long(object, header)? { 12 } else { 0 };
        // Fixed point, 16 bits each.
        let side = |at| object.array(at).map(|bytes| u32::from_be_bytes(bytes) >> 16);
        size = Some((side(at)?, side(at + 4)?));
    }
    let [a, b, c, d] = match &header {
        Some(header) => product(matrix(object, header, 40)?, movie),
        None => movie,
    };
    let is_on_its_side = a == 0 && d == 0 && b != 0 && c != 0;
    let shown = size.filter(|(width, height)| *width > 0 && *height > 0);
    Ok(shown.map(|(width, height)| if is_on_its_side { (height, width) } else { (width, height) }))
}

fn product([a, b, c, d]: Turn, [e, f, g, h]: Turn) -> Turn {
    [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h]
}

/// The size of the first sample description, in square pixels. Browsers go by it, and not by the track's own header.
fn sample_size(object: &PartialObject, media: Range<u64>) -> Found<Option<(u32, u32)>> {
    let Some(list) = Header::within(object, media, &[b"minf", b"stbl", b"stsd"])? else { return Ok(None) };
    let list = list.contents;
    if list.end - list.start < LIST + 8 + PARTS_OF_SAMPLE {
        return Ok(None);
    }
    let Range { start, end } = Header::at(object, list.start + LIST, list.end)?.contents;
    if end - start < PARTS_OF_SAMPLE {
        return Ok(None);
    }
    let [width, height] = [SIZE_IN_SAMPLE, SIZE_IN_SAMPLE + 2]
        .map(|at| object.array(start + at).map(|bytes| u32::from(u16::from_be_bytes(bytes))));
    let (width, height) = (width?, height?);
    if width == 0 || height == 0 {
        return Ok(None);
    }
    let aspect = match Header::first(object, start + PARTS_OF_SAMPLE..end, b"pasp") {
        Ok(Some(aspect)) if aspect.contents.end - aspect.contents.start >= 8 => {
            let number = |at| object.array(aspect.contents.start + at).map(u32::from_be_bytes);
            (number(0)?, number(4)?)
        }
        // Some writers end these boxes with four bytes of zeros.
        Ok(_) | Err(IsNot) => (1, 1),
        Err(wants) => return Err(wants),
    };
    Ok(Some(super::in_square_pixels((width, height), aspect)))
}
