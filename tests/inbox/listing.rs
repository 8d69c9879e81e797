//! `GET /api/get-messages`: pages of the inbox, each for its owner only.

use serde_json::{Value, json};

use super::{id, ids, sent, table};
use crate::support::{Client, Link, User, forgeries, stack_or_skip, time};

const BAD_CURSOR: &str = "cursor is not valid; start again without it";
const BAD_LIMIT: &str = "limit must be a whole number from 1 to 100";

/// A user with that many messages.
async fn with_messages(count: usize) -> User {
    let user = User::sign_up().await;
    for n in 0..count {
        sent(&user.receive(&format!("The message number {n}")).await);
    }
    user
}

async fn cursor(user: &User) -> String {
    let page = user.page("?limit=2").await;
    page["nextCursor"].as_str().unwrap_or_else(|| panic!("no cursor: {page}")).to_owned()
}

#[tokio::test]
async fn an_empty_inbox_is_an_empty_list() {
    let user = User::sign_up().await;
    let page = user.get("/api/get-messages").send().await;
    page.is(200, json!({ "success": true, "messages": [], "nextCursor": null }));
    assert_eq!(user.page("?limit=1").await["messages"], json!([]));
}

#[tokio::test]
async fn a_page_has_as_many_as_asked_for_and_a_cursor_only_when_there_are_more() {
    let user = with_messages(3).await;
    let all = user.inbox().await;
    assert_eq!(all.len(), 3);
    for limit in 1..=4 {
        let page = user.page(&format!("?limit={limit}")).await;
        assert_eq!(page["messages"], json!(all[..limit.min(3)]));
        assert_eq!(page["nextCursor"].is_string(), limit < 3, "{page}");
    }
    let page = user.page(&format!("?limit=2&cursor={}", cursor(&user).await)).await;
    assert_eq!(page, json!({ "success": true, "messages": [all[2]], "nextCursor": null }));
    // An empty cursor, as a form sends it, means the first page.
    assert_eq!(user.page("?cursor=").await["messages"], json!(all));
}

#[tokio::test]
async fn a_limit_is_a_whole_number_from_1_to_100() {
    let user = with_messages(2).await;
    for bad in ["0", "101", "-1", "1.5", "x", "", "1e1", "%201", "99999999999999999999", "+5", "%D9%A3", "1,2"] {
        println!("{bad}");
        user.get(&format!("/api/get-messages?limit={bad}")).send().await.fails(400, BAD_LIMIT);
    }
    for good in ["1", "2", "99", "100", "010"] {
        let page = user.page(&format!("?limit={good}")).await;
        assert_eq!(page["messages"].as_array().expect("messages").len(), if good == "1" { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_cursor_that_was_changed_anywhere_is_refused() {
    let user = with_messages(3).await;
    let cursor = cursor(&user).await;
    let mut forged = forgeries(&cursor);
    forged.push(cursor.repeat(1000));
    for forged in forged {
        println!("{}", &forged[..forged.len().min(80)]);
        user.get(&format!("/api/get-messages?cursor={forged}")).send().await.fails(400, BAD_CURSOR);
    }
    user.page(&format!("?cursor={cursor}")).await;
}

#[tokio::test]
async fn a_cursor_of_somebody_else_or_of_something_else_is_no_cursor() {
    let (user, other) = (with_messages(3).await, with_messages(3).await);
    user.on_new_device().await;
    let devices = user.get("/api/auth/devices?limit=1").send().await.ok(200);
    let of_devices = devices["nextCursor"].as_str().unwrap_or_else(|| panic!("no cursor: {devices}")).to_owned();
    let link = Link::open().await;
    for _ in 0..2 {
        link.send("To a link").await.ok(201);
    }
    let of_link = link.page("&limit=1").await["next_cursor"].as_str().expect("a cursor").to_owned();
    let newest = id(&user.inbox().await[0]).to_owned();
    for wrong in [cursor(&other).await, of_devices, of_link, user.token.clone(), newest, user.id.clone()] {
        println!("{wrong}");
        user.get(&format!("/api/get-messages?cursor={wrong}")).send().await.fails(400, BAD_CURSOR);
    }
}

#[tokio::test]
async fn everyone_sees_the_own_inbox_only() {
    let (user, other) = (with_messages(2).await, with_messages(1).await);
    let (mine, theirs) = (user.inbox().await, other.inbox().await);
    assert_eq!((mine.len(), theirs.len()), (2, 1));
    assert!(mine.iter().all(|message| id(message) != id(&theirs[0])));
    // No parameter shows another user's inbox.
    for query in ["username", "userId", "user", "_id", "id"] {
        let page = user.page(&format!("?{query}={}", other.id)).await;
        assert_eq!(page["messages"], json!(mine));
        let page = user.page(&format!("?{query}={}", other.username)).await;
        assert_eq!(page["messages"], json!(mine));
    }
    // A cookie works like a bearer token.
    let cookie = format!("a=1; next-auth.session-token={}; b=2", user.token);
    let page = Client::new().get("/api/get-messages").header("cookie", &cookie).send().await.ok(200);
    assert_eq!(page["messages"], json!(mine));
}

#[tokio::test]
async fn messages_of_one_millisecond_have_one_order_whatever_the_page() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let user = User::sign_up().await;
    let at = table::two_days_ago();
    let mut expected: Vec<String> = [0, 1, 0xffff_ffff_ffff, 0x8000_0000_0000, 0x7fff_ffff_ffff, 500, 77]
        .map(|random: usize| table::id_at(at, random))
        .into();
    let items: Vec<Value> = expected.iter().map(|id| table::message(&user, id, "at the same time")).collect();
    table::put(stack, &items).await;
    expected.sort_unstable_by(|a, b| b.cmp(a));
    for limit in [1, 2, 3, 6, 7, 100] {
        let all = super::all_by(&user, limit).await;
        assert_eq!(ids(&all), expected, "pages of {limit}");
        assert!(all.iter().all(|message| time(&message["createdAt"]).unix_timestamp() * 1000 == at));
    }
}
