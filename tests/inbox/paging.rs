//! `GET /api/get-messages`, page by page, in inboxes of any size and while they change.

use serde_json::{Value, json};

use super::{all_by, id, ids, table};
use crate::support::{User, stack_or_skip, time};

/// Asserts that messages are in strict order, newest first, and none is there twice.
#[track_caller]
fn in_order(messages: &[Value]) {
    assert!(ids(messages).is_sorted_by(|newer, older| newer > older), "{:?}", ids(messages));
    let times: Vec<_> = messages.iter().map(|message| time(&message["createdAt"])).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
}

async fn delete(user: &User, message: &str) {
    user.delete(&format!("/api/delete-message?messageId={message}")).send().await.ok(201);
}

#[tokio::test]
async fn inboxes_of_0_1_100_and_101_messages_are_read_without_a_gap() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    for count in [0, 1, 99, 100, 101, 200, 201] {
        println!("{count}");
        let user = User::sign_up().await;
        let stored = table::fill(stack, &user, count).await;
        let page = user.page("").await;
        let first = page["messages"].as_array().expect("messages");
        assert_eq!(ids(first), stored[..count.min(100)]);
        assert_eq!(page["nextCursor"].is_string(), count > 100);
        for limit in [1, 7, 99, 100] {
            if limit > 1 || count < 110 {
                let all = all_by(&user, limit).await;
                in_order(&all);
                assert_eq!(ids(&all), stored, "pages of {limit}");
            }
        }
    }
}

#[tokio::test]
async fn an_inbox_of_10000_messages_is_read_without_a_gap() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let user = User::sign_up().await;
    let stored = table::fill(stack, &user, 10_000).await;
    let all = all_by(&user, 100).await;
    in_order(&all);
    assert_eq!(ids(&all), stored);
    for message in [&all[0], &all[5_000], &all[9_999]] {
        assert_eq!(message["content"], format!("The message {}", id(message)));
    }
    // A new message comes first, and its costs are those of an empty inbox.
    let newest = user.received("the newest of all").await;
    assert_eq!(ids(&user.inbox().await)[..2], [id(&newest), stored[0].as_str()]);
}

/// A full page of messages of the greatest size: no limit of the store cuts the page short.
#[tokio::test]
async fn a_page_of_the_longest_messages_is_whole() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let user = User::sign_up().await;
    let (begin, content) = (table::two_days_ago(), "\u{10FFFF}".repeat(300));
    let items: Vec<Value> = (0..120).map(|n| table::message(&user, &table::id_at(begin, n), &content)).collect();
    table::put(stack, &items).await;
    let page = user.page("").await;
    let messages = page["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), 100);
    assert!(messages.iter().all(|message| message["content"] == content));
    assert_eq!(all_by(&user, 100).await.len(), 120);
}

#[tokio::test]
async fn messages_that_go_while_somebody_pages_take_no_other_along() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let user = User::sign_up().await;
    let stored = table::fill(stack, &user, 25).await;
    let (mut seen, mut query, mut gone) = (Vec::new(), "?limit=4".to_owned(), Vec::new());
    loop {
        let page = user.page(&query).await;
        let messages = page["messages"].as_array().expect("messages");
        seen.extend(messages.iter().map(|message| id(message).to_owned()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        // One that was shown, the last one that was shown (which the cursor names), and one that was not.
        let unseen = stored.iter().filter(|id| !seen.contains(id) && !gone.contains(*id)).nth(1).cloned();
        for id in [seen.get(seen.len().saturating_sub(2)), seen.last(), unseen.as_ref()].into_iter().flatten() {
            delete(&user, id).await;
            gone.push(id.clone());
        }
        query = format!("?limit=4&cursor={cursor}");
    }
    let unseen: Vec<_> = stored.iter().filter(|id| !seen.contains(id)).collect();
    assert!(unseen.iter().all(|id| gone.contains(id)), "{unseen:?} were lost");
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(once, seen);
    let left: Vec<_> = stored.iter().filter(|id| !gone.contains(id)).collect();
    assert_eq!(ids(&all_by(&user, 100).await), left);
}

#[tokio::test]
async fn messages_that_arrive_while_somebody_pages_do_not_appear_in_later_pages() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let user = User::sign_up().await;
    let stored = table::fill(stack, &user, 10).await;
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = user.page(&query).await;
        seen.extend(page["messages"].as_array().expect("messages").iter().map(|message| id(message).to_owned()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        user.receive("newer than all the others").await.ok(201);
        query = format!("?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, stored);
    let all = all_by(&user, 3).await;
    in_order(&all);
    assert_eq!((all.len(), &ids(&all)[3..]), (13, &stored.iter().map(String::as_str).collect::<Vec<_>>()[..]));
}

#[tokio::test]
async fn a_cursor_whose_messages_are_all_gone_is_the_end() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let user = User::sign_up().await;
    let stored = table::fill(stack, &user, 4).await;
    let page = user.page("?limit=2").await;
    let cursor = page["nextCursor"].as_str().expect("a cursor");
    for id in &stored {
        delete(&user, id).await;
    }
    let last = user.page(&format!("?cursor={cursor}")).await;
    assert_eq!(last, json!({ "success": true, "messages": [], "nextCursor": null }));
}
