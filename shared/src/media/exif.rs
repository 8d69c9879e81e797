//! EXIF (CIPA DC-008), a TIFF structure: the few fields by which browsers show an image, and whether there is anything else.
//!
//! Read is what Chromium reads, in the types in which it reads it. A field of another type changes nothing there, so it must change
//! nothing here. General EXIF libraries are more lenient.

/// Before EXIF in a JPEG.
pub(super) const PREFIX: &[u8] = b"Exif\0\0";

/// EXIF that is longer than this is never harmless.
const LARGEST: usize = 4096;

/// Tags of the first directory, and of the one for EXIF's own fields.
const MAKE: u16 = 0x010f;
const MODEL: u16 = 0x0110;
const ORIENTATION: u16 = 0x0112;
const X_RESOLUTION: u16 = 0x011a;
const Y_RESOLUTION: u16 = 0x011b;
const RESOLUTION_UNIT: u16 = 0x0128;
const SUBSAMPLING: u16 = 0x0213;
const EXIF_DIRECTORY: u16 = 0x8769;
const VERSION: u16 = 0x9000;
const COMPONENTS: u16 = 0x9101;
const FLASHPIX_VERSION: u16 = 0xa000;
const COLOUR_SPACE: u16 = 0xa001;
const PIXEL_WIDTH: u16 = 0xa002;
const PIXEL_HEIGHT: u16 = 0xa003;

/// Fields that name neither a place nor a person.
const HARMLESS: [u16; 14] = [
    MAKE,
    MODEL,
    ORIENTATION,
    X_RESOLUTION,
    Y_RESOLUTION,
    RESOLUTION_UNIT,
    SUBSAMPLING,
    EXIF_DIRECTORY,
    VERSION,
    COMPONENTS,
    FLASHPIX_VERSION,
    COLOUR_SPACE,
    PIXEL_WIDTH,
    PIXEL_HEIGHT,
];

/// Types of fields.
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

/// The resolution unit that counts: inches.
const INCH: u16 = 2;
/// Pixels per inch of an image that is shown pixel for pixel.
const PIXELS_PER_INCH: f64 = 72.0;

/// How EXIF has browsers show an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Display {
    /// 2 to 8 as in EXIF, unless it is upright. From 5 on the sides are swapped.
    orientation: Option<u16>,
    resolution: Option<Resolution>,
}

/// A photo of a screen with more pixels per inch than usual says which size it has in usual ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resolution {
    x: (u32, u32),
    y: (u32, u32),
    /// In pixels, before the image is turned.
    size: (u32, u32),
}

impl Display {
    /// Of EXIF without a prefix.
    pub fn of(exif: &[u8]) -> Self {
        let Some(tiff) = Tiff::of(exif) else { return Self::default() };
        let first = tiff.directory(tiff.first);
        let short = |tag| first.fields.iter().filter(|field| field.tag == tag).find_map(|field| tiff.short(field));
        Self {
            orientation: short(ORIENTATION).filter(|orientation| (2..=8).contains(orientation)),
            resolution: tiff.resolution(&first).filter(|_| short(RESOLUTION_UNIT) == Some(INCH)),
        }
    }

    /// Without a resolution that does not fit the size as stored, which browsers ignore.
    pub fn fitting(self, stored: (u32, u32)) -> Self {
        let pixels = |stored: u32, (over, under): (u32, u32)| {
            (f64::from(stored) * PIXELS_PER_INCH * f64::from(under) / f64::from(over)).round()
        };
        let fits = |resolution: &Resolution| {
            pixels(stored.0, resolution.x) == f64::from(resolution.size.0)
                && pixels(stored.1, resolution.y) == f64::from(resolution.size.1)
        };
        Self { resolution: self.resolution.filter(fits).filter(|resolution| resolution.size != stored), ..self }
    }

    /// The size as shown, of a size as stored that this was fitted to.
    pub fn size(self, stored: (u32, u32)) -> (u32, u32) {
        self.turned(self.resolution.map_or(stored, |resolution| resolution.size))
    }

    /// A size after turning only.
    pub fn turned(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.orientation >= Some(5) { (height, width) } else { (width, height) }
    }

    pub fn orientation(self) -> u16 {
        self.orientation.unwrap_or(1)
    }

    /// EXIF that says nothing but this, without a prefix; `None` when there is nothing to say.
    pub fn exif(self) -> Option<Vec<u8>> {
        if self == Self::default() {
            return None;
        }
        let short = |tag: u16, value: u16| (tag, SHORT, [value.to_be_bytes(), [0; 2]].concat());
        let long = |tag: u16, kind: u16, value: usize| (tag, kind, (value as u32).to_be_bytes().to_vec());
        let mut fields: Vec<_> =
            self.orientation.map(|orientation| short(ORIENTATION, orientation)).into_iter().collect();
        let mut values = Vec::new();
        if let Some(Resolution { x, y, size: (width, height) }) = self.resolution {
            // Behind the header, and a count, fields and the offset of no next directory.
            let behind = 8 + 2 + 12 * (fields.len() + 4) + 4;
            values = [x.0, x.1, y.0, y.1].map(u32::to_be_bytes).concat();
            let directory = [long(PIXEL_WIDTH, LONG, width as usize), long(PIXEL_HEIGHT, LONG, height as usize)];
            fields.push(long(X_RESOLUTION, RATIONAL, behind));
            fields.push(long(Y_RESOLUTION, RATIONAL, behind + 8));
            fields.push(short(RESOLUTION_UNIT, INCH));
            fields.push(long(EXIF_DIRECTORY, LONG, behind + values.len()));
            put_directory(&mut values, &directory);
        }
        let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
        put_directory(&mut tiff, &fields);
        tiff.extend(values);
        Some(tiff)
    }
}

/// Fields of one value each, in the order of their tags.
fn put_directory(tiff: &mut Vec<u8>, fields: &[(u16, u16, Vec<u8>)]) {
    tiff.extend((fields.len() as u16).to_be_bytes());
    for (tag, kind, value) in fields {
        tiff.extend([tag.to_be_bytes(), kind.to_be_bytes()].concat());
        tiff.extend(1_u32.to_be_bytes());
        tiff.extend(value);
    }
    tiff.extend([0; 4]);
}

/// Whether EXIF without a prefix can name neither a place nor a person: it has known fields only, no thumbnail, and no bytes besides.
/// Damaged EXIF may name one.
pub(super) fn is_harmless(exif: &[u8]) -> bool {
    let Some(tiff) = Tiff::of(exif).filter(|_| exif.len() <= LARGEST) else { return false };
    let first = tiff.directory(tiff.first);
    let own = first.fields.iter().filter(|field| field.tag == EXIF_DIRECTORY);
    let own: Vec<Directory> = own.filter_map(|field| Some(tiff.directory(tiff.size(field)?))).collect();
    let mut explained = 8;
    for directory in [first].iter().chain(&own) {
        let is_known = directory.fields.iter().all(|field| HARMLESS.contains(&field.tag));
        if !directory.is_whole || directory.has_next || !is_known {
            return false;
        }
        explained += 6 + directory.fields.iter().map(|field| 12 + field.bytes_elsewhere()).sum::<u64>();
    }
    // Some writers align values.
    explained + 16 >= exif.len() as u64
}

struct Tiff<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
    /// Where the first directory is.
    first: u32,
}

struct Directory {
    fields: Vec<Field>,
    /// All of its fields are within the bytes.
    is_whole: bool,
    has_next: bool,
}

struct Field {
    tag: u16,
    kind: u16,
    count: u32,
    /// Offset of the value, or of the value's offset.
    at: usize,
}

impl Field {
    /// Bytes of a value that does not fit into the field.
    fn bytes_elsewhere(&self) -> u64 {
        let one = match self.kind {
            1 | 2 | 6 | 7 => 1,
            SHORT | 8 => 2,
            LONG | 9 | 11 => 4,
            _ => 8,
        };
        Some(u64::from(self.count) * one).filter(|bytes| *bytes > 4).unwrap_or_default()
    }
}

impl<'a> Tiff<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let is_big_endian = match bytes.first_chunk()? {
            b"MM\0\x2a" => true,
            b"II\x2a\0" => false,
            _ => return None,
        };
        let tiff = Self { bytes, is_big_endian, first: 0 };
        let first = tiff.u32(4)?;
        Some(Self { first, ..tiff })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// As many fields of a directory as are there.
    fn directory(&self, at: u32) -> Directory {
        let at = at as usize;
        let count = self.u16(at).map(usize::from);
        let field = |index: usize| {
            let at = at + 2 + 12 * index;
            self.u32(at + 8)?;
            Some(Field { tag: self.u16(at)?, kind: self.u16(at + 2)?, count: self.u32(at + 4)?, at: at + 8 })
        };
        let fields: Vec<Field> = (0..count.unwrap_or_default()).map_while(field).collect();
        let has_next = self.u32(at + 2 + 12 * fields.len()).unwrap_or_default() != 0;
        Directory { is_whole: Some(fields.len()) == count, fields, has_next }
    }

    fn short(&self, field: &Field) -> Option<u16> {
        if (field.kind, field.count) == (SHORT, 1) { self.u16(field.at) } else { None }
    }

    /// A size or an offset, of either type.
    fn size(&self, field: &Field) -> Option<u32> {
        match (field.kind, field.count) {
            (SHORT, 1) => self.u16(field.at).map(u32::from),
            (LONG, 1) => self.u32(field.at),
            _ => None,
        }
    }

    fn resolution(&self, first: &Directory) -> Option<Resolution> {
        let of = |directory: &Directory, tag| directory.fields.iter().position(|field| field.tag == tag);
        let rational = |tag| {
            let field = &first.fields[of(first, tag)?];
            let at = self.u32(field.at).filter(|_| (field.kind, field.count) == (RATIONAL, 1))? as usize;
            Some((self.u32(at)?, self.u32(at + 4)?)).filter(|(over, under)| *over > 0 && *under > 0)
        };
        let own = self.directory(self.size(&first.fields[of(first, EXIF_DIRECTORY)?])?);
        let pixels = |tag| self.size(&own.fields[of(&own, tag)?]).filter(|pixels| *pixels > 0);
        let size = (pixels(PIXEL_WIDTH)?, pixels(PIXEL_HEIGHT)?);
        Some(Resolution { x: rational(X_RESOLUTION)?, y: rational(Y_RESOLUTION)?, size })
    }
}
