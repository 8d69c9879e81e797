//! Names of uploads that are not the sender's own.

use serde_json::json;

use crate::support::{Bucket, Pair, keys_of, sample, text};

const FOREIGN: &str = "media must name your own uploads, by the publicId that each was given";
const ABSENT: &str = "Upload not found or expired";

#[tokio::test]
async fn what_is_not_ones_own_upload_is_refused() {
    let (pair, others) = (Pair::begin().await, Pair::begin().await);
    let (own, other) = (&pair.ann.id, &pair.bob.id);
    let his = pair.bob.upload("image", "image/png", &sample("plain.png")).await;
    let his_name = his.rsplit('/').next().expect("a name").to_owned();
    let hers = pair.ann.upload("image", "image/png", &sample("plain.png")).await;
    let elsewhere = text(&others.show("image", "image/png", "plain.png").await["media"][0], "publicId").to_owned();
    let shown = text(&pair.show("image", "image/png", "plain.png").await["media"][0], "publicId").to_owned();
    let names = [
        his.clone(),
        format!("temp/user_{own}/../user_{other}/{his_name}"),
        format!("temp/user_{own}/../user_{other}/x"),
        format!("temp/user_{own}/./{his_name}"),
        format!("temp/user_{own}//{his_name}"),
        format!("temp/user_{own}/.."),
        format!("temp/user_{own}/."),
        format!("temp/user_{own}/"),
        format!("temp/user_{own}"),
        format!("temp/user_{own}/%2e%2e/user_{other}/{his_name}"),
        format!("temp/user_{own}/%2E%2E/user_{other}/{his_name}"),
        format!("temp%2fuser_{other}%2f{his_name}"),
        format!("temp/user_{other}%00/{his_name}"),
        format!("temp/user_{}/{his_name}", own.to_uppercase()),
        format!("temp/user_{own}{other}/{his_name}"),
        format!("TEMP/user_{own}/{his_name}"),
        format!("/{hers}"),
        format!("./{hers}"),
        format!(" {hers}"),
        hers.replace("temp/", "media/"),
        hers.replace("temp/", "temp//"),
        hers.replace('/', "\\"),
        format!("https://example.com/{hers}"),
        "https://example.com/x.png".to_owned(),
        "file:///etc/passwd".to_owned(),
        "s3://bucket/temp/x".to_owned(),
        "//example.com/x.png".to_owned(),
        "cards/x.png".to_owned(),
        "temp/x".to_owned(),
        "x".to_owned(),
        String::new(),
        elsewhere,
        shown.clone(),
    ];
    for name in names {
        for uploads in [vec![name.clone()], vec![hers.clone(), name.clone()]] {
            let answer = pair.send("image", &uploads).send().await;
            assert_eq!(answer.status, 400, "{name}: {}", answer.text());
            answer.rejects(400, FOREIGN);
        }
    }
    assert_eq!(pair.media_messages().await, 1);
    let Some(bucket) = Bucket::shared() else { return };
    assert_eq!(bucket.message_objects(&pair.conversation).await, [shown]);
    assert!(bucket.has_all(&[his, hers.clone()]).await);
    pair.send("image", &[hers]).send().await.processed(200);
}

#[tokio::test]
async fn a_name_of_ones_own_that_nobody_was_given_can_not_be_promoted() {
    let pair = Pair::begin().await;
    let (own, other) = (&pair.ann.id, &pair.bob.id);
    let his = pair.bob.upload("image", "image/png", &sample("plain.png")).await;
    let hers = pair.ann.upload("image", "image/png", &sample("plain.png")).await;
    let his_name = his.rsplit('/').next().expect("a name");
    for name in [
        format!("temp/user_{own}/{his_name}"),
        format!("temp/user_{own}/%2e%2e%2fuser_{other}%2f{his_name}"),
        format!("temp/user_{own}/..%2fuser_{other}%2f{his_name}"),
        format!("temp/user_{own}/x"),
        format!("temp/user_{own}/x.png"),
        format!("temp/user_{own}/image-{}", "0".repeat(32)),
        format!("{hers}0"),
        format!("{hers}?x"),
        hers.replace("/image-", "/IMAGE-"),
        hers.replace("/image-", "/image"),
    ] {
        for uploads in [vec![name.clone()], vec![hers.clone(), name.clone()]] {
            let answer = pair.send("image", &uploads).send().await;
            assert_eq!(answer.status, 500, "{name}: {}", answer.text());
            answer.not_promoted(&[(&name, ABSENT)]);
        }
    }
    // An upload requested as an image can't be sent as a file, and the other way round.
    let other_kind = hers.replace("/image-", "/file-");
    let answer = pair.send("file", std::slice::from_ref(&other_kind)).send().await;
    answer.not_promoted(&[(&other_kind, ABSENT)]);
    assert_eq!(pair.media_messages().await, 0);
    let Some(bucket) = Bucket::shared() else { return };
    assert!(bucket.message_objects(&pair.conversation).await.is_empty());
    assert!(bucket.has_all(&[his, hers]).await);
}

#[tokio::test]
async fn an_upload_goes_to_whom_its_owner_likes_and_nobody_else_sends_it() {
    let pair = Pair::begin().await;
    let upload = pair.ann.upload("file", "text/plain", b"hello").await;
    let body = json!({ "content": "Mine", "type": "file", "media": [{ "publicId": upload }] });
    pair.bob.letter(&pair.ann.id, body.clone()).send().await.rejects(400, FOREIGN);
    let path = format!("/message/send/{}", pair.conversation);
    pair.bob.patch(&path).json(&body).send().await.rejects(400, FOREIGN);
    let message = pair.ann.letter(&pair.bob.id, body).send().await.processed(200);
    let Some(bucket) = Bucket::shared() else { return };
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&message));
}
