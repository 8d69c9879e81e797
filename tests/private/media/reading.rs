//! URLs of media: new ones at every read, for the two participants only.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Bucket, Client, Pair, User, eventually, media_of, sample, text};

#[tokio::test]
async fn every_reading_gives_urls_of_its_own() {
    let pair = Pair::begin().await;
    let message = pair.show("image", "image/png", "plain.png").await;
    let first = text(&message["media"][0], "url").to_owned();
    // A signature contains its time, in seconds.
    let fresh = eventually("another URL", Duration::from_secs(5), async || {
        let again = pair.bob.messages(&pair.conversation).await.remove(0)["media"][0]["url"].take();
        (again != first).then_some(again)
    });
    for url in [&first, fresh.await.as_str().expect("a URL")] {
        assert!(Client::fetch(url).await.body == sample("plain.png"));
        assert!(url.contains("X-Amz-Expires=3600"), "{url}");
    }
}

#[tokio::test]
async fn both_read_the_media_in_messages_and_in_conversations() {
    let pair = Pair::begin().await;
    let message = pair.show("video", "video/webm", "clip.webm").await;
    for user in [&pair.ann, &pair.bob] {
        let last = user.conversations().await.remove(0)["lastMessage"].take();
        let listed = user.messages(&pair.conversation).await.remove(0);
        for shown in [last, listed] {
            assert_eq!(shown["_id"], message["_id"]);
            let media = &media_of(&shown)[0];
            assert_eq!(media["assetId"], message["media"][0]["assetId"]);
            assert!(Client::fetch(text(media, "url")).await.body == sample("clip.webm"));
        }
    }
    let somebody = User::sign_up().await;
    let path = format!("/conversations/{}/messages", pair.conversation);
    somebody.get(&path).send().await.rejects(403, "You are not in this conversation");
    assert!(somebody.conversations().await.is_empty());
}

#[tokio::test]
async fn a_part_of_a_video_can_be_read() {
    let pair = Pair::begin().await;
    let message = pair.show("video", "video/mp4", "clip.mp4").await;
    let part = Client::part(text(&message["media"][0], "url"), "bytes=4-7").await;
    assert_eq!((part.status, &part.body[..]), (206, &b"ftyp"[..]));
}

#[tokio::test]
async fn objects_are_in_the_bucket_as_the_list_names_them() {
    let Some(bucket) = Bucket::shared() else { return };
    let pair = Pair::begin().await;
    let mut shown = Vec::new();
    for (kind, content_type, file) in
        [("image", "image/png", "plain.png"), ("image", "image/png", "located.png"), ("file", "text/plain", "clip.mp4")]
    {
        shown.push(pair.show(kind, content_type, file).await["media"][0]["publicId"].take());
    }
    let mut listed: Vec<Value> = pair.bob.messages(&pair.conversation).await;
    listed.reverse();
    let named: Vec<Value> = listed[1..].iter().map(|message| message["media"][0]["publicId"].clone()).collect();
    assert_eq!(named, shown);
    shown.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    assert_eq!(Value::from(bucket.message_objects(&pair.conversation).await), Value::from(shown));
}
