//! Images: JPEG, PNG, WebP and GIF, as cameras, programs and attackers write them.

use super::samples::{
    Field, SECRET, SIGNATURE, Sample, deflated, dense_exif, exif, file, located_exif, orientation, png_chunk,
};

const JPEG: (&str, &str) = ("JPEG", "image/jpeg");
const PNG: (&str, &str) = ("PNG", "image/png");
const WEBP: (&str, &str) = ("WebP", "image/webp");
const GIF: (&str, &str) = ("GIF", "image/gif");

pub fn samples() -> Vec<Sample> {
    [jpeg(), png(), webp(), gif()].concat()
}

fn breaking_off(sample: Sample) -> Sample {
    Sample { breaks_off: true, ..sample }
}

/// The header's segments, and all from the first scan on.
fn segments(jpeg: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let (mut at, mut segments) = (2, Vec::new());
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        segments.push(jpeg[at..end].to_vec());
        at = end;
    }
    (segments, jpeg[at..].to_vec())
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xff, marker][..], &(2 + data.len() as u16).to_be_bytes(), data].concat()
}

fn jpeg() -> Vec<Sample> {
    let original = file("photo.jpg");
    let upright = Some((96, 64));
    let (parts, scans) = segments(&original);
    let start = &original[..2];
    let is_frame = |part: &Vec<u8>| (0xc0..=0xc2).contains(&part[1]);
    let frame = parts.iter().position(is_frame).expect("a frame");
    let with =
        |place: usize, more: &[u8]| [start, &parts[..place].concat(), more, &parts[place..].concat(), &scans].concat();
    let framed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut parts = parts.clone();
        change(&mut parts[frame]);
        [start, &parts.concat(), &scans].concat()
    };
    let exif_of = |prefix: &[u8], tiff: &[u8]| with(1, &segment(0xe1, &[prefix, tiff].concat()));
    let turned = |field: Field| exif_of(b"Exif\0\0", &exif(&[field], b""));
    let one = |case, bytes: Vec<u8>, shown| Sample::new(JPEG, case, bytes, shown);
    let everywhere = |more: &[u8]| {
        let parts: Vec<u8> = parts[1..].iter().flat_map(|part| [more, part].concat()).collect();
        [start, &segments(&original).0[0], &parts, more, &scans].concat()
    };
    let long = segment(0xe5, &vec![b'x'; 65_533]);
    let scan_header = 2 + usize::from(u16::from_be_bytes([scans[2], scans[3]]));
    let located = located_exif(1);
    let photoshop = [&b"Photoshop 3.0\08BIM\x04\x22\0\0"[..], &(located.len() as u32).to_be_bytes(), &located].concat();
    let xmp = |words: &str| {
        let text = format!("http://ns.adobe.com/xap/1.0/\0<x {words}='{}'/>", String::from_utf8_lossy(SECRET));
        with(1, &segment(0xe1, text.as_bytes()))
    };
    let end = original.len() - 2;
    vec![
        one("plain", original.clone(), upright),
        one("baseline", file("sideways.jpg"), Some((64, 96))),
        one("fill bytes before each marker", everywhere(&[0xff; 5]), upright),
        one("fill bytes behind the start", [start, &[0xff, 0xff], &original[2..]].concat(), upright),
        one("restart markers before the scan", everywhere(&[0xff, 0xd3]), upright),
        one("temporary markers before the scan", everywhere(&[0xff, 0x01]), upright),
        one("stuffing before markers", everywhere(&[0xff, 0]), upright),
        one("bytes that mean nothing between segments", everywhere(b"hello\0"), upright),
        one("a segment whose length is 0", with(1, &[0xff, 0xe5, 0, 0]), upright),
        one("five megabytes of metadata", with(1, &long.repeat(80)), upright),
        one("tables for arithmetic coding, which are not used", with(1, &segment(0xcc, &[0, 0])), upright),
        one("two starts", [start, &original[..]].concat(), None),
        one("an end before the scan", with(1, &[0xff, 0xd9]), None),
        one("start and end alone", [start, &original[end..]].concat(), None),
        one("two frames", with(frame, &parts[frame]), None),
        one("no frame", [start, &parts[..frame].concat(), &parts[frame + 1..].concat(), &scans].concat(), None),
        one("a lossless frame", framed(&|frame| frame[1] = 0xc3), None),
        one("a hierarchical frame", framed(&|frame| frame[1] = 0xc5), None),
        one("twelve bits a sample", framed(&|frame| frame[4] = 12), None),
        one("no height", framed(&|frame| frame[5..7].fill(0)), None),
        one("too many pixels", framed(&|frame| frame[5..9].fill(0xff)), None),
        one("a reserved marker", with(1, &segment(0x4f, b"ab")), None),
        one("bytes before the start", [&[0], &original[..]].concat(), None),
        one(
            "no quantization",
            [start, &parts.iter().filter(|part| part[1] != 0xdb).flatten().copied().collect::<Vec<_>>(), &scans]
                .concat(),
            None,
        ),
        one("nothing behind the scan's header", [start, &parts.concat(), &scans[..scan_header]].concat(), None),
        one("cut in the scan's header", [start, &parts.concat(), &scans[..scan_header - 1]].concat(), None),
        breaking_off(one("cut in the pixels", original[..original.len() * 3 / 4].to_vec(), upright)),
        breaking_off(one("no end", original[..end].to_vec(), upright)),
        one("turned", turned(orientation(6)), Some((64, 96))),
        one("mirrored", turned(orientation(2)), upright),
        one("mirrored and turned", turned(orientation(5)), Some((64, 96))),
        one("orientation 9", turned(orientation(9)), upright),
        one("orientation of type LONG", turned((0x112, 4, 1, [0, 0, 0, 6])), upright),
        one("orientation of type BYTE", turned((0x112, 1, 1, [6, 0, 0, 0])), upright),
        one("two orientations in one field", turned((0x112, 3, 2, [0, 6, 0, 6])), upright),
        one(
            "EXIF with another byte behind its name",
            exif_of(b"Exif\0\xff", &exif(&[orientation(6)], b"")),
            Some((64, 96)),
        ),
        one("EXIF in capitals", exif_of(b"EXIF\0\0", &located_exif(6)), upright),
        one(
            "turned by the first EXIF of two",
            with(
                1,
                &[&b"Exif\0\0"[..], b"Exif\0\0"].map(|name| segment(0xe1, &[name, &located_exif(6)].concat())).concat(),
            ),
            Some((64, 96)),
        ),
        one("twice the pixels per inch", exif_of(b"Exif\0\0", &dense_exif(1, 144, 48, 32)), Some((48, 32))),
        one("the same, turned", exif_of(b"Exif\0\0", &dense_exif(6, 144, 48, 32)), Some((32, 48))),
        one("pixels per inch that do not fit", exif_of(b"Exif\0\0", &dense_exif(1, 144, 50, 32)), upright),
        one("a place in EXIF", exif_of(b"Exif\0\0", &located_exif(8)), Some((64, 96))),
        one("a place in EXIF behind another header", exif_of(b"\xff\xe1\0\x9aExif\0\0", &located), upright),
        one("a place in Photoshop's resources", with(1, &segment(0xed, &photoshop)), upright),
        one("a place in XMP of a drone", xmp("drone-dji:GpsLatitude"), upright),
        one("a place in XMP of geo", xmp("geo:lat"), upright),
        one("a place in XMP of photoshop", xmp("photoshop:Country"), upright),
        one("a place in a comment", with(1, &segment(0xfe, SECRET)), upright),
        one("a place in any other application's segment", with(1, &segment(0xe7, SECRET)), upright),
        one(
            "a place behind the pixels",
            [&original[..end], &segment(0xe1, SECRET), &original[end..]].concat(),
            upright,
        ),
        one("a place behind the end", [&original[..], SECRET].concat(), upright),
    ]
}

const WIDTH: usize = 96;
const HEIGHT: usize = 64;

/// The rows of an RGB image, each behind its filter.
pub fn rows() -> Vec<u8> {
    let pixel = |x: usize, y: usize| [x * 2 + 40, y * 3 + 30, (x * y + 7) % 256].map(|sample| sample as u8);
    (0..HEIGHT).flat_map(|y| [0].into_iter().chain((0..WIDTH).flat_map(move |x| pixel(x, y)))).collect()
}

pub fn header(colours: u8, depth: u8) -> Vec<u8> {
    let sides = [WIDTH as u32, HEIGHT as u32].map(u32::to_be_bytes).concat();
    png_chunk(b"IHDR", &[&sides, &[depth, colours, 0, 0, 0][..]].concat())
}

/// An RGB image with chunks before and behind its pixels.
pub fn with_chunks(before: &[u8], behind: &[u8]) -> Vec<u8> {
    let pixels = png_chunk(b"IDAT", &deflated(&rows()));
    [SIGNATURE, &header(2, 8), before, &pixels, behind, &png_chunk(b"IEND", b"")].concat()
}

fn png() -> Vec<Sample> {
    let upright = Some((96, 64));
    let one = |case, bytes: Vec<u8>, shown| Sample::new(PNG, case, bytes, shown);
    let before = |chunk: Vec<u8>| with_chunks(&chunk, b"");
    let turned = png_chunk(b"eXIf", &exif(&[orientation(6)], b""));
    let plain = with_chunks(b"", b"");
    let end = plain.len() - 12;
    let of = |header: Vec<u8>, chunks: &[u8]| [SIGNATURE, &header, chunks, &png_chunk(b"IEND", b"")].concat();
    let pixels = png_chunk(b"IDAT", &deflated(&rows()));
    let indexed: Vec<u8> =
        (0..HEIGHT).flat_map(|y| (0..=WIDTH).map(move |x| if x == 0 { 0 } else { ((x + y) % 16) as u8 })).collect();
    let indexed = png_chunk(b"IDAT", &deflated(&indexed));
    let palette = png_chunk(b"PLTE", &(0..48).collect::<Vec<u8>>());
    let damaged = |mut file: Vec<u8>, at: usize| {
        file[at] ^= 1;
        file
    };
    vec![
        one("plain", plain.clone(), upright),
        one("an animation of a program's", file("plain.png"), Some((64, 48))),
        one("turned", before(turned.clone()), Some((64, 96))),
        one("EXIF behind the pixels", with_chunks(b"", &turned), upright),
        one(
            "orientation of type LONG",
            before(png_chunk(b"eXIf", &exif(&[(0x112, 4, 1, [0, 0, 0, 6])], b""))),
            upright,
        ),
        one(
            "EXIF with a JPEG's prefix",
            before(png_chunk(b"eXIf", &[&b"Exif\0\0"[..], &located_exif(6)].concat())),
            upright,
        ),
        one("EXIF whose checksum is wrong", damaged(before(turned.clone()), 33 + 8), upright),
        one("EXIF under its older name", before(png_chunk(b"zxIf", &located_exif(6))), upright),
        breaking_off(one("no end", plain[..end].to_vec(), upright)),
        breaking_off(one("cut in the pixels' checksum", plain[..end - 2].to_vec(), upright)),
        breaking_off(one("cut in the pixels", plain[..end / 2].to_vec(), upright)),
        breaking_off(one(
            "no end, with a text",
            with_chunks(&png_chunk(b"tEXt", SECRET), b"")[..end].to_vec(),
            upright,
        )),
        one("no pixels", of(header(2, 8), b""), None),
        one("empty pixels", of(header(2, 8), &png_chunk(b"IDAT", b"")), None),
        one("pixels that are none", of(header(2, 8), &png_chunk(b"IDAT", &[0x55; 100])), None),
        one("cut before the pixels", plain[..33].to_vec(), None),
        one("a header whose checksum is wrong", damaged(plain.clone(), 30), None),
        one("pixels whose checksum is wrong", damaged(plain.clone(), end - 1), upright),
        one("three bits a sample", of(header(2, 3), &pixels), None),
        one("two headers", before(header(2, 8)), None),
        one(
            "a text before the header",
            of(png_chunk(b"tEXt", b"a\0b"), &[header(2, 8), pixels.clone()].concat()),
            None,
        ),
        one("an unknown critical chunk", before(png_chunk(b"ABCD", b"x")), None),
        one("an unknown chunk of a strange name", before(png_chunk(b"a1!b", SECRET)), upright),
        one("a chunk that is longer than the file", before([&[0, 0, 0xff, 0xff], &b"tEXt"[..]].concat()), None),
        one("indexed", of(header(3, 8), &[palette.clone(), indexed.clone()].concat()), upright),
        one("indexed, without a palette", of(header(3, 8), &indexed), None),
        one(
            "indexed, with two palettes",
            of(header(3, 8), &[palette.clone(), palette.clone(), indexed.clone()].concat()),
            None,
        ),
        one("a text of two megabytes", before(png_chunk(b"tEXt", &SECRET.repeat(200_000))), upright),
        one("a place in EXIF", before(png_chunk(b"eXIf", &located_exif(8))), Some((64, 96))),
        one("a place in EXIF behind the pixels", with_chunks(b"", &png_chunk(b"eXIf", &located_exif(1))), upright),
        one("a place in XMP", before(png_chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", SECRET].concat())), upright),
        one("a place in a text", with_chunks(b"", &png_chunk(b"tEXt", &[b"Comment\0", SECRET].concat())), upright),
        one("a place in a chunk for the gamma", before(png_chunk(b"gAMA", SECRET)), upright),
        one("a place behind the end", [&plain[..], SECRET].concat(), upright),
    ]
}

fn riff(chunks: &[u8]) -> Vec<u8> {
    [b"RIFF", &(4 + chunks.len() as u32).to_le_bytes()[..], b"WEBP", chunks].concat()
}

fn webp_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&kind[..], &(data.len() as u32).to_le_bytes(), data, &[0][..data.len() % 2]].concat()
}

fn u24(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}

/// The header of the extended format.
fn extended(flags: u8, width: u32, height: u32) -> Vec<u8> {
    webp_chunk(b"VP8X", &[&[flags, 0, 0, 0][..], &u24(width - 1), &u24(height - 1)].concat())
}

fn webp() -> Vec<Sample> {
    let (original, lossless) = (file("lossy.webp"), file("lossless.webp"));
    let size = Some((72, 40));
    let (picture, lossless_picture) = (&original[12..], &lossless[12..]);
    let one = |case, bytes: Vec<u8>, shown| Sample::new(WEBP, case, bytes, shown);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = original.clone();
        change(&mut file);
        file
    };
    let still = |flags, chunks: &[&[u8]]| riff(&[&extended(flags, 72, 40)[..], &chunks.concat()].concat());
    let turned = webp_chunk(b"EXIF", &exif(&[orientation(6)], b""));
    let located = webp_chunk(b"EXIF", &located_exif(6));
    let frame = |more: &[u8]| {
        let place = [u24(0), u24(0), u24(71), u24(39), u24(100)].concat();
        webp_chunk(b"ANMF", &[&place[..], &[0], picture, more].concat())
    };
    let frames = |flags, width, chunks: &[&[u8]]| {
        let animation = webp_chunk(b"ANIM", &[0; 6]);
        riff(&[extended(flags, width, 40), animation, chunks.concat()].concat())
    };
    vec![
        one("lossy", original.clone(), size),
        one("lossless", lossless.clone(), Some((50, 70))),
        one("an animation of a program's", file("animated.webp"), Some((40, 30))),
        one(
            "bits for scaling",
            changed(&|file| {
                file[27] |= 0x40;
                file[29] |= 0x80;
            }),
            size,
        ),
        one("EXIF that would turn it", still(8, &[picture, &turned]), size),
        one("EXIF without its flag", still(0, &[picture, &located]), size),
        one("EXIF behind the simple format", riff(&[picture, &located].concat()), size),
        one("EXIF before the picture", still(8, &[&located, picture]), size),
        one("an unknown chunk", still(0, &[&webp_chunk(b"abcd", SECRET), picture]), size),
        one("XMP of a drone, without its flag", still(0, &[picture, &webp_chunk(b"XMP ", SECRET)]), size),
        one("a place behind the end", [&original[..], SECRET].concat(), size),
        one("another size in the header", riff(&[&extended(0, 50, 50)[..], picture].concat()), None),
        one("a header and no picture", still(0, &[]), None),
        one("two pictures", still(0, &[picture, lossless_picture]), None),
        one("a header and a text", [&original[..30], &b"<html>".repeat(20)].concat(), None),
        one("cut in the picture", original[..original.len() / 2].to_vec(), None),
        one("a length that is too small", changed(&|file| file[4..8].copy_from_slice(&100_u32.to_le_bytes())), None),
        one("a length that no file can have", changed(&|file| file[4..8].fill(0xff)), None),
        one("no key frame", changed(&|file| file[20] |= 1), None),
        one("a frame that is not shown", changed(&|file| file[20] &= !0x10), None),
        one("no start code", changed(&|file| file[23..26].fill(0)), None),
        one(
            "an unknown version of the lossless format",
            {
                let mut file = lossless.clone();
                file[24] |= 0xe0;
                file
            },
            None,
        ),
        one("an animation", frames(2, 72, &[&frame(b""), &frame(b"")]), size),
        one("an animation on a larger canvas", frames(2, 100, &[&frame(b"")]), Some((100, 40))),
        one("an animation with a place in a frame", frames(2, 72, &[&frame(&located)]), size),
        one("an animation with EXIF", frames(10, 72, &[&frame(b""), &located]), size),
        one("an animation without its flag", frames(0, 72, &[&frame(b"")]), None),
        one("an animation without frames", frames(2, 72, &[]), None),
        one("an animation on a smaller canvas", frames(2, 60, &[&frame(b"")]), None),
    ]
}

fn gif() -> Vec<Sample> {
    let original = file("animated.gif");
    let size = Some((40, 30));
    let one = |case, bytes: Vec<u8>, shown| Sample::new(GIF, case, bytes, shown);
    let head = 13 + if original[10] & 0x80 == 0 { 0 } else { 3 << ((original[10] & 7) + 1) };
    let (start, rest) = original.split_at(head);
    let first = gif_image(&original, head);
    let colours = |at: usize| if original[at] & 0x80 == 0 { 0 } else { 3 << ((original[at] & 7) + 1) };
    let data = first + 10 + colours(first + 9);
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = original.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let sides = |width: u16, height: u16| [width.to_le_bytes(), height.to_le_bytes()].concat();
    let with = |more: &[u8]| [start, more, rest].concat();
    let extension = |kind: u8, data: &[u8]| [&[0x21, kind, data.len() as u8], data, &[0]].concat();
    let application =
        |name: &[u8], data: &[u8]| [&[0x21, 0xff, name.len() as u8], name, &[data.len() as u8], data, &[0]].concat();
    vec![
        one("an animation of a program's", original.clone(), size),
        one("a smaller screen", changed(6, &sides(10, 10)), size),
        one("a larger screen", changed(6, &sides(100, 50)), Some((100, 50))),
        one("no screen", changed(6, &[0; 4]), size),
        one("a screen of no height", changed(6, &sides(40, 0)), size),
        one("a first image beyond the screen", changed(first + 1, &sides(10, 20)), Some((50, 50))),
        one("a screen of too many pixels", changed(6, &[0xff; 4]), None),
        one("a header alone", original[..13].to_vec(), None),
        one("a header and its end", [start, b";"].concat(), None),
        one("a comment alone", [start, &extension(0xfe, b"hello"), b";"].concat(), None),
        one("a page behind its name", b"GIF89a<html><script>alert(1)</script></html>".to_vec(), None),
        one("a script behind its name", [&b"GIF89a/*"[..], &[b' '; 50], b"*/=1;alert(1)"].concat(), None),
        one("another version", changed(4, b"8"), None),
        one("an image of no width", changed(first + 5, &[0, 0]), None),
        one("an image without data", [&original[..data + 1], b"\0;"].concat(), None),
        one("codes that are too long", changed(data, &[12]), None),
        one("a first code that stands for nothing", changed(data + 2, &[0xff; 8]), None),
        one("something unknown before the image", with(&[0x99]), None),
        one("a control that is too short", with(&extension(0xf9, &[0, 0, 0])), None),
        breaking_off(one("no end", original[..original.len() - 1].to_vec(), size)),
        breaking_off(one("cut in a later image", original[..original.len() * 3 / 4].to_vec(), size)),
        one("a place in a comment", with(&extension(0xfe, SECRET)), size),
        one("a place in XMP", with(&application(b"XMP DataXMP", SECRET)), size),
        one("a place in another application's extension", with(&application(b"abcde", SECRET)), size),
        one(
            "a place in a text",
            with(&[&[0x21, 1, 12][..], &[0; 12], &[SECRET.len() as u8], SECRET, &[0]].concat()),
            size,
        ),
        one("a place behind the end", [&original[..], SECRET].concat(), size),
    ]
}

/// Where the first image begins.
fn gif_image(file: &[u8], mut at: usize) -> usize {
    while file[at] == 0x21 {
        at += 2;
        while file[at] != 0 {
            at += 1 + usize::from(file[at]);
        }
        at += 1;
    }
    at
}
