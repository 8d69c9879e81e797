//! Uploads that are missing or have a wrong type: the send fails, and the uploads stay.

use serde_json::json;

use crate::support::{Bucket, Pair, keys_of, line_of, media_of, sample, stack_or_skip, text};

const ABSENT: &str = "Upload not found or expired";
const SIZE: &str = "Not the announced size";
const TYPE: &str = "Not the announced type";
const NO_IMAGE: &str = "Not an image that browsers show";
const NO_VIDEO: &str = "Not a video of a known container";
const PAGE: &[u8] = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>";
const DRAWING: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' width='5' height='5' onload='alert(1)'/>";
const MIB: usize = 1024 * 1024;

/// Asserts that the upload makes the send fail for this reason, and stays.
async fn fails(pair: &Pair, kind: &str, upload: &str, reason: &str) {
    let answer = pair.send(kind, &[upload.to_owned()]).send().await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    answer.not_promoted(&[(upload, reason)]);
    assert_eq!(pair.media_messages().await, 0);
    let Some(bucket) = Bucket::shared() else { return };
    assert!(bucket.message_objects(&pair.conversation).await.is_empty());
    assert!(bucket.has(upload).await);
}

#[tokio::test]
async fn an_upload_that_never_came_fails_the_message() {
    let pair = Pair::begin().await;
    let announced = pair.ann.request_upload("image", "image/png", 172).await;
    let upload = text(&announced, "publicId").to_owned();
    pair.send("image", std::slice::from_ref(&upload)).send().await.not_promoted(&[(&upload, ABSENT)]);
    assert_eq!(pair.media_messages().await, 0);
}

#[tokio::test]
async fn each_upload_that_fails_is_named_in_the_order_of_the_message_and_no_alarm_goes_off() {
    let pair = Pair::begin().await;
    let image = pair.ann.upload("image", "image/png", &sample("plain.png")).await;
    let page = pair.ann.upload("image", "image/png", PAGE).await;
    let other_type = pair.ann.upload("image", "image/gif", &sample("photo.jpg")).await;
    let video = pair.ann.upload("video", "video/mp4", PAGE).await;
    let never = text(&pair.ann.request_upload("image", "image/png", 5).await, "publicId").to_owned();
    let unnamed = format!("temp/user_{}/holiday.png", pair.ann.id);
    let all = [&never, &image, &page, &unnamed, &other_type, &video].map(String::clone);
    let answer = pair.send("text", &all).send().await;
    answer.not_promoted(&[
        (&never, ABSENT),
        (&page, NO_IMAGE),
        (&unnamed, ABSENT),
        (&other_type, TYPE),
        (&video, NO_VIDEO),
    ]);
    assert_eq!(pair.media_messages().await, 0);
    let Some(stack) = stack_or_skip("reads logs") else { return };
    let (_, line) = line_of(stack, &answer).await;
    assert_eq!((&line["status"], &line["failed"], &line["level"]), (&json!(500), &json!(0), &json!("info")), "{line}");
}

#[tokio::test]
async fn what_is_no_image_is_not_sent_as_one() {
    let pair = Pair::begin().await;
    let png = sample("plain.png");
    let no_width = {
        let mut png = png.clone();
        png[16..20].fill(0);
        png
    };
    let cases: [(&str, &[u8], &str); 14] = [
        ("image/png", PAGE, NO_IMAGE),
        ("image/png", DRAWING, NO_IMAGE),
        ("image/jpeg", &png, TYPE),
        ("image/png", &sample("photo.jpg"), TYPE),
        ("image/gif", &sample("lossy.webp"), TYPE),
        ("image/webp", &sample("animated.gif"), TYPE),
        ("image/png", &sample("clip.mp4"), TYPE),
        ("image/png", &png[..20], NO_IMAGE),
        ("image/png", &no_width, NO_IMAGE),
        ("image/png", b"\x89", NO_IMAGE),
        ("image/jpeg", &sample("photo.jpg")[..3], NO_IMAGE),
        ("image/jpeg", &sample("located.jpg")[..40], NO_IMAGE),
        ("image/gif", &sample("animated.gif")[..8], NO_IMAGE),
        ("image/webp", &sample("lossy.webp")[..16], NO_IMAGE),
    ];
    for (content_type, bytes, reason) in cases {
        println!("{} bytes as {content_type}", bytes.len());
        let upload = pair.ann.upload("image", content_type, bytes).await;
        fails(&pair, "image", &upload, reason).await;
    }
}

#[tokio::test]
async fn what_is_no_video_is_not_sent_as_one() {
    let pair = Pair::begin().await;
    let (mp4, webm) = (sample("clip.mp4"), sample("clip.webm"));
    let cases: [(&str, &[u8], &str); 6] = [
        ("video/mp4", PAGE, NO_VIDEO),
        ("video/mp4", &webm, TYPE),
        ("video/webm", &mp4, TYPE),
        ("video/mp4", &sample("animated.gif"), TYPE),
        ("video/mp4", &mp4[..mp4.len() - 100], NO_VIDEO),
        ("video/webm", &webm[..60], NO_VIDEO),
    ];
    for (content_type, bytes, reason) in cases {
        println!("{} bytes as {content_type}", bytes.len());
        let upload = pair.ann.upload("video", content_type, bytes).await;
        fails(&pair, "video", &upload, reason).await;
    }
}

#[tokio::test]
async fn an_empty_object_is_not_sent_whatever_was_announced() {
    let Some(bucket) = Bucket::shared() else { return };
    let pair = Pair::begin().await;
    for (kind, content_type) in [("image", "image/png"), ("video", "video/mp4"), ("file", "text/plain")] {
        println!("{kind}");
        let upload = text(&pair.ann.request_upload(kind, content_type, 5).await, "publicId").to_owned();
        bucket.put(&upload, content_type, b"").await;
        fails(&pair, kind, &upload, SIZE).await;
    }
}

#[tokio::test]
async fn an_object_that_is_larger_than_its_kind_allows_is_not_sent() {
    let Some(bucket) = Bucket::shared() else { return };
    let pair = Pair::begin().await;
    for (kind, content_type, file, most) in
        [("image", "image/gif", "animated.gif", 16 * MIB), ("file", "text/plain", "animated.gif", 50 * MIB)]
    {
        println!("{kind}");
        let upload = text(&pair.ann.request_upload(kind, content_type, most).await, "publicId").to_owned();
        let mut large = sample(file);
        large.resize(most + 1, b' ');
        bucket.put(&upload, content_type, &large).await;
        fails(&pair, kind, &upload, SIZE).await;
    }
}

#[tokio::test]
async fn an_image_of_the_largest_size_is_sent() {
    let Some(bucket) = Bucket::shared() else { return };
    let pair = Pair::begin().await;
    let upload = text(&pair.ann.request_upload("image", "image/gif", 16 * MIB).await, "publicId").to_owned();
    let mut large = sample("animated.gif");
    large.resize(16 * MIB, b' ');
    bucket.put(&upload, "image/gif", &large).await;
    let message = pair.send("image", &[upload]).send().await.processed(200);
    assert_eq!(media_of(&message)[0]["width"], 40);
}

#[tokio::test]
async fn the_stores_own_word_for_the_type_counts_and_not_the_announced_one() {
    let Some(bucket) = Bucket::shared() else { return };
    let pair = Pair::begin().await;
    for content_type in ["text/html", "image/svg+xml", "binary/octet-stream"] {
        println!("{content_type}");
        let upload = text(&pair.ann.request_upload("image", "image/png", 172).await, "publicId").to_owned();
        bucket.put(&upload, content_type, &sample("plain.png")).await;
        fails(&pair, "image", &upload, TYPE).await;
    }
}

#[tokio::test]
async fn one_unfit_upload_of_five_leaves_the_others_as_they_were() {
    let pair = Pair::begin().await;
    let mut uploads = Vec::new();
    for (content_type, file) in [
        ("image/png", "plain.png"),
        ("image/jpeg", "located.jpg"),
        ("image/gif", "animated.gif"),
        ("image/webp", "lossy.webp"),
    ] {
        uploads.push(pair.ann.upload("image", content_type, &sample(file)).await);
    }
    let unfit = pair.ann.upload("image", "image/png", PAGE).await;
    let mut five = uploads.clone();
    five.insert(2, unfit.clone());
    pair.send("image", &five).send().await.not_promoted(&[(&unfit, NO_IMAGE)]);
    assert_eq!(pair.media_messages().await, 0);
    let bucket = Bucket::shared();
    if let Some(bucket) = &bucket {
        assert!(bucket.message_objects(&pair.conversation).await.is_empty());
        assert!(bucket.has_all(&five).await);
    }
    let message = pair.send("image", &uploads).send().await.processed(200);
    assert_eq!(media_of(&message).len(), 4);
    if let Some(bucket) = &bucket {
        assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&message));
    }
}
