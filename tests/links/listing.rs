//! `GET /api/links/{slug}/messages`

use serde_json::{Value, json};

use crate::support::{Client, Link, all_at_once, forgeries, random_slug, time};

const BAD_CURSOR: &str = "cursor is not valid; start again without it";
const BAD_LIMIT: &str = "limit must be a whole number from 1 to 100";

/// A link with that many messages, which are sent concurrently.
async fn filled(messages: usize) -> Link {
    let link = Link::open().await;
    let sends = (0..messages).map(|n| {
        let link = link.clone();
        async move { link.send(&format!("Message {n}")).await.ok(201) }
    });
    all_at_once(sends).await;
    link
}

fn ids(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["id"].as_str().expect("an id")).collect()
}

async fn cursor(link: &Link) -> String {
    let page = link.page("&limit=2").await;
    page["next_cursor"].as_str().unwrap_or_else(|| panic!("no cursor: {page}")).to_owned()
}

#[tokio::test]
async fn an_inbox_shows_its_link_and_its_messages_newest_first() {
    let link = Link::with(json!({ "pin": "4321", "description": "d", "maxMessages": 9 })).await;
    for n in 1..=3 {
        let body = json!({ "content": format!("Message {n}"), "pin": "4321" });
        link.send_as(&Client::new(), body).await.ok(201);
    }
    let page = link.page("").await;
    let mut shown = link.created.clone();
    shown["message_count"] = json!(3);
    let message = |n: usize, content: &str| {
        let found = &page["messages"][n];
        json!({
            "id": found["id"], "content": content, "share_token": found["share_token"], "created_at": found["created_at"]
        })
    };
    let messages = [message(0, "Message 3"), message(1, "Message 2"), message(2, "Message 1")];
    assert_eq!(page, json!({ "link": shown, "messages": messages, "next_cursor": null }));
    for message in &messages {
        let id = uuid::Uuid::parse_str(message["id"].as_str().expect("an id")).expect("a UUID");
        assert_eq!(id.get_version_num(), 7);
        assert!(message["share_token"].as_str().expect("a share token").len() >= 16);
        time(&message["created_at"]);
    }
}

#[tokio::test]
async fn an_empty_inbox_is_an_empty_list() {
    let link = Link::open().await;
    let page = link.page("").await;
    assert_eq!((&page["messages"], &page["next_cursor"]), (&json!([]), &Value::Null));
    assert_eq!(page["link"]["message_count"], 0);
}

#[tokio::test]
async fn pages_of_any_size_show_every_message_once_and_newest_first() {
    let link = filled(43).await;
    let all = link.all_by(100).await;
    assert_eq!(all.len(), 43);
    let times: Vec<_> = all.iter().map(|message| time(&message["created_at"])).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    assert!(ids(&all).is_sorted_by(|newer, older| newer > older), "{:?}", ids(&all));
    for limit in [1, 7, 42, 43, 44] {
        assert_eq!(link.all_by(limit).await, all, "pages of {limit}");
    }
    let page = link.page("&limit=42").await;
    assert!(page["next_cursor"].is_string());
    assert_eq!(link.page("&limit=44").await["next_cursor"], Value::Null);
}

#[tokio::test]
async fn messages_that_arrive_or_go_while_somebody_pages_disturb_nothing() {
    let link = filled(10).await;
    let all = link.all().await;
    let first = link.page("&limit=4").await;
    assert_eq!(first["messages"].as_array().expect("messages"), &all[..4]);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    link.sent("Newer than all").await;
    for gone in [&all[3], &all[5]] {
        let id = gone["id"].as_str().expect("an id");
        Client::new().delete(&link.message(id)).send().await.ok(200);
    }
    let second = link.page(&format!("&limit=3&cursor={cursor}")).await;
    assert_eq!(second["messages"], json!([all[4], all[6], all[7]]));
}

#[tokio::test]
async fn a_limit_is_a_whole_number_from_1_to_100() {
    let link = filled(3).await;
    for bad in ["0", "101", "-1", "1.5", "abc", "", "1e1", "%201", "99999999999999999999", "+5"] {
        println!("{bad}");
        let answer = Client::new().get(&format!("{}&limit={bad}", link.inbox())).send().await;
        answer.refused(400, BAD_LIMIT);
    }
    assert_eq!(link.page("&limit=1").await["messages"].as_array().expect("messages").len(), 1);
    assert_eq!(link.page("&limit=100").await["messages"].as_array().expect("messages").len(), 3);
}

#[tokio::test]
async fn a_cursor_that_was_changed_anywhere_is_refused() {
    let link = filled(5).await;
    let cursor = cursor(&link).await;
    let forged = forgeries(&cursor);
    let ask = |cursor: String| Client::new().get(&format!("{}&cursor={cursor}", link.inbox())).send();
    let forged: Vec<_> = forged.into_iter().map(|forged| (forged.clone(), ask(forged))).collect();
    for (forged, asked) in forged {
        println!("{forged}");
        asked.await.refused(400, BAD_CURSOR);
    }
    ask(cursor).await.ok(200);
}

#[tokio::test]
async fn a_cursor_of_another_link_or_a_share_token_is_no_cursor() {
    let (link, other) = (filled(3).await, filled(3).await);
    let theirs = cursor(&other).await;
    let share_token = link.newest().await["share_token"].as_str().expect("a share token").to_owned();
    for wrong in [theirs, share_token, link.token.clone()] {
        let answer = Client::new().get(&format!("{}&cursor={wrong}", link.inbox())).send().await;
        answer.refused(400, BAD_CURSOR);
    }
}

#[tokio::test]
async fn only_the_links_own_token_opens_its_inbox() {
    let (link, other, anybody) = (filled(1).await, Link::open().await, Client::new());
    anybody.get(&link.messages()).send().await.refused(401, "Admin token required");
    for wrong in [&other.token, "", "x", &"f".repeat(64), &link.token[1..]] {
        let path = format!("{}?token={wrong}", link.messages());
        let answer = anybody.get(&path).send().await;
        match wrong {
            "" => assert!([401, 403].contains(&answer.status), "{}", answer.text()),
            _ => answer.refused(403, "Wrong admin token"),
        }
    }
    anybody.get(&link.messages()).bearer(&other.token).send().await.refused(403, "Wrong admin token");
    anybody.get(&link.inbox()).bearer(&other.token).send().await.refused(403, "Wrong admin token");
    let opened = anybody.get(&link.messages()).bearer(&link.token).send().await.ok(200);
    assert_eq!(opened, link.page("").await);
    let nowhere = format!("/api/links/{}/messages?token={}", random_slug(), link.token);
    anybody.get(&nowhere).send().await.refused(404, "Link not found");
}

#[tokio::test]
async fn an_owner_reads_a_link_that_is_paused_or_not_yet_open() {
    let link = filled(2).await;
    let all = link.all().await;
    link.patched(json!({ "startsAt": crate::support::in_ms(60_000) })).await;
    assert_eq!(link.all().await, all);
    link.patched(json!({ "isActive": false })).await;
    assert_eq!(link.all().await, all);
    assert_eq!(link.page("").await["link"]["status"], "paused");
}
