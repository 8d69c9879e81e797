//! PNG files as we keep them (W3C, "Portable Network Graphics", third edition): every pixel, and nothing about who made them.

use std::io::Cursor;

use bytes::Bytes;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use png::{ColorType, DecodeOptions, Decoder, DecodingError, Limits, Transformations};
use tokio::task::spawn_blocking;

/// Pixels a side, at most.
pub const MAX_SIDE: u32 = 4096;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";

#[derive(Debug, PartialEq, Eq)]
pub enum NotACard {
    /// No PNG, or one that does not decode to its end.
    Unreadable,
    TooLarge,
}

/// [`clean`], off the async thread.
pub async fn clean_card(file: Bytes) -> Result<Vec<u8>, NotACard> {
    spawn_blocking(move || clean(&file)).await.unwrap_or(Err(NotACard::Unreadable))
}

/// The same image, pixel for pixel, without metadata and with nothing hidden in it. Decodes row by row: memory stays small,
/// whatever the image claims to be.
pub fn clean(file: &[u8]) -> Result<Vec<u8>, NotACard> {
    let mut options = DecodeOptions::default();
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(file), options);
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_limits(Limits { bytes: 8 * 1024 * 1024 });
    let header = decoder.read_header_info().map_err(|_| NotACard::Unreadable)?;
    if header.width > MAX_SIDE || header.height > MAX_SIDE {
        return Err(NotACard::TooLarge);
    }
    let is_indexed = header.color_type == ColorType::Indexed;
    let raw_size = decoded_size(decoder).map_err(|_| NotACard::Unreadable)?;
    let kept = Kept::of(file).ok_or(NotACard::Unreadable)?;
    let has_colours = kept.palette.is_some() || !is_indexed;
    if has_colours && inflates_to(&kept.pixels, raw_size) { Ok(kept.assemble()) } else { Err(NotACard::Unreadable) }
}

/// Bytes that the pixels have with a filter byte before each row; an error unless every row decodes.
fn decoded_size(decoder: Decoder<Cursor<&[u8]>>) -> Result<u64, DecodingError> {
    let mut reader = decoder.read_info()?;
    let mut size = 0;
    while let Some(row) = reader.next_interlaced_row()? {
        size += row.data().len() as u64 + 1;
    }
    Ok(size)
}

/// Whether the pixels are exactly that many bytes, and all of the compressed data is needed for them. Stops at the first
/// byte too many, however much a bomb has in store.
fn inflates_to(compressed: &[u8], size: u64) -> bool {
    let mut inflate = Decompress::new(true);
    let mut scratch = vec![0; 64 * 1024];
    loop {
        let Some(rest) = compressed.get(inflate.total_in() as usize..) else { return false };
        let before = (inflate.total_in(), inflate.total_out());
        match inflate.decompress(rest, &mut scratch, FlushDecompress::None) {
            Ok(Status::StreamEnd) => {
                return inflate.total_out() == size && inflate.total_in() == compressed.len() as u64;
            }
            Ok(_) if inflate.total_out() > size || before == (inflate.total_in(), inflate.total_out()) => return false,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// The chunks that decide what is seen, each with the size that the standard gives it. All others can tell of the author:
/// EXIF, text, time, physical size, an ICC profile with the name of a device, and whatever a program invents.
#[derive(Default)]
struct Kept<'a> {
    header: Option<&'a [u8]>,
    chromaticity: Option<&'a [u8]>,
    gamma: Option<&'a [u8]>,
    srgb: Option<&'a [u8]>,
    palette: Option<&'a [u8]>,
    transparency: Option<&'a [u8]>,
    /// Of all IDAT chunks.
    pixels: Vec<u8>,
}

impl<'a> Kept<'a> {
    /// `None` when a chunk is damaged, doubled, of a wrong size, or can't be left out.
    fn of(file: &'a [u8]) -> Option<Self> {
        let mut kept = Self::default();
        let mut rest = file.strip_prefix(SIGNATURE)?;
        loop {
            if rest.starts_with(END) {
                return Some(kept);
            }
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (kind, after) = after.split_first_chunk::<4>()?;
            let (data, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            let (_checksum, after) = after.split_first_chunk::<4>()?;
            rest = after;
            let (place, fits) = match kind {
                b"IDAT" => {
                    kept.pixels.extend_from_slice(data);
                    continue;
                }
                b"IHDR" => (&mut kept.header, data.len() == 13),
                b"cHRM" => (&mut kept.chromaticity, data.len() == 32),
                b"gAMA" => (&mut kept.gamma, data.len() == 4),
                b"sRGB" => (&mut kept.srgb, data.len() == 1),
                b"PLTE" => (&mut kept.palette, data.len() % 3 == 0 && (3..=768).contains(&data.len())),
                b"tRNS" => (&mut kept.transparency, (1..=256).contains(&data.len())),
                // A capital first letter: no decoder may pass over the chunk, and we do not know this one.
                _ if kind[0].is_ascii_uppercase() => return None,
                _ => continue,
            };
            // What stands behind the pixels is not seen by every decoder.
            if !fits || !kept.pixels.is_empty() || place.replace(data).is_some() {
                return None;
            }
        }
    }

    fn assemble(&self) -> Vec<u8> {
        let optional = [
            (b"cHRM", self.chromaticity),
            (b"gAMA", self.gamma),
            (b"sRGB", self.srgb),
            (b"PLTE", self.palette),
            (b"tRNS", self.transparency),
        ];
        let mut file = Vec::with_capacity(self.pixels.len() + 2048);
        file.extend_from_slice(SIGNATURE);
        push_chunk(&mut file, b"IHDR", self.header.unwrap_or_default());
        optional.iter().filter_map(|(kind, data)| Some((kind, (*data)?))).for_each(|(kind, data)| {
            push_chunk(&mut file, kind, data);
        });
        push_chunk(&mut file, b"IDAT", &self.pixels);
        file.extend_from_slice(END);
        file
    }
}

fn push_chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let mut checksum = Crc::new();
    checksum.update(kind);
    checksum.update(data);
    file.extend_from_slice(&(data.len() as u32).to_be_bytes());
    file.extend_from_slice(kind);
    file.extend_from_slice(data);
    file.extend_from_slice(&checksum.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use png::{BitDepth, Encoder};
    use proptest::prelude::*;

    use super::*;

    fn image(width: u32, height: u32) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, width, height);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.add_text_chunk("Author".to_owned(), "somebody".to_owned()).unwrap();
        let pixels: Vec<u8> = (0..width * height * 3).map(|i| (i % 251) as u8).collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        file
    }

    fn pixels(file: &[u8]) -> Vec<u8> {
        let mut reader = Decoder::new(Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        pixels
    }

    #[test]
    fn metadata_and_trailing_bytes_go_and_pixels_stay() {
        let mut file = image(40, 30);
        assert!(file.windows(8).any(|bytes| bytes == b"somebody"));
        file.extend_from_slice(b"trailing somebody");
        let clean = clean(&file).unwrap();
        assert!(!clean.windows(8).any(|bytes| bytes == b"somebody"));
        assert_eq!(pixels(&clean), pixels(&file));
    }

    /// The image with `chunk` before its pixels.
    fn with_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut chunk = Vec::new();
        push_chunk(&mut chunk, kind, data);
        let mut file = image(40, 30);
        file.splice(33..33, chunk);
        file
    }

    #[test]
    fn nothing_hides_in_a_chunk_that_is_kept() {
        assert!(clean(&with_chunk(b"gAMA", &[0, 0, 0xb1, 0x8f])).is_ok());
        for file in [
            with_chunk(b"gAMA", b"\0\0\xb1\x8f and somebody"),
            with_chunk(b"cHRM", &[0; 5000]),
            with_chunk(b"IHDR", &[0; 13]),
            with_chunk(b"CRIT", b"?"),
        ] {
            assert_eq!(clean(&file), Err(NotACard::Unreadable));
        }
    }

    #[test]
    fn nothing_hides_behind_the_pixels() {
        let file = clean(&image(40, 30)).unwrap();
        let pixels = &Kept::of(&file).unwrap().pixels;
        let mut longer = file[..33].to_vec();
        push_chunk(&mut longer, b"IDAT", &[pixels, &b"somebody"[..]].concat());
        longer.extend_from_slice(END);
        assert_eq!(clean(&longer), Err(NotACard::Unreadable));

        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut deflate, &vec![0; 30_000_000]).unwrap();
        let mut bomb = file[..33].to_vec();
        push_chunk(&mut bomb, b"IDAT", &deflate.finish().unwrap());
        bomb.extend_from_slice(END);
        assert_eq!(clean(&bomb), Err(NotACard::Unreadable));
    }

    #[test]
    fn what_does_not_decode_to_its_end_is_no_card() {
        let file = image(40, 30);
        for length in 0..file.len() {
            assert_eq!(clean(&file[..length]), Err(NotACard::Unreadable), "cut at {length}");
        }
        assert_eq!(clean(b"\xff\xd8\xff\xe0 a JPEG"), Err(NotACard::Unreadable));
    }

    #[test]
    fn an_image_that_claims_a_giant_size_is_refused_before_it_is_decoded() {
        let mut file = image(1, 1);
        file[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
        // The checksum of the header no longer fits, so it is refused either way; the size must not be believed.
        assert!(clean(&file).is_err());
        assert!(clean(&image(MAX_SIDE, 1)).is_ok());
        assert_eq!(clean(&image(MAX_SIDE + 1, 1)), Err(NotACard::TooLarge));
    }

    proptest! {
        #[test]
        fn a_damaged_file_never_breaks_the_reader(position in 0usize..3000, byte: u8) {
            let mut file = image(40, 30);
            let position = position % file.len();
            file[position] = byte;
            let _ = clean(&file);
        }
    }
}
