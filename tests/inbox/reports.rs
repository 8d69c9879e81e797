//! `POST /api/messages/{messageId}/report`: a message becomes visible to the operators.

use serde_json::{Value, json};

use super::{id, table};
use crate::support::{Answer, User, now, stack_or_skip, time};

async fn report(user: &User, message: &str) -> Answer {
    user.post(&format!("/api/messages/{message}/report")).send().await
}

#[track_caller]
fn reported(answer: &Answer) {
    answer.is(200, json!({ "success": true, "message": "Message reported" }));
}

fn month() -> String {
    let now = now();
    format!("REPORT#{:04}-{:02}", now.year(), u8::from(now.month()))
}

#[tokio::test]
async fn a_message_is_reported_once_however_often_it_is() {
    let user = User::sign_up().await;
    user.received("nothing wrong here").await;
    let message = user.received("something to report").await;
    let inbox = user.inbox().await;
    let begin = (now(), month());
    reported(&report(&user, id(&message)).await);
    let Some(stack) = stack_or_skip("reads the table") else { return };
    let of_message = |items: Vec<Value>| -> Vec<Value> {
        items.into_iter().filter(|item| item["id"]["S"] == id(&message)).collect()
    };
    let stored = of_message(table::partition(stack, &format!("INBOX#{}", user.id)).await);
    let [item] = &stored[..] else { panic!("{stored:?}") };
    let at = time(&item["reported_at"]["S"]);
    assert!(begin.0 - time::Duration::MILLISECOND <= at && at <= now());
    let partition = item["gsi1pk"]["S"].as_str().expect("a key of the index");
    assert!([begin.1, month()].iter().any(|month| month == partition), "{partition}");

    // The index has the whole item under its month, in the order of reports.
    let found = of_message(table::indexed(stack, partition).await);
    assert_eq!(found, stored);
    let place = found[0]["gsi1sk"]["S"].as_str().expect("a place in the index");
    assert!(place.starts_with(item["reported_at"]["S"].as_str().expect("a time")), "{place}");

    // Only the first report counts, and the inbox does not show it.
    for _ in 0..2 {
        reported(&report(&user, id(&message)).await);
    }
    assert_eq!(of_message(table::partition(stack, &format!("INBOX#{}", user.id)).await), stored);
    assert_eq!(user.inbox().await, inbox);
    let others = table::partition(stack, &format!("INBOX#{}", user.id)).await;
    assert_eq!(others.iter().filter(|item| item.get("gsi1pk").is_some()).count(), 1);
}

#[tokio::test]
async fn a_message_that_is_not_there_can_not_be_reported() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    let theirs = other.received("not yours to report").await;
    let gone = user.received("gone before the report").await;
    user.delete(&format!("/api/delete-message?messageId={}", id(&gone))).send().await.ok(201);
    let never = table::id_at(table::two_days_ago(), 1);
    let upper = id(&theirs).to_uppercase();
    for message in [id(&theirs), id(&gone), &never, &upper, "x", "null", "%20", "MSG%23x", &"0".repeat(25)] {
        println!("{message}");
        report(&user, message).await.fails(404, "Message not found");
    }
    let Some(stack) = stack_or_skip("reads the table") else { return };
    // The attempt created nothing, and the other user's message is not in the index.
    assert_eq!(table::partition(stack, &format!("INBOX#{}", user.id)).await, [] as [Value; 0]);
    let kept = table::partition(stack, &format!("INBOX#{}", other.id)).await;
    assert!(kept.len() == 1 && kept[0].get("gsi1pk").is_none() && kept[0].get("reported_at").is_none());
    reported(&report(&other, id(&theirs)).await);
}

#[tokio::test]
async fn a_reported_message_can_be_read_blocked_and_deleted_like_any_other() {
    let user = User::sign_up().await;
    let message = user.received("something to report").await;
    reported(&report(&user, id(&message)).await);
    assert_eq!(user.inbox().await, std::slice::from_ref(&message));
    user.post(&format!("/api/messages/{}/block-sender", id(&message))).send().await.ok(200);
    user.delete(&format!("/api/delete-message?messageId={}", id(&message))).send().await.ok(201);
    assert_eq!(user.inbox().await, [] as [Value; 0]);
    report(&user, id(&message)).await.fails(404, "Message not found");
}
