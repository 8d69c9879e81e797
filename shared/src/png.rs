//! PNG files as we keep them (W3C, "Portable Network Graphics", third edition): every pixel, and nothing about who made them.

use std::io::Cursor;

use bytes::Bytes;
use png::{ColorType, DecodeOptions, Decoder, DecodingError, Limits, Transformations};
use tokio::task::spawn_blocking;

/// Pixels a side, at most.
pub const MAX_SIDE: u32 = 4096;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The chunks that decide what is seen. All others can tell of the author: EXIF, text, time, physical size, an ICC
/// profile with the name of a device, and whatever a program invents.
const KEPT: [&[u8; 4]; 7] = [b"IHDR", b"PLTE", b"tRNS", b"cHRM", b"gAMA", b"sRGB", b"IDAT"];

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

/// The same image, pixel for pixel, without metadata and without what follows its end. Decodes row by row: memory stays
/// small, whatever the image claims to be.
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
    if !decodes(decoder).unwrap_or(false) {
        return Err(NotACard::Unreadable);
    }
    keep_chunks(file).ok_or(NotACard::Unreadable)
}

/// Whether every row of the image is there, and the palette that it may need.
fn decodes(decoder: Decoder<Cursor<&[u8]>>) -> Result<bool, DecodingError> {
    let mut reader = decoder.read_info()?;
    let info = reader.info();
    let shows = info.color_type != ColorType::Indexed || info.palette.is_some();
    while reader.next_interlaced_row()?.is_some() {}
    Ok(shows)
}

/// The signature, the kept chunks and an end; `None` when the file stops within a chunk or has one that can't be left out.
fn keep_chunks(file: &[u8]) -> Option<Vec<u8>> {
    const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";
    let mut kept = Vec::with_capacity(file.len());
    kept.extend_from_slice(SIGNATURE);
    let mut rest = file.strip_prefix(SIGNATURE)?;
    loop {
        let (length, after_length) = rest.split_first_chunk::<4>()?;
        let kind = after_length.first_chunk::<4>()?;
        if kind == b"IEND" {
            kept.extend_from_slice(END);
            return rest.starts_with(END).then_some(kept);
        }
        // A capital first letter: no decoder may pass over the chunk, and we do not know this one.
        if kind[0].is_ascii_uppercase() && !KEPT.contains(&kind) {
            return None;
        }
        // Length, kind, data, checksum.
        let whole = usize::try_from(u32::from_be_bytes(*length)).ok()?.checked_add(12)?;
        let (chunk, after) = rest.split_at_checked(whole)?;
        if KEPT.contains(&kind) {
            kept.extend_from_slice(chunk);
        }
        rest = after;
    }
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
