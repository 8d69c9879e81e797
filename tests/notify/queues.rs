//! Notifications on their way through the queues: nobody waits for another one's mail or push service.

use serde_json::{Value, json};

use super::steps::{message, notification_mails, says, settled, wait_for_mails, wait_for_records, worker_lines};
use crate::support::{ALWAYS, Browser, FaultyStack, SOON, User, eventually};

/// An event of Lambda's mapping of a queue, with one task.
fn event(task: &Value) -> String {
    let record = json!({ "messageId": "1", "receiptHandle": "1", "body": task.to_string(), "eventSource": "aws:sqs" });
    json!({ "Records": [record] }).to_string()
}

/// The tasks that wait for the end of the ten minutes without a mail, the oldest first.
async fn waiting_mails(stack: &FaultyStack) -> Vec<Value> {
    settled(stack).await;
    let tasks = stack.queue("Mails");
    assert!(tasks.iter().all(|task| task["task"]["waited"] == true), "{tasks:?}");
    tasks
}

/// Ends the ten minutes without a mail about the user's inbox. Does the task that has waited for that.
async fn ten_minutes_later(stack: &FaultyStack, user: &User, task: &Value) {
    let notified = stack.stored_with(&format!("NOTIFICATION#{}", user.id)).await;
    let mut state = notified.into_iter().find(|state| state["sk"]["S"] == "INBOX").expect("a state of the inbox");
    state["quiet_until"] = json!({ "N": "1770000000000" });
    state["waits_until"] = json!({ "N": "1770000000000" });
    stack.write(&[json!({ "PutRequest": { "Item": state } })]).await;
    let answer = stack.stack.invoke("send-mail", event(task)).await.expect("an answer");
    assert_eq!(answer, r#"{"batchItemFailures":[]}"#);
}

#[tokio::test]
async fn what_comes_within_ten_minutes_of_a_mail_is_mailed_as_one_digest() {
    let Some(stack) = FaultyStack::start().await else { return };
    let ann = User::sign_up().await;
    ann.receive("The first message").await.ok(201);
    assert_eq!(says(&wait_for_mails(&ann, 1).await[0]), "Somebody wrote to your inbox");
    for n in 0..4 {
        ann.receive(&format!("Another message, {n}")).await.ok(201);
    }
    wait_for_records(&stack, 5).await;
    let tasks = waiting_mails(&stack).await;
    let [task] = &tasks[..] else { panic!("one task: {tasks:?}") };
    assert_eq!(notification_mails(&ann).await.len(), 1);
    // The newest and the oldest of them are deleted meanwhile.
    for n in [3, 0] {
        let inbox = ann.inbox().await;
        let id = inbox.iter().find(|message| message["content"] == format!("Another message, {n}")).expect("a message");
        let path = format!("/api/delete-message?messageId={}", id["_id"].as_str().expect("an id"));
        ann.patch(&path).send().await.ok(201);
    }
    ann.receive("The last message").await.ok(201);
    wait_for_records(&stack, 6).await;
    ten_minutes_later(&stack, &ann, task).await;
    let mails = wait_for_mails(&ann, 2).await;
    assert_eq!(says(&mails[0]), "Somebody wrote to your inbox since our last mail");
    // It stands for all of them, also if the task comes again.
    ten_minutes_later(&stack, &ann, task).await;
    settled(&stack).await;
    assert_eq!(notification_mails(&ann).await.len(), 2);

    // If all of them are gone, there is no digest.
    ann.receive("A mail of its own").await.ok(201);
    wait_for_mails(&ann, 3).await;
    ann.receive("Gone before the digest").await.ok(201);
    wait_for_records(&stack, 8).await;
    let task = waiting_mails(&stack).await.pop().expect("a task");
    for message in ann.inbox().await {
        let path = format!("/api/delete-message?messageId={}", message["_id"].as_str().expect("an id"));
        ann.patch(&path).send().await.ok(201);
    }
    ten_minutes_later(&stack, &ann, &task).await;
    settled(&stack).await;
    assert_eq!(notification_mails(&ann).await.len(), 3);
    stack.stop().await;
}

/// 120 messages to an account whose push service refuses its browser delayed a stranger's mail by two minutes.
#[tokio::test]
async fn a_browser_whose_push_service_is_busy_delays_nobody() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob, zoe] = [User::sign_up().await, User::sign_up().await, User::sign_up().await];
    let busy = Browser::of(&ann).await;
    let fine = Browser::of(&zoe).await;
    let path = busy.endpoint.rsplit('/').next().expect("a path").to_owned();
    let refusals = stack.push.when(move |call| call.path.contains(&path)).put_off(429, 600, ALWAYS);
    let requests: Vec<Value> = (0..100).map(|n| message(&ann.id, n)).collect();
    for batch in requests.chunks(25) {
        stack.write(batch).await;
    }
    bob.write(&zoe, "Hello").await;
    wait_for_mails(&zoe, 1).await;
    fine.has(1).await;
    wait_for_mails(&ann, 1).await;
    wait_for_records(&stack, 101).await;
    // Some pushes were tried before the first one was refused. One task waits on behalf of all.
    let tries = refusals.over().await;
    assert!(tries <= 40, "{tries}");
    let waiting = stack.queue("Pushes");
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert!(waiting[0]["task"]["only_to"].is_string());
    assert!(busy.pushes().await.is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn a_push_that_has_to_wait_longer_than_a_message_can_be_delayed_is_hidden() {
    let Some(stack) = FaultyStack::start().await else { return };
    let ann = User::sign_up().await;
    let (busy, fine) = (Browser::of(&ann).await, Browser::of(&ann).await);
    let path = busy.endpoint.rsplit('/').next().expect("a path").to_owned();
    let refusals = stack.push.when(move |call| call.path.contains(&path)).put_off(503, 7200, ALWAYS);
    ann.receive("A message to the inbox").await.ok(201);
    fine.has(1).await;
    eventually("a hidden task", SOON, async || {
        let hides = |line: &Value| line["actions"].to_string().contains("sqs:ChangeMessageVisibility");
        worker_lines(&stack).iter().any(hides).then_some(())
    })
    .await;
    // Later messages are pushed to the other browser, and wait with the first one.
    ann.receive("Another message to the inbox").await.ok(201);
    fine.has(2).await;
    settled(&stack).await;
    assert_eq!((refusals.over().await, stack.queue("Pushes").len()), (1, 1));
    stack.stop().await;
}

#[tokio::test]
async fn after_a_rest_one_push_stands_for_what_came_meanwhile() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let browser = Browser::of(&bob).await;
    let refusals = stack.push.when(|call| call.method == "POST").put_off(429, 8, 1);
    for n in 0..3 {
        ann.write(&bob, &format!("The message {n}")).await;
    }
    wait_for_records(&stack, 3).await;
    let pushes = browser.has(1).await;
    settled(&stack).await;
    eventually("the end of the rest", SOON, async || stack.queue("Pushes").is_empty().then_some(())).await;
    assert_eq!(refusals.over().await, 1);
    assert_eq!(pushes[0].says(), format!("{} wrote to you", ann.username));
    // Fewer than messages, unless the rest was over before the last one was told.
    assert!((1..=3).contains(&browser.pushes().await.len()));
    stack.stop().await;
}

#[tokio::test]
async fn one_sender_causes_at_most_120_pushes_in_ten_minutes() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let browser = Browser::of(&ann).await;
    let requests: Vec<Value> = (0..130).map(|n| message(&ann.id, n)).collect();
    for batch in requests.chunks(25) {
        stack.write(batch).await;
    }
    wait_for_records(&stack, 130).await;
    assert_eq!(browser.has(120).await.len(), 120);
    // Another sender's message is pushed.
    bob.write(&ann, "Hello").await;
    assert_eq!(browser.has(121).await[0].says(), format!("{} wrote to you", bob.username));
    stack.stop().await;
}

#[tokio::test]
async fn mails_about_messages_leave_a_fifth_of_the_daily_quota_to_codes() {
    let Some(stack) = FaultyStack::start().await else { return };
    let quota = json!({ "SendQuota": { "Max24HourSend": 100.0, "MaxSendRate": 1.0, "SentLast24Hours": 80.0 } });
    let used_up = stack.ses.when(|call| call.path == "/v2/email/account").say(quota, ALWAYS);
    // Codes go out.
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let browser = Browser::of(&bob).await;
    ann.write(&bob, "Hello").await;
    browser.has(1).await;
    eventually("a mail that waits", SOON, async || {
        let is_quota = |line: &Value| line["cause"].as_str().is_some_and(|cause| cause.contains("daily quota"));
        worker_lines(&stack).iter().any(is_quota).then_some(())
    })
    .await;
    User::sign_up().await;
    assert!(notification_mails(&bob).await.is_empty());
    assert_eq!(used_up.over().await, 1);
    stack.stop().await;
}

/// A task names the message by its keys. An anonymous message has no sender there.
#[tokio::test]
async fn a_task_has_neither_content_nor_an_anonymous_sender() {
    let Some(stack) = FaultyStack::start().await else { return };
    let secret = "the words themselves stay where they are";
    let [ann, sender] = [User::sign_up().await, User::sign_up().await];
    let down = stack.ses.when(|call| call.mails("wrote to")).refuse(ALWAYS);
    let body = json!({ "username": ann.username, "content": secret });
    sender.post("/api/send-message").json(&body).send().await.ok(201);
    // It has been tried, so it is there once more.
    let task = async || stack.queue("Mails").into_iter().find(|task| task["put_off"] != 0);
    let task = eventually("a task", SOON, task).await;
    let id = ann.inbox().await[0]["_id"].as_str().expect("an id").to_owned();
    let at = [format!("INBOX#{}", ann.id), format!("MSG#{id}")];
    let event = json!({ "to": ann.id, "place": "Inbox", "message": id, "at": at });
    assert_eq!(task["task"], json!({ "event": event, "waited": false }));
    down.over().await;
    wait_for_mails(&ann, 1).await;
    stack.stop().await;
}

#[tokio::test]
async fn a_task_that_nobody_can_read_is_given_up() {
    let Some(stack) = FaultyStack::start().await else { return };
    for (number, name) in ["send-mail", "send-push"].into_iter().enumerate() {
        let answer = stack.stack.invoke(name, event(&json!({ "secret": 1 }))).await.expect("an answer");
        assert_eq!(answer, r#"{"batchItemFailures":[]}"#);
        let given_up = stack.queue("DeadLetters");
        assert_eq!(given_up.len(), number + 1);
        assert_eq!(given_up[number], json!({ "messageId": "1", "reason": "a task can't be read" }));
    }
    stack.stop().await;
}
