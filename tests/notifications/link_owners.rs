//! `notify` of `POST /api/links`: the link and its messages store the owner's id for the worker, and no answer shows it.

use serde_json::{Value, json};

use super::steps::NOT_AUTHENTICATED;
use crate::support::{Call, Client, Link, User, everything_stored, random_slug, texts};

const LINKS: &str = "/api/links";

fn body(slug: &str, notify: Value) -> Value {
    json!({ "title": "A link of a test", "slug": slug, "notify": notify })
}

async fn owned(user: &User) -> Link {
    Link::from(&user.post(LINKS).json(&body(&random_slug(), json!(true))).send().await.ok(201))
}

/// The items of a link and of its messages.
async fn stored_of(link: &Link) -> Option<(Value, Vec<Value>)> {
    let id = link.created["id"].as_str().expect("an id");
    let items = everything_stored().await?;
    let own = items.iter().find(|item| item["pk"]["S"] == format!("LINK#{}", link.slug).as_str());
    let is_message = |item: &&Value| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with(&format!("LINK#{id}#")));
    Some((own.expect("the link").clone(), items.iter().filter(is_message).cloned().collect()))
}

fn fields(item: &Value) -> Vec<&str> {
    let mut fields: Vec<&str> = item.as_object().expect("an item").keys().map(String::as_str).collect();
    fields.sort_unstable();
    fields
}

#[tokio::test]
async fn a_link_that_notifies_its_owner_and_its_messages_store_the_owner() {
    let user = User::sign_up().await;
    let link = owned(&user).await;
    link.sent("A message to somebody").await;
    link.patched(json!({ "maxMessages": 5 })).await;
    link.sent("Another one, under a cap").await;
    let Some((item, messages)) = stored_of(&link).await else { return };
    assert_eq!((&item["owner"]["S"], messages.len()), (&json!(user.id), 2));
    for message in &messages {
        assert_eq!((&message["owner"]["S"], &message["slug"]["S"]), (&json!(user.id), &json!(link.slug)));
        // Nothing about the sender is stored.
        assert_eq!(fields(message), ["content", "created_at", "id", "owner", "pk", "sk", "slug"]);
    }
}

#[tokio::test]
async fn nobody_is_shown_whose_link_it_is() {
    let user = User::sign_up().await;
    let created = user.post(LINKS).json(&body(&random_slug(), json!(true))).send().await.ok(201);
    let link = Link::from(&created);
    let message = link.sent("A message to somebody").await;
    let shared = message["share_token"].as_str().expect("a share token");
    let shown = [
        created,
        link.seen().await,
        link.page("").await,
        link.patched(json!({ "title": "Another title" })).await,
        Client::new().get(&format!("/api/messages/{shared}")).send().await.ok(200),
    ];
    for answer in shown {
        let text = answer.to_string();
        assert!(!text.contains(&user.id) && !text.contains(&user.username) && !text.contains("owner"), "{text}");
        assert!(!text.contains("notify"), "{text}");
    }
}

#[tokio::test]
async fn a_link_of_a_client_without_a_session_can_not_notify() {
    let user = User::sign_up().await;
    let slug = random_slug();
    let create = |call: Call, notify: Value| call.json(&body(&slug, notify)).send();
    let cookie = format!("next-auth.session-token={}", user.token);
    let signed_out = user.on_new_device().await;
    signed_out.post("/api/auth/sign-out").send().await.ok(200);
    for call in [
        Client::new().post(LINKS),
        Client::new().post(LINKS).bearer("x"),
        Client::new().post(LINKS).bearer(&format!("{}x", user.token)),
        Client::new().post(LINKS).bearer(&signed_out.token).header("cookie", &cookie),
        signed_out.post(LINKS),
        signed_out.post(LINKS).key("a-key"),
    ] {
        create(call, json!(true)).await.refused(401, NOT_AUTHENTICATED);
    }
    let foreign = Client::new().post(LINKS).header("cookie", &cookie).header("origin", "https://evil.example");
    create(foreign, json!(true)).await.refused(403, "Requests with a cookie are accepted from our own pages only");
    for wrong in [json!("true"), json!(1), json!([])] {
        create(user.post(LINKS), wrong).await.refused(400, "notify must be true or false");
    }
    // The slug was not taken.
    create(Client::new().post(LINKS).header("cookie", &cookie), json!(true)).await.ok(201);
}

#[tokio::test]
async fn the_session_is_not_read_for_a_link_that_notifies_nobody() {
    let user = User::sign_up().await;
    let foreign = format!("next-auth.session-token={}x", user.token);
    for notify in [json!(false), json!(null)] {
        let call =
            Client::new().post(LINKS).bearer("x").header("cookie", &foreign).header("origin", "https://evil.example");
        call.json(&body(&random_slug(), notify)).send().await.ok(201);
    }
    let body = json!({ "title": "A link of a test", "slug": random_slug() });
    let link = Link::from(&user.post(LINKS).json(&body).send().await.ok(201));
    link.sent("A message to nobody").await;
    let Some((item, messages)) = stored_of(&link).await else { return };
    assert!(!texts(&item).contains(&user.id) && !fields(&item).contains(&"owner"), "{item}");
    assert_eq!(fields(&messages[0]), ["content", "created_at", "id", "pk", "sk", "slug"]);
}

#[tokio::test]
async fn a_key_is_its_users_own() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let asked = json!({ "title": "A link of a test", "notify": true });
    let create = |user: &User| user.post(LINKS).json(&asked).key("a-key").send();
    let first = create(&ann).await.ok(201);
    assert_eq!(create(&ann).await.ok(201), first);
    assert_ne!(create(&bob).await.ok(201)["link"]["id"], first["link"]["id"]);
    let elsewhere = ann.on_new_device().await;
    assert_eq!(create(&elsewhere).await.ok(201), first);
    // The answer has the admin token, so a replay needs the session.
    elsewhere.post("/api/auth/sign-out").send().await.ok(200);
    create(&elsewhere).await.refused(401, NOT_AUTHENTICATED);
}
