//! Images with a location in their metadata: they arrive without it, and look the same.

use super::LOCATED;
use crate::support::{Client, Pair, media_of, png, sample, text};

fn has(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

/// The position of `words`, which must occur once.
#[track_caller]
fn place_of(bytes: &[u8], words: &[u8]) -> usize {
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(words)).collect();
    assert_eq!(places.len(), 1, "{}", String::from_utf8_lossy(words));
    places[0]
}

/// Sends an image and fetches it by its URL. Returns its stated size in bytes, and its bytes.
async fn stored(pair: &Pair, content_type: &str, file: &str, size: (u32, u32)) -> Vec<u8> {
    let message = pair.show("image", content_type, file).await;
    let media = &media_of(&message)[0];
    let shown = Client::fetch(text(media, "url")).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, Some(content_type)));
    assert_eq!(media["bytes"], shown.body.len());
    assert_eq!((&media["width"], &media["height"]), (&size.0.into(), &size.1.into()));
    let listed = &pair.bob.messages(&pair.conversation).await[0];
    assert_eq!((&listed["_id"], &listed["media"][0]["bytes"]), (&message["_id"], &media["bytes"]));
    shown.body
}

/// The orientation in EXIF data as the product writes it.
fn orientation(bytes: &[u8]) -> u8 {
    let at = place_of(bytes, b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0");
    bytes[at + 19]
}

#[tokio::test]
async fn no_image_arrives_with_the_place_where_it_was_made() {
    let pair = Pair::begin().await;
    for (file, content_type, width, height) in LOCATED {
        println!("{file}");
        let original = sample(file);
        let is_told = |bytes: &[u8]| [&b"GPS"[..], b"Paris", b"XMP", b"8BIM"].iter().any(|words| has(bytes, words));
        assert!(is_told(&original) || file == "located.png", "this is not what is tested");
        let stored = stored(&pair, content_type, file, (width, height)).await;
        assert!(!is_told(&stored), "{}", String::from_utf8_lossy(&stored));
        assert!(stored.len() < original.len());
    }
}

#[tokio::test]
async fn a_png_keeps_its_pixels_and_its_orientation() {
    let pair = Pair::begin().await;
    let (original, stored) = (sample("located.png"), stored(&pair, "image/png", "located.png", (60, 80)).await);
    assert_eq!(png::shown(&stored), png::shown(&original));
    let (chunks, trailing) = png::parts(&stored);
    let metadata: Vec<&str> = chunks.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "IDAT").collect();
    assert_eq!((metadata, trailing), (vec!["IHDR", "eXIf", "IEND"], &b""[..]));
    assert_eq!(orientation(&stored), 8);
}

#[tokio::test]
async fn a_jpeg_keeps_its_scan_its_orientation_and_its_colour_profile() {
    let pair = Pair::begin().await;
    let (original, stored) = (sample("located.jpg"), stored(&pair, "image/jpeg", "located.jpg", (64, 96)).await);
    // After the quantisation tables, an image of this encoder contains only the picture.
    let tables = |bytes: &[u8]| bytes.windows(3).position(|window| window == b"\xff\xdb\0").expect("tables");
    assert!(original[tables(&original)..] == stored[tables(&stored)..]);
    assert_eq!(orientation(&stored), 6);
    let profile = place_of(&original, b"ICC_PROFILE\0");
    let length = usize::from(u16::from_be_bytes([original[profile - 2], original[profile - 1]])) - 2;
    assert!(has(&stored, &original[profile..profile + length]));
}

/// The chunks of a WebP, by name.
fn chunks(file: &[u8]) -> Vec<(String, &[u8])> {
    assert_eq!((&file[..4], &file[8..12]), (&b"RIFF"[..], &b"WEBP"[..]));
    let length = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
    assert_eq!(length(4) + 8, file.len());
    let (mut at, mut chunks) = (12, Vec::new());
    while at < file.len() {
        let data = &file[at + 8..at + 8 + length(at + 4)];
        chunks.push((String::from_utf8_lossy(&file[at..at + 4]).into_owned(), data));
        at += 8 + data.len().next_multiple_of(2);
    }
    chunks
}

#[tokio::test]
async fn a_webp_keeps_its_pixels_and_has_no_orientation_as_browsers_turn_none() {
    let pair = Pair::begin().await;
    let (original, stored) = (sample("located.webp"), stored(&pair, "image/webp", "located.webp", (88, 56)).await);
    let (before, after) = (chunks(&original), chunks(&stored));
    let is_picture = |(name, _): &&(String, &[u8])| !["VP8X", "EXIF", "XMP "].contains(&name.as_str());
    assert_eq!(
        before.iter().filter(is_picture).collect::<Vec<_>>(),
        after.iter().filter(is_picture).collect::<Vec<_>>()
    );
    assert!(!after.iter().any(|(name, _)| name == "EXIF" || name == "XMP "));
    // The flags match the chunks.
    assert_eq!(after[0].1[0] & 0b1100, 0);
}

/// The blocks of a GIF after its header, without comments and application data.
fn blocks(file: &[u8]) -> Vec<&[u8]> {
    let colours = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let (mut at, mut blocks) = (13 + colours(file[10]), Vec::new());
    while file[at] != b';' {
        let mut end = if file[at] == b',' { at + 11 + colours(file[at + 9]) } else { at + 2 };
        while file[end] != 0 {
            end += 1 + usize::from(file[end]);
        }
        end += 1;
        let is_said = file[at] == b'!' && !matches!(file[at + 1], 0x01 | 0xf9) && !has(&file[at..end], b"NETSCAPE2.0");
        if !is_said {
            blocks.push(&file[at..end]);
        }
        at = end;
    }
    blocks
}

#[tokio::test]
async fn a_gif_keeps_its_frames_and_their_timing() {
    let pair = Pair::begin().await;
    let (original, stored) = (sample("located.gif"), stored(&pair, "image/gif", "located.gif", (40, 30)).await);
    let before = blocks(&original);
    assert!(before.iter().filter(|block| block[0] == b',').count() > 1, "this is not what is tested");
    assert_eq!((&stored[..13], stored.last()), (&original[..13], Some(&b';')));
    assert!(blocks(&stored) == before);
    assert!(stored.ends_with(&[&before.concat()[..], b";"].concat()), "something else is said");
}

#[tokio::test]
async fn an_image_that_is_sent_as_a_file_keeps_what_it_says() {
    let pair = Pair::begin().await;
    for (file, content_type, ..) in LOCATED {
        let upload = pair.ann.upload("file", content_type, &sample(file)).await;
        let message = pair.send("file", &[upload]).send().await.processed(200);
        assert!(Client::fetch(text(&message["media"][0], "url")).await.body == sample(file), "{file}");
    }
}
