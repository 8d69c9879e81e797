//! `GET /conversations`: the user's conversations, newest activity first.

use serde_json::{Value, json};

use super::steps::{BAD_CURSOR, BAD_LIMIT, all_by, block, conversation, id, marked, reply, text, three, unread};
use crate::support::{User, forgeries};

const CONVERSATIONS: &str = "/conversations";

/// The partners in the list's order.
async fn partners(user: &User) -> Vec<String> {
    let listed = user.conversations().await;
    listed.iter().map(|listed| listed["partner"]["username"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn the_newest_activity_comes_first_whoever_it_is_by() {
    let (ann, others) = (User::sign_up().await, User::many(3).await);
    assert_eq!(ann.conversations().await, [] as [Value; 0]);
    let [bob, eve, dan] = &others[..] else { panic!("three others") };
    let by_bob = bob.write(&ann, "From Bob").await;
    ann.write(eve, "To Eve").await;
    dan.write(&ann, "From Dan").await;
    assert_eq!(partners(&ann).await, [dan, eve, bob].map(|user| user.username.clone()));
    reply(&ann, conversation(&by_bob), &text("Back to Bob")).send().await.processed(200);
    assert_eq!(partners(&ann).await, [bob, dan, eve].map(|user| user.username.clone()));
    eve.write(&ann, "From Eve").await;
    assert_eq!(partners(&ann).await, [eve, bob, dan].map(|user| user.username.clone()));
    // Only messages count as activity.
    marked(&ann, "seen", &by_bob).await;
    super::steps::delete(bob, &by_bob).await.processed(200);
    block(&ann, dan).await;
    assert_eq!(partners(&ann).await, [eve, bob, dan].map(|user| user.username.clone()));
    let listed = ann.conversations().await;
    let unread: Vec<_> = listed.iter().map(|listed| listed["unreadCount"].clone()).collect();
    assert_eq!(unread, [json!(1), json!(0), json!(1)]);
    assert_eq!(listed[1]["lastMessage"]["content"], "Back to Bob");
}

#[tokio::test]
async fn nobody_elses_conversations_are_listed() {
    let [ann, bob, eve] = three().await;
    let message = ann.write(&bob, "Hello").await;
    assert_eq!(eve.conversations().await, [] as [Value; 0]);
    eve.write(&bob, "Hello").await;
    assert_eq!(ann.conversations().await[0]["_id"], message["conversationId"]);
    assert_eq!((ann.conversations().await.len(), bob.conversations().await.len()), (1, 2));
    assert_eq!((unread(&ann).await, unread(&eve).await), (0, 0));
}

#[tokio::test]
async fn conversations_are_listed_page_by_page_without_a_gap() {
    let (ann, others) = (User::sign_up().await, User::many(7).await);
    let mut expected = Vec::new();
    for (n, other) in others.iter().enumerate() {
        let message = if n % 2 == 0 { ann.write(other, "Hello").await } else { other.write(&ann, "Hello").await };
        expected.insert(0, conversation(&message).to_owned());
    }
    for limit in [1, 2, 3, 6, 7, 8, 100] {
        let listed = all_by(&ann, CONVERSATIONS, "conversations", limit).await;
        assert_eq!(listed.iter().map(id).collect::<Vec<_>>(), expected, "by {limit}");
    }
    let page = ann.get("/conversations?limit=7").send().await.processed(200);
    assert_eq!(page["nextCursor"], Value::Null);
    assert_eq!(ann.get("/conversations?cursor=").send().await.processed(200), page);
    // A conversation with a new message moves to the front while a user pages. The order of the others stays.
    let page = ann.get("/conversations?limit=3").send().await.processed(200);
    others[0].write(&ann, "Hello again").await;
    let cursor = page["nextCursor"].as_str().expect("a cursor");
    let rest = ann.get(&format!("/conversations?cursor={cursor}")).send().await.processed(200);
    let rest: Vec<&str> = rest["conversations"].as_array().expect("conversations").iter().map(id).collect();
    assert_eq!(rest, expected[3..6]);
    assert_eq!(ann.conversations().await[0]["_id"], expected[6]);
}

#[tokio::test]
async fn a_bad_limit_or_cursor_is_refused() {
    let [ann, bob, eve] = three().await;
    let message = ann.write(&bob, "Hello").await;
    ann.write(&eve, "Hello").await;
    bob.write(&eve, "Hello").await;
    let page = ann.get("/conversations?limit=1").send().await.processed(200);
    let cursor = page["nextCursor"].as_str().expect("a cursor");
    for forged in forgeries(cursor) {
        println!("{forged}");
        ann.get(&format!("/conversations?cursor={forged}")).send().await.rejects(400, BAD_CURSOR);
    }
    for limit in ["0", "101", "-1", "1.5", "x", "", "1e1", "%201", "99999999999999999999", "+5", "%D9%A3"] {
        ann.get(&format!("/conversations?limit={limit}")).send().await.rejects(400, BAD_LIMIT);
    }
    // A cursor is valid for one list of one user.
    bob.get(&format!("/conversations?cursor={cursor}")).send().await.rejects(400, BAD_CURSOR);
    let messages = format!("/conversations/{}/messages", conversation(&message));
    ann.get(&format!("{messages}?cursor={cursor}")).send().await.rejects(400, BAD_CURSOR);
    ann.get(&format!("/users/blocked?cursor={cursor}")).send().await.rejects(400, BAD_CURSOR);
    let rest = ann.get(&format!("/conversations?cursor={cursor}")).send().await.processed(200);
    assert_eq!(rest["conversations"][0]["_id"], message["conversationId"]);
}
