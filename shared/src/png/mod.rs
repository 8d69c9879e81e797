//! PNG files as we keep them (W3C, "Portable Network Graphics", third edition): every pixel in the colours that browsers give it, and
//! nothing about whoever made them.
//!
//! Where a file breaks the rules, Chromium's decoder says what is shown: it takes the first of doubled chunks, and none behind the pixels.

mod profile;
#[cfg(test)]
mod tests;

use std::io::{self, Cursor, Read};

use bytes::Bytes;
use flate2::{Compression, Crc, Decompress, FlushDecompress, Status, read::ZlibDecoder, write::ZlibEncoder};
use png::{DecodeOptions, Decoder, DecodingError, Encoder, Limits, Transformations};
use tokio::task::spawn_blocking;

use crate::media::{
    exif::Display,
    png::{END, SIGNATURE, length_of, put_chunk},
};

/// Pixels a side, at most.
pub const MAX_SIDE: u32 = 4096;

/// Bytes of pixels that are held in memory at once, at most: only an image that is turned needs that.
const MOST_HELD: u64 = 64 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub enum NotACard {
    /// No PNG, or one that does not decode to its end.
    Unreadable,
    /// More pixels than we keep.
    TooLarge,
}

/// [`clean`], off the async thread.
pub async fn clean_card(file: Bytes) -> Result<Vec<u8>, NotACard> {
    spawn_blocking(move || clean(&file)).await.unwrap_or(Err(NotACard::Unreadable))
}

/// The same image, pixel for pixel and colour for colour, without metadata and with nothing hidden in it. Decodes row by row: memory
/// stays small, whatever the image claims to be.
pub fn clean(file: &[u8]) -> Result<Vec<u8>, NotACard> {
    let mut chunks = Chunks { rest: file.strip_prefix(SIGNATURE).ok_or(NotACard::Unreadable)? };
    let header = chunks.next().and_then(|header| Header::of(&header)).ok_or(NotACard::Unreadable)?;
    if header.width > MAX_SIDE || header.height > MAX_SIDE {
        return Err(NotACard::TooLarge);
    }
    let image = Image::of(header, chunks).ok_or(NotACard::Unreadable)?;
    let card = image.assemble();
    match image.orientation {
        1 => decode(&card).map(|()| card).map_err(|_| NotACard::Unreadable),
        _ => image.turned(&card).ok_or(NotACard::Unreadable),
    }
}

/// An error unless every row decodes.
fn decode(card: &[u8]) -> Result<(), DecodingError> {
    let mut reader = decoder(card, Transformations::IDENTITY).read_info()?;
    while reader.next_interlaced_row()?.is_some() {}
    Ok(())
}

fn decoder(card: &[u8], transformations: Transformations) -> Decoder<Cursor<&[u8]>> {
    let mut options = DecodeOptions::default();
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(card), options);
    decoder.set_transformations(transformations);
    decoder.set_limits(Limits { bytes: 8 * 1024 * 1024 });
    decoder
}

struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    /// Its checksum fits.
    is_intact: bool,
}

/// The chunks of a file. After the last one `rest` is what stands behind it.
struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    /// `None` also where the file breaks off.
    fn next(&mut self) -> Option<Chunk<'a>> {
        let (length, after) = self.rest.split_first_chunk::<4>()?;
        let (kind, _) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (checked, after) = after.split_at_checked(length.checked_add(4)?)?;
        let (checksum, rest) = after.split_first_chunk::<4>()?;
        self.rest = rest;
        let mut crc = Crc::new();
        crc.update(checked);
        Some(Chunk { kind: *kind, data: &checked[4..], is_intact: crc.sum() == u32::from_be_bytes(*checksum) })
    }
}

#[derive(Clone)]
struct Header<'a> {
    bytes: &'a [u8],
    width: u32,
    height: u32,
    depth: u8,
    colours: u8,
    is_interlaced: bool,
}

/// Types of colours.
const GREY: u8 = 0;
const RGB: u8 = 2;
const INDEXED: u8 = 3;

impl<'a> Header<'a> {
    fn of(chunk: &Chunk<'a>) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, depth, colours, 0, 0, interlace @ (0 | 1)] = *chunk.data else { return None };
        let (width, height) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        let is_one = &chunk.kind == b"IHDR" && chunk.is_intact && width > 0 && height > 0;
        let header = Self { bytes: chunk.data, width, height, depth, colours, is_interlaced: interlace == 1 };
        is_one.then_some(header)
    }

    /// Bytes of so many pixels, decompressed: with one more before each row, for its filter.
    fn raw_size(&self, width: u32, height: u32) -> u64 {
        let samples = match self.colours {
            RGB => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        let bits = samples * u64::from(self.depth);
        let size = |columns: u32, rows: u32| match columns {
            0 => 0,
            _ => u64::from(rows) * (1 + (u64::from(columns) * bits).div_ceil(8)),
        };
        if !self.is_interlaced {
            return size(width, height);
        }
        // First column and row of each pass, and the steps from one to the next.
        let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
        let pass = |(x, y, across, down): (u32, u32, u32, u32)| {
            size(width.saturating_sub(x).div_ceil(across), height.saturating_sub(y).div_ceil(down))
        };
        passes.into_iter().map(pass).sum()
    }
}

/// The parts of a file that decide what is seen, each of a size that leaves no room for anything else. All others can tell of the
/// author: EXIF, text, time, physical size, and whatever a program invents.
struct Image<'a> {
    header: Header<'a>,
    /// Chunks for colours, with their contents: at most one of each kind.
    colours: Vec<([u8; 4], Vec<u8>)>,
    palette: Option<&'a [u8]>,
    transparency: Option<Vec<u8>>,
    /// As in EXIF: 1 is upright.
    orientation: u16,
    pixels: Vec<u8>,
    animation: Option<Animation<'a>>,
}

/// Frames that follow each other.
struct Animation<'a> {
    plays: &'a [u8],
    frames: Vec<Frame<'a>>,
}

struct Frame<'a> {
    /// Size, place and time, without the sequence number.
    control: &'a [u8],
    /// `None`: those of the image itself.
    pixels: Option<Vec<u8>>,
}

/// The chunks for colours, in the order in which they are written. Where several are there, the first of them counts for browsers.
const COLOURS: [&[u8; 4]; 7] = [b"cICP", b"mDCV", b"cLLI", b"iCCP", b"sRGB", b"gAMA", b"cHRM"];

impl<'a> Image<'a> {
    /// `None` when an indispensable chunk is missing, damaged, or unknown.
    fn of(header: Header<'a>, mut chunks: Chunks<'a>) -> Option<Self> {
        let mut found: Vec<Chunk> = Vec::new();
        let (mut palette, mut pixels, mut animated) = (None, Vec::new(), Vec::new());
        let (mut has_begun, mut has_ended) = (false, false);
        loop {
            let chunk = chunks.next()?;
            // A capital first letter: no decoder may pass over the chunk.
            let is_critical = chunk.kind[0].is_ascii_uppercase();
            match &chunk.kind {
                b"IEND" => break,
                b"IDAT" if has_ended => continue,
                _ if is_critical && !chunk.is_intact => return None,
                b"IDAT" => {
                    pixels.extend_from_slice(chunk.data);
                    if !std::mem::replace(&mut has_begun, true) {
                        animated.push(chunk);
                    }
                    continue;
                }
                b"acTL" | b"fcTL" | b"fdAT" => {
                    has_ended = has_begun;
                    animated.push(chunk);
                    continue;
                }
                _ => has_ended = has_begun,
            }
            match &chunk.kind {
                _ if has_ended => {}
                b"PLTE" if palette.is_none() && (3..=768).contains(&chunk.data.len()) => {
                    palette = Some(&chunk.data[..chunk.data.len() / 3 * 3]);
                }
                _ if is_critical => return None,
                // It is about a palette, which has to come first.
                b"tRNS" if header.colours == INDEXED && palette.is_none() => {}
                _ if chunk.is_intact => found.push(chunk),
                _ => {}
            }
        }
        let palette = palette.filter(|_| header.colours == INDEXED);
        if header.colours == INDEXED && palette.is_none() {
            return None;
        }
        let first = |kind: &[u8; 4]| found.iter().find(|chunk| &chunk.kind == kind).map(|chunk| chunk.data);
        let pixels = trimmed(pixels, header.raw_size(header.width, header.height))?;
        Some(Self {
            colours: COLOURS.into_iter().filter_map(|kind| Some((*kind, colour(kind, &found)?))).collect(),
            transparency: transparency(&header, palette, &found),
            orientation: first(b"eXIf").map_or(1, |exif| Display::of(exif).orientation()),
            animation: animation(&header, &animated),
            header,
            palette,
            pixels,
        })
    }

    fn assemble(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.pixels.len() + 4096);
        file.extend_from_slice(SIGNATURE);
        put_chunk(&mut file, b"IHDR", self.header.bytes);
        if let Some(animation) = &self.animation {
            let frames = (animation.frames.len() as u32).to_be_bytes();
            put_chunk(&mut file, b"acTL", &[&frames, animation.plays].concat());
        }
        self.colours.iter().for_each(|(kind, data)| put_chunk(&mut file, kind, data));
        self.palette.iter().for_each(|palette| put_chunk(&mut file, b"PLTE", palette));
        self.transparency.iter().for_each(|transparency| put_chunk(&mut file, b"tRNS", transparency));
        let frames = self.animation.iter().flat_map(|animation| &animation.frames);
        let (image, others): (Vec<&Frame>, Vec<&Frame>) = frames.partition(|frame| frame.pixels.is_none());
        let mut sequence = (0_u32..).map(u32::to_be_bytes);
        let mut next = || sequence.next().unwrap_or_default();
        image.iter().for_each(|frame| put_chunk(&mut file, b"fcTL", &[&next(), frame.control].concat()));
        put_chunk(&mut file, b"IDAT", &self.pixels);
        for frame in others {
            put_chunk(&mut file, b"fcTL", &[&next(), frame.control].concat());
            put_chunk(&mut file, b"fdAT", &[&next(), frame.pixels.as_deref().unwrap_or_default()].concat());
        }
        file.extend_from_slice(END);
        file
    }

    /// The image turned upright, with the same colours. Of an animation the image without frames is left.
    fn turned(mut self, card: &[u8]) -> Option<Vec<u8>> {
        let is_huge = self.header.raw_size(self.header.width, self.header.height) > MOST_HELD;
        let shortened = if is_huge { Transformations::STRIP_16 } else { Transformations::IDENTITY };
        let mut reader = decoder(card, Transformations::EXPAND | shortened).read_info().ok()?;
        let mut pixels = vec![0; reader.output_buffer_size()?];
        let frame = reader.next_frame(&mut pixels).ok()?;
        let (width, height) = (frame.width as usize, frame.height as usize);
        let pixel = frame.line_size / width;

        let (columns, rows) = if self.orientation >= 5 { (height, width) } else { (width, height) };
        let source = |x: usize, y: usize| match self.orientation {
            2 => (width - 1 - x, y),
            3 => (width - 1 - x, height - 1 - y),
            4 => (x, height - 1 - y),
            5 => (y, x),
            6 => (y, height - 1 - x),
            7 => (width - 1 - y, height - 1 - x),
            8 => (width - 1 - y, x),
            _ => (x, y),
        };
        let mut upright = Vec::new();
        let mut encoder = Encoder::new(&mut upright, columns as u32, rows as u32);
        encoder.set_color(frame.color_type);
        encoder.set_depth(frame.bit_depth);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().ok()?;
        let mut stream = writer.stream_writer().ok()?;
        for y in 0..rows {
            let row: Vec<u8> = (0..columns)
                .flat_map(|x| {
                    let (x, y) = source(x, y);
                    &pixels[y * frame.line_size + x * pixel..][..pixel]
                })
                .copied()
                .collect();
            io::Write::write_all(&mut stream, &row).ok()?;
        }
        stream.finish().ok()?;
        writer.finish().ok()?;

        let mut chunks = Chunks { rest: upright.strip_prefix(SIGNATURE)? };
        let header = Header::of(&chunks.next()?)?;
        let upright = Image::of(header, chunks)?;
        let colours = std::mem::take(&mut self.colours);
        Some(Image { colours, ..upright }.assemble())
    }
}

/// The contents of the chunk of that kind for colours which counts.
fn colour(kind: &[u8; 4], found: &[Chunk]) -> Option<Vec<u8>> {
    let mut chunks = found.iter().filter(|chunk| &chunk.kind == kind).map(|chunk| chunk.data);
    if kind == b"iCCP" {
        // Chromium looks at the first one only.
        return chunks.next().and_then(profile::reduced_chunk);
    }
    let is_valid = |data: &&[u8]| match kind {
        // Code points of colours that are no RGB are for videos.
        b"cICP" => data[2] == 0,
        b"sRGB" => data[0] <= 3,
        b"gAMA" => data.iter().any(|byte| *byte > 0),
        _ => true,
    };
    let fits = |data: &&[u8]| length_of(kind).is_some_and(|length| length.contains(&(data.len() as u64)));
    chunks.filter(fits).find(is_valid).map(<[u8]>::to_vec)
}

fn transparency(header: &Header, palette: Option<&[u8]>, found: &[Chunk]) -> Option<Vec<u8>> {
    let data = found.iter().find(|chunk| &chunk.kind == b"tRNS")?.data;
    let length = match header.colours {
        GREY => 2,
        RGB => 6,
        INDEXED => data.len().min(palette?.len() / 3).max(1),
        _ => return None,
    };
    data.get(..length).map(<[u8]>::to_vec)
}

/// The compressed pixels without anything behind them, or behind the last pixel. `None` when there are too few, or damaged ones. Stops
/// at the first byte too many, however much a bomb has in store.
fn trimmed(mut compressed: Vec<u8>, size: u64) -> Option<Vec<u8>> {
    let mut inflate = Decompress::new(true);
    let mut scratch = vec![0; 64 * 1024];
    loop {
        let rest = compressed.get(inflate.total_in() as usize..)?;
        let before = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(rest, &mut scratch, FlushDecompress::None).ok()?;
        if inflate.total_out() > size {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            io::copy(&mut ZlibDecoder::new(&compressed[..]).take(size), &mut encoder).ok()?;
            return encoder.finish().ok();
        }
        if matches!(status, Status::StreamEnd) {
            compressed.truncate(inflate.total_in() as usize);
            return (inflate.total_out() == size).then_some(compressed);
        }
        if before == (inflate.total_in(), inflate.total_out()) {
            return None;
        }
    }
}

/// The animation that these chunks tell of, the first of the pixels among them; `None` where it is damaged, as browsers show the image
/// alone then.
fn animation<'a>(header: &Header, chunks: &[Chunk<'a>]) -> Option<Animation<'a>> {
    let (control, rest) = chunks.split_first().filter(|(chunk, _)| &chunk.kind == b"acTL" && chunk.data.len() == 8)?;
    let mut frames: Vec<Frame> = Vec::new();
    // The frame that the next chunk belongs to: its control has come.
    let mut open: Option<Frame> = None;
    for (chunk, sequence) in numbered(rest) {
        let parts = chunk.data.split_first_chunk::<4>().filter(|_| chunk.is_intact);
        match (&chunk.kind, parts) {
            (b"IDAT", _) => match open.take() {
                Some(frame) if frames.is_empty() && frame.pixels.is_none() => frames.push(frame),
                None if frames.is_empty() => {}
                _ => return None,
            },
            (b"fcTL", Some((number, control))) if u32::from_be_bytes(*number) == sequence && control.len() == 22 => {
                frames.extend(open.take().filter(|frame| frame.pixels.is_some()));
                open = Some(Frame { control, pixels: None });
            }
            (b"fdAT", Some((number, data))) if u32::from_be_bytes(*number) == sequence => {
                open.as_mut()?.pixels.get_or_insert_default().extend_from_slice(data);
            }
            _ => return None,
        }
    }
    frames.extend(open.take().filter(|frame| frame.pixels.is_some()));
    for frame in &mut frames {
        let number = |at: usize| Some(u32::from_be_bytes(*frame.control.get(at..)?.first_chunk()?));
        let (width, height, x, y) = (number(0)?, number(4)?, number(8)?, number(12)?);
        let is_within =
            |start: u32, length: u32, side: u32| length > 0 && start.checked_add(length).is_some_and(|end| end <= side);
        if !is_within(x, width, header.width) || !is_within(y, height, header.height) {
            return None;
        }
        let pixels = frame.pixels.take();
        frame.pixels = match pixels {
            Some(pixels) => Some(trimmed(pixels, header.raw_size(width, height))?),
            None => None,
        };
    }
    Some(Animation { plays: &control.data[4..], frames }).filter(|animation| !animation.frames.is_empty())
}

/// The chunks of an animation, each with the sequence number that it must have.
fn numbered<'c, 'a>(chunks: &'c [Chunk<'a>]) -> impl Iterator<Item = (&'c Chunk<'a>, u32)> {
    let mut sequence = 0;
    chunks.iter().map(move |chunk| {
        let own = sequence;
        sequence += u32::from(&chunk.kind != b"IDAT");
        (chunk, own)
    })
}
