//! `GET /api/v1/push/vapid-key`.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::steps::{NOT_AUTHENTICATED, VAPID_KEY, refused};
use crate::support::{Client, User};

#[tokio::test]
async fn everyone_who_is_signed_in_gets_the_one_public_key() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let answer = ann.get(VAPID_KEY).send().await.ok(200);
    assert_eq!(answer.as_object().expect("an object").len(), 1);
    let key = BASE64_URL_SAFE_NO_PAD.decode(answer["key"].as_str().expect("a key")).expect("base64url");
    // An uncompressed point of P-256.
    assert_eq!((key.len(), key[0]), (65, 4));
    assert_eq!(bob.get(VAPID_KEY).send().await.ok(200), answer);
}

#[tokio::test]
async fn nobody_else_gets_it() {
    refused(&Client::new().get(VAPID_KEY).send().await, 401, NOT_AUTHENTICATED);
    refused(&Client::new().get(VAPID_KEY).bearer("x").send().await, 401, NOT_AUTHENTICATED);
}
