//! WebM (RFC 8794, RFC 9559): elements within elements, of which only the headers are read, and of a track what says how it
//! is shown.
//!
//! What RFC 9559 leaves open is done as Chromium does it.

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
const PROJECTION: u32 = 0x7670;
const PROJECTION_TYPE: u32 = 0x7671;
const YAW: u32 = 0x7673;
const PITCH: u32 = 0x7674;
const ROLL: u32 = 0x7675;

/// Display units (RFC 9559, 5.1.4.1.28.14).
const PIXELS: u64 = 0;
const CENTIMETRES: u64 = 1;
const INCHES: u64 = 2;
const RATIO: u64 = 3;

/// The document type. Matroska that is no WebM has another one.
const WEBM: &[u8] = b"webm";

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
    // It may be filled up with zeros.
    let Range { start, end } = doc_type.contents;
    let doc_type = object.bytes(start, (end - start).min(16))?;
    if doc_type.strip_prefix(WEBM).is_none_or(|rest| rest.iter().any(|byte| *byte != 0)) {
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

/// Width and height as shown.
fn size(object: &PartialObject, video: Range<u64>) -> Found<(u32, u32)> {
    let side = |id: u32| match Element::first(object, video.clone(), id)? {
        Some(element) => u32::try_from(unsigned(object, element.contents)?).map(Some).map_err(|_| IsNot),
        None => Ok(None),
    };
    let unit = match Element::first(object, video.clone(), DISPLAY_UNIT)? {
        Some(element) => unsigned(object, element.contents)?,
        None => PIXELS,
    };
    let stored = (side(PIXEL_WIDTH)?.unwrap_or_default(), side(PIXEL_HEIGHT)?.unwrap_or_default());
    let given = (side(DISPLAY_WIDTH)?, side(DISPLAY_HEIGHT)?);
    // In pixels, what is left out is as stored.
    let display = match unit {
        PIXELS => Some((given.0.unwrap_or(stored.0), given.1.unwrap_or(stored.1))),
        CENTIMETRES | INCHES | RATIO => given.0.zip(given.1),
        _ => None,
    };
    let shown = match display.filter(|(width, height)| *width > 0 && *height > 0) {
        // Firefox shows just this size.
        Some(display) if unit == PIXELS && display.1 == stored.1 => display,
        Some((width, height)) => {
            let across = |one: u32, other: u32| u64::from(one) * u64::from(other);
            let (wide, high) = lowest(across(width, stored.1), across(height, stored.0));
            super::in_square_pixels(stored, (wide, high))
        }
        None => stored,
    };
    Ok(if is_on_its_side(object, video)? { (shown.1, shown.0) } else { shown })
}

/// A ratio in numbers that are small enough.
fn lowest(one: u64, other: u64) -> (u32, u32) {
    let excess = 64 - (one | other).leading_zeros().min(64);
    let shift = excess.saturating_sub(32);
    ((one >> shift) as u32, (other >> shift) as u32)
}

/// Whether a flat picture is turned by a quarter. It can be mirrored as well.
fn is_on_its_side(object: &PartialObject, video: Range<u64>) -> Found<bool> {
    let Some(projection) = Element::first(object, video, PROJECTION)? else { return Ok(false) };
    let value = |id: u32| Element::first(object, projection.contents.clone(), id);
    let degrees = |id: u32| match value(id)? {
        Some(element) => float(object, element.contents),
        None => Ok(0.0),
    };
    let is_flat = match value(PROJECTION_TYPE)? {
        Some(element) => unsigned(object, element.contents)? == 0,
        None => true,
    };
    let is_mirrored_at_most = degrees(YAW)?.rem_euclid(180.0) == 0.0 && degrees(PITCH)? == 0.0;
    Ok(is_flat && is_mirrored_at_most && degrees(ROLL)?.rem_euclid(180.0) == 90.0)
}

/// A number of 4 or 8 bytes; 0 of none.
fn float(object: &PartialObject, range: Range<u64>) -> Found<f64> {
    match range.end - range.start {
        0 => Ok(0.0),
        4 => object.array(range.start).map(|bytes| f64::from(f32::from_be_bytes(bytes))),
        8 => object.array(range.start).map(f64::from_be_bytes),
        _ => Err(IsNot),
    }
}
