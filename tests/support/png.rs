//! Pictures made by hand, chunk by chunk, and taken apart again.

use std::io::Write;

pub use png::{BitDepth, ColorType};

pub const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// One chunk: its length, its name, its data and their checksum.
pub fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [name, data].concat();
    let length = u32::try_from(data.len()).expect("a chunk of less than 4 GiB");
    [&length.to_be_bytes(), &named[..], &crc32(&named).to_be_bytes()].concat()
}

pub fn header(width: u32, height: u32, depth: u8, color: u8, interlaced: bool) -> Vec<u8> {
    let fields = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, color, 0, 0, interlaced.into()]];
    chunk(b"IHDR", &fields.concat())
}

/// A zlib stream that stores its data as it is.
pub fn stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks: Vec<_> = data.chunks(65_535).collect();
    for (n, block) in blocks.iter().enumerate() {
        let length = u16::try_from(block.len()).expect("at most 65,535");
        stream.push((n + 1 == blocks.len()).into());
        stream.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
        stream.extend(*block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

/// A picture from its parts between the signature and the end.
pub fn assembled(chunks: &[Vec<u8>]) -> Vec<u8> {
    [&SIGNATURE[..], &chunks.concat(), &chunk(b"IEND", b"")].concat()
}

/// A small picture in which no two pixels are alike.
pub fn picture() -> Vec<u8> {
    let pixels: Vec<u8> = (0..=255).flat_map(|n: u8| [n, n.wrapping_mul(7), 255 - n, n | 0x80]).collect();
    encoded(16, 16, ColorType::Rgba, BitDepth::Eight, &pixels)
}

/// One more picture, to tell a replaced card from the first one.
pub fn other_picture() -> Vec<u8> {
    encoded(2, 2, ColorType::Rgb, BitDepth::Eight, &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2])
}

pub fn encoded(width: u32, height: u32, color: ColorType, depth: BitDepth, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(pixels).expect("the pixels");
    writer.finish().expect("an end");
    file
}

/// A picture of one colour, however large, in a few kilobytes.
pub fn plain(width: u32, height: u32, color: ColorType, depth: BitDepth) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().expect("a header");
    let mut pixels = writer.stream_writer().expect("a stream");
    let line = vec![0; (color.samples() * depth as usize * width as usize).div_ceil(8)];
    for _ in 0..height {
        pixels.write_all(&line).expect("a line");
    }
    pixels.finish().expect("all lines");
    writer.finish().expect("an end");
    file
}

/// The chunks of a picture by name, and what follows its end.
#[track_caller]
pub fn parts(file: &[u8]) -> (Vec<(String, &[u8])>, &[u8]) {
    let mut rest = file.strip_prefix(SIGNATURE).expect("the signature of a PNG");
    let mut chunks = Vec::new();
    loop {
        let length = u32::from_be_bytes(rest[..4].try_into().expect("four bytes")) as usize;
        let (named, after) = rest[4..].split_at(4 + length);
        assert_eq!(after[..4], crc32(named).to_be_bytes());
        rest = &after[4..];
        chunks.push((String::from_utf8_lossy(&named[..4]).into_owned(), &named[4..]));
        if &named[..4] == b"IEND" {
            return (chunks, rest);
        }
    }
}

/// The visible data of a picture: its size, its colour type and depth, and every sample.
#[track_caller]
pub fn shown(file: &[u8]) -> (u32, u32, ColorType, BitDepth, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a PNG that can be read");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("all pixels");
    pixels.truncate(info.buffer_size());
    (info.width, info.height, info.color_type, info.bit_depth, pixels)
}

/// As in the appendix of the PNG specification.
fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, _: u8| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !data.iter().fold(!0, |crc: u32, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// As in RFC 1950.
fn adler32(data: &[u8]) -> u32 {
    let (a, b) = data.iter().fold((1, 0), |(a, b): (u32, u32), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}
