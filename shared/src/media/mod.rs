//! Images and videos that strangers upload: what they really are, told from a few kilobytes of them, and images without what
//! says where they were made. No network here: the caller fetches the bytes that are asked for.
//!
//! No input makes this panic, take long, or allocate more than the bytes it was given and a small multiple of their metadata.

mod boxes;
mod gif;
mod jpeg;
mod metadata;
mod partial_object;
mod png;
#[cfg(test)]
mod tests;
mod webm;
mod webp;

use std::ops::Range;

use bytes::Bytes;
use imagesize::{ImageError, ImageType};

use metadata::Findings;
pub use partial_object::PartialObject;
use partial_object::{Found, Stop};

/// How much of an object's end is searched for metadata that may stand anywhere: EXIF has 64 KiB at most where it comes from
/// (JPEG), and something may stand behind it.
const TAIL: u64 = 128 * 1024;

/// Metadata larger than this is not read, but believed to tell of a place.
const LARGEST_METADATA: u64 = 1024 * 1024;

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
    /// Whether an image may say where it was made; in doubt, it does. Never said of a video, which nobody could rewrite.
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
    let object = PartialObject::whole(image);
    let before = visible(&object).ok()?;
    let orientation = format.findings(&object).ok()?.orientation();
    let clean = format.without_metadata(&object, orientation).ok()?;
    let after = visible(&PartialObject::whole(clean.clone())).ok()?;
    (after == Visible { tells_location: false, ..before }).then_some(clean)
}

fn visible(object: &PartialObject) -> Found<Visible> {
    let start = object.bytes(0, object.size().min(16))?;
    let Some(format) = Format::of(&start) else {
        return if webm::is_ebml(&start) { webm::look(object) } else { boxes::look(object) };
    };
    let findings = format.findings(object)?;
    let (width, height) = size(object)?;
    let (width, height) = if findings.is_on_its_side() { (height, width) } else { (width, height) };
    Ok(Visible { content_type: format.content_type(), width, height, tells_location: findings.location })
}

/// Width and height as stored.
fn size(object: &PartialObject) -> Found<(u32, u32)> {
    let start = object.start();
    match imagesize::blob_size(&start) {
        Ok(size) => {
            let participant = |participant: usize| u32::try_from(participant).map_err(|_| Stop::IsNot);
            Ok((participant(size.width)?, participant(size.height)?))
        }
        // The library has read beyond what is known.
        Err(ImageError::IoError(_)) => Err(object.missing(start.len() as u64, 1)),
        Err(_) => Err(Stop::IsNot),
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
        match imagesize::image_type(start).ok()? {
            ImageType::Gif => Some(Self::Gif),
            ImageType::Jpeg => Some(Self::Jpeg),
            ImageType::Png => Some(Self::Png),
            ImageType::Webp => Some(Self::Webp),
            // Formats that another crate may have asked the library for.
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Gif => "image/gif",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    fn findings(self, object: &PartialObject) -> Found<Findings> {
        match self {
            Self::Gif => gif::findings(object),
            Self::Jpeg => jpeg::findings(object),
            Self::Png => png::findings(object),
            Self::Webp => webp::findings(object),
        }
    }

    fn without_metadata(self, object: &PartialObject, orientation: u16) -> Found<Bytes> {
        match self {
            Self::Gif => gif::without_metadata(object),
            Self::Jpeg => jpeg::without_metadata(object, orientation),
            Self::Png => png::without_metadata(object, orientation),
            Self::Webp => webp::without_metadata(object, orientation),
        }
    }
}
