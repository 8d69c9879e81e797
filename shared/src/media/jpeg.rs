//! JPEG (ITU-T T.81): segments, of which the applications' own hold metadata, then scans, then the end, behind which phones
//! put more images and videos.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    metadata::{EXIF_PREFIX, Findings, contains, exif_with},
    partial_object::{Found, PartialObject, Stop::IsNot},
};

const SOI: [u8; 2] = [0xff, START];
const EOI: [u8; 2] = [0xff, END];

/// Second bytes of markers.
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP13: u8 = 0xed;
const APP14: u8 = 0xee;
const APP15: u8 = 0xef;
const COMMENT: u8 = 0xfe;

struct Segment {
    marker: u8,
    start: u64,
    data: Bytes,
    end: u64,
}

impl Segment {
    fn at(object: &PartialObject, start: u64) -> Found<Self> {
        let [0xff, marker] = object.array(start)? else { return Err(IsNot) };
        let (data, end) = match marker {
            END => (Bytes::new(), start + 2),
            // No segments (T.81, B.1.1.3): restarts belong in scans.
            0 | 1 | 0xd0..=START | 0xff => return Err(IsNot),
            _ => {
                let length = u64::from(u16::from_be_bytes(object.array(start + 2)?));
                (object.bytes(start + 4, length.checked_sub(2).ok_or(IsNot)?)?, start + 2 + length)
            }
        };
        Ok(Self { marker, start, data, end })
    }

    /// Whether it is needed to show the image as it is meant.
    fn is_needed(&self) -> bool {
        match self.marker {
            APP0 => self.data.starts_with(b"JFIF\0"),
            APP2 => self.data.starts_with(b"ICC_PROFILE\0"),
            // Says which colour space the components are of.
            APP14 => self.data.starts_with(b"Adobe"),
            APP1..=APP15 | COMMENT => false,
            _ => true,
        }
    }

    fn record(&self, findings: &mut Findings) {
        match self.marker {
            _ if self.is_needed() => {}
            APP1 if self.data.starts_with(EXIF_PREFIX) => findings.exif(&self.data),
            // A word may be cut in two by the end of a segment.
            APP1 if self.data.starts_with(b"http://ns.adobe.com/xmp/extension/\0") => findings.location = true,
            // More images behind this one, each with its own metadata.
            APP2 if self.data.starts_with(b"MPF\0") => findings.location = true,
            // IPTC.
            APP13 if contains(&self.data, b"8BIM\x04\x04") => findings.location = true,
            _ => findings.text(&self.data),
        }
    }
}

pub(super) fn findings(object: &PartialObject) -> Found<Findings> {
    if object.array(0)? != SOI {
        return Err(IsNot);
    }
    let mut findings = Findings::default();
    let mut at = SOI.len() as u64;
    loop {
        let segment = Segment::at(object, at)?;
        match segment.marker {
            SCAN => break,
            END => return Err(IsNot),
            _ => segment.record(&mut findings),
        }
        at = segment.end;
    }
    // A trailer: motion photos, and what the maker of a camera adds.
    findings.location |= object.array(object.size() - 2)? != EOI;
    Ok(findings)
}

/// One that breaks off within its pixels gets an end.
pub(super) fn without_metadata(object: &PartialObject, orientation: u16) -> Found<Bytes> {
    let mut file = BytesMut::with_capacity(object.size() as usize);
    file.put(&SOI[..]);
    let mut exif = (orientation != 1).then(|| exif_with(orientation));
    let mut at = SOI.len() as u64;
    while at < object.size() {
        let segment = Segment::at(object, at)?;
        if segment.marker != APP0
            && let Some(exif) = exif.take()
        {
            file.put(&[0xff, APP1][..]);
            file.put_u16((2 + EXIF_PREFIX.len() + exif.len()) as u16);
            file.put(EXIF_PREFIX);
            file.put(&exif[..]);
        }
        at = segment.end;
        if segment.marker == END {
            break;
        }
        if segment.is_needed() {
            file.put(object.bytes(segment.start, segment.end - segment.start)?);
        }
        if segment.marker == SCAN {
            let rest = object.bytes(at, object.size() - at)?;
            let pixels = rest.slice(..scan_length(&rest));
            at += pixels.len() as u64;
            file.put(pixels);
        }
    }
    file.put(&EOI[..]);
    Ok(file.freeze())
}

/// Bytes up to the next marker that is none of those within a scan: stuffing, restarts, fill.
fn scan_length(bytes: &[u8]) -> usize {
    let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    bytes.windows(2).position(is_end).unwrap_or(bytes.len())
}
