//! Each kind of media in answers and lists, and the objects behind its URLs.

use serde_json::{Value, json};

use super::PLAIN;
use crate::support::{Bucket, Client, Pair, keys_of, media_of, sample, text};

/// Every field of a medium except its URL, which must contain the id.
#[track_caller]
fn assert_is(media: &Value, kind: &str, size: Option<(u32, u32)>, bytes: usize, conversation: &str) {
    let fields: Vec<&String> = media.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["url", "publicId", "assetId", "type", "height", "width", "bytes", "name"]);
    assert_eq!(media["name"], Value::Null);
    let asset = text(media, "assetId");
    assert!(asset.len() == 32 && asset.bytes().all(|byte| byte.is_ascii_hexdigit()), "{asset}");
    assert_eq!(media["publicId"], format!("media/{conversation}/{asset}"));
    assert!(text(media, "url").contains(text(media, "publicId")), "{media}");
    let (width, height) = size.unzip();
    assert_eq!(
        (&media["type"], &media["width"], &media["height"], &media["bytes"]),
        (&json!(kind), &json!(width), &json!(height), &json!(bytes)),
        "{media}"
    );
}

/// The message in a user's list, without its URLs.
fn without_urls(messages: Vec<Value>, id: &Value) -> Value {
    let mut message = messages.into_iter().find(|message| message["_id"] == *id).expect("the message");
    message["media"].as_array_mut().expect("media").iter_mut().for_each(|media| drop(media["url"].take()));
    message
}

#[tokio::test]
async fn images_and_videos_are_told_by_their_type_and_by_their_size_as_shown() {
    let pair = Pair::begin().await;
    for (file, kind, content_type, width, height) in PLAIN {
        println!("{file}");
        let original = sample(file);
        let mut message = pair.show(kind, content_type, file).await;
        assert_eq!((&message["type"], media_of(&message).len()), (&json!(kind), 1));
        let media = &message["media"][0];
        assert_is(media, kind, Some((width, height)), original.len(), &pair.conversation);

        let shown = Client::fetch(text(media, "url")).await;
        assert_eq!((shown.status, shown.header("content-type")), (200, Some(content_type)));
        assert!(shown.header("content-disposition").is_none());
        assert!(shown.body == original, "{file} is not what was uploaded");

        message["media"][0]["url"].take();
        for user in [&pair.ann, &pair.bob] {
            let listed = user.messages(&pair.conversation).await;
            assert_eq!(without_urls(listed, &message["_id"]), message);
        }
    }
}

#[tokio::test]
async fn a_type_is_taken_with_its_parameters_and_in_any_case() {
    let pair = Pair::begin().await;
    for (kind, said, file, content_type) in [
        ("video", "video/webm;codecs=vp8,opus", "clip.webm", "video/webm"),
        ("video", "video/webm; codecs=\"vp8, opus\"", "live.webm", "video/webm"),
        ("video", "Video/MP4;codecs=avc1.42E01E,mp4a.40.2", "clip.mp4", "video/mp4"),
        ("image", "image/jpeg; charset=binary", "photo.jpg", "image/jpeg"),
        ("image", "Image/JPEG", "located.jpg", "image/jpeg"),
        ("file", "audio/webm;codecs=opus,pcm", "clip.webm", "audio/webm;codecs=opus,pcm"),
    ] {
        println!("{said}");
        let message = pair.show(kind, said, file).await;
        let shown = Client::fetch(text(&message["media"][0], "url")).await;
        assert_eq!((shown.status, shown.header("content-type")), (200, Some(content_type)));
    }
}

#[tokio::test]
async fn the_two_types_of_one_container_stand_for_each_other_and_what_a_file_is_is_served() {
    let pair = Pair::begin().await;
    for (said, file, content_type, width) in [
        ("video/quicktime", "clip.mp4", "video/mp4", 128),
        ("video/mp4", "sideways.mov", "video/quicktime", 72),
        ("video/mp4", "clip.mp4", "video/mp4", 128),
    ] {
        let media = pair.show("video", said, file).await["media"][0].take();
        assert_eq!(media["width"], width);
        let shown = Client::fetch(text(&media, "url")).await;
        assert_eq!(shown.header("content-type"), Some(content_type));
        assert!(shown.body == sample(file));
    }
}

#[tokio::test]
async fn files_are_kept_as_they_are_and_never_shown_as_pages() {
    let pair = Pair::begin().await;
    let page = b"<html><script>alert(document.cookie)</script>".to_vec();
    let drawing = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    for (content_type, original) in [
        ("text/html", page.clone()),
        ("text/html; charset=utf-8", page),
        ("image/svg+xml", drawing),
        ("application/xhtml+xml", b"<html xmlns='http://www.w3.org/1999/xhtml'/>".to_vec()),
        ("image/jpeg", sample("located.jpg")),
        ("image/png", b"no picture at all".to_vec()),
        ("application/octet-stream", vec![0]),
    ] {
        println!("{content_type}");
        let upload = pair.ann.upload("file", content_type, &original).await;
        let message = pair.send("file", &[upload]).send().await.processed(200);
        let media = &message["media"][0];
        assert_is(media, "file", None, original.len(), &pair.conversation);
        let shown = Client::fetch(text(media, "url")).await;
        assert_eq!((shown.status, shown.header("content-type")), (200, Some(content_type)));
        assert_eq!(shown.header("content-disposition"), Some("attachment"));
        assert!(shown.body == original, "not what was uploaded");
    }
}

#[tokio::test]
async fn a_text_and_a_file_carry_media_of_any_kind() {
    let pair = Pair::begin().await;
    for kind in ["text", "file"] {
        let uploads = [
            pair.ann.upload("image", "image/png", &sample("plain.png")).await,
            pair.ann.upload("video", "video/mp4", &sample("clip.mp4")).await,
            pair.ann.upload("file", "text/plain", b"hello").await,
        ];
        let message = pair.send(kind, &uploads).send().await.processed(200);
        let kinds: Vec<&str> = media_of(&message).iter().map(|media| text(media, "type")).collect();
        assert_eq!((&message["type"], kinds), (&json!(kind), vec!["image", "video", "file"]));
    }
}

#[tokio::test]
async fn images_and_videos_keep_to_themselves() {
    let pair = Pair::begin().await;
    let image = pair.ann.upload("image", "image/png", &sample("plain.png")).await;
    let video = pair.ann.upload("video", "video/mp4", &sample("clip.mp4")).await;
    let file = pair.ann.upload("file", "image/png", &sample("plain.png")).await;
    for (kind, others) in [("image", [&video, &file]), ("video", [&image, &file])] {
        let message = format!("A message of type {kind} carries media of type {kind} only");
        for other in others {
            pair.send(kind, std::slice::from_ref(other)).send().await.rejects(400, &message);
        }
    }
    let mixed = [image.clone(), video.clone()];
    pair.send("image", &mixed).send().await.rejects(400, "A message of type image carries media of type image only");
    assert_eq!(pair.media_messages().await, 0);
    // The refused messages did not use the uploads up.
    let message = pair.send("text", &[image, video, file]).send().await.processed(200);
    let Some(bucket) = Bucket::shared() else { return };
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&message));
}
