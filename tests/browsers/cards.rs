//! Cards: PNG whose colours have to stay, and that break rules which browsers do not insist on.

use super::{
    images::{header, rows, with_chunks},
    samples::{SECRET, SIGNATURE, Sample, deflated, exif, orientation, png_chunk},
};

pub fn samples() -> Vec<Sample> {
    let one = |case, bytes: Vec<u8>| Sample::new(("card", "image/png"), case, bytes, Some((96, 64)));
    let before = |chunks: &[Vec<u8>]| with_chunks(&chunks.concat(), b"");
    let behind = |chunks: &[Vec<u8>]| with_chunks(b"", &chunks.concat());
    let [linear, usual] = [100_000_u32, 45_455].map(|gamma| png_chunk(b"gAMA", &gamma.to_be_bytes()));
    let primaries = [31_270_u32, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6000].map(u32::to_be_bytes).concat();
    let primaries = png_chunk(b"cHRM", &primaries);
    let srgb = png_chunk(b"sRGB", &[0]);
    let [p3, pq] = [[12, 13, 0, 1], [9, 16, 0, 1]].map(|points| png_chunk(b"cICP", &points));
    let iccp = |name: &[u8], profile: &[u8]| png_chunk(b"iCCP", &[name, b"\0\0", &deflated(profile)].concat());
    let swapped = iccp(SECRET, &profile());
    let turned = |by| png_chunk(b"eXIf", &exif(&[orientation(by)], SECRET));
    let of =
        |colours, depth, chunks: &[u8]| [SIGNATURE, &header(colours, depth), chunks, &png_chunk(b"IEND", b"")].concat();
    let pixels = |pixels: &[u8]| of(2, 8, &png_chunk(b"IDAT", pixels));
    let compressed = deflated(&rows());
    let (one_half, other_half) = compressed.split_at(compressed.len() / 2);
    let indexed: Vec<u8> =
        (0..64_usize).flat_map(|y| (0..=96).map(move |x| if x == 0 { 0 } else { ((x + y) % 16) as u8 })).collect();
    let indexed = png_chunk(b"IDAT", &deflated(&indexed));
    let palette = png_chunk(b"PLTE", &(0..48).map(|n| n * 5).collect::<Vec<u8>>());
    let in_palette = |chunks: &[Vec<u8>]| of(3, 8, &[chunks.concat(), indexed.clone()].concat());
    let transparency = |alphas: &[u8]| png_chunk(b"tRNS", alphas);
    let frame = |sequence: u8| {
        let control = [&[0, 0, 0, sequence, 0, 0, 0, 96, 0, 0, 0, 64][..], &[0; 8], &[0, 1, 0x7f, 0, 0, 0]].concat();
        png_chunk(b"fcTL", &control)
    };
    let inverted: Vec<u8> =
        rows().into_iter().enumerate().map(|(n, byte)| if n % 289 == 0 { 0 } else { !byte }).collect();
    let plays = |frames: u8| png_chunk(b"acTL", &[0, 0, 0, frames, 0, 0, 0, 1]);
    let frame_data = png_chunk(b"fdAT", &[&[0, 0, 0, 1], &deflated(&inverted)[..]].concat());
    vec![
        one("plain", before(&[])),
        one("a gamma", before(std::slice::from_ref(&linear))),
        one("two gammas", before(&[linear.clone(), usual.clone()])),
        one("a gamma that is too long, and another", before(&[png_chunk(b"gAMA", SECRET), linear.clone()])),
        one("a gamma behind the pixels", behind(std::slice::from_ref(&linear))),
        one("a gamma of 0", before(&[png_chunk(b"gAMA", &[0; 4])])),
        one("a gamma and sRGB", before(&[linear.clone(), srgb.clone()])),
        one("a gamma and an unknown sRGB", before(&[png_chunk(b"sRGB", &[9]), linear.clone()])),
        one("a gamma and an sRGB that is too long", before(&[png_chunk(b"sRGB", &[0, 0]), linear.clone()])),
        one("primaries", before(&[primaries.clone(), usual.clone()])),
        one("primaries that are too long", before(&[png_chunk(b"cHRM", &[1; 33]), usual.clone()])),
        one("code points", before(&[p3.clone(), linear.clone()])),
        one("code points of HDR", before(&[pq, png_chunk(b"mDCV", &[1; 24]), png_chunk(b"cLLI", &[1; 8])])),
        one("code points twice", before(&[p3.clone(), png_chunk(b"cICP", &[1, 13, 0, 1])])),
        one("code points that are too long", before(&[png_chunk(b"cICP", &[12, 13, 0, 1, 0]), linear.clone()])),
        one("unknown code points", before(&[png_chunk(b"cICP", &[99, 99, 0, 1]), linear.clone()])),
        one("code points behind the pixels", behind(std::slice::from_ref(&p3))),
        one("a profile", before(std::slice::from_ref(&swapped))),
        one("a profile and a gamma", before(&[swapped.clone(), linear.clone()])),
        one("a profile and sRGB", before(&[srgb.clone(), swapped.clone()])),
        one("a profile and code points", before(&[swapped.clone(), p3])),
        one("a profile and another", before(&[swapped.clone(), iccp(b"x", b"none")])),
        one("no profile, and then one", before(&[iccp(b"x", b"none"), swapped.clone()])),
        one("no profile and a gamma", before(&[iccp(b"x", b"none"), linear.clone()])),
        one("a profile without a name", before(&[iccp(b"", &profile())])),
        one(
            "a profile that breaks off",
            before(&[png_chunk(b"iCCP", &[b"x\0\0", &deflated(&profile())[..90]].concat())]),
        ),
        one("a profile with more behind it", before(&[iccp(b"x", &[&profile(), SECRET].concat())])),
        one("a profile behind the pixels", behind(&[swapped])),
        one("surplus bytes behind the compressed ones", pixels(&[&compressed[..], SECRET].concat())),
        one("surplus pixels", pixels(&deflated(&[&rows()[..], SECRET].concat()))),
        one("pixels in two parts", of(2, 8, &[png_chunk(b"IDAT", one_half), png_chunk(b"IDAT", other_half)].concat())),
        one("more pixels behind a text", behind(&[png_chunk(b"tEXt", b"a\0b"), png_chunk(b"IDAT", SECRET)])),
        one("a palette", in_palette(std::slice::from_ref(&palette))),
        one("a palette and a gamma behind it", in_palette(&[palette.clone(), linear.clone()])),
        one("a palette for an image that has none", before(std::slice::from_ref(&palette))),
        one("transparency", in_palette(&[palette.clone(), transparency(&[0, 128])])),
        one("transparency twice", in_palette(&[palette.clone(), transparency(&[0; 16]), transparency(&[255; 16])])),
        one("transparency before its palette", in_palette(&[transparency(&[0, 128]), palette.clone()])),
        one("transparency of more than the palette", in_palette(&[palette.clone(), transparency(&[100; 17])])),
        one("transparency behind the pixels", of(3, 8, &[palette, indexed.clone(), transparency(&[0; 16])].concat())),
        one("a transparent colour", before(&[transparency(&[0, 40, 0, 30, 0, 7])])),
        one("a transparent colour with more behind it", before(&[transparency(&[0, 40, 0, 30, 0, 7, 9])])),
        one("a transparent colour that breaks off", before(&[transparency(&[0, 40])])),
        one("significant bits of a wrong size", before(&[png_chunk(b"sBIT", SECRET)])),
        one("turned", before(&[turned(6)])),
        one("mirrored", before(&[turned(7), linear])),
        one("EXIF behind the pixels", behind(&[turned(6)])),
        one(
            "an animation whose first frame is the image",
            with_chunks(
                &[plays(2), frame(0)].concat(),
                &[frame(1), png_chunk(b"fdAT", &[&[0, 0, 0, 2], &deflated(&inverted)[..]].concat())].concat(),
            ),
        ),
        one("an animation without the image", with_chunks(&plays(1), &[frame(0), frame_data].concat())),
    ]
}

/// A profile that swaps red and blue, with a name.
fn profile() -> Vec<u8> {
    let xyz = |xyz: [u32; 3]| [b"XYZ \0\0\0\0".to_vec(), xyz.map(u32::to_be_bytes).concat()].concat();
    let curve = b"curv\0\0\0\0\0\0\0\x01\x02\x33\0\0".to_vec();
    let tags = [
        (b"desc", [&b"desc\0\0\0\0\0\0\0\x0b"[..], SECRET, &[0; 79]].concat()),
        (b"wtpt", xyz([0xf6d6, 0x10000, 0xd32d])),
        (b"rXYZ", xyz([0x24a0, 0xf84, 0xb6cf])),
        (b"gXYZ", xyz([0x6299, 0xb785, 0x18da])),
        (b"bXYZ", xyz([0x6fa2, 0x38f5, 0x390])),
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
    for (kind, mut contents) in tags {
        table.extend(kind);
        table.extend(((start + data.len()) as u32).to_be_bytes());
        table.extend((contents.len() as u32).to_be_bytes());
        contents.resize(contents.len().next_multiple_of(4), 0);
        data.extend(contents);
    }
    let mut profile = [header, table, data].concat();
    let length = (profile.len() as u32).to_be_bytes();
    profile[..4].copy_from_slice(&length);
    profile
}
