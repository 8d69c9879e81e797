//! JPEG (ITU-T T.81): segments, of which the applications' own hold metadata, then scans, then the end, behind which phones
//! put more images and videos. Between segments there may be bytes that mean nothing, which decoders pass over.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Image, SEARCHED,
    exif::{self, Display},
    partial_object::{Found, PartialObject, Stop::IsNot},
};

const SOI: [u8; 2] = [0xff, START];
const EOI: [u8; 2] = [0xff, END];

/// Second bytes of markers.
const HUFFMAN_TABLES: u8 = 0xc4;
const ARITHMETIC_TABLES: u8 = 0xcc;
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const QUANTIZATION: u8 = 0xdb;
const LINES: u8 = 0xdc;
const RESTARTS: u8 = 0xdd;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;
const APP15: u8 = 0xef;
const COMMENT: u8 = 0xfe;

/// A marker with its data.
struct Segment {
    marker: u8,
    /// May go beyond the file.
    data: Range<u64>,
}

impl Segment {
    /// The next one at or behind `at`. Markers that have no data are passed over, but for the two ends.
    fn next(object: &PartialObject, mut at: u64) -> Found<Self> {
        loop {
            let known = object.known(at)?;
            if let Some((marker, behind)) = marker_in(&known) {
                let start = at + behind as u64;
                if matches!(marker, START | END) {
                    return Ok(Self { marker, data: start..start });
                }
                // Decoders take a length that does not even count itself for none.
                let length = u64::from(u16::from_be_bytes(object.array(start)?)).max(2);
                return Ok(Self { marker, data: start + 2..start + length });
            }
            let passed = known.len() - usize::from(known.ends_with(&[0xff]));
            if passed == 0 {
                object.bytes(at, 2)?;
            }
            at += passed as u64;
        }
    }

    fn length(&self) -> u64 {
        self.data.end - self.data.start
    }

    fn bytes(&self, object: &PartialObject) -> Found<Bytes> {
        object.bytes(self.data.start, self.length())
    }

    /// How many bytes of it are needed to show the image as it is meant; `None` when it is not.
    fn needed(&self, object: &PartialObject) -> Found<Option<u64>> {
        let starts_with = |name: &[u8]| match self.length() >= name.len() as u64 {
            true => Ok(object.bytes(self.data.start, name.len() as u64)? == name),
            false => Ok(false),
        };
        let length = self.length();
        Ok(match self.marker {
            // Behind these bytes there may be a thumbnail.
            APP0 if length >= JFIF && starts_with(b"JFIF\0")? => Some(JFIF),
            APP2 if starts_with(b"ICC_PROFILE\0")? => Some(length),
            // Says which colour space the components are of.
            APP14 if length >= ADOBE && starts_with(b"Adobe")? => Some(ADOBE),
            APP0..=APP15 | COMMENT => None,
            _ => Some(length),
        })
    }
}

/// Bytes of the segment JFIF, the last two of which are the size of its thumbnail, and of the segment Adobe.
const JFIF: u64 = 14;
const ADOBE: u64 = 12;

/// The first marker and the offset behind it. Passed over are whatever is no marker, fill bytes, restarts, and the temporary marker
/// of encoders (T.81, B.1.1.2 and B.1.1.3).
fn marker_in(bytes: &[u8]) -> Option<(u8, usize)> {
    let at = bytes.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 1 | 0xd0..=0xd7 | 0xff))?;
    Some((bytes[at + 1], at + 2))
}

pub(super) fn is_one(start: &[u8]) -> bool {
    start.starts_with(&[0xff, START, 0xff])
}

/// The findings in the segments before the first scan.
#[derive(Default)]
struct Head {
    size: Option<(u32, u32)>,
    display: Option<Display>,
    has_quantization: bool,
    may_tell: bool,
}

impl Head {
    fn record(&mut self, object: &PartialObject, segment: &Segment) -> Found<()> {
        match segment.marker {
            // Baseline, extended, progressive, and the latter two with arithmetic coding: of all others nothing is shown.
            0xc0..=0xc2 | 0xc9 | 0xca => {
                let frame = segment.bytes(object)?;
                let [8, a, b, c, d, components, ..] = *frame else { return Err(IsNot) };
                let is_whole = frame.len() == 6 + 3 * usize::from(components);
                if self.size.is_some() || !is_whole || !matches!(components, 1 | 3 | 4) {
                    return Err(IsNot);
                }
                self.size = Some((u16::from_be_bytes([c, d]).into(), u16::from_be_bytes([a, b]).into()));
            }
            QUANTIZATION => self.has_quantization = true,
            HUFFMAN_TABLES | ARITHMETIC_TABLES | LINES | RESTARTS | APP0..=APP15 | COMMENT => {}
            _ => return Err(IsNot),
        }
        if segment.needed(object)? == Some(segment.length()) {
            return Ok(());
        }
        let starts_exif = |data: &Bytes| data.len() >= exif::PREFIX.len() && data.starts_with(b"Exif\0");
        // All others tell of something: XMP, IPTC, more images behind this one, comments.
        let data = if segment.marker == APP1 && self.display.is_none() { Some(segment.bytes(object)?) } else { None };
        self.may_tell |= match data.filter(starts_exif) {
            Some(data) => {
                self.display = Some(Display::of(&data[exif::PREFIX.len()..]));
                !data.starts_with(exif::PREFIX) || !exif::is_harmless(&data[exif::PREFIX.len()..])
            }
            None => true,
        };
        Ok(())
    }
}

pub(super) fn look(object: &PartialObject) -> Found<Image> {
    let mut head = Head::default();
    let mut at = SOI.len() as u64;
    let pixels = loop {
        let segment = Segment::next(object, at)?;
        if segment.marker == SCAN {
            let header = segment.bytes(object)?;
            if header.len() != 4 + 2 * usize::from(header.first().copied().unwrap_or_default()) {
                return Err(IsNot);
            }
            break segment.data.end;
        }
        head.record(object, &segment)?;
        at = segment.data.end;
    };
    let size = head.size.filter(|_| head.has_quantization).ok_or(IsNot)?;
    // One byte of pixels, at least.
    object.bytes(pixels, 1)?;
    let display = head.display.unwrap_or_default().fitting(size);
    // Metadata may stand between scans, and behind the image. In a large file they are not looked for.
    let tells_behind = match object.size() <= SEARCHED {
        true => {
            let rest = object.bytes(pixels, object.size() - pixels)?;
            clean_scans(&rest) != rest
        }
        false => true,
    };
    Ok(Image { size: display.size(size), may_tell: head.may_tell || tells_behind, display })
}

/// One that breaks off within its pixels gets an end.
pub(super) fn without_metadata(file: &Bytes, display: Display) -> Found<Bytes> {
    let object = PartialObject::whole(file.clone());
    let mut clean = BytesMut::with_capacity(file.len() + 64);
    clean.put(&SOI[..]);
    let mut exif = display.exif();
    let mut at = SOI.len() as u64;
    loop {
        let segment = Segment::next(&object, at)?;
        if segment.marker != APP0
            && let Some(exif) = exif.take()
        {
            put_segment(&mut clean, APP1, &[exif::PREFIX, &exif].concat());
        }
        if let Some(length) = segment.needed(&object)? {
            let mut data = object.bytes(segment.data.start, length)?.to_vec();
            if segment.marker == APP0 {
                data[JFIF as usize - 2..].fill(0);
            }
            put_segment(&mut clean, segment.marker, &data);
        }
        at = segment.data.end;
        if segment.marker == SCAN {
            clean.put(&clean_scans(&file[at as usize..])[..]);
            return Ok(clean.freeze());
        }
    }
}

fn put_segment(file: &mut impl BufMut, marker: u8, data: &[u8]) {
    file.put(&[0xff, marker][..]);
    file.put_u16((2 + data.len()) as u16);
    file.put(data);
}

/// What stands behind the header of the first scan, without metadata, and up to the end of the image.
fn clean_scans(bytes: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(bytes.len() + 2);
    let mut rest = bytes;
    let mut is_in_scan = true;
    loop {
        if is_in_scan {
            let (pixels, behind) = rest.split_at(scan_length(rest));
            clean.extend_from_slice(pixels);
            rest = behind;
        }
        let Some((marker, behind)) = marker_in(rest) else { break };
        let data = match marker {
            SCAN | HUFFMAN_TABLES | ARITHMETIC_TABLES | QUANTIZATION | LINES | RESTARTS | APP0..=APP15 | COMMENT => {
                let data = rest[behind..].split_first_chunk().and_then(|(length, data)| {
                    data.split_at_checked(usize::from(u16::from_be_bytes(*length)).saturating_sub(2))
                });
                let Some((data, behind)) = data else { break };
                rest = behind;
                data
            }
            // The end, or something that decoders stop at.
            _ => break,
        };
        is_in_scan = marker == SCAN;
        if marker < APP0 {
            put_segment(&mut clean, marker, data);
        }
    }
    clean.extend(EOI);
    clean
}

/// Bytes up to the next marker that is none of those within a scan: stuffing, restarts, fill.
fn scan_length(bytes: &[u8]) -> usize {
    let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 1 | 0xd0..=0xd7 | 0xff);
    bytes.windows(2).position(is_end).unwrap_or(bytes.len())
}
