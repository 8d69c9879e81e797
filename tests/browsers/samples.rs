//! Samples, made byte by byte from the few files of `tests/media`.

use flate2::{Compression, Crc, write::ZlibEncoder};

/// A place or a person, wherever one can be named.
pub const SECRET: &[u8] = b"47.376887N";

#[derive(Clone)]
pub struct Sample {
    pub format: &'static str,
    pub case: &'static str,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
    /// As browsers show it.
    pub shown: Option<(u32, u32)>,
    /// More of it may be shown once it has an end.
    pub breaks_off: bool,
    /// Its container is whole, but nothing plays it.
    pub is_unplayable: bool,
}

impl Sample {
    pub fn new(
        (format, content_type): (&'static str, &'static str),
        case: &'static str,
        bytes: impl Into<Vec<u8>>,
        shown: Option<(u32, u32)>,
    ) -> Self {
        Self { format, case, content_type, bytes: bytes.into(), shown, breaks_off: false, is_unplayable: false }
    }

    pub fn is_video(&self) -> bool {
        self.content_type.starts_with("video/")
    }
}

pub fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/media/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// One field of EXIF: tag, type, count and value, or the value's offset.
pub type Field = (u16, u16, u32, [u8; 4]);

pub const fn orientation(value: u8) -> Field {
    (0x112, 3, 1, [0, value, 0, 0])
}

/// EXIF of one directory, and what stands behind it.
pub fn exif(fields: &[Field], behind: &[u8]) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    directory(&mut tiff, fields);
    [&tiff, behind].concat()
}

fn directory(tiff: &mut Vec<u8>, fields: &[Field]) {
    tiff.extend((fields.len() as u16).to_be_bytes());
    for (tag, kind, count, value) in fields {
        tiff.extend(tag.to_be_bytes());
        tiff.extend(kind.to_be_bytes());
        tiff.extend(count.to_be_bytes());
        tiff.extend(value);
    }
    tiff.extend([0; 4]);
}

/// EXIF that names a place: a directory for GPS, and the place in words.
pub fn located_exif(orientation_of: u8) -> Vec<u8> {
    let behind = 8 + 2 + 2 * 12 + 4;
    let mut gps = Vec::new();
    directory(&mut gps, &[(2, 2, SECRET.len() as u32, (behind + 18_u32).to_be_bytes())]);
    exif(&[orientation(orientation_of), (0x8825, 4, 1, behind.to_be_bytes())], &[&gps, SECRET].concat())
}

/// EXIF of an image with so many pixels per inch, which is to be shown with so many pixels.
pub fn dense_exif(turned: u8, per_inch: u32, width: u16, height: u16) -> Vec<u8> {
    let behind = 8 + 2 + 5 * 12 + 4_u32;
    let side = |tag, side: u16| (tag, 3, 1, [side.to_be_bytes(), [0; 2]].concat().try_into().expect("four bytes"));
    let mut values = [per_inch, 1, per_inch, 1].map(u32::to_be_bytes).concat();
    directory(&mut values, &[side(0xa002, width), side(0xa003, height)]);
    let fields = [
        orientation(turned),
        (0x11a, 5, 1, behind.to_be_bytes()),
        (0x11b, 5, 1, (behind + 8).to_be_bytes()),
        (0x128, 3, 1, [0, 2, 0, 0]),
        (0x8769, 4, 1, (behind + 16).to_be_bytes()),
    ];
    exif(&fields, &values)
}

pub const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

pub fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes(), &kind[..], data, &crc.sum().to_be_bytes()].concat()
}

pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut encoder, bytes).expect("memory");
    encoder.finish().expect("memory")
}
