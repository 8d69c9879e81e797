//! A send turns uploads into the objects of its message: all of them, once. No upload is left.

use serde_json::json;

use crate::support::{Bucket, Client, Pair, User, keys_of, media_of, sample, text};

const ABSENT: &str = "Upload not found or expired";

/// Uploads that many images.
async fn uploads(pair: &Pair, count: usize) -> Vec<String> {
    let mut uploads = Vec::new();
    for n in 0..count {
        let (file, content_type) = [("plain.png", "image/png"), ("located.jpg", "image/jpeg")][n % 2];
        uploads.push(pair.ann.upload("image", content_type, &sample(file)).await);
    }
    uploads
}

#[tokio::test]
async fn after_a_send_the_uploads_are_gone_and_the_messages_objects_are_there() {
    for count in [1, 5, 10] {
        let pair = Pair::begin().await;
        let uploads = uploads(&pair, count).await;
        let message = pair.send("image", &uploads).send().await.processed(200);
        let widths: Vec<u64> = media_of(&message).iter().map(|media| media["width"].as_u64().expect("width")).collect();
        assert_eq!(widths, [64; 10][..count]);
        let heights: Vec<u64> = media_of(&message).iter().map(|one| one["height"].as_u64().expect("height")).collect();
        assert_eq!(heights, [48, 96, 48, 96, 48, 96, 48, 96, 48, 96][..count], "not in their order");
        for media in media_of(&message) {
            assert_eq!(Client::fetch(text(media, "url")).await.status, 200);
        }
        let Some(bucket) = Bucket::shared() else { return };
        assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&message));
        assert!(bucket.keys(&format!("temp/user_{}/", pair.ann.id)).await.is_empty());
    }
}

#[tokio::test]
async fn eleven_media_are_refused_and_stay_uploads() {
    let pair = Pair::begin().await;
    let uploads = uploads(&pair, 11).await;
    pair.send("image", &uploads).send().await.rejects(400, "media must have at most 10 entries");
    assert_eq!(pair.media_messages().await, 0);
    let Some(bucket) = Bucket::shared() else { return };
    assert!(bucket.has_all(&uploads).await && bucket.message_objects(&pair.conversation).await.is_empty());
}

#[tokio::test]
async fn a_message_names_each_upload_once() {
    let pair = Pair::begin().await;
    let uploads = uploads(&pair, 2).await;
    let [one, other] = [uploads[0].clone(), uploads[1].clone()];
    let twice = [one.clone(), other, one];
    pair.send("image", &twice).send().await.rejects(400, "media must name each upload once");
    assert_eq!(pair.media_messages().await, 0);
    pair.send("image", &uploads).send().await.processed(200);
}

#[tokio::test]
async fn an_upload_that_is_a_messages_can_not_be_used_again() {
    let pair = Pair::begin().await;
    let uploads = uploads(&pair, 2).await;
    let message = pair.send("image", &uploads[..1]).send().await.processed(200);
    pair.send("image", &uploads[..1]).send().await.not_promoted(&[(&uploads[0], ABSENT)]);
    pair.send("image", &uploads).send().await.not_promoted(&[(&uploads[0], ABSENT)]);
    assert_eq!(pair.media_messages().await, 1);
    let Some(bucket) = Bucket::shared() else { return };
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&message));
    assert!(bucket.has(&uploads[1]).await);
    pair.send("image", &uploads[1..]).send().await.processed(200);
}

#[tokio::test]
async fn the_first_message_and_one_to_a_conversation_carry_media_too() {
    let pair = Pair::begin().await;
    let body = |upload: &str| json!({ "content": "Look", "type": "image", "media": [{ "publicId": upload }] });
    let upload = pair.bob.upload("image", "image/png", &sample("plain.png")).await;
    let path = format!("/message/send/{}", pair.conversation);
    let message = pair.bob.patch(&path).json(&body(&upload)).send().await.processed(200);
    assert_eq!((media_of(&message).len(), &message["senderId"]), (1, &json!(pair.bob.id)));

    let carl = User::sign_up().await;
    let upload = carl.upload("image", "image/png", &sample("plain.png")).await;
    let first = carl.picture(&pair.ann, "image", &[upload]).send().await.processed(200);
    assert_eq!(pair.ann.messages(text(&first, "conversationId")).await.len(), 1);
    let last = &pair.ann.conversations().await[0]["lastMessage"];
    assert_eq!(last["media"][0]["assetId"], first["media"][0]["assetId"]);
    assert_eq!(Client::fetch(text(&last["media"][0], "url")).await.status, 200);
}

#[tokio::test]
async fn without_media_an_empty_list_is_as_good_as_none() {
    let pair = Pair::begin().await;
    for media in [json!([]), json!(null)] {
        let body = json!({ "content": "Hello", "type": "text", "media": media });
        let message = pair.ann.letter(&pair.bob.id, body).send().await.processed(200);
        assert_eq!(message["media"], json!([]));
    }
}

#[tokio::test]
async fn media_are_named_by_their_public_id_and_by_nothing_else() {
    let pair = Pair::begin().await;
    let upload = uploads(&pair, 1).await.remove(0);
    let other = "https://example.com/x.png";
    for (media, field) in [
        (json!([{}]), "publicId"),
        (json!([{ "publicId": null }]), "publicId"),
        (json!([{ "publicId": 5 }]), "publicId"),
        (json!([{ "publicId": upload, "url": other }]), "url"),
        (json!([{ "public_id": upload }]), "public_id"),
        (json!([upload]), "media"),
        (json!([null]), "media"),
        (json!({ "publicId": upload }), "media"),
        (json!(upload), "media"),
    ] {
        let body = json!({ "content": "Look", "type": "image", "media": media });
        let answer = pair.ann.letter(&pair.bob.id, body).send().await;
        assert_eq!(answer.status, 400, "{media}: {}", answer.text());
        let message = text(&answer.json(), "message").to_owned();
        println!("{message}");
        assert!(message.contains(field), "{media}: {message}");
        answer.rejects(400, &message);
    }
    assert_eq!(pair.media_messages().await, 0);
    pair.send("image", &[upload]).send().await.processed(200);
}
