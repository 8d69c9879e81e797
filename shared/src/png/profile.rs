//! Colour profiles (ICC.1:2022, ISO 15076-1) with nothing but what changes colours. A profile also names itself, its maker, the device, and
//! whoever calibrated it.
//!
//! Colours are not converted here: that would round them, and cut those that only better screens have. Browsers convert them as before,
//! by the rest of the profile.

use std::{collections::BTreeMap, io::Read};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};

const HEADER: usize = 128;
const TAG: usize = 12;
const MOST_TAGS: usize = 100;
/// Bytes of a profile, decompressed. Those of printers have a megabyte or two.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The parts of the header that matter (7.2): version, class, colour spaces, signature, rendering intent, and illuminant.
const NEEDED_IN_HEADER: [std::ops::Range<usize>; 3] = [8..24, 36..40, 64..80];

/// The tags of which browsers make the conversion to their own colours: of three primaries or of grey, by tables, and by code points.
const NEEDED: [&[u8; 4]; 13] = [
    b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"wtpt", b"chad", b"A2B0", b"A2B1", b"A2B2", b"cicp",
];

/// The data of a chunk iCCP with the profile's name gone and the profile reduced; `None` of data from which browsers take no profile.
pub(super) fn reduced_chunk(data: &[u8]) -> Option<Vec<u8>> {
    let end = data.iter().take(80).position(|byte| *byte == 0).filter(|length| *length > 0)?;
    let [0, compressed @ ..] = &data[end + 1..] else { return None };
    let mut profile = Vec::new();
    ZlibDecoder::new(compressed).take(LARGEST + 1).read_to_end(&mut profile).ok()?;
    let profile = reduced(&profile).filter(|_| profile.len() as u64 <= LARGEST)?;
    let mut encoder = ZlibEncoder::new(b"ICC\0\0".to_vec(), Compression::default());
    std::io::Write::write_all(&mut encoder, &profile).ok()?;
    encoder.finish().ok()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) as usize)
}

/// `None` of what is no profile, or one that is damaged.
fn reduced(profile: &[u8]) -> Option<Vec<u8>> {
    let profile = profile.get(..u32_at(profile, 0)?)?;
    if profile.get(36..40)? != b"acsp" {
        return None;
    }
    let count = u32_at(profile, HEADER).filter(|count| *count <= MOST_TAGS)?;
    let mut tags: Vec<([u8; 4], usize)> = Vec::new();
    // Three curves are often one.
    let (mut contents, mut places) = (Vec::new(), BTreeMap::new());
    for index in 0..count {
        let at = HEADER + 4 + TAG * index;
        let name: [u8; 4] = *profile.get(at..)?.first_chunk()?;
        let (start, length) = (u32_at(profile, at + 4)?, u32_at(profile, at + 8)?);
        let data = profile.get(start..start.checked_add(length)?)?;
        let is_needed = NEEDED.contains(&&name) && tags.iter().all(|(other, _)| *other != name);
        let Some(data) = exact(data).filter(|_| is_needed) else { continue };
        let place = *places.entry((start, length)).or_insert_with(|| {
            contents.push(data);
            contents.len() - 1
        });
        tags.push((name, place));
    }

    let mut file = vec![0; HEADER];
    NEEDED_IN_HEADER.into_iter().for_each(|range| file[range.clone()].copy_from_slice(&profile[range]));
    file.extend((tags.len() as u32).to_be_bytes());
    let mut offsets = Vec::new();
    let mut behind = file.len() + TAG * tags.len();
    for data in &contents {
        offsets.push(behind);
        behind += data.len().next_multiple_of(4);
    }
    for (name, place) in tags {
        file.extend(name);
        file.extend((offsets[place] as u32).to_be_bytes());
        file.extend((contents[place].len() as u32).to_be_bytes());
    }
    for data in contents {
        file.extend_from_slice(data);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    let length = file.len() as u32;
    file[..4].copy_from_slice(&length.to_be_bytes());
    Some(file)
}

/// The data of a tag, without anything behind it; `None` of types that make no colours (10).
fn exact(data: &[u8]) -> Option<&[u8]> {
    let length = match data.first_chunk::<4>()? {
        b"XYZ " => 20,
        b"sf32" => 44,
        b"cicp" => 12,
        b"curv" => u32_at(data, 8)?.checked_mul(2)?.checked_add(12)?,
        // By the kind of the function: so many parameters.
        b"para" => 12 + 4 * [1, 3, 4, 5, 7].get(u32_at(data, 8)? >> 16)?,
        // Tables, with offsets of their own.
        b"mft1" | b"mft2" | b"mAB " => data.len(),
        _ => return None,
    };
    data.get(..length)
}
