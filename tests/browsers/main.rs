//! Images and videos as browsers show them, and as we understand them. Chromium is the judge, and Firefox where it is installed. A
//! machine without browsers compares with what they said when the samples were written.
//!
//! `SOTTO_WRITE_MEDIA=1 cargo test --workspace --test browsers` writes the table of all samples to `docs/media.md`.

mod browser;
mod cards;
mod images;
mod samples;
mod videos;

use std::{collections::BTreeSet, fmt::Write};

use browser::{Browser, Seen};
use bytes::Bytes;
use samples::Sample;
use shared::{
    media::{PartialObject, Probe, look, without_location},
    png::clean,
};

fn all() -> Vec<Sample> {
    [images::samples(), videos::samples()].concat()
}

fn ours(sample: &Sample) -> Option<(u32, u32)> {
    match look(&PartialObject::whole(Bytes::from(sample.bytes.clone()))) {
        Probe::Is(visible) => Some((visible.width, visible.height)),
        Probe::IsNot => None,
        Probe::Wants(_) => unreachable!("all of it is known"),
    }
}

#[test]
fn each_sample_is_understood_as_browsers_show_it() {
    let wrong: Vec<String> = all()
        .iter()
        .filter(|sample| ours(sample) != sample.shown)
        .map(|sample| format!("{} {}: {:?}, shown as {:?}", sample.format, sample.case, ours(sample), sample.shown))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let names: BTreeSet<_> = all().iter().map(|sample| (sample.format, sample.case)).collect();
    assert_eq!(names.len(), all().len(), "two samples have one name");
}

#[test]
fn chromium_and_we_see_the_same() {
    let Some(chromium) = Browser::chromium() else { return };
    let samples = all();
    let seen = chromium.show(&samples);
    let firefox = Browser::firefox().map(|firefox| firefox.show(&samples));
    let mut table = String::from(TABLE);
    let mut wrong = Vec::new();
    for (index, (sample, chromium)) in samples.iter().zip(&seen).enumerate() {
        let firefox = firefox.as_ref().map_or("-".to_owned(), |seen| seen[index].to_string());
        let ours = ours(sample);
        let row = format!("| {} | {} | {chromium} | {firefox} | {} |", sample.format, sample.case, in_words(ours));
        println!("{row}");
        writeln!(table, "{row}").expect("a string");
        if !is_same(sample, chromium, ours) {
            wrong.push(row);
        }
    }
    if std::env::var_os("SOTTO_WRITE_MEDIA").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/media.md"), table).expect("docs/media.md");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

const TABLE: &str = "# What browsers show, and what we take\n\n\
    Written by `SOTTO_WRITE_MEDIA=1 cargo test --workspace --test browsers`. The test makes the samples and opens each in Chromium \
    and in Firefox. \"nothing\" is an image of which no pixel is shown, or a video that does not play. Where the browsers differ, Chromium counts. \
    Of a video the container decides: one that a browser lacks the codec for is taken all the same.\n\n\
    | format | case | Chromium | Firefox | ours |\n| --- | --- | --- | --- | --- |\n";

fn in_words(size: Option<(u32, u32)>) -> String {
    size.map_or("nothing".to_owned(), |(width, height)| format!("{width} x {height}"))
}

/// Of a video the ratio counts, as its pixels need not be square, and a codec that Chromium lacks does not.
fn is_same(sample: &Sample, chromium: &Seen, ours: Option<(u32, u32)>) -> bool {
    if !sample.is_video() {
        return chromium.size == ours;
    }
    let ratio = |(width, height): (u32, u32)| f64::from(width) / f64::from(height);
    match (chromium.size, ours) {
        (Some(chromium), Some(ours)) => (ratio(chromium) / ratio(ours) - 1.0).abs() < 0.02,
        (None, Some(_)) => sample.is_unplayable,
        (chromium, None) => chromium.is_none(),
    }
}

/// Images as they are stored: without a location, or as a card.
fn rewritten() -> Vec<(Sample, Sample)> {
    let stored = |sample: &Sample, bytes: Vec<u8>| Sample { bytes, ..sample.clone() };
    // An image that breaks off gets an end, and more of it is shown.
    let images = images::samples().into_iter().filter(|sample| sample.shown.is_some() && !sample.breaks_off);
    let images = images.map(|sample| {
        let clean = without_location(sample.content_type, Bytes::from(sample.bytes.clone()));
        let clean = clean.unwrap_or_else(|| panic!("{} {} can't be rewritten", sample.format, sample.case));
        (sample.clone(), stored(&sample, clean.to_vec()))
    });
    let cards = cards::samples().into_iter().map(|sample| {
        let card = clean(&sample.bytes).unwrap_or_else(|unfit| panic!("card {}: {unfit:?}", sample.case));
        (sample.clone(), stored(&sample, card))
    });
    images.chain(cards).collect()
}

#[test]
fn what_is_stored_is_clean() {
    for (before, after) in rewritten() {
        let has = |words: &[u8]| after.bytes.windows(words.len()).any(|window| window == words);
        assert!(!has(samples::SECRET), "{} {}", before.format, before.case);
        if before.format == "card" {
            assert_eq!(clean(&after.bytes).as_ref(), Ok(&after.bytes), "{}", before.case);
        } else {
            let again = without_location(after.content_type, Bytes::from(after.bytes.clone()));
            assert_eq!(again.as_deref(), Some(&after.bytes[..]), "{} {}", before.format, before.case);
        }
    }
}

#[test]
fn what_is_stored_looks_in_chromium_as_what_was_sent() {
    let Some(chromium) = Browser::chromium() else { return };
    let rewritten = rewritten();
    let (before, after): (Vec<Sample>, Vec<Sample>) = rewritten.into_iter().unzip();
    let (sent, stored) = (chromium.show(&before), chromium.show(&after));
    let wrong: Vec<String> = before
        .iter()
        .zip(sent.iter().zip(&stored))
        .filter(|(_, (sent, stored))| sent != stored)
        .map(|(sample, (sent, stored))| format!("{} {}: {sent:?}, then {stored:?}", sample.format, sample.case))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
