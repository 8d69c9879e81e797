//! Media of private messages: uploads, promotion, reading.

use crate::support::{User, sample};

#[tokio::test]
async fn an_image_is_uploaded_and_sent() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let upload = ann.upload("image", "image/png", &sample("plain.png")).await;
    let message = ann.picture(&bob, "image", &[upload]).send().await.processed(200);
    assert_eq!((&message["media"][0]["width"], &message["media"][0]["height"]), (&64.into(), &48.into()));
}
