//! The two facts of an image's metadata that matter here: its orientation, and whether it tells a location.

use ::exif::{Context, Error, In, Reader, Tag};

/// Before EXIF in a JPEG, and by mistake in other formats.
pub(super) const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// IFDs that the library reads at most, and tags that EXIF has for a place (CIPA DC-008, table 15).
const IFDS: u16 = 8;
const GPS_TAGS: u16 = 32;

/// Other metadata within EXIF, which may itself tell of a place: XMP, IPTC, Photoshop.
const NESTED: [Tag; 3] = [Tag(Context::Tiff, 700), Tag(Context::Tiff, 33_723), Tag(Context::Tiff, 34_377)];

#[derive(Debug, Default)]
pub(super) struct Findings {
    orientation: Option<u16>,
    pub location: bool,
}

impl Findings {
    /// Takes note of EXIF. The first orientation counts; what can't be read may tell of a place.
    ///
    /// Fields are got one by one: each may claim to be as large as all of EXIF, so that reading them all would cost a
    /// thousandfold.
    pub fn exif(&mut self, exif: &[u8]) {
        let tiff = exif.strip_prefix(EXIF_PREFIX).unwrap_or(exif);
        let (exif, is_damaged) = match Reader::new().continue_on_error(true).read_raw(tiff.to_vec()) {
            Ok(exif) => (exif, false),
            Err(Error::PartialResult(part)) => (part.into_inner().0, true),
            Err(_) => {
                self.location = true;
                return;
            }
        };
        let orientation = exif.get_field(Tag::Orientation, In::PRIMARY).and_then(|field| field.value.get_uint(0));
        self.orientation = self.orientation.or(orientation.and_then(|value| u16::try_from(value).ok()));
        let has = |tag: Tag| (0..IFDS).any(|ifd| exif.get_field(tag, In(ifd)).is_some());
        self.location |=
            is_damaged || NESTED.into_iter().any(has) || (0..GPS_TAGS).any(|tag| has(Tag(Context::Gps, tag)));
    }

    /// Takes note of XMP, or of anything else that is not compressed.
    pub fn text(&mut self, text: &[u8]) {
        self.location |= [&b"GPS"[..], b"Location", b"City"].into_iter().any(|word| contains(text, word));
    }

    /// 1 to 8 as in EXIF: 1 is upright, and from 5 on the sides are swapped.
    pub fn orientation(&self) -> u16 {
        self.orientation.filter(|orientation| (1..=8).contains(orientation)).unwrap_or(1)
    }

    pub fn is_on_its_side(&self) -> bool {
        self.orientation() >= 5
    }
}

/// EXIF that says nothing but the orientation.
pub(super) fn exif_with(orientation: u16) -> Vec<u8> {
    let [high, low] = orientation.to_be_bytes();
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    // Tag 0x0112, of type SHORT, one value, the next IFD: none.
    tiff.extend_from_slice(&[0x01, 0x12, 0, 3, 0, 0, 0, 1, high, low, 0, 0, 0, 0, 0, 0]);
    tiff
}

pub(super) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
