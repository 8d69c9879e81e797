//! `DELETE /api/links/{slug}` and `DELETE /api/links/{slug}/messages/{id}`

use serde_json::{Value, json};

use crate::support::png::picture;
use crate::support::{Client, Link, User, all_at_once, ask, everything_stored, random_slug, stack_or_skip, upload};

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[tokio::test]
async fn a_deleted_link_is_gone_with_its_messages_and_cards() {
    let link = Link::open().await;
    let message = link.sent("Soon gone").await;
    let card = upload(&picture(), text(&message["share_token"])).await.ok(201);
    assert_eq!(Client::fetch(text(&card["url"])).await.status, 200);

    let anybody = Client::new();
    anybody.delete(&link.owned()).send().await.is(200, json!({ "success": true }));

    anybody.get(&link.path()).send().await.refused(404, "Link not found");
    anybody.get(&link.inbox()).send().await.refused(404, "Link not found");
    anybody.patch(&link.owned()).json(&json!({ "title": "x" })).send().await.refused(404, "Link not found");
    anybody.delete(&link.owned()).send().await.refused(404, "Link not found");
    anybody.delete(&link.message(text(&message["id"]))).send().await.refused(404, "Link not found");
    link.send("Anybody there?").await.refused(404, "Link not found");
    let shared = format!("/api/messages/{}", text(&message["share_token"]));
    anybody.get(&shared).send().await.refused(404, "Message not found");
    upload(&picture(), text(&message["share_token"])).await.refused(404, "Message not found");
    let fetched = Client::fetch(text(&card["url"])).await;
    assert!([403, 404].contains(&fetched.status), "the card is still there: {}", fetched.status);
}

#[tokio::test]
async fn whoever_deleted_a_link_gets_its_slug_again_and_nothing_of_the_old_link_comes_back_with_it() {
    let old = Link::with(json!({ "maxMessages": 1 })).await;
    let message = old.sent("Of the old one").await;
    Client::new().delete(&old.owned()).send().await.ok(200);

    let new = Link::again(&old).await;
    assert_ne!(new.created["id"], old.created["id"]);
    assert_eq!((new.count().await, new.all().await), (0, vec![]));
    Client::new().get(&old.inbox()).send().await.refused(403, "Wrong admin token");
    let shared = format!("/api/messages/{}", text(&message["share_token"]));
    Client::new().get(&shared).send().await.refused(404, "Message not found");
    new.sent("Of the new one").await;
    // The old token has done its work.
    let body = json!({ "title": "x", "slug": old.slug });
    let create = || Client::new().post("/api/links").json(&body);
    create().bearer(&old.token).send().await.refused(409, "This slug is already taken");
    Client::new().delete(&new.owned()).send().await.ok(200);
    create().bearer(&old.token).send().await.refused(409, "This slug is already taken");
    create().bearer(&new.token.to_uppercase()).send().await.ok(201);
}

#[tokio::test]
async fn nobody_else_gets_the_slug_of_a_deleted_link() {
    let (deleted, other, somebody) = (Link::open().await, Link::open().await, User::sign_up().await);
    Client::new().delete(&deleted.owned()).send().await.ok(200);
    let body = json!({ "title": "Somebody else's", "slug": deleted.slug });
    let create = || Client::new().post("/api/links").json(&body);
    let taken = "This slug is already taken";
    create().send().await.refused(409, taken);
    create().key("a-key").send().await.refused(409, taken);
    for bearer in [&other.token, &"0".repeat(64), &"x".repeat(64), &deleted.slug, &somebody.token] {
        create().bearer(bearer).send().await.refused(409, taken);
    }
    for path in [deleted.path(), deleted.inbox()] {
        Client::new().get(&path).send().await.refused(404, "Link not found");
    }
    deleted.send("Anybody there?").await.refused(404, "Link not found");
    Client::new().patch(&deleted.owned()).json(&json!({ "title": "x" })).send().await.refused(404, "Link not found");
    Link::again(&deleted).await;
}

#[tokio::test]
async fn the_account_that_a_link_belonged_to_gets_its_slug_again_with_or_without_a_token() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let body = |notify: bool| json!({ "title": "Ann's", "slug": random_slug(), "notify": notify });
    for (is_hers, status) in [(true, 201), (false, 409)] {
        let body = body(is_hers);
        let link = Link::from(&ann.post("/api/links").json(&body).send().await.ok(201));
        Client::new().delete(&link.owned()).send().await.ok(200);
        bob.post("/api/links").json(&body).send().await.refused(409, "This slug is already taken");
        let again = ann.post("/api/links").json(&json!({ "title": "Anew", "slug": link.slug })).send().await;
        assert_eq!(again.status, status, "{}", again.text());
    }
    // The token as the bearer, and the session of whoever is to be notified in the cookie.
    let link = Link::from(&ann.post("/api/links").json(&body(true)).send().await.ok(201));
    Client::new().delete(&link.owned()).send().await.ok(200);
    let cookie = format!("next-auth.session-token={}", bob.token);
    let body = json!({ "title": "Bob's", "slug": link.slug, "notify": true });
    let create = Client::new().post("/api/links").json(&body).bearer(&link.token).header("cookie", &cookie);
    create.send().await.ok(201);
}

#[tokio::test]
async fn of_many_who_want_a_reserved_slug_at_once_only_one_who_deleted_its_link_gets_it() {
    let link = Link::open().await;
    Client::new().delete(&link.owned()).send().await.ok(200);
    let tries = (0..12).map(|n| {
        let body = json!({ "title": format!("{n}"), "slug": link.slug });
        let call = Client::new().post("/api/links").json(&body);
        let call = if n % 2 == 0 { call.bearer(&link.token) } else { call };
        async move { (n, call.send().await.status) }
    });
    let made: Vec<_> = all_at_once(tries).await.into_iter().filter(|(_, status)| *status == 201).collect();
    assert!(made.len() == 1 && made[0].0 % 2 == 0, "{made:?}");
}

#[tokio::test]
async fn a_reserved_slug_is_free_for_everyone_when_its_time_is_over() {
    let Some(stack) = stack_or_skip("lets time run out in the table") else { return };
    let link = Link::open().await;
    Client::new().delete(&link.owned()).send().await.ok(200);
    let request = json!({
        "TableName": stack.table(),
        "Key": { "pk": { "S": format!("LINK#{}", link.slug) }, "sk": { "S": "LINK" } },
        "UpdateExpression": "SET reserved_until = :ago",
        "ConditionExpression": "attribute_exists(reserved_until)",
        "ExpressionAttributeValues": { ":ago": { "S": "2026-01-01T00:00:00.000Z" } },
    });
    assert_eq!(ask(stack.dynamodb_url(), stack, "UpdateItem", &request).await, json!({}));
    Link::with(json!({ "slug": link.slug })).await.sent("To the new one").await;
}

#[tokio::test]
async fn a_link_with_many_messages_leaves_nothing_behind_in_the_table() {
    let link = Link::with(json!({ "maxMessages": 500 })).await;
    let id = text(&link.created["id"]).to_owned();
    let sends = (0..70).map(|n| {
        let link = link.clone();
        async move { link.send(&format!("{n}")).await.ok(201) }
    });
    all_at_once(sends).await;
    let left = |stored: &[Value]| {
        let about = |item: &&Value| [&id, &link.slug].iter().any(|name| item["pk"].to_string().contains(*name));
        stored.iter().filter(about).count()
    };
    let Some(stored) = everything_stored().await else { return };
    assert!(left(&stored) > 70, "the table tells messages by their link");
    Client::new().delete(&link.owned()).send().await.is(200, json!({ "success": true }));
    // The slug stays reserved, and nothing else of the link is there.
    let stored = everything_stored().await.expect("the table");
    assert_eq!(left(&stored), 1);
    let reserved = stored.iter().find(|item| item["pk"].to_string().contains(&link.slug)).expect("the slug");
    let mut fields: Vec<&String> = reserved.as_object().expect("an item").keys().collect();
    fields.sort();
    assert_eq!(fields, ["deleted_with", "pk", "reserved_until", "sk", "ttl"]);
}

#[tokio::test]
async fn only_the_links_own_token_may_delete_it() {
    let (link, other, anybody) = (Link::open().await, Link::open().await, Client::new());
    anybody.delete(&link.path()).send().await.refused(401, "Admin token required");
    let with_others = format!("{}?token={}", link.path(), other.token);
    anybody.delete(&with_others).send().await.refused(403, "Wrong admin token");
    anybody.delete(&with_others).bearer(&link.token).send().await.refused(403, "Wrong admin token");
    assert_eq!(link.seen().await, link.created);
    anybody.delete(&link.path()).bearer(&link.token).send().await.is(200, json!({ "success": true }));
}

#[tokio::test]
async fn of_many_who_delete_a_link_at_once_nobody_breaks_it() {
    let link = Link::open().await;
    link.sent("x").await;
    let deletes = (0..8).map(|_| Client::new().delete(&link.owned()).send());
    let answers = all_at_once(deletes).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(404, "Link not found");
    }
    Client::new().get(&link.path()).send().await.refused(404, "Link not found");
}

#[tokio::test]
async fn a_deleted_message_is_gone_and_the_others_stay() {
    let link = Link::open().await;
    let (first, second, third) = (link.sent("1").await, link.sent("2").await, link.sent("3").await);
    let card = upload(&picture(), text(&second["share_token"])).await.ok(201);

    Client::new().delete(&link.message(text(&second["id"]))).send().await.is(200, json!({ "success": true }));

    assert_eq!((link.all().await, link.count().await), (vec![third, first], 2));
    let shared = format!("/api/messages/{}", text(&second["share_token"]));
    Client::new().get(&shared).send().await.refused(404, "Message not found");
    let fetched = Client::fetch(text(&card["url"])).await;
    assert!([403, 404].contains(&fetched.status), "the card is still there: {}", fetched.status);
    Client::new().delete(&link.message(text(&second["id"]))).send().await.refused(404, "Message not found");
}

#[tokio::test]
async fn a_message_that_is_not_there_can_not_be_deleted() {
    let (link, other) = (Link::open().await, Link::open().await);
    let theirs = other.sent("Theirs").await;
    let unknown = uuid::Uuid::new_v4().to_string();
    for id in [text(&theirs["id"]), &unknown, "nonsense", "%00", "LINK", text(&link.created["id"])] {
        Client::new().delete(&link.message(id)).send().await.refused(404, "Message not found");
    }
    assert_eq!(other.all().await, std::slice::from_ref(&theirs));
    let nowhere = format!("/api/links/{}/messages/{}?token={}", random_slug(), text(&theirs["id"]), other.token);
    Client::new().delete(&nowhere).send().await.refused(404, "Link not found");
}

#[tokio::test]
async fn only_the_links_own_token_may_delete_its_messages() {
    let (link, other, anybody) = (Link::open().await, Link::open().await, Client::new());
    let message = link.sent("Mine").await;
    let path = format!("{}/{}", link.messages(), text(&message["id"]));
    anybody.delete(&path).send().await.refused(401, "Admin token required");
    anybody.delete(&format!("{path}?token={}", other.token)).send().await.refused(403, "Wrong admin token");
    anybody.delete(&path).bearer(&other.token).send().await.refused(403, "Wrong admin token");
    assert_eq!(link.all().await, [message]);
    anybody.delete(&path).bearer(&link.token).send().await.is(200, json!({ "success": true }));
    assert_eq!(link.count().await, 0);
}

#[tokio::test]
async fn deleting_a_message_many_times_at_once_frees_one_place() {
    let link = Link::with(json!({ "maxMessages": 2 })).await;
    let message = link.sent("1").await;
    link.sent("2").await;
    link.send("3").await.refused(409, "This link is full");

    let path = link.message(text(&message["id"]));
    let answers = all_at_once((0..12).map(|_| Client::new().delete(&path).send())).await;
    let (done, gone): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((done.len(), gone.len()), (1, 11));
    gone.iter().for_each(|answer| answer.refused(404, "Message not found"));

    assert_eq!(link.count().await, 1);
    link.sent("in its place").await;
    link.send("one too many").await.refused(409, "This link is full");
}
