//! WebM (RFC 8794, RFC 9559): elements within elements, of which only the headers are read, and of a track what says how it
//! is shown.

use std::ops::Range;

use super::{
    Visible,
    partial_object::{Found, PartialObject, Stop::IsNot},
};

/// Ids of elements (RFC 9559, 5.1).
const EBML: u32 = 0x1a45_dfa3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
const DISPLAY_WIDTH: u32 = 0x54b0;
const DISPLAY_HEIGHT: u32 = 0x54ba;
const DISPLAY_UNIT: u32 = 0x54b2;

/// The document type, four letters, as a number. Matroska that is no WebM has another one.
const WEBM: u64 = u32::from_be_bytes(*b"webm") as u64;

pub(super) fn is_ebml(start: &[u8]) -> bool {
    start.starts_with(&EBML.to_be_bytes())
}

struct Element {
    id: u32,
    contents: Range<u64>,
}

impl Element {
    /// The element at `start` within a parent, or an object, that ends at `end`.
    fn at(object: &PartialObject, start: u64, end: u64) -> Found<Self> {
        let (id, after_id, _) = number(object, start, 4)?;
        let (size, after_size, bits) = number(object, after_id, 8)?;
        let unmarked = size & !(1 << bits);
        // All bits set: a size that was not known yet when it was written, as in a recording.
        let contents_end = if unmarked == (1 << bits) - 1 { end } else { after_size.saturating_add(unmarked) };
        if after_size > contents_end || contents_end > end {
            return Err(IsNot);
        }
        Ok(Self { id: id as u32, contents: after_size..contents_end })
    }

    /// The first element of an id among those in a range. Media come behind all that says how to show them: the search ends
    /// at the first of them.
    fn first(object: &PartialObject, within: Range<u64>, id: u32) -> Found<Option<Self>> {
        let mut at = within.start;
        while at < within.end {
            let element = Self::at(object, at, within.end)?;
            at = element.contents.end;
            if element.id == id {
                return Ok(Some(element));
            }
            if element.id == CLUSTER {
                break;
            }
        }
        Ok(None)
    }
}

/// Reads a number of variable length, at most `longest` bytes. Its leading zero bits give its length. Returns the number with
/// the bit that marks the length, the offset behind it, and how many bits are below that bit.
fn number(object: &PartialObject, at: u64, longest: u64) -> Found<(u64, u64, u64)> {
    let [first] = object.array(at)?;
    let length = 1 + u64::from(first.leading_zeros());
    if length > longest {
        return Err(IsNot);
    }
    Ok((unsigned(object, at..at + length)?, at + length, 7 * length))
}

fn unsigned(object: &PartialObject, range: Range<u64>) -> Found<u64> {
    if range.end - range.start > 8 {
        return Err(IsNot);
    }
    let bytes = object.bytes(range.start, range.end - range.start)?;
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

pub(super) fn look(object: &PartialObject) -> Found<Visible> {
    let header = Element::at(object, 0, object.size())?;
    let doc_type = Element::first(object, header.contents.clone(), DOC_TYPE)?.ok_or(IsNot)?;
    if unsigned(object, doc_type.contents)? != WEBM {
        return Err(IsNot);
    }
    let segment = Element::first(object, header.contents.end..object.size(), SEGMENT)?.ok_or(IsNot)?;
    let mut tracks = Element::first(object, segment.contents, TRACKS)?.ok_or(IsNot)?.contents;
    while let Some(track) = Element::first(object, tracks.clone(), TRACK)? {
        tracks.start = track.contents.end;
        let Some(video) = Element::first(object, track.contents, VIDEO)? else { continue };
        let (width, height) = size(object, video.contents)?;
        if width > 0 && height > 0 {
            return Ok(Visible { content_type: "video/webm", width, height, tells_location: false });
        }
    }
    Err(IsNot)
}

/// Width and height as shown if they are given in pixels, else as stored.
fn size(object: &PartialObject, video: Range<u64>) -> Found<(u32, u32)> {
    let value = |id: u32| match Element::first(object, video.clone(), id)? {
        Some(element) => unsigned(object, element.contents).map(Some),
        None => Ok(None),
    };
    let is_in_pixels = value(DISPLAY_UNIT)?.unwrap_or_default() == 0;
    let (width, height) = match (value(DISPLAY_WIDTH)?, value(DISPLAY_HEIGHT)?) {
        (Some(width), Some(height)) if is_in_pixels => (width, height),
        _ => (value(PIXEL_WIDTH)?.unwrap_or_default(), value(PIXEL_HEIGHT)?.unwrap_or_default()),
    };
    let participant = |participant: u64| u32::try_from(participant).map_err(|_| IsNot);
    Ok((participant(width)?, participant(height)?))
}
