//! Many messages in one conversation cause one mail. A record that the stream delivers twice causes one notification.

use serde_json::{Value, json};

use super::steps::{
    community, notification_mails, says, settled, wait_for_mails, wait_for_records, worker_lines, write_in_community,
};
use crate::support::{Browser, FaultyStack, User};

#[tokio::test]
async fn twelve_messages_in_one_conversation_cause_one_mail_and_twelve_pushes() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let browser = Browser::of(&bob).await;
    for n in 0..12 {
        ann.write(&bob, &format!("The message {n}")).await;
    }
    let pushes = browser.has(12).await;
    assert_eq!((pushes.len(), notification_mails(&bob).await.len()), (12, 1));
    // The topic makes the push service keep only the newest message for a browser that is offline.
    let topic = &pushes[0].headers["topic"];
    assert!(topic.is_string() && pushes.iter().all(|push| &push.headers["topic"] == topic));
}

#[tokio::test]
async fn each_conversation_has_a_mail_of_its_own() {
    let [ann, bob, zoe] = [User::sign_up().await, User::sign_up().await, User::sign_up().await];
    let place = community(&ann, "A community", &[&bob, &zoe]).await;
    for _ in 0..2 {
        bob.write(&ann, "Hello").await;
        zoe.write(&ann, "Hello").await;
        write_in_community(&place, &bob, &ann, "Hello").await;
        write_in_community(&place, &zoe, &ann, "Hello").await;
        ann.receive("A message to the inbox").await.ok(201);
    }
    let mails = wait_for_mails(&ann, 5).await;
    let mut said: Vec<&str> = mails.iter().map(says).collect();
    let mut expected = vec!["Somebody wrote to your inbox".to_owned()];
    for user in [&bob, &zoe] {
        expected.push(format!("{} wrote to you", user.username));
        expected.push(format!("{} wrote to you in A community", user.username));
    }
    said.sort_unstable();
    expected.sort_unstable();
    assert_eq!(said, expected);
}

/// The stream's record of a message.
async fn record(stack: &FaultyStack, user: &User) -> Value {
    let partition = json!({ "S": format!("INBOX#{}", user.id) });
    let item = stack.stored().await.into_iter().find(|item| item["pk"] == partition).expect("a message");
    let keys = json!({ "pk": item["pk"], "sk": item["sk"] });
    let dynamodb = json!({ "Keys": keys, "NewImage": item, "SequenceNumber": "1", "StreamViewType": "NEW_IMAGE" });
    json!({ "eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": dynamodb })
}

#[tokio::test]
async fn a_repeated_record_notifies_once_and_a_message_after_ten_minutes_notifies_again() {
    let Some(stack) = FaultyStack::start().await else { return };
    let ann = User::sign_up().await;
    let browser = Browser::of(&ann).await;
    ann.receive("A message to the inbox").await.ok(201);
    wait_for_mails(&ann, 1).await;
    browser.has(1).await;
    wait_for_records(&stack, 1).await;
    let again = record(&stack, &ann).await;
    let batch = json!({ "Records": [again, again] }).to_string();
    assert_eq!(stack.stack.invoke("notify", batch.clone()).await.expect("an answer"), r#"{"batchItemFailures":[]}"#);
    settled(&stack).await;
    assert_eq!((browser.pushes().await.len(), notification_mails(&ann).await.len()), (1, 1));
    // The ten minutes without a second mail are over.
    let notified = stack.stored_with(&format!("NOTIFICATION#{}", ann.id)).await;
    let state = notified.into_iter().find(|state| state["sk"]["S"] == "INBOX");
    let mut past = state.expect("what was mailed of the inbox");
    past["quiet_until"] = json!({ "N": "1770000000000" });
    stack.write(&[json!({ "PutRequest": { "Item": past } })]).await;
    stack.stack.invoke("notify", batch).await.expect("an answer");
    settled(&stack).await;
    assert_eq!((browser.pushes().await.len(), notification_mails(&ann).await.len()), (1, 1));
    ann.receive("Another message").await.ok(201);
    wait_for_mails(&ann, 2).await;
    browser.has(2).await;
    assert!(worker_lines(&stack).iter().all(|line| line["level"] == "info"), "{:?}", worker_lines(&stack));
    stack.stop().await;
}
