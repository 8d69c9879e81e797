//! `DELETE /conversations/{conversationId}/messages/{messageId}` of a message with media: its objects go, and no others.

use serde_json::{Value, json};

use crate::support::{Answer, Bucket, Client, Pair, all_at_once, keys_of, media_of, sample, text};

async fn delete(pair: &Pair, message: &Value) -> Answer {
    let path = format!("/conversations/{}/messages/{}", pair.conversation, text(message, "_id"));
    pair.ann.delete(&path).send().await
}

/// Three images in one message.
async fn three(pair: &Pair) -> Value {
    let mut uploads = Vec::new();
    for (content_type, file) in
        [("image/png", "plain.png"), ("image/jpeg", "located.jpg"), ("image/gif", "animated.gif")]
    {
        uploads.push(pair.ann.upload("image", content_type, &sample(file)).await);
    }
    pair.send("image", &uploads).send().await.processed(200)
}

#[tokio::test]
async fn the_objects_of_a_deleted_message_are_gone_and_the_others_stay() {
    let pair = Pair::begin().await;
    let (kept, gone) = (three(&pair).await, three(&pair).await);
    let deleted = delete(&pair, &gone).await.processed(200);
    assert_eq!(
        (&deleted["_id"], &deleted["isDeleted"], &deleted["content"], &deleted["media"]),
        (&gone["_id"], &json!(true), &json!(""), &json!([]))
    );
    for media in media_of(&gone) {
        let answer = Client::fetch(text(media, "url")).await;
        assert!([403, 404].contains(&answer.status), "{}: {}", answer.status, answer.text());
    }
    for media in media_of(&kept) {
        assert_eq!(Client::fetch(text(media, "url")).await.status, 200);
    }
    for user in [&pair.ann, &pair.bob] {
        let listed = user.messages(&pair.conversation).await;
        assert_eq!((&listed[0]["isDeleted"], &listed[0]["media"]), (&json!(true), &json!([])));
        assert_eq!(keys_of(&listed[1]), keys_of(&kept));
    }
    let Some(bucket) = Bucket::shared() else { return };
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&kept));
}

#[tokio::test]
async fn of_many_deletions_at_once_each_is_answered_alike() {
    let pair = Pair::begin().await;
    let (kept, gone) = (three(&pair).await, three(&pair).await);
    let deletions = (0..6).map(|_| {
        let (pair, gone) = (pair.clone(), gone.clone());
        async move { delete(&pair, &gone).await }
    });
    for answer in all_at_once(deletions).await {
        let deleted = answer.processed(200);
        assert_eq!((&deleted["isDeleted"], &deleted["media"]), (&json!(true), &json!([])));
    }
    let Some(bucket) = Bucket::shared() else { return };
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&kept));
}

#[tokio::test]
async fn the_recipient_removes_no_objects() {
    let pair = Pair::begin().await;
    let message = three(&pair).await;
    let path = format!("/conversations/{}/messages/{}", pair.conversation, text(&message, "_id"));
    pair.bob.delete(&path).send().await.rejects(403, "Only the sender can delete a message");
    for media in media_of(&message) {
        assert_eq!(Client::fetch(text(media, "url")).await.status, 200);
    }
}
