use proptest::prelude::*;

use super::*;

macro_rules! files {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(const $name: &[u8] = include_bytes!(concat!("../../../tests/media/", $file));)*
        const FILES: &[&[u8]] = &[$($name),*];
    };
}

files! {
    PLAIN_PNG = "plain.png",
    LOCATED_PNG = "located.png",
    PHOTO_JPG = "photo.jpg",
    SIDEWAYS_JPG = "sideways.jpg",
    LOCATED_JPG = "located.jpg",
    LOSSY_WEBP = "lossy.webp",
    LOSSLESS_WEBP = "lossless.webp",
    ANIMATED_WEBP = "animated.webp",
    LOCATED_WEBP = "located.webp",
    ANIMATED_GIF = "animated.gif",
    LOCATED_GIF = "located.gif",
    CLIP_MP4 = "clip.mp4",
    FASTSTART_MP4 = "faststart.mp4",
    SIDEWAYS_MOV = "sideways.mov",
    CLIP_WEBM = "clip.webm",
    LIVE_WEBM = "live.webm",
    WIDE_WEBM = "wide.webm",
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn look_at(file: &[u8]) -> Probe {
    look(&PartialObject::whole(Bytes::copy_from_slice(file)))
}

fn is(content_type: &'static str, width: u32, height: u32, tells_location: bool) -> Probe {
    Probe::Is(Visible { content_type, width, height, tells_location })
}

/// Fetches the wanted ranges until the result is final, and returns it with the number of fetches. Fails when a range is too long.
fn fetched(size: u64, first: u64, fetch: impl Fn(Range<u64>) -> Vec<u8>) -> (Probe, usize) {
    let mut object = PartialObject::new(size);
    let mut known: Vec<Range<u64>> = Vec::new();
    let mut wanted = 0..first.min(size);
    loop {
        object.add(wanted.start, fetch(wanted.clone()).into());
        known.push(wanted);
        match look(&object) {
            Probe::Wants(range) => wanted = range,
            look => return (look, known.len()),
        }
        assert!(
            wanted.start < wanted.end && wanted.end <= size && wanted.end - wanted.start <= 1024 * 1024,
            "{wanted:?}"
        );
        let is_known = |known: &Range<u64>| wanted.start < known.end && known.start < wanted.end;
        assert!(!known.iter().any(is_known), "{wanted:?} of {known:?}");
    }
}

fn slice_of(file: &[u8]) -> impl Fn(Range<u64>) -> Vec<u8> {
    |range| file[range.start as usize..range.end as usize].to_vec()
}

/// A large object: zeros, but for some parts.
fn with_parts(parts: &[(u64, &[u8])]) -> impl Fn(Range<u64>) -> Vec<u8> {
    move |range| {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        for (at, part) in parts {
            for (position, byte) in (*at..).zip(*part).filter(|(position, _)| range.contains(position)) {
                bytes[(position - range.start) as usize] = *byte;
            }
        }
        bytes
    }
}

#[test]
fn every_format_is_told_with_its_size_as_shown() {
    assert_eq!(look_at(PLAIN_PNG), is("image/png", 64, 48, false));
    assert_eq!(look_at(LOCATED_PNG), is("image/png", 60, 80, true));
    assert_eq!(look_at(PHOTO_JPG), is("image/jpeg", 96, 64, false));
    assert_eq!(look_at(SIDEWAYS_JPG), is("image/jpeg", 64, 96, false));
    assert_eq!(look_at(LOCATED_JPG), is("image/jpeg", 64, 96, true));
    assert_eq!(look_at(LOSSY_WEBP), is("image/webp", 72, 40, false));
    assert_eq!(look_at(LOSSLESS_WEBP), is("image/webp", 50, 70, false));
    assert_eq!(look_at(ANIMATED_WEBP), is("image/webp", 40, 30, false));
    assert_eq!(look_at(LOCATED_WEBP), is("image/webp", 88, 56, true));
    assert_eq!(look_at(ANIMATED_GIF), is("image/gif", 40, 30, false));
    assert_eq!(look_at(LOCATED_GIF), is("image/gif", 40, 30, true));
    assert_eq!(look_at(CLIP_MP4), is("video/mp4", 128, 72, false));
    assert_eq!(look_at(FASTSTART_MP4), is("video/mp4", 128, 72, false));
    assert_eq!(look_at(SIDEWAYS_MOV), is("video/quicktime", 72, 128, false));
    assert_eq!(look_at(CLIP_WEBM), is("video/webm", 160, 90, false));
    assert_eq!(look_at(LIVE_WEBM), is("video/webm", 160, 90, false));
    assert_eq!(look_at(WIDE_WEBM), is("video/webm", 96, 72, false));
}

#[test]
fn everything_else_is_not() {
    let matroska = [b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska", &CLIP_WEBM[40..]].concat();
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08meta";
    let mut flat = PLAIN_PNG.to_vec();
    flat[20..24].fill(0);
    let files: [&[u8]; 8] = [
        b"",
        b"GIF",
        b"<!doctype html><html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        &[0; 5000],
        &matroska,
        heic,
        &flat,
    ];
    for file in files {
        assert_eq!(look_at(file), Probe::IsNot, "{}", String::from_utf8_lossy(file));
    }
    let sound = CLIP_MP4.to_vec();
    let at = sound.windows(4).rposition(|kind| kind == b"vide").unwrap();
    let sound = [&sound[..at], b"soun", &sound[at + 4..]].concat();
    assert_eq!(look_at(&sound), Probe::IsNot);
}

#[test]
fn a_movie_box_behind_200_mib_is_found_with_two_fetches() {
    let movie = CLIP_MP4.windows(4).position(|kind| kind == b"moov").unwrap() - 4;
    let media: u64 = 200 * 1024 * 1024;
    let start = [&CLIP_MP4[..32], b"\0\0\0\x01mdat", &media.to_be_bytes()].concat();
    let size = 32 + media + (CLIP_MP4.len() - movie) as u64;
    let parts = [(0, &start[..]), (32 + media, &CLIP_MP4[movie..])];
    assert_eq!(fetched(size, 65536, with_parts(&parts)), (is("video/mp4", 128, 72, false), 2));
}

#[test]
fn a_movie_box_behind_thousands_of_boxes_is_found_with_a_dozen_fetches() {
    let movie = CLIP_MP4.windows(4).position(|kind| kind == b"moov").unwrap() - 4;
    let (boxes, each) = (5000, 40_000);
    let header = [&(each as u32).to_be_bytes(), &b"mdat"[..]].concat();
    let behind = 32 + boxes * each;
    let mut parts: Vec<(u64, &[u8])> = (0..boxes).map(|index| (32 + index * each, &header[..])).collect();
    parts.extend([(0, &CLIP_MP4[..32]), (behind, &CLIP_MP4[movie..])]);
    let size = behind + (CLIP_MP4.len() - movie) as u64;
    let (look, fetches) = fetched(size, 65536, with_parts(&parts));
    assert_eq!(look, is("video/mp4", 128, 72, false));
    assert!(fetches <= 12, "{fetches}");
}

#[test]
fn a_photo_with_15_megabytes_of_metadata_is_told() {
    let segments = [b"\xff\xe5\xff\xff", &[b'x'; 65533][..]].concat().repeat(240);
    let photo = [&PHOTO_JPG[..2], &segments, &PHOTO_JPG[2..]].concat();
    let (look, fetches) = fetched(photo.len() as u64, 65536, slice_of(&photo));
    assert_eq!(look, is("image/jpeg", 96, 64, true));
    assert!(fetches <= 24, "{fetches}");
    assert_eq!(without_location("image/jpeg", photo.into()).unwrap(), PHOTO_JPG);
}

#[test]
fn one_large_chunk_before_the_pixels_is_passed_over() {
    let start = [&PLAIN_PNG[..33], b"\0\xa0\0\0tEXt"].concat();
    let behind = 33 + 12 + 0xa0_0000;
    let size = behind + (PLAIN_PNG.len() - 33) as u64;
    let parts = [(0, &start[..]), (behind, &PLAIN_PNG[33..])];
    assert_eq!(fetched(size, 65536, with_parts(&parts)), (is("image/png", 64, 48, true), 2));
}

#[test]
fn a_quicktime_movie_needs_no_file_type() {
    assert_eq!(look_at(&SIDEWAYS_MOV[20..]), is("video/quicktime", 72, 128, false));
}

#[test]
fn a_photo_with_a_megabyte_of_metadata_is_told() {
    let profile = [b"\xff\xe2\xff\xffICC_PROFILE\0", &[0; 65521][..]].concat().repeat(32);
    let photo = [&LOCATED_JPG[..2], &profile, &LOCATED_JPG[2..]].concat();
    let (look, fetches) = fetched(photo.len() as u64, 65536, slice_of(&photo));
    assert_eq!(look, is("image/jpeg", 64, 96, true));
    assert!(fetches <= 8, "{fetches}");
}

#[test]
fn metadata_behind_ten_megabytes_of_pixels_is_found() {
    let at = |file: &[u8], kind: &[u8]| file.windows(4).position(|bytes| bytes == kind).unwrap() - 4;
    let exif = &LOCATED_PNG[at(LOCATED_PNG, b"eXIf")..at(LOCATED_PNG, b"IDAT")];
    let end = [exif, &PLAIN_PNG[at(PLAIN_PNG, b"IEND")..]].concat();
    let start = [&PLAIN_PNG[..33], b"\0\x9f\xff\xf4IDAT\x78\x9c"].concat();
    let behind = 33 + 10 * 1024 * 1024;
    let (look, fetches) = fetched(behind + end.len() as u64, 65536, with_parts(&[(0, &start), (behind, &end)]));
    assert_eq!((look, fetches), (is("image/png", 64, 48, true), 2));

    let mut start = LOCATED_WEBP[..30].to_vec();
    start.extend_from_slice(b"VP8 \xf8\xff\x9f\0\x10\0\0\x9d\x01\x2a\x58\0\x38\0");
    let end = &LOCATED_WEBP[at(LOCATED_WEBP, b"EXIF") + 4..];
    let behind = 30 + 10 * 1024 * 1024;
    let size = behind + end.len() as u64;
    start[4..8].copy_from_slice(&(size as u32 - 8).to_le_bytes());
    let (look, fetches) = fetched(size, 65536, with_parts(&[(0, &start), (behind, end)]));
    assert_eq!((look, fetches), (is("image/webp", 88, 56, true), 2));
}

#[test]
fn what_stands_behind_a_photo_may_tell_of_a_place() {
    let photo = [PHOTO_JPG, b"\0\0\0\x18ftypmp42 a motion photo"].concat();
    assert_eq!(look_at(&photo), is("image/jpeg", 96, 64, true));
    assert_eq!(without_location("image/jpeg", photo.into()).unwrap(), PHOTO_JPG);
}

#[test]
fn pixels_and_colours_stay_and_places_go() {
    for file in [LOCATED_JPG, LOCATED_PNG, LOCATED_WEBP, LOCATED_GIF] {
        let Probe::Is(before) = look_at(file) else { panic!("no image") };
        let clean = without_location(before.content_type, Bytes::from_static(file)).unwrap();
        assert_eq!(look_at(&clean), Probe::Is(Visible { tells_location: false, ..before }));
        assert!(!contains(&clean, b"GPS") && !contains(&clean, b"Paris"));
    }
    let jpeg = without_location("image/jpeg", Bytes::from_static(LOCATED_JPG)).unwrap();
    let quantization = |file: &[u8]| file.windows(2).position(|marker| marker == b"\xff\xdb").unwrap();
    assert_eq!(jpeg[quantization(&jpeg)..], LOCATED_JPG[quantization(LOCATED_JPG)..]);
    assert!(contains(&jpeg, b"ICC_PROFILE\0"));
    let gif = without_location("image/gif", Bytes::from_static(LOCATED_GIF)).unwrap();
    assert_eq!(gif, ANIMATED_GIF);
    let webp = without_location("image/webp", Bytes::from_static(LOCATED_WEBP)).unwrap();
    assert_eq!((webp[20], u32::from_le_bytes(webp[4..8].try_into().unwrap())), (0, webp.len() as u32 - 8));
}

#[test]
fn an_image_without_metadata_stays_as_it_is() {
    for file in [PLAIN_PNG, PHOTO_JPG, LOSSY_WEBP, LOSSLESS_WEBP, ANIMATED_WEBP, ANIMATED_GIF] {
        let Probe::Is(image) = look_at(file) else { panic!("no image") };
        assert_eq!(without_location(image.content_type, Bytes::from_static(file)).unwrap(), file);
    }
}

#[test]
fn what_is_no_image_of_that_type_is_not_rewritten() {
    assert_eq!(without_location("image/png", Bytes::from_static(PHOTO_JPG)), None);
    assert_eq!(without_location("video/mp4", Bytes::from_static(CLIP_MP4)), None);
    assert_eq!(without_location("image/png", Bytes::from_static(&PLAIN_PNG[..33])), None);
}

/// A file that someone has cut, damaged or spliced.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let file = prop::sample::select(FILES);
    let byte = prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(1), Just(0x7f)];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), byte), 0..6);
    let splice = prop::option::of((any::<prop::sample::Index>(), prop::sample::select(FILES), 0usize..300));
    (file, changes, splice, prop::option::weighted(0.3, any::<prop::sample::Index>())).prop_map(
        |(file, changes, splice, cut)| {
            let mut file = file.to_vec();
            for (index, byte) in changes {
                // Half of the damage hits headers.
                let within = if byte % 2 == 0 { file.len() } else { 100 };
                *index.get_mut(&mut file[..within]) = byte;
            }
            if let Some((index, other, length)) = splice {
                let at = index.index(file.len());
                file.splice(at..at, other[..length.min(other.len())].iter().copied());
            }
            file.truncate(cut.map_or(file.len(), |cut| cut.index(file.len())));
            file
        },
    )
}

#[test]
fn a_file_that_is_made_to_keep_us_busy_is_nothing() {
    let mut file = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\xff".to_vec();
    file.extend(b"\xec\x80".repeat(1 << 20));
    file.extend(&CLIP_WEBM[CLIP_WEBM.windows(4).position(|id| id == b"\x16\x54\xae\x6b").unwrap()..]);
    assert_eq!(look(&PartialObject::whole(file.into())), Probe::IsNot);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn bytes_are_wanted_once_and_what_is_seen_does_not_depend_on_their_order(file in damaged(), first in 0u64..3000) {
        prop_assert_eq!(fetched(file.len() as u64, first, slice_of(&file)).0, look_at(&file));
    }

    #[test]
    fn a_rewritten_image_looks_the_same_and_tells_of_no_place(file in damaged()) {
        let Probe::Is(before) = look_at(&file) else { return Ok(()) };
        if let Some(clean) = without_location(before.content_type, file.into()) {
            prop_assert_eq!(look_at(&clean), Probe::Is(Visible { tells_location: false, ..before }));
        }
    }

    #[test]
    fn noise_never_breaks_a_look(
        start in prop::sample::select(FILES), kept in 0usize..60, noise in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let file = [&start[..kept], &noise].concat();
        prop_assert_eq!(fetched(file.len() as u64, 20, slice_of(&file)).0, look_at(&file));
        for content_type in ["image/gif", "image/jpeg", "image/png", "image/webp"] {
            let _ = without_location(content_type, file.clone().into());
        }
    }

    #[test]
    fn pieces_are_put_together(pieces in prop::collection::vec((0u64..120, 0u64..50), 0..12)) {
        let file: Vec<u8> = (0..100).collect();
        let mut object = PartialObject::new(100);
        let mut known = [false; 100];
        for (at, length) in pieces {
            let end = (at + length).min(100);
            // The last bytes are beyond the object.
            let bytes = (at..at + length).map(|at| file.get(at as usize).copied().unwrap_or(0xff)).collect::<Vec<_>>();
            object.add(at, bytes.into());
            known[at.min(end) as usize..end as usize].fill(true);
        }
        for at in 0..100 {
            match object.bytes(at, 1) {
                Ok(bytes) => prop_assert!(known[at as usize] && bytes[0] == file[at as usize]),
                Err(Stop::Wants(range)) => prop_assert!(range.start == at && range.clone().all(|at| !known[at as usize])),
                Err(Stop::IsNot) => prop_assert!(false),
            }
        }
    }
}
