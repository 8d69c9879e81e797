use png::{BitDepth, ColorType};
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
    put_chunk(&mut chunk, kind, data);
    let mut file = image(40, 30);
    file.splice(33..33, chunk);
    file
}

/// The chunks of a file, but for those of the image itself.
fn colours(file: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let chunks = Chunks { rest: file.strip_prefix(SIGNATURE).unwrap() };
    let all = chunks.map(|chunk| (chunk.kind, chunk.data.to_vec()));
    all.filter(|(kind, _)| ![b"IHDR", b"IDAT", b"IEND"].contains(&kind)).collect()
}

const GAMMA: &[u8] = &[0, 1, 0x86, 0xa0];

#[test]
fn chunks_that_browsers_ignore_are_dropped_and_not_refused() {
    for (kind, data) in [
        (b"gAMA", &b"\0\0\xb1\x8f and somebody"[..]),
        (b"gAMA", b"\0\0\xb1"),
        (b"gAMA", b"\0\0\0\0"),
        (b"cHRM", &[0; 5000]),
        (b"sRGB", b"\x09"),
        (b"cICP", &[9, 16, 9, 1]),
        (b"iCCP", b"somebody's screen\0\0no profile"),
        (b"sBIT", b"somebody"),
        (b"pHYs", &[1; 9]),
        (b"tRNS", b"\0\0"),
        (b"a1!b", b"somebody"),
    ] {
        let card = clean(&with_chunk(kind, data)).unwrap();
        assert_eq!((colours(&card), pixels(&card)), (vec![], pixels(&image(40, 30))), "{kind:?}");
    }
    for kind in [b"IHDR", b"CRIT", b"IEND"] {
        assert_eq!(clean(&with_chunk(kind, &[0; 13])), Err(NotACard::Unreadable));
    }
}

/// A file of a header, chunks and the pixels of another one.
fn file(before: &[(&[u8; 4], &[u8])], behind: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let original = image(40, 30);
    let mut file = original[..33].to_vec();
    before.iter().for_each(|(kind, data)| put_chunk(&mut file, kind, data));
    put_chunk(&mut file, b"IDAT", &compressed(&original));
    behind.iter().for_each(|(kind, data)| put_chunk(&mut file, kind, data));
    file.extend_from_slice(END);
    file
}

fn compressed(file: &[u8]) -> Vec<u8> {
    let chunks = Chunks { rest: file.strip_prefix(SIGNATURE).unwrap() };
    chunks.filter(|chunk| &chunk.kind == b"IDAT").flat_map(|chunk| chunk.data.to_vec()).collect()
}

#[test]
fn of_doubled_chunks_the_first_stays_and_of_late_ones_none() {
    let other: &[u8] = &[0, 0, 0xb1, 0x8f];
    for (before, behind, stays) in [
        (&[(b"gAMA", GAMMA), (b"gAMA", other)][..], &[][..], Some(GAMMA)),
        (&[(b"gAMA", other), (b"gAMA", GAMMA)], &[], Some(other)),
        (&[(b"gAMA", b"short"), (b"gAMA", GAMMA)], &[], Some(GAMMA)),
        (&[], &[(b"gAMA", GAMMA)], None),
    ] {
        let card = clean(&file(before, behind)).unwrap();
        assert_eq!(colours(&card), stays.map(|data| (*b"gAMA", data.to_vec())).into_iter().collect::<Vec<_>>());
    }
    let mut damaged = with_chunk(b"gAMA", GAMMA);
    damaged[33 + 8 + 4] ^= 1;
    assert_eq!(colours(&clean(&damaged).unwrap()), vec![]);
}

#[test]
fn colours_stay_and_a_profile_names_nobody() {
    let profile = profile_of("Jane Doe's screen");
    let mut iccp = b"Jane Doe\0\0".to_vec();
    iccp.extend(deflated(&profile));
    let file = file(&[(b"gAMA", GAMMA), (b"iCCP", &iccp), (b"cICP", &[12, 13, 0, 1])], &[]);
    let card = clean(&file).unwrap();
    let kept = colours(&card);
    assert_eq!(kept.iter().map(|(kind, _)| kind).collect::<Vec<_>>(), [b"cICP", b"iCCP", b"gAMA"]);
    assert!(kept[1].1.starts_with(b"ICC\0\0"));
    let mut reduced = Vec::new();
    ZlibDecoder::new(&kept[1].1[5..]).read_to_end(&mut reduced).unwrap();
    let has = |words: &[u8]| reduced.windows(words.len()).any(|window| window == words);
    assert!(has(b"rXYZ") && has(b"gTRC") && has(b"acsp") && !has(b"Jane") && !has(b"desc") && !has(b"lcms"));
    assert_eq!(clean(&card).unwrap(), card);
}

/// A profile of a matrix and one curve, with a name.
fn profile_of(name: &str) -> Vec<u8> {
    let xyz = |x: u32, y: u32, z: u32| [b"XYZ \0\0\0\0".to_vec(), [x, y, z].map(u32::to_be_bytes).concat()].concat();
    let curve = b"curv\0\0\0\0\0\0\0\x01\x02\x33 of Jane".to_vec();
    let tags = [
        (b"desc", [b"desc\0\0\0\0", name.as_bytes()].concat()),
        (b"rXYZ", xyz(0x6fa2, 0x38f5, 0x390)),
        (b"gXYZ", xyz(0x6299, 0xb785, 0x18da)),
        (b"bXYZ", xyz(0x24a0, 0xf84, 0xb6cf)),
        (b"rTRC", curve.clone()),
        (b"gTRC", curve.clone()),
        (b"bTRC", curve),
    ];
    let mut header = vec![0; 128];
    header[4..24].copy_from_slice(b"lcms\x02\x10\0\0mntrRGB XYZ ");
    header[36..40].copy_from_slice(b"acsp");
    header[68..80].copy_from_slice(&[0xf6d6, 0x10000, 0xd32d_u32].map(u32::to_be_bytes).concat());
    let mut table = (tags.len() as u32).to_be_bytes().to_vec();
    let (mut data, start) = (Vec::new(), 128 + 4 + 12 * tags.len());
    for (kind, contents) in tags {
        table.extend(kind);
        table.extend(((start + data.len()) as u32).to_be_bytes());
        table.extend((contents.len() as u32).to_be_bytes());
        data.extend(contents);
    }
    let mut profile = [header, table, data].concat();
    let length = (profile.len() as u32).to_be_bytes();
    profile[..4].copy_from_slice(&length);
    profile
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn surplus_pixels_are_dropped() {
    let original = image(40, 30);
    let mut raw = Vec::new();
    ZlibDecoder::new(&compressed(&original)[..]).read_to_end(&mut raw).unwrap();
    let of = |pixels: &[u8]| {
        let mut file = original[..33].to_vec();
        put_chunk(&mut file, b"IDAT", pixels);
        file.extend_from_slice(END);
        clean(&file)
    };
    for surplus in [&b"somebody"[..], &[0; 121], &vec![0; 30_000_000]] {
        let longer = of(&deflated(&[&raw, surplus].concat())).unwrap();
        assert_eq!(pixels(&longer), pixels(&original));
        let mut kept = Vec::new();
        ZlibDecoder::new(&compressed(&longer)[..]).read_to_end(&mut kept).unwrap();
        assert!(kept == raw);
    }
    let behind = of(&[&compressed(&original)[..], b"somebody"].concat()).unwrap();
    assert_eq!(compressed(&behind), compressed(&original));
    assert_eq!(of(&deflated(&raw[..raw.len() - 1])), Err(NotACard::Unreadable));
    let mut damaged = compressed(&original);
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(of(&damaged), Err(NotACard::Unreadable));
}

#[test]
fn a_card_that_exif_turns_is_turned_for_good() {
    let original = pixels(&image(40, 30));
    let at = |pixels: &[u8], width: usize, x: usize, y: usize| pixels[(y * width + x) * 3..][..3].to_vec();
    // Where the first two pixels of the first row get.
    for (orientation, size, first, second) in [
        (2, (40, 30), (39, 0), (38, 0)),
        (3, (40, 30), (39, 29), (38, 29)),
        (4, (40, 30), (0, 29), (1, 29)),
        (5, (30, 40), (0, 0), (0, 1)),
        (6, (30, 40), (29, 0), (29, 1)),
        (7, (30, 40), (29, 39), (29, 38)),
        (8, (30, 40), (0, 39), (0, 38)),
    ] {
        let exif = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[orientation][..], &[0; 6]].concat();
        let card = clean(&file(&[(b"eXIf", &exif), (b"gAMA", GAMMA)], &[])).unwrap();
        assert_eq!(colours(&card), [(*b"gAMA", GAMMA.to_vec())]);
        let header = Decoder::new(Cursor::new(&card)).read_info().unwrap().info().size();
        assert_eq!(header, size);
        let turned = pixels(&card);
        for (n, (x, y)) in [first, second].into_iter().enumerate() {
            assert_eq!(at(&turned, size.0 as usize, x, y), at(&original, 40, n, 0), "{orientation}");
        }
        let exif_behind = clean(&file(&[], &[(b"eXIf", &exif)])).unwrap();
        assert_eq!(pixels(&exif_behind), original);
    }
}

#[test]
fn an_animation_stays_with_nothing_but_its_frames() {
    let original = image(40, 30);
    let frame = compressed(&original);
    let control = |sequence: u8, width: u8| {
        [&[0, 0, 0, sequence, 0, 0, 0, width, 0, 0, 0, 30][..], &[0; 8], &[0, 1, 0, 10, 0, 0]].concat()
    };
    let data = [&[0, 0, 0, 2][..], &frame, b"somebody"].concat();
    let (first, second) = (control(0, 40), control(1, 40));
    let before: &[(&[u8; 4], &[u8])] = &[(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]), (b"fcTL", &first)];
    let card = clean(&file(before, &[(b"fcTL", &second), (b"tEXt", b"a\0somebody"), (b"fdAT", &data)])).unwrap();
    let kinds: Vec<[u8; 4]> = colours(&card).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [*b"acTL", *b"fcTL", *b"fcTL", *b"fdAT"]);
    assert!(!card.windows(8).any(|bytes| bytes == b"somebody"));
    assert_eq!(colours(&card)[3].1, data[..4 + frame.len()]);

    // A damaged one is no animation, as in browsers.
    let outside = control(1, 41);
    let card = clean(&file(before, &[(b"fcTL", &outside), (b"fdAT", &data)])).unwrap();
    assert_eq!((colours(&card), pixels(&card)), (vec![], pixels(&original)));
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
