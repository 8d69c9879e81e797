//! Notifications while stores and services fail: sends are not slowed down, and in the end everybody is notified once.

use std::time::Duration;

use super::steps::{notification_mails, settled, wait_for_mails, worker_lines};
use crate::support::{ALWAYS, Browser, FaultyStack, SOON, User, all_at_once, eventually};

#[tokio::test]
async fn while_mail_is_down_sends_are_fast_and_afterwards_everybody_is_notified_once() {
    let Some(stack) = FaultyStack::start().await else { return };
    let (ann, others) = (User::sign_up().await, User::many(4).await);
    let browser = Browser::of(&ann).await;
    let down = stack.ses.when(|call| call.mails("written to you")).refuse(ALWAYS);
    for other in &others {
        for n in 0..3 {
            let answer = ann.letter(&other.id, text(n)).send().await;
            answer.processed(200);
            assert!(answer.took < Duration::from_secs(5), "{:?}", answer.took);
        }
        other.write(&ann, "An answer").await;
    }
    // Pushes do not wait for mails.
    browser.has(4).await;
    assert!(notification_mails(&ann).await.is_empty());
    down.over().await;
    wait_for_mails(&ann, 4).await;
    for other in &others {
        wait_for_mails(other, 1).await;
    }
    browser.has(4).await;
    assert_eq!((browser.pushes().await.len(), notification_mails(&ann).await.len()), (4, 4));
    for other in &others {
        assert_eq!(notification_mails(other).await.len(), 1);
    }
    stack.stop().await;
}

fn text(n: usize) -> serde_json::Value {
    serde_json::json!({ "content": format!("The message {n}"), "type": "text" })
}

/// The mail went out, but the worker does not know that. A second mail is acceptable; one for each retry is not.
#[tokio::test]
async fn a_mail_whose_state_can_not_be_stored_goes_out_at_most_once_more() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let notes = stack.dynamodb.when(|call| call.asks("UpdateItem", "quiet_until = :quiet")).answer(500, 3);
    ann.write(&bob, "Hello").await;
    wait_for_mails(&bob, 2).await;
    ann.write(&bob, "Hello again").await;
    notes.over().await;
    eventually("a note", SOON, async || {
        let notified = stack.stored_with(&format!("NOTIFICATION#{}", bob.id)).await;
        notified.iter().any(|state| state["quiet_until"].is_object()).then_some(())
    })
    .await;
    assert_eq!(notification_mails(&bob).await.len(), 2);
    stack.stop().await;
}

#[tokio::test]
async fn a_worker_that_can_not_read_the_table_notifies_later() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let down = stack.dynamodb.when(|call| call.asks("GetItem", "NOTIFICATION#")).answer(500, 9);
    ann.write(&bob, "Hello").await;
    wait_for_mails(&bob, 1).await;
    down.over().await;
    assert_eq!(notification_mails(&bob).await.len(), 1);
    stack.stop().await;
}

#[tokio::test]
async fn push_services_that_are_down_or_busy_are_asked_again() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let browser = Browser::of(&bob).await;
    for (status, times) in [(503, 1), (429, 2)] {
        let busy = stack.push.when(|call| call.method == "POST").answer(status, times);
        let before = browser.pushes().await.len();
        ann.write(&bob, "Hello").await;
        assert_eq!(browser.has(before + 1).await.len(), before + 1);
        assert_eq!(busy.over().await, times);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_push_service_that_stays_down_delays_neither_mails_nor_later_messages() {
    let Some(stack) = FaultyStack::start().await else { return };
    let (ann, others) = (User::sign_up().await, User::many(2).await);
    let (broken, fine) = (Browser::of(&others[0]).await, Browser::of(&others[1]).await);
    let path = broken.endpoint.rsplit('/').next().expect("a path").to_owned();
    let down = stack.push.when(move |call| call.path.contains(&path)).answer(500, ALWAYS);
    ann.write(&others[0], "Hello").await;
    ann.write(&others[1], "Hello").await;
    wait_for_mails(&others[0], 1).await;
    fine.has(1).await;
    wait_for_mails(&others[1], 1).await;
    settled(&stack).await;
    let lines = worker_lines(&stack);
    assert!(lines.iter().any(|line| line["cause"] == "a push service answered 500"), "{lines:?}");
    // The subscription rests in between: a second, then two, and so on.
    assert!(down.over().await <= 10);
    stack.stop().await;
}

#[tokio::test]
async fn senders_who_write_at_once_cause_one_mail_each() {
    let (ann, others) = (User::sign_up().await, User::many(6).await);
    let sends = others.iter().flat_map(|other| (0..3).map(move |_| other)).map(|other| {
        let (other, ann) = (other.clone(), ann.clone());
        async move { other.write(&ann, "Hello").await }
    });
    all_at_once(sends.collect::<Vec<_>>()).await;
    assert_eq!(wait_for_mails(&ann, 6).await.len(), 6);
}
