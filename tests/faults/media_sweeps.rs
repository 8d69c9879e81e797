//! The worker `clean-up`, which removes the objects that a request could not remove.

use serde_json::{Value, json};

use super::media::{FAILED, removes, sets, sweeps};
use super::{FAILURES, Loss, assert_degraded};
use crate::support::{
    self, ALWAYS, Answer, Bucket, Client, FaultyStack, Pair, SOON, ask, eventually, keys_of, media_of, sample,
    stack_or_skip, table_has_ttl, text,
};

async fn delete(pair: &Pair, message: &Value) -> Answer {
    let path = format!("/conversations/{}/messages/{}", pair.conversation, text(message, "_id"));
    pair.ann.delete(&path).send().await
}

#[track_caller]
fn deleted(answer: &Answer) {
    let message = answer.processed(200);
    assert_eq!((&message["isDeleted"], &message["content"], &message["media"]), (&json!(true), &json!(""), &json!([])));
}

/// The worker's log lines so far.
fn worker_lines(stack: &FaultyStack) -> Vec<Value> {
    support::worker_lines(&stack.stack, "clean-up")
}

/// Sets the TTL of these items to a time in the past.
async fn age(stack: &FaultyStack, items: &[Value]) {
    let Some(store) = stack_or_skip("changes the table") else { return };
    for item in items {
        let request = json!({
            "TableName": stack.stack.table(),
            "Key": { "pk": item["pk"], "sk": item["sk"] },
            "UpdateExpression": "SET #ttl = :past",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": { "#ttl": "ttl" },
            "ExpressionAttributeValues": { ":past": { "N": "1770000000" } },
        });
        ask(store.dynamodb_url(), &stack.stack, "UpdateItem", &request).await;
    }
}

/// Makes a send fail whose copied objects can't be removed. Returns their keys.
async fn orphans(stack: &FaultyStack, pair: &Pair) -> Vec<String> {
    let uploads = [
        pair.ann.upload("image", "image/png", &sample("plain.png")).await,
        pair.ann.upload("image", "image/png", &sample("located.png")).await,
        pair.ann.upload("image", "image/png", &sample("plain.png")).await,
    ];
    let fails = stack.s3.when(|call| call.is("PUT", "/media/") && call.path.ends_with("02")).answer(500, ALWAYS);
    let down = stack.s3.when(|call| removes(call, "media/")).answer(500, ALWAYS);
    let answer = pair.send("image", &uploads).send().await;
    fails.over().await;
    down.over().await;
    answer.rejects(500, FAILED);
    let [set] = &sets(stack, &pair.conversation).await[..] else { panic!("not one set") };
    ["00", "01"].map(|place| format!("media/{}/{set}{place}", pair.conversation)).into()
}

/// Deletes a message with media while S3 is down. Returns the keys of its objects.
async fn deleted_without_s3(stack: &FaultyStack, pair: &Pair) -> Vec<String> {
    let message = pair.show("image", "image/jpeg", "located.jpg").await;
    let down = stack.s3.when(|call| removes(call, "media/")).answer(503, ALWAYS);
    let answer = delete(pair, &message).await;
    down.over().await;
    deleted(&answer);
    keys_of(&message)
}

#[tokio::test]
async fn expired_orphaned_objects_are_removed_and_objects_of_messages_are_not() {
    if !table_has_ttl() {
        return;
    }
    let Some(stack) = FaultyStack::start().await else { return };
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let (one, other, quiet) = (Pair::begin().await, Pair::begin().await, Pair::begin().await);
    let mut kept = Vec::new();
    for pair in [&one, &other, &quiet] {
        kept.push(keys_of(&pair.show("image", "image/png", "plain.png").await));
    }
    let (unsent, gone) = (orphans(&stack, &one).await, deleted_without_s3(&stack, &other).await);
    let left = orphans(&stack, &quiet).await;
    assert!(bucket.has_all(&[unsent.clone(), gone.clone()].concat()).await, "this is not what is tested");

    let due = [sweeps(&stack, &one.conversation).await, sweeps(&stack, &other.conversation).await].concat();
    assert_eq!(due.len(), 2);
    // S3 still fails when the worker is woken for the first conversation.
    let down = {
        let key = unsent[0].clone();
        stack.s3.when(move |call| removes(call, &key)).answer(500, 3)
    };
    age(&stack, &due).await;
    let swept = async || {
        let [left, gone] =
            [bucket.message_objects(&one.conversation).await, bucket.message_objects(&other.conversation).await];
        (left == kept[0] && gone == kept[1]).then_some(())
    };
    // The embedded table removes expired items once a minute.
    eventually("the end of what is to be swept", SOON, swept).await;
    down.over().await;
    // Orphaned objects whose time has not come stay, and so do the objects of messages.
    let mut both = [&kept[2][..], &left].concat();
    both.sort();
    assert_eq!(bucket.message_objects(&quiet.conversation).await, both);
    for pair in [&one, &other, &quiet] {
        let listed = pair.bob.messages(&pair.conversation).await;
        let shown = listed.iter().flat_map(media_of).collect::<Vec<_>>();
        assert_eq!(shown.len(), 1);
        assert_eq!(Client::fetch(text(shown[0], "url")).await.status, 200);
    }
    // Records behind one that failed may be delivered again.
    let done = async || (worker_lines(&stack).iter().filter(|line| line["status"] == 200).count() >= 2).then_some(());
    eventually("the worker's log lines", SOON, done).await;
    let lines = worker_lines(&stack);
    println!("{lines:?}");
    let failed: Vec<&Value> = lines.iter().filter(|line| line["status"] == 500).collect();
    assert!(failed.len() == 1 && lines.len() <= 4, "it was woken for more than these two");
    assert_eq!(failed[0]["cause"], "DeleteObjects: InternalError");
    super::assert_not_logged(&stack, &[&one.conversation, &other.conversation]);
    stack.stop().await;
}

#[tokio::test]
async fn a_message_is_deleted_while_s3_is_down_and_its_objects_are_listed_as_orphaned() {
    let Some(stack) = FaultyStack::start().await else { return };
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let pair = Pair::begin().await;
        let kept = pair.show("image", "image/png", "plain.png").await;
        let message = pair.show("image", "image/png", "located.png").await;
        let down = failure.of(stack.s3.when(|_| true), ALWAYS);
        let answer = delete(&pair, &message).await;
        down.over().await;
        deleted(&answer);
        assert_degraded(&stack, &answer, "DeleteObjects").await;
        for user in [&pair.ann, &pair.bob] {
            let listed = user.messages(&pair.conversation).await;
            assert_eq!((&listed[0]["isDeleted"], &listed[0]["media"]), (&json!(true), &json!([])));
        }
        let [set] = &sets(&stack, &pair.conversation).await[..] else { panic!("not one set") };
        assert_eq!(keys_of(&message), [format!("media/{}/{set}00", pair.conversation)]);

        // A second deletion changes nothing, and the objects of the other message stay.
        deleted(&delete(&pair, &message).await);
        assert!(bucket.has_all(&keys_of(&kept)).await);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_that_could_not_be_deleted_keeps_its_objects() {
    let Some(stack) = FaultyStack::start().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let pair = Pair::begin().await;
        let message = pair.show("image", "image/png", "plain.png").await;
        let down = failure.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "ORPHANEDMEDIA#")), ALWAYS);
        let answer = delete(&pair, &message).await;
        down.over().await;
        answer.rejects(500, super::media::INTERNAL_ERROR);
        let listed = pair.bob.messages(&pair.conversation).await.remove(0);
        assert_eq!((&listed["isDeleted"], keys_of(&listed)), (&json!(false), keys_of(&message)));
        assert_eq!(Client::fetch(text(&media_of(&listed)[0], "url")).await.status, 200);
        assert_eq!(sweeps(&stack, &pair.conversation).await, Vec::<Value>::new());
        deleted(&delete(&pair, &message).await);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_whose_answers_are_lost_is_done_and_leaves_no_orphaned_objects() {
    let Some(stack) = FaultyStack::start().await else { return };
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let pair = Pair::begin().await;
        let message = pair.show("image", "image/png", "plain.png").await;
        let losses = [
            loss.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "ORPHANEDMEDIA#")), 1),
            loss.of(stack.s3.when(|call| removes(call, "media/")), 1),
            loss.of(stack.dynamodb.when(|call| call.asks("DeleteItem", "ORPHANEDMEDIA#")), 1),
        ];
        deleted(&delete(&pair, &message).await);
        for lost in losses {
            lost.over().await;
        }
        assert_eq!(bucket.message_objects(&pair.conversation).await, [""; 0]);
        assert_eq!(sweeps(&stack, &pair.conversation).await, Vec::<Value>::new());
    }
    stack.stop().await;
}
