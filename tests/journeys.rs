//! One journey through each family, for a deployment on AWS. They run from one address and stay within every limit: one link and
//! three sign-ups, so that three runs an hour are possible. They use only HTTP, and delete all that they create.

use serde_json::json;

use crate::support::{Client, Community, Link, PASSWORD, Pair, User, media_of, sample, text};

/// Deletes the account, with all its data.
async fn leave(user: &User) {
    let answer = user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await;
    answer.is(200, json!({ "success": true, "message": "Account deleted" }));
    user.get("/api/auth/devices").send().await.fails(401, "Not Authenticated");
}

#[tokio::test]
async fn a_link_is_opened_written_to_read_and_deleted() {
    let link = Link::with(json!({ "title": "A journey", "pin": "2468", "maxMessages": 2 })).await;
    assert_eq!(link.seen().await["has_pin"], true);
    let client = Client::new();
    link.send_as(&client, json!({ "content": "Let me in", "pin": "1357" })).await.refused(401, "Wrong PIN");
    for content in ["The first", "The second"] {
        link.send_as(&client, json!({ "content": content, "pin": "2468" })).await.ok(201);
    }
    assert_eq!(link.send_as(&client, json!({ "content": "One too many", "pin": "2468" })).await.status, 409);
    let messages = link.all().await;
    let contents: Vec<_> = messages.iter().map(|message| text(message, "content")).collect();
    assert_eq!(contents, ["The second", "The first"]);

    let shared = client.get(&format!("/api/messages/{}", text(&messages[0], "share_token"))).send().await.ok(200);
    assert_eq!(shared["message"]["content"], "The second");
    client.delete(&link.message(text(&messages[1], "id"))).send().await.ok(200);
    assert_eq!(link.count().await, 1);
    client.delete(&link.owned()).send().await.ok(200);
    client.get(&link.path()).send().await.refused(404, "Link not found");
}

#[tokio::test]
async fn somebody_signs_up_is_written_to_blocks_the_sender_and_leaves() {
    let ann = User::sign_up().await;
    let [kind, unkind] = [ann.received("You explain things well").await, ann.received("You talk too much").await];
    ann.post(&format!("/api/messages/{}/block-sender", text(&unkind, "_id"))).send().await.ok(200);
    // On AWS both users have the same address, here they have two.
    ann.receive("Nobody reads this").await.ok(201);
    ann.delete(&format!("/api/delete-message?messageId={}", text(&kind, "_id"))).send().await.ok(201);
    let inbox = ann.inbox().await;
    assert!(!inbox.contains(&kind) && inbox.contains(&unkind), "{inbox:?}");

    let there = ann.on_new_device().await;
    there.post("/api/auth/sign-out").json(&json!({})).send().await.ok(200);
    there.get("/api/auth/devices").send().await.fails(401, "Not Authenticated");
    leave(&ann).await;
}

#[tokio::test]
async fn two_write_to_each_other_show_a_picture_meet_in_a_community_and_leave() {
    let pair = Pair::begin().await;
    let [ann, bob] = [&pair.ann, &pair.bob];
    write_privately(&pair).await;
    meet(ann, bob).await;
    let preferences = "/api/v1/notifications/preferences";
    ann.patch(preferences).json(&json!({ "messages": { "email": false } })).send().await.ok(200);
    ann.get(preferences).send().await.is(200, json!({ "messages": { "email": false, "push": true } }));
    leave(ann).await;
    leave(bob).await;
}

async fn write_privately(pair: &Pair) {
    let picture = pair.show("image", "image/jpeg", "located.jpg").await;
    let shown = Client::fetch(text(&media_of(&picture)[0], "url")).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let contains = |bytes: &[u8]| bytes.windows(5).any(|part| part == b"Paris");
    assert!(contains(&sample("located.jpg")) && !contains(&shown.body), "the picture still says where it was taken");

    let seen = format!("/conversations/{}/seen", pair.conversation);
    let body = json!({ "messageId": picture["_id"] });
    assert_eq!(pair.bob.post(&seen).json(&body).send().await.processed(200)["unreadCount"], 0);
    pair.bob.write(&pair.ann, "Is that you?").await;
    assert_eq!(pair.ann.conversations().await[0]["unreadCount"], 1);
    assert_eq!(pair.ann.messages(&pair.conversation).await.len(), 3);
}

async fn meet(ann: &User, bob: &User) {
    let community = Community::of(ann).await;
    community.join(bob).await.ok(201);
    community.write(bob, ann, "May I bring a friend?").await;
    community.write(ann, bob, "Of course").await;
    let contents = community.all(bob, ann).await;
    let contents: Vec<_> = contents.iter().map(|message| text(message, "content")).collect();
    assert_eq!(contents, ["May I bring a friend?", "Of course"]);
    community.leave(bob).await.ok(200);
}

#[tokio::test]
async fn the_document_describes_the_routes() {
    let document = Client::new().get("/openapi.json").raw().await.ok(200);
    assert!(document["paths"]["/api/links"]["post"].is_object());
}
