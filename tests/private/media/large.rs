//! The costs of large objects and of many at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    ALWAYS, Bucket, Client, FaultyStack, Pair, keys_of, line_of, media_of, padded_clip, sample, text,
};

const MIB: usize = 1024 * 1024;

/// The number of bytes in a range.
fn width(range: &str) -> usize {
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).expect("a range");
    let number = |text: &str| text.parse::<usize>().unwrap_or_else(|_| panic!("{range}"));
    number(last) - number(first) + 1
}

#[tokio::test]
async fn a_video_of_100_mib_is_sent_without_being_read() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let pair = Pair::begin().await;
    let video = padded_clip(100 * MIB);
    let upload = text(&pair.ann.request_upload("video", "video/mp4", video.len()).await, "publicId").to_owned();
    bucket.put(&upload, "video/mp4", &video).await;

    let asked = Arc::new(Mutex::new(Vec::new()));
    let reads = {
        let (asked, upload) = (asked.clone(), upload.clone());
        stack.s3.when(move |call| {
            if call.is("GET", &upload) {
                asked.lock().expect("ranges").push(width(&call.range));
            }
            false
        })
    };
    let listens = reads.answer(500, ALWAYS);
    let answer = pair.send("video", &[upload]).send().await;
    drop(listens);
    let message = answer.processed(200);
    let media = &media_of(&message)[0];
    assert_eq!((&media["width"], &media["height"], &media["bytes"]), (&128.into(), &72.into(), &video.len().into()));
    let asked = asked.lock().expect("ranges").clone();
    println!("{asked:?}, {:?}", answer.took);
    assert!((2..=4).contains(&asked.len()) && asked.iter().sum::<usize>() <= MIB, "{asked:?}");
    assert!(answer.took < Duration::from_secs(10), "{:?}", answer.took);

    let end = Client::part(text(media, "url"), "bytes=-100").await;
    assert!(end.status == 206 && video.ends_with(&end.body));
    stack.stop().await;
}

/// The number of sequential calls of a send.
async fn round_trips(stack: &FaultyStack, pair: &Pair, uploads: &[String]) -> (u64, Value) {
    let answer = pair.send("image", uploads).send().await;
    let (_, line) = line_of(&stack.stack, &answer).await;
    println!("{} images: {line}", uploads.len());
    (line["round_trips"].as_u64().expect("a number"), answer.processed(200))
}

#[tokio::test]
async fn ten_images_take_no_more_turns_than_one() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let pair = Pair::begin().await;
    let mut uploads = Vec::new();
    for _ in 0..12 {
        uploads.push(pair.ann.upload("image", "image/png", &sample("plain.png")).await);
    }
    let (warm, first) = round_trips(&stack, &pair, &uploads[..1]).await;
    let (one, second) = round_trips(&stack, &pair, &uploads[1..2]).await;
    let (ten, third) = round_trips(&stack, &pair, &uploads[2..]).await;
    assert!(one <= 6 && warm <= 6, "{warm}, {one}");
    // Copies that end at different times can look sequential once.
    assert!(ten <= one + 1, "{one} turns for one, {ten} for ten");
    let mut keys = [keys_of(&first), keys_of(&second), keys_of(&third)].concat();
    keys.sort();
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys);
    stack.stop().await;
}
