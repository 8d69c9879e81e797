//! What all limits have in common: each endpoint that writes has one, it is told, and only its owner uses it up.

use serde_json::json;

use crate::support::{Answer, Call, Client, FaultyStack, Link, User, line_of, stack_or_skip};

/// The limit of that name in an answer's RateLimit field: how many are left.
#[track_caller]
fn left(answer: &Answer, name: &str) -> u64 {
    let told = answer.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit: {}", answer.text()));
    let members = told.split(", ").find_map(|member| member.strip_prefix(&format!("\"{name}\";r=")));
    let (left, _) = members.and_then(|rest| rest.split_once(";t=")).unwrap_or_else(|| panic!("{name}: {told}"));
    left.parse().expect("a number")
}

async fn done(call: impl Fn() -> Call, name: &str, quota: u64) {
    for taken in 1..=2 {
        let answer = call().send().await;
        assert!(answer.status < 300, "{name}: {}", answer.text());
        assert_eq!(left(&answer, name), quota - taken, "{name}");
    }
}

#[tokio::test]
async fn what_a_user_writes_is_limited_and_the_answer_says_what_is_left() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    let message = user.received("A message of a test").await;
    let id = message["_id"].as_str().expect("an id");
    let community = json!({ "name": "A community" });
    let upload = json!({ "type": "image", "contentType": "image/png", "bytes": 100 });
    done(|| user.post("/api/accept-messages").json(&json!({ "acceptMessage": true })), "settings", 60).await;
    done(|| user.post(&format!("/api/messages/{id}/report")), "reports", 20).await;
    done(|| user.post(&format!("/api/messages/{id}/block-sender")), "inbox-changes", 120).await;
    done(|| user.post(&format!("/users/{}/block", other.id)), "user-blocks", 60).await;
    done(|| user.post("/media/uploads").json(&upload), "uploads", 120).await;
    done(|| user.post("/api/v1/communities").json(&community), "communities", 30).await;
    let preferences = json!({ "messages": { "email": false } });
    let answer = user.patch("/api/v1/notifications/preferences").json(&preferences).send().await;
    assert_eq!(left(&answer, "settings"), 57);
    let device = format!("/api/auth/devices/{}", other.device);
    assert_eq!(left(&user.delete(&device).send().await, "sessions"), 59);
    assert_eq!(left(&user.post("/api/auth/sign-out").send().await, "sessions"), 58);
}

#[tokio::test]
async fn what_a_client_writes_is_limited_and_the_answer_says_what_is_left() {
    let (link, client) = (Link::open().await, Client::new());
    done(|| client.patch(&link.owned()).json(&json!({ "title": "Another title" })), "link-changes", 60).await;
    done(|| client.get("/api/check-username-unique?username=somebody_else"), "usernames", 60).await;
}

#[tokio::test]
async fn the_61st_username_a_minute_is_refused_to_a_client() {
    let client = Client::new();
    for _ in 0..60 {
        client.get("/api/check-username-unique?username=somebody_else").send().await.ok(200);
    }
    let refused = client.get("/api/check-username-unique?username=somebody_else").send().await;
    assert_eq!((refused.status, left(&refused, "usernames")), (429, 0));
}

#[tokio::test]
async fn a_session_that_has_ended_uses_nothing_up() {
    let user = User::sign_up().await;
    let ended = user.on_new_device().await;
    ended.post("/api/auth/sign-out").send().await.ok(200);
    let switch = json!({ "acceptMessage": true });
    for _ in 0..70 {
        let refused = ended.post("/api/accept-messages").json(&switch).send().await;
        assert_eq!((refused.status, refused.header("ratelimit")), (401, None));
    }
    assert_eq!(left(&user.post("/api/accept-messages").json(&switch).send().await, "settings"), 59);

    let untrusted = user.on_new_device().await;
    let text = json!({ "type": "text", "content": "x" });
    let other = User::sign_up().await;
    for _ in 0..70 {
        let refused = untrusted.post(&format!("/message/send/{}", other.id)).json(&text).send().await;
        assert_eq!(refused.status, 401);
    }
    let sent = user.post(&format!("/message/send/{}", other.id)).json(&text).send().await;
    assert_eq!(left(&sent, "private-messages"), 59);
}

#[tokio::test]
async fn a_message_with_a_fresh_key_is_refused_as_fast_as_one_without() {
    let (link, sender) = (Link::open().await, Client::new());
    for _ in 0..5 {
        link.send_as(&sender, json!({ "content": "x" })).await.ok(201);
    }
    for n in 0..40 {
        let call = sender.post(&link.messages()).key(&format!("fresh-{n}"));
        let call = call.json(&json!({ "content": "x" }));
        call.send().await.limited("link-messages", 5, 60);
    }
    assert_eq!(link.count().await, 5);
}

/// A refusal of a send to a link, with a fresh key or without any: how many calls waited for each other.
async fn round_trips_of_refusal(stack: &local::Stack, link: &Link, sender: &Client, key: Option<&str>) -> u64 {
    let call = sender.post(&link.messages()).json(&json!({ "content": "x" }));
    let refused = key.into_iter().fold(call, |call, key| call.key(key)).send().await;
    refused.limited("link-messages", 5, 60);
    let (_, line) = line_of(stack, &refused).await;
    line["round_trips"].as_u64().expect("round trips")
}

#[tokio::test]
async fn a_refusal_makes_two_round_trips_with_a_fresh_key_and_without() {
    let Some(stack) = stack_or_skip("reads the log") else { return };
    let (link, sender) = (Link::open().await, Client::new());
    for _ in 0..5 {
        link.send_as(&sender, json!({ "content": "x" })).await.ok(201);
    }
    let mut longer = 0;
    for n in 0..36 {
        // The removal of the refused hit may begin before the link is read: then the two are one round trip.
        let without = round_trips_of_refusal(stack, &link, &sender, None).await;
        assert!((1..=2).contains(&without), "{without} round trips without a key");
        let with = round_trips_of_refusal(stack, &link, &sender, Some(&format!("fresh-{n}"))).await;
        assert!((2..=3).contains(&with), "{with} round trips with a key");
        longer += usize::from(with == 3);
    }
    // The 31st fresh key is one too many. Each of the four instances of the function finds that out for itself, and removes its hit.
    assert!(longer <= 4, "{longer} of 36 refusals with a fresh key made three round trips");
}

#[tokio::test]
async fn unknown_keys_at_a_full_window_are_bounded_to_30_an_hour() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let creator = Client::new();
    let create = async |key: &str| {
        creator.post("/api/links").key(key).json(&json!({ "title": "A link of a test" })).send().await
    };
    let first = create("key-0").await;
    first.ok(201);
    for n in 1..10 {
        create(&format!("key-{n}")).await.ok(201);
    }
    for n in 0..31 {
        create(&format!("fresh-{n}")).await.limited("links", 10, 3600);
    }
    // The hits are the attributes that are no part of the key, and neither the time to live nor the count of hits.
    let item = stack.limit_item("fresh-keys").await;
    let others = ["pk", "sk", "ttl", "n"];
    let hits = item.as_object().expect("an item").keys().filter(|name| !others.contains(&name.as_str())).count();
    assert_eq!(hits, 30, "{item}");
    // Replays are still answered.
    create("key-0").await.is(201, first.json());
    // From then on the client's requests count as a flood, which is refused without a call to the store.
    let mut sent = 31;
    loop {
        let refused = create(&format!("fresh-{sent}")).await;
        refused.limited("links", 10, 3600);
        let (_, line) = line_of(&stack.stack, &refused).await;
        if line["round_trips"] == 0 {
            break;
        }
        sent += 1;
        assert!(sent < 1000, "{sent} unknown keys were looked for");
    }
    // Nobody else is concerned.
    let other = Client::new().post("/api/links").key("fresh-0").json(&json!({ "title": "Another link" })).send().await;
    other.ok(201);
    stack.stop().await;
}

#[tokio::test]
async fn a_key_is_good_for_the_link_that_has_the_slug() {
    let link = Link::open().await;
    let send = || Client::new().post(&link.messages()).key("a-key").json(&json!({ "content": "Once" })).send();
    send().await.ok(201);
    Client::new().delete(&link.owned()).send().await.ok(200);
    let other = Link::again(&link).await;
    send().await.ok(201);
    send().await.ok(201);
    assert_eq!(other.count().await, 1);
}
