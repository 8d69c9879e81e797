//! A notification that can never succeed is given up at once, and does not hold up others.

use serde_json::{Value, json};

use super::steps::{message, notification_mails, settled, wait_for_mails, wait_for_records};
use crate::support::{ALWAYS, Browser, FaultyStack, SOON, User, eventually};

#[tokio::test]
async fn of_100_records_with_an_unreadable_one_99_notify_and_one_is_queued() {
    let Some(stack) = FaultyStack::start().await else { return };
    let ann = User::sign_up().await;
    let browser = Browser::of(&ann).await;
    let mut requests: Vec<Value> = (0..99).map(|n| message(&ann.id, n)).collect();
    requests.insert(49, message("nobody's, and no id", 49));
    for batch in requests.chunks(25) {
        stack.write(batch).await;
    }
    assert_eq!(browser.has(99).await.len(), 99);
    let queued = async || Some(stack.queue("DeadLetters")).filter(|queued| !queued.is_empty());
    let queued = eventually("something in the queue", SOON, queued).await;
    let [given_up] = &queued[..] else { panic!("one message: {queued:?}") };
    assert_eq!(given_up["pk"], "INBOX#nobody's, and no id");
    assert_eq!(given_up["reason"], "a message of the stream can't be read");
    assert!(!given_up.to_string().contains("A message"));
    // Later messages are still notified.
    ann.receive("One more message").await.ok(201);
    browser.has(100).await;
    settled(&stack).await;
    assert_eq!((notification_mails(&ann).await.len(), stack.queue("DeadLetters").len()), (1, 1));
    stack.stop().await;
}

#[tokio::test]
async fn a_mail_that_ses_rejects_is_given_up_and_the_next_one_is_sent() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob, zoe] = [User::sign_up().await, User::sign_up().await, User::sign_up().await];
    let address = bob.email.clone();
    let refused = stack.ses.when(move |call| call.mails(&address)).reject("MessageRejected", ALWAYS);
    ann.write(&bob, "Hello").await;
    ann.write(&zoe, "Hello").await;
    wait_for_mails(&zoe, 1).await;
    let queued = async || Some(stack.queue("DeadLetters")).filter(|queued| !queued.is_empty());
    let queued = eventually("something in the queue", SOON, queued).await;
    assert_eq!((queued.len(), &queued[0]["reason"]), (1, &json!("SendEmail: MessageRejected")));
    assert!(!queued[0].to_string().contains(&bob.email));
    assert_eq!(refused.over().await, 1);
    stack.stop().await;
}

#[tokio::test]
async fn while_the_queue_is_down_nothing_is_lost() {
    let Some(stack) = FaultyStack::start().await else { return };
    // The functions that queues wake ask for messages all the time.
    let down = stack.sqs.when(|call| call.operation == "SendMessage").answer(500, 6);
    stack.write(&[message("nobody's, and no id", 1)]).await;
    let queued = async || Some(stack.queue("DeadLetters")).filter(|queued| !queued.is_empty());
    let queued = eventually("something in the queue", SOON, queued).await;
    assert_eq!(queued.len(), 1);
    down.over().await;
    wait_for_records(&stack, 2).await;
    stack.stop().await;
}
