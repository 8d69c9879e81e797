//! Images and videos that strangers upload: what they really are, told from a few kilobytes of them, and images without what
//! says where or by whom they were made. No network here: the caller fetches the bytes that are asked for.
//!
//! Browsers are the judges: an image is what they show as one, with the width and height that they give it. A test target compares
//! with them (`tests/browsers`). Where they differ, Chromium counts. Of a video its container decides, never its codec.
//!
//! No input makes this panic, take long, or allocate more than the bytes it was given and a small multiple of their metadata.

mod boxes;
pub(crate) mod exif;
mod gif;
mod jpeg;
mod partial_object;
pub(crate) mod png;
#[cfg(test)]
mod tests;
mod webm;
mod webp;

use std::ops::Range;

use bytes::Bytes;

use exif::Display;
pub use partial_object::PartialObject;
use partial_object::{Found, Stop};

/// Up to this size an image is searched for metadata as a whole. In a larger one that could be anywhere, it is believed to be there:
/// to be sure would cost as much as to write the image anew.
const SEARCHED: u64 = 64 * 1024;

/// Metadata larger than this is not read, but believed to tell of a place.
const LARGEST_METADATA: u64 = 1024 * 1024;

/// Browsers show no image of more pixels.
const MOST_PIXELS: u64 = (1 << 29) - 1;

/// The result of looking at an object of which some bytes are known.
#[derive(Debug, PartialEq, Eq)]
pub enum Probe {
    Is(Visible),
    /// Asks for these bytes first: never none, never more than 1 MiB, all of them unknown and within the object.
    Wants(Range<u64>),
    /// Nothing that is shown: another format, a damaged file, or one without a size.
    IsNot,
}

/// An image or a video.
#[derive(Debug, PartialEq, Eq)]
pub struct Visible {
    pub content_type: &'static str,
    /// Pixels as shown: a photo or a video that is turned on its side when shown has its sides swapped. Never 0.
    pub width: u32,
    pub height: u32,
    /// Whether an image may say where or by whom it was made; in doubt, it does. Never said of a video, which nobody could rewrite.
    pub tells_location: bool,
}

/// What an object is, whatever its name or its uploader say.
pub fn look(object: &PartialObject) -> Probe {
    match visible(object) {
        Ok(visible) if visible.width > 0 && visible.height > 0 => Probe::Is(visible),
        Ok(_) | Err(Stop::IsNot) => Probe::IsNot,
        Err(Stop::Wants(range)) => Probe::Wants(range),
    }
}

/// The same image without EXIF, XMP, IPTC, comments, and anything behind its end. Its pixels are not encoded anew, its
/// orientation and colour profile stay, and so do its frames and their timing. `None`: no image of that type, or one so damaged
/// that the result would not look the same, or would still tell of a place.
pub fn without_location(content_type: &str, image: Bytes) -> Option<Bytes> {
    let format = Format::of(&image).filter(|format| format.content_type() == content_type)?;
    let before = format.look(&PartialObject::whole(image.clone())).ok()?;
    let clean = format.without_metadata(&image, before.display).ok()?;
    let after = format.look(&PartialObject::whole(clean.clone())).ok()?;
    // What of a large file is not searched has just been written.
    let tells = after.may_tell && clean.len() as u64 <= SEARCHED;
    (after.size == before.size && after.display == before.display && !tells).then_some(clean)
}

fn visible(object: &PartialObject) -> Found<Visible> {
    let start = object.bytes(0, object.size().min(16))?;
    let Some(format) = Format::of(&start) else {
        return if webm::is_ebml(&start) { webm::look(object) } else { boxes::look(object) };
    };
    let Image { size: (width, height), may_tell, .. } = format.look(object)?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Stop::IsNot);
    }
    Ok(Visible { content_type: format.content_type(), width, height, tells_location: may_tell })
}

/// An image, as far as it matters here.
struct Image {
    /// As shown.
    size: (u32, u32),
    /// It may hold something that changes nothing of how it looks.
    may_tell: bool,
    /// How its EXIF has it shown.
    display: Display,
}

/// The size of a video whose pixels are so many times as wide as high, in square ones: no side gets smaller. Chromium does the same.
fn in_square_pixels((width, height): (u32, u32), aspect: (u32, u32)) -> (u32, u32) {
    let (wide, high) = (u64::from(aspect.0), u64::from(aspect.1));
    let scaled = |side: u32, over: u64, under: u64| {
        let exact = (u64::from(side) * over + under / 2) / under;
        u32::try_from(exact).unwrap_or(u32::MAX)
    };
    match wide.cmp(&high) {
        _ if wide == 0 || high == 0 => (width, height),
        std::cmp::Ordering::Less => (width, scaled(height, high, wide)),
        std::cmp::Ordering::Equal => (width, height),
        std::cmp::Ordering::Greater => (scaled(width, wide, high), height),
    }
}

#[derive(Clone, Copy)]
enum Format {
    Gif,
    Jpeg,
    Png,
    Webp,
}

impl Format {
    fn of(start: &[u8]) -> Option<Self> {
        let formats = [
            (gif::is_one(start), Self::Gif),
            (jpeg::is_one(start), Self::Jpeg),
            (png::is_one(start), Self::Png),
            (webp::is_one(start), Self::Webp),
        ];
        formats.into_iter().find(|(is_one, _)| *is_one).map(|(_, format)| format)
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Gif => "image/gif",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    fn look(self, object: &PartialObject) -> Found<Image> {
        match self {
            Self::Gif => gif::look(object),
            Self::Jpeg => jpeg::look(object),
            Self::Png => png::look(object),
            Self::Webp => webp::look(object),
        }
    }

    fn without_metadata(self, image: &Bytes, display: Display) -> Found<Bytes> {
        match self {
            Self::Gif => Ok(gif::without_metadata(image)),
            Self::Jpeg => jpeg::without_metadata(image, display),
            Self::Png => png::without_metadata(image, display),
            Self::Webp => webp::without_metadata(image),
        }
    }
}
