//! Videos: WebM, MP4 and QuickTime with sizes, ratios and turns wherever recorders write them.

use super::samples::{Sample, file};

const WEBM: (&str, &str) = ("WebM", "video/webm");
const MP4: (&str, &str) = ("MP4", "video/mp4");
const QUICKTIME: (&str, &str) = ("QuickTime", "video/quicktime");

pub fn samples() -> Vec<Sample> {
    [webm(), mp4()].concat()
}

fn unplayable(sample: Sample) -> Sample {
    Sample { is_unplayable: true, ..sample }
}

/// Ids of elements.
const SEGMENT: u32 = 0x1853_8067;
const VIDEO: [u32; 4] = [SEGMENT, 0x1654_ae6b, 0xae, 0xe0];
const DISPLAY_WIDTH: u32 = 0x54b0;
const DISPLAY_HEIGHT: u32 = 0x54ba;
const DISPLAY_UNIT: u32 = 0x54b2;
const PROJECTION: u32 = 0x7670;
const PROJECTION_TYPE: u32 = 0x7671;
const YAW: u32 = 0x7673;
const ROLL: u32 = 0x7675;

/// An element with its length in eight bytes.
fn element(id: u32, contents: &[u8]) -> Vec<u8> {
    let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    [&id[..], &(contents.len() as u64 | 1 << 56).to_be_bytes(), contents].concat()
}

/// A file with more elements at the end of the one at a path.
fn with_more(file: &[u8], path: &[u32], more: &[u8]) -> Vec<u8> {
    let (mut at, mut result) = (0, Vec::new());
    let number = |at: usize, keeps_mark: bool| {
        let length = 1 + file[at].leading_zeros() as usize;
        let all = file[at..at + length].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        (if keeps_mark { all } else { all & !(1 << (7 * length)) }, at + length, (1 << (7 * length)) - 1)
    };
    while at < file.len() {
        let (id, after_id, _) = number(at, true);
        let (size, start, unknown) = number(after_id, false);
        let end = if size == unknown { file.len() } else { start + size as usize };
        if path.first().is_some_and(|wanted| u64::from(*wanted) == id) {
            let contents = match path {
                [_] => [&file[start..end], more].concat(),
                _ => with_more(&file[start..end], &path[1..], more),
            };
            result.extend(element(id as u32, &contents));
        } else {
            result.extend(&file[at..end]);
        }
        at = end;
    }
    result
}

fn webm() -> Vec<Sample> {
    let original = file("clip.webm");
    let size = Some((160, 90));
    let one = |case, bytes: Vec<u8>, shown| Sample::new(WEBM, case, bytes, shown);
    let displayed = |numbers: &[(u32, u16)]| {
        let more: Vec<u8> = numbers.iter().flat_map(|(id, number)| element(*id, &number.to_be_bytes())).collect();
        with_more(&original, &VIDEO, &more)
    };
    let posed = |poses: &[(u32, f32)], kind: u8| {
        let poses: Vec<u8> = poses.iter().flat_map(|(id, degrees)| element(*id, &degrees.to_be_bytes())).collect();
        with_more(&original, &VIDEO, &element(PROJECTION, &[element(PROJECTION_TYPE, &[kind]), poses].concat()))
    };
    let rolled = |degrees: f32| posed(&[(ROLL, degrees)], 0);
    let double = element(PROJECTION, &element(ROLL, &90_f64.to_be_bytes()));
    let matroska: Vec<u8> = {
        let at = original.windows(4).position(|name| name == b"webm").expect("a name");
        [&original[..at], b"mkv\0", &original[at + 4..]].concat()
    };
    vec![
        one("plain", original.clone(), size),
        one("a recording", file("live.webm"), size),
        one("narrow pixels", file("wide.webm"), Some((96, 72))),
        one("rolled by 90 degrees", rolled(90.0), Some((90, 160))),
        one("rolled by -90 degrees", rolled(-90.0), Some((90, 160))),
        one("rolled by 270 degrees", rolled(270.0), Some((90, 160))),
        one("rolled by 180 degrees", rolled(180.0), size),
        one("rolled by 45 degrees", rolled(45.0), size),
        one("rolled by 90 degrees, a number of 8 bytes", with_more(&original, &VIDEO, &double), Some((90, 160))),
        one("rolled and mirrored", posed(&[(YAW, 180.0), (ROLL, 90.0)], 0), Some((90, 160))),
        one("rolled on a sphere", posed(&[(ROLL, 90.0)], 1), size),
        one("display size", displayed(&[(DISPLAY_WIDTH, 320), (DISPLAY_HEIGHT, 90)]), Some((320, 90))),
        one("display size of half the pixels", displayed(&[(DISPLAY_WIDTH, 80), (DISPLAY_HEIGHT, 45)]), size),
        one("display width alone", displayed(&[(DISPLAY_WIDTH, 320)]), Some((320, 90))),
        one("display height alone", displayed(&[(DISPLAY_HEIGHT, 180)]), Some((160, 180))),
        one(
            "display size as a ratio",
            displayed(&[(DISPLAY_WIDTH, 4), (DISPLAY_HEIGHT, 3), (DISPLAY_UNIT, 3)]),
            Some((160, 120)),
        ),
        one(
            "display size in centimetres",
            displayed(&[(DISPLAY_WIDTH, 8), (DISPLAY_HEIGHT, 3), (DISPLAY_UNIT, 1)]),
            Some((240, 90)),
        ),
        one(
            "display size as a ratio, in pixels",
            displayed(&[(DISPLAY_WIDTH, 4), (DISPLAY_HEIGHT, 3)]),
            Some((160, 120)),
        ),
        one(
            "display size of an unknown unit",
            displayed(&[(DISPLAY_WIDTH, 4), (DISPLAY_HEIGHT, 3), (DISPLAY_UNIT, 4)]),
            size,
        ),
        one("display size of 0", displayed(&[(DISPLAY_WIDTH, 0), (DISPLAY_HEIGHT, 90)]), size),
        one(
            "display size, rolled",
            with_more(
                &displayed(&[(DISPLAY_WIDTH, 320), (DISPLAY_HEIGHT, 90)]),
                &VIDEO,
                &element(PROJECTION, &element(ROLL, &90_f32.to_be_bytes())),
            ),
            Some((90, 320)),
        ),
        one("another document type", matroska, None),
        one("a header alone", original[..40].to_vec(), None),
    ]
}

fn mp4_box(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    [&(8 + contents.len() as u32).to_be_bytes(), &kind[..], contents].concat()
}

/// The boxes of a file or of a box: kind and contents.
fn boxes(bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let (mut at, mut boxes) = (0, Vec::new());
    while at < bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        boxes.push((bytes[at + 4..at + 8].try_into().expect("four bytes"), &bytes[at + 8..at + size]));
        at += size;
    }
    boxes
}

/// Changes the contents of the first box at a path.
fn edited(bytes: &[u8], path: &[&[u8; 4]], edit: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut is_done = false;
    let edited = |(kind, contents): ([u8; 4], &[u8])| {
        if is_done || &kind != path[0] {
            return mp4_box(&kind, contents);
        }
        is_done = true;
        let mut contents = contents.to_vec();
        if path.len() == 1 {
            edit(&mut contents);
        } else {
            // What stands before the boxes in it.
            let head = if &kind == b"stsd" { 8 } else { 0 };
            contents = [&contents[..head], &edited(&contents[head..], &path[1..], edit)].concat();
        }
        mp4_box(&kind, &contents)
    };
    boxes(bytes).into_iter().flat_map(edited).collect()
}

const TRACK_HEADER: [&[u8; 4]; 3] = [b"moov", b"trak", b"tkhd"];
const MOVIE_HEADER: [&[u8; 4]; 2] = [b"moov", b"mvhd"];
const SAMPLE: [&[u8; 4]; 7] = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"];

/// Offsets of the matrices in the headers, and of the size in that of a track and in a sample description.
const IN_TRACK: usize = 40;
const IN_MOVIE: usize = 36;
const SIZE: usize = 76;
const SAMPLE_SIZE: usize = 24;
const SAMPLE_BOXES: usize = 78;

fn matrix([a, b, c, d]: [i32; 4]) -> Vec<u8> {
    [a, b, 0, c, d, 0, 0, 0, 1 << 14].map(|number| (number << 16).to_be_bytes()).concat()
}

fn mp4() -> Vec<Sample> {
    let original = file("clip.mp4");
    let size = Some((128, 72));
    let one = |case, bytes: Vec<u8>, shown| Sample::new(MP4, case, bytes, shown);
    let put = |file: &[u8], path: &[&[u8; 4]], at: usize, bytes: &[u8]| {
        edited(file, path, &|contents| contents[at..at + bytes.len()].copy_from_slice(bytes))
    };
    let turned = |path: &[&[u8; 4]], at, by| put(&original, path, at, &matrix(by));
    let quarter = [0, 1, -1, 0];
    let back = [0, -1, 1, 0];
    let aspect = |file: &[u8], wide: u32, high: u32| {
        edited(file, &SAMPLE, &|contents| {
            let kept = boxes(&contents[SAMPLE_BOXES..]).into_iter().filter(|(kind, _)| kind != b"pasp");
            let kept: Vec<u8> = kept.flat_map(|(kind, data)| mp4_box(&kind, data)).collect();
            contents.truncate(SAMPLE_BOXES);
            contents.extend(kept);
            contents.extend(mp4_box(b"pasp", &[wide, high].map(u32::to_be_bytes).concat()));
        })
    };
    // Those before the movie stay where they are: samples are found by their place in the file.
    let with_boxes = |more: Vec<u8>| {
        let (movie, others): (Vec<_>, Vec<_>) = boxes(&original).into_iter().partition(|(kind, _)| kind == b"moov");
        let all = |boxes: Vec<([u8; 4], &[u8])>| -> Vec<u8> {
            boxes.into_iter().flat_map(|(kind, contents)| mp4_box(&kind, contents)).collect()
        };
        [all(others), more, all(movie)].concat()
    };
    let long_times = edited(&original, &TRACK_HEADER, &|contents| {
        let wide = |at: usize| [&[0; 4], &contents[at..at + 4]].concat();
        let number = contents[12..20].to_vec();
        *contents = [&[1], &contents[1..4], &wide(4), &wide(8), &number, &wide(20), &contents[24..]].concat();
    });
    let no_kind = edited(&original, &[b"ftyp"], &|contents| contents[..4].copy_from_slice(b"qt  "));
    let quicktime = file("sideways.mov");
    vec![
        one("plain", original.clone(), size),
        one("the movie first", file("faststart.mp4"), size),
        one("many boxes of media before the movie", with_boxes(mp4_box(b"mdat", &[0; 50_000]).repeat(100)), size),
        one("thousands of small boxes of media", with_boxes(mp4_box(b"mdat", &[0; 900]).repeat(5000)), size),
        one("many free boxes before the movie", with_boxes(mp4_box(b"free", &[0; 100_000]).repeat(40)), size),
        one("a track without a size", put(&original, &TRACK_HEADER, SIZE, &[0; 8]), size),
        one("a track of another size", put(&original, &TRACK_HEADER, SIZE, &[2, 0, 0, 0, 0, 40, 0, 0]), size),
        one("times of 64 bits", long_times, size),
        one("turned", turned(&TRACK_HEADER, IN_TRACK, quarter), Some((72, 128))),
        one("turned back", turned(&TRACK_HEADER, IN_TRACK, back), Some((72, 128))),
        one("upside down", turned(&TRACK_HEADER, IN_TRACK, [-1, 0, 0, -1]), size),
        one("scaled", turned(&TRACK_HEADER, IN_TRACK, [2, 0, 0, 2]), size),
        one("a matrix of zeros", put(&original, &TRACK_HEADER, IN_TRACK, &[0; 36]), size),
        one("a movie that is turned", turned(&MOVIE_HEADER, IN_MOVIE, quarter), Some((72, 128))),
        one(
            "a movie and a track that are turned",
            put(&turned(&MOVIE_HEADER, IN_MOVIE, quarter), &TRACK_HEADER, IN_TRACK, &matrix(quarter)),
            size,
        ),
        one("wide pixels", aspect(&original, 2, 1), Some((256, 72))),
        one("narrow pixels", aspect(&original, 1, 2), Some((128, 144))),
        one("wide pixels, turned", aspect(&turned(&TRACK_HEADER, IN_TRACK, quarter), 2, 1), Some((72, 256))),
        one("pixels of no width", aspect(&original, 0, 1), size),
        unplayable(one("a sample description without a size", put(&original, &SAMPLE, SAMPLE_SIZE, &[0; 4]), size)),
        unplayable(one(
            "a codec that nobody knows",
            edited(&original, &SAMPLE[..6], &|list| list[12..16].copy_from_slice(b"zzzz")),
            size,
        )),
        one("the brand of QuickTime", no_kind, size),
        one("a file of QuickTime", quicktime.clone(), Some((72, 128))),
        Sample::new(QUICKTIME, "plain", quicktime.clone(), Some((72, 128))),
        Sample::new(QUICKTIME, "a file of MP4", original.clone(), size),
        one("no movie", with_boxes(Vec::new())[..original.len() - 1000].to_vec(), None),
        one("a still image in boxes", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08meta".to_vec(), None),
    ]
}
