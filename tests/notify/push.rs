//! Web Push from end to end: from a browser's subscription to the decrypted message.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};

use super::steps::{notification_mails, wait_for_mails};
use crate::support::{ALWAYS, Browser, FaultyStack, User, now};

#[tokio::test]
async fn a_browser_subscribes_is_pushed_to_and_reads_what_only_it_can_read() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let told_key = bob.get("/api/v1/push/vapid-key").send().await.ok(200);
    let browser = Browser::of(&bob).await;
    ann.write(&bob, "Hello").await;
    let push = browser.has(1).await.remove(0);

    let says = format!("{} wrote to you", ann.username);
    let (title, url, tag) = (&push.message["title"], &push.message["url"], &push.message["tag"]);
    assert_eq!(push.message, json!({ "title": title, "body": says, "url": url, "tag": tag }));
    assert!(url.as_str().is_some_and(|url| url.starts_with("http")));

    let header = |name: &str| push.headers[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", push.headers));
    assert_eq!((header("content-encoding"), header("ttl"), header("urgency")), ("aes128gcm", "86400", "high"));
    bob.receive("A message to the inbox").await.ok(201);
    assert_eq!(browser.has(2).await[0].headers["urgency"], "normal");
    // Each browser has its own topic for a conversation, so push services can't tell that two browsers share it.
    assert_ne!(tag.as_str(), Some(header("topic")));
    let signed = header("authorization").strip_prefix("vapid ").expect("the scheme of RFC 8292");
    let part = |name: &str| {
        let mut parts = signed.split(',').map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {signed}"))
    };
    assert_eq!(part("k="), told_key["key"]);
    let point = BASE64_URL_SAFE_NO_PAD.decode(part("k=")).expect("base64url");
    let [x, y] = [&point[1..33], &point[33..]].map(|half| BASE64_URL_SAFE_NO_PAD.encode(half));
    let key = DecodingKey::from_ec_components(&x, &y).expect("a key");
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&["https://fcm.googleapis.com"]);
    let claims = decode::<Value>(part("t="), &key, &rules).expect("signed by that key").claims;
    let lasts = claims["exp"].as_i64().expect("an end") - now().unix_timestamp();
    assert!((60..=24 * 60 * 60).contains(&lasts), "{lasts}");
    assert!(claims["sub"].as_str().is_some_and(|contact| contact.starts_with("mailto:")));
}

#[tokio::test]
async fn every_browser_of_a_user_is_pushed_to() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let browsers = [Browser::of(&bob).await, Browser::of(&bob).await, Browser::of(&bob).await];
    ann.write(&bob, "Hello").await;
    for browser in &browsers {
        assert_eq!(browser.has(1).await.len(), 1);
    }
}

#[tokio::test]
async fn a_subscription_that_has_ended_is_forgotten_and_the_others_live() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    for status in [404, 410] {
        let (ended, lives) = (Browser::of(&bob).await, Browser::of(&bob).await);
        let path = ended.endpoint.rsplit('/').next().expect("a path").to_owned();
        let gone = stack.push.when(move |call| call.path.contains(&path)).answer(status, ALWAYS);
        ann.write(&bob, "Hello").await;
        lives.has(1).await;
        ann.write(&bob, "Hello again").await;
        lives.has(2).await;
        assert_eq!(gone.over().await, 1);
        assert!(stack.stored_with(&ended.endpoint).await.is_empty());
        assert_eq!(stack.stored_with(&lives.endpoint).await.len(), 1);
    }
    wait_for_mails(&bob, 1).await;
    stack.stop().await;
}

#[tokio::test]
async fn a_push_service_that_points_elsewhere_is_not_followed() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let browser = Browser::of(&bob).await;
    let moved = stack.push.when(|_| true).answer(307, 1);
    ann.write(&bob, "Hello").await;
    wait_for_mails(&bob, 1).await;
    ann.write(&bob, "Hello again").await;
    browser.has(1).await;
    assert_eq!(moved.over().await, 1);
    assert_eq!((browser.pushes().await.len(), notification_mails(&bob).await.len()), (1, 1));
    stack.stop().await;
}
