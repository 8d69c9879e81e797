//! `GET /api/messages/{shareToken}`

use serde_json::{Value, json};

use crate::support::{Answer, Client, Link, all_at_once, in_ms};

async fn shared(share_token: &str) -> Answer {
    Client::new().get(&format!("/api/messages/{share_token}")).send().await
}

fn token(message: &Value) -> &str {
    message["share_token"].as_str().expect("a share token")
}

#[tokio::test]
async fn who_has_the_share_token_reads_the_message_and_nothing_more() {
    let link = Link::with(json!({ "title": "Team feedback", "maxMessages": 3 })).await;
    let message = link.sent("Well done 🦀\nAll of you").await;
    let expected = json!({ "message": {
        "content": "Well done 🦀\nAll of you", "link_title": "Team feedback", "created_at": message["created_at"],
        "card_url": null,
    }});
    shared(token(&message)).await.is(200, expected.clone());
    let with_nonsense = format!("/api/messages/{}?token=nonsense", token(&message));
    Client::new().get(&with_nonsense).bearer("nonsense").send().await.is(200, expected);
}

#[tokio::test]
async fn a_shared_message_stays_when_its_link_is_paused_or_closed() {
    let link = Link::open().await;
    let message = link.sent("Still here").await;
    for change in [json!({ "isActive": false }), json!({ "isActive": true, "startsAt": in_ms(60_000) })] {
        link.patched(change).await;
        assert_eq!(shared(token(&message)).await.ok(200)["message"]["content"], "Still here");
    }
}

#[tokio::test]
async fn a_share_token_that_was_changed_anywhere_is_not_found() {
    let link = Link::open().await;
    let message = link.sent("x").await;
    let good = token(&message).to_owned();
    let mut forged: Vec<String> = ["x", "AAAAAAAA", "%00", "%F0%9F%A6%80", "null"].map(String::from).into();
    for (at, original) in good.char_indices() {
        for other in ['A', 'B', '_', '9'] {
            if other != original {
                forged.push(format!("{}{other}{}", &good[..at], &good[at + 1..]));
            }
        }
    }
    forged.push(good[..good.len() - 1].to_owned());
    forged.push(format!("{good}A"));
    forged.push(format!("{good}%3D"));
    forged.push(format!("%20{good}"));
    let asked = forged.into_iter().map(|forged| async move { shared(&forged).await });
    for answer in all_at_once(asked).await {
        answer.refused(404, "Message not found");
    }
    shared(&good).await.ok(200);
}

#[tokio::test]
async fn ids_admin_tokens_and_cursors_are_no_share_tokens() {
    let link = Link::open().await;
    let (first, second) = (link.sent("1").await, link.sent("2").await);
    assert_ne!(token(&first), token(&second));
    let page = link.page("&limit=1").await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let (id, link_id) = (first["id"].as_str().expect("an id"), link.created["id"].as_str().expect("an id"));
    for wrong in [cursor, id, link_id, &link.token, &link.slug] {
        shared(wrong).await.refused(404, "Message not found");
    }
}

#[tokio::test]
async fn the_title_is_the_links_title_of_today() {
    let link = Link::with(json!({ "title": "Before" })).await;
    let message = link.sent("x").await;
    assert_eq!(shared(token(&message)).await.ok(200)["message"]["link_title"], "Before");
    link.patched(json!({ "title": "After" })).await;
    assert_eq!(shared(token(&message)).await.ok(200)["message"]["link_title"], "After");
}
