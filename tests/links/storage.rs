//! Data of links in the table, and secrets that must not be there.

use serde_json::json;
use uuid::Uuid;

use crate::support::{Client, Link, all_at_once, everything_stored, stack_or_skip, texts};

#[tokio::test]
async fn no_address_user_agent_pin_token_or_key_is_stored_in_clear() {
    if stack_or_skip("reads the table").is_none() {
        return;
    }
    let (sender, mark) = (Client::new(), Uuid::new_v4().simple().to_string());
    let say = |what: &str| format!("{what}-{mark}");
    let pin = say("pin");
    let fields = json!({ "title": say("title"), "pin": pin });
    let create = sender.post("/api/links").key(&say("key")).header("user-agent", &say("agent")).json(&fields);
    let link = Link::from(&create.send().await.ok(201));
    let content = say("content");
    for (pin, status) in [(&pin, 201), (&say("wrong"), 401)] {
        let body = json!({ "content": content, "pin": pin });
        let call = sender.post(&link.messages()).header("user-agent", &say("agent")).json(&body);
        let call = call.header("x-forwarded-for", &say("forwarded")).header("cookie", &say("cookie"));
        call.send().await.ok(status);
    }

    let stored: Vec<String> = everything_stored().await.expect("the table").iter().flat_map(texts).collect();
    // Values that must be stored show that the test reads the right items.
    for kept in [&content, &say("title"), &link.slug] {
        assert!(stored.iter().any(|text| text.contains(kept)), "{kept} is not stored");
    }
    let secrets = ["pin", "wrong", "key", "agent", "forwarded", "cookie"].map(say);
    for secret in secrets.iter().chain([&sender.address, &link.token]) {
        let found = stored.iter().find(|text| text.contains(secret.as_str()));
        assert_eq!(found, None, "{secret} is stored");
    }
}

#[tokio::test]
async fn a_refused_request_stores_nothing() {
    let Some(_) = stack_or_skip("reads the table") else { return };
    let mark = Uuid::new_v4().simple().to_string();
    let link = Link::with(json!({ "maxMessages": 1, "pin": "4321" })).await;
    let send = |pin: &str| {
        let call = Client::new().post(&link.messages()).key(&mark);
        call.json(&json!({ "content": format!("content {mark}"), "pin": pin })).send()
    };
    send("9999").await.refused(401, "Wrong PIN");
    link.patched(json!({ "isActive": false })).await;
    send("4321").await.refused(403, "This link is paused");
    link.patched(json!({ "isActive": true })).await;
    let first = json!({ "content": "In the only place", "pin": "4321" });
    link.send_as(&Client::new(), first).await.ok(201);
    send("4321").await.refused(409, "This link is full");
    let create = Client::new().post("/api/links").json(&json!({ "title": mark, "slug": link.slug })).send().await;
    create.refused(409, "This slug is already taken");
    let stored = everything_stored().await.expect("the table");
    assert!(stored.iter().flat_map(texts).all(|text| !text.contains(&mark)));
}

#[tokio::test]
async fn messages_that_arrive_while_their_link_is_deleted_are_not_left_behind() {
    if stack_or_skip("reads the table").is_none() {
        return;
    }
    // Checking a PIN takes a while, so the link can be deleted between the read of the link and the write of the message.
    let kinds = [json!({}), json!({ "maxMessages": 1000 }), json!({ "pin": "4321" }), json!({ "pin": "4321" })];
    for kind in kinds {
        println!("{kind}");
        let link = Link::with(kind).await;
        let mark = Uuid::new_v4().simple().to_string();
        let sends = (0..40).map(|n| {
            let (link, mark) = (link.clone(), mark.clone());
            async move {
                match n {
                    12 => Client::new().delete(&link.owned()).send().await.is(200, json!({ "success": true })),
                    _ => {
                        let body = json!({ "content": mark, "pin": "4321" });
                        let answer = link.send_as(&Client::new(), body).await;
                        assert!([201, 404].contains(&answer.status), "{}", answer.text());
                    }
                }
            }
        });
        all_at_once(sends).await;
        link.send(&mark).await.refused(404, "Link not found");
        let stored = everything_stored().await.expect("the table");
        let left = stored.iter().flat_map(texts).filter(|text| text.contains(&mark)).count();
        assert_eq!(left, 0, "messages of a link that is gone");
    }
}
