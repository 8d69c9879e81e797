//! Conversations of deleted accounts. The remaining participant keeps the conversation. When both are gone, nothing is left,
//! even if stores fail meanwhile.

use serde_json::{Value, json};

use super::assert_degraded;
use super::media::removes;
use crate::support::{
    self, ALWAYS, Answer, Bucket, Client, FaultyStack, PASSWORD, Pair, SOON, StoreCall, User, all_at_once, ask,
    eventually, keys_of, media_of, sample, stack_or_skip, text,
};

const NOBODY: &str = "There is no user with this id";

async fn delete(user: &User) -> Answer {
    user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await
}

#[track_caller]
fn deleted(answer: &Answer) {
    answer.is(200, json!({ "success": true, "message": "Account deleted" }));
}

/// Two users who have sent each other an image, after a first text.
async fn pair() -> (Pair, [Value; 2]) {
    let pair = Pair::begin().await;
    let hers = pair.show("image", "image/png", "plain.png").await;
    let upload = pair.bob.upload("image", "image/jpeg", &sample("located.jpg")).await;
    let his = pair.bob.picture(&pair.ann, "image", &[upload]).send().await.processed(200);
    (pair, [hers, his])
}

/// The items of a partition of the table, or of its index.
async fn partition(stack: &FaultyStack, pk: &str) -> Vec<Value> {
    let mut items = stack.stored_with(pk).await;
    items.retain(|item| item["pk"]["S"] == pk || item["gsi1pk"]["S"] == pk);
    items
}

/// The items in the user's partitions.
async fn owned(stack: &FaultyStack, user: &User) -> Vec<Value> {
    [partition(stack, &format!("USER#{}", user.id)).await, partition(stack, &format!("CONVS#{}", user.id)).await]
        .concat()
}

async fn is_nothing_left(stack: &FaultyStack, pair: &Pair) -> bool {
    let Some(bucket) = Bucket::of(&stack.stack) else { return true };
    partition(stack, &format!("CONV#{}", pair.conversation)).await.is_empty()
        && bucket.message_objects(&pair.conversation).await.is_empty()
        && owned(stack, &pair.ann).await.is_empty()
        && owned(stack, &pair.bob).await.is_empty()
}

async fn nothing_left(stack: &FaultyStack, pair: &Pair) {
    eventually("an end of it all", SOON, async || is_nothing_left(stack, pair).await.then_some(())).await;
}

#[tokio::test]
async fn the_remaining_participant_keeps_the_conversation_with_its_media() {
    let Some(stack) = FaultyStack::start().await else { return };
    let (pair, [hers, his]) = pair().await;
    let before = pair.bob.messages(&pair.conversation).await;
    deleted(&delete(&pair.ann).await);
    eventually("the end of her side", SOON, async || owned(&stack, &pair.ann).await.is_empty().then_some(())).await;

    let [conversation] = &pair.bob.conversations().await[..] else { panic!("not one conversation") };
    assert_eq!(conversation["partner"], json!({ "_id": pair.ann.id, "username": null }));
    assert_eq!(conversation["lastMessage"]["_id"], his["_id"]);
    let after = pair.bob.messages(&pair.conversation).await;
    let ids = |messages: &[Value]| messages.iter().map(|message| message["_id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    assert_eq!((keys_of(&after[1]), keys_of(&after[0])), (keys_of(&hers), keys_of(&his)));
    for message in &after[..2] {
        assert_eq!(Client::fetch(text(&media_of(message)[0], "url")).await.status, 200);
    }

    let body = json!({ "content": "Are you there?", "type": "text" });
    pair.bob.letter(&pair.ann.id, body.clone()).send().await.rejects(400, NOBODY);
    let path = format!("/message/send/{}", pair.conversation);
    pair.bob.patch(&path).json(&body).send().await.rejects(400, NOBODY);
    let upload = pair.bob.upload("image", "image/png", &sample("plain.png")).await;
    pair.bob.picture(&pair.ann, "image", std::slice::from_ref(&upload)).send().await.rejects(400, NOBODY);
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let mut keys = [keys_of(&hers), keys_of(&his)].concat();
    keys.sort();
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys);
    assert!(bucket.has(&upload).await);
    assert_eq!(pair.bob.messages(&pair.conversation).await.len(), 3);

    // He can still mark messages as seen and delete his own.
    let seen = format!("/conversations/{}/seen", pair.conversation);
    pair.bob.post(&seen).json(&json!({ "messageId": hers["_id"] })).send().await.processed(200);
    let path = format!("/conversations/{}/messages/{}", pair.conversation, text(&his, "_id"));
    assert_eq!(pair.bob.delete(&path).send().await.processed(200)["isDeleted"], true);
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&hers));
    assert!(owned(&stack, &pair.ann).await.is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn when_both_participants_are_deleted_messages_and_objects_are_removed() {
    let Some(stack) = FaultyStack::start().await else { return };
    let ((pair, _), (other, _)) = (pair().await, pair().await);
    deleted(&delete(&pair.ann).await);
    assert_eq!(pair.media_messages().await, 2);
    deleted(&delete(&pair.bob).await);
    nothing_left(&stack, &pair).await;
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    assert_eq!((other.media_messages().await, bucket.message_objects(&other.conversation).await.len()), (2, 2));
    stack.stop().await;
}

#[tokio::test]
async fn two_participants_who_are_deleted_at_once_leave_nothing() {
    let Some(stack) = FaultyStack::start().await else { return };
    for _ in 0..4 {
        let (pair, _) = pair().await;
        let leaving = [pair.ann.clone(), pair.bob.clone()];
        for answer in all_at_once(leaving.map(|user| async move { delete(&user).await })).await {
            deleted(&answer);
        }
        nothing_left(&stack, &pair).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn blocks_of_a_deleted_user_are_gone_and_those_of_others_stay() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob, carl] = [User::sign_up().await, User::sign_up().await, User::sign_up().await];
    let block = async |from: &User, to: &User| {
        from.post(&format!("/users/{}/block", to.id)).send().await.processed(200);
    };
    ann.write(&bob, "Hello").await;
    block(&ann, &bob).await;
    block(&ann, &carl).await;
    block(&bob, &ann).await;
    deleted(&delete(&ann).await);
    eventually("the end of her side", SOON, async || owned(&stack, &ann).await.is_empty().then_some(())).await;
    assert!(
        partition(&stack, &format!("USER#{}", carl.id)).await.iter().all(|item| !item.to_string().contains(&ann.id))
    );

    let listed = bob.get("/users/blocked").send().await.processed(200);
    assert_eq!((&listed["users"][0]["_id"], &listed["users"][0]["username"]), (&json!(ann.id), &Value::Null));
    let block = format!("/users/{}/block", ann.id);
    bob.delete(&block).send().await.processed(200);
    assert_eq!(bob.get("/users/blocked").send().await.processed(200)["users"], json!([]));
    bob.letter(&ann.id, json!({ "content": "Still there?", "type": "text" })).send().await.rejects(400, NOBODY);
    stack.stop().await;
}

/// The worker's log lines so far.
fn worker_lines(stack: &FaultyStack) -> Vec<Value> {
    support::worker_lines(&stack.stack, "clean-up")
}

/// The second participant deletes the account while an operation of S3 fails. Afterwards the worker finishes.
async fn interrupted(stack: &FaultyStack, operation: &'static str, concerns: fn(&StoreCall) -> bool) {
    println!("{operation}");
    let (pair, _) = pair().await;
    deleted(&delete(&pair.ann).await);
    eventually("the end of her side", SOON, async || owned(stack, &pair.ann).await.is_empty().then_some(())).await;
    let lines = worker_lines(stack).len();
    let down = stack.s3.when(concerns).answer(500, ALWAYS);
    let answer = delete(&pair.bob).await;
    deleted(&answer);
    assert_degraded(stack, &answer, operation).await;
    let failed = async || worker_lines(stack).into_iter().skip(lines).find(|line| line["status"] == 500);
    let line = eventually("a try of the worker", SOON, failed).await;
    assert_eq!(line["cause"], format!("{operation}: InternalError"));
    assert!(!is_nothing_left(stack, &pair).await);
    down.over().await;
    nothing_left(stack, &pair).await;
}

#[tokio::test]
async fn objects_that_s3_would_not_remove_are_removed_by_the_worker() {
    let Some(stack) = FaultyStack::start().await else { return };
    interrupted(&stack, "DeleteObjects", |call| removes(call, "media/")).await;
    stack.stop().await;
}

#[tokio::test]
async fn objects_that_s3_would_not_list_are_removed_by_the_worker() {
    let Some(stack) = FaultyStack::start().await else { return };
    interrupted(&stack, "ListObjectsV2", |call| call.is("GET", "")).await;
    stack.stop().await;
}

/// Puts copies of an item, each with its own changes.
async fn put_copies(stack: &FaultyStack, item: &Value, copies: impl Iterator<Item = Value>) {
    let Some(store) = stack_or_skip("writes to the table") else { return };
    let copies: Vec<Value> = copies
        .map(|changes| {
            let mut copy = item.clone();
            copy.as_object_mut().expect("an item").extend(changes.as_object().expect("changes").clone());
            json!({ "PutRequest": { "Item": copy } })
        })
        .collect();
    for batch in copies.chunks(25) {
        let request = json!({ "RequestItems": { stack.stack.table(): batch } });
        let answer = ask(store.dynamodb_url(), &stack.stack, "BatchWriteItem", &request).await;
        assert_eq!(answer["UnprocessedItems"], json!({}));
    }
}

#[tokio::test]
async fn a_long_conversation_and_many_of_them_are_erased_as_wholly() {
    let Some(stack) = FaultyStack::start().await else { return };
    let (pair, _) = pair().await;
    let message = &partition(&stack, &format!("CONV#{}", pair.conversation)).await[0];
    let old = (0..350).map(|n| {
        let id = format!("{:012x}{n:012x}", 1_770_000_000_000_u64);
        json!({ "sk": { "S": format!("MSG#{id}") }, "id": { "S": id } })
    });
    put_copies(&stack, message, old).await;
    // Conversations with users who never existed.
    let own_side = owned(&stack, &pair.ann).await.into_iter().find(|item| !item["last_id"].is_null()).expect("a side");
    let others = (0..60).map(|n| {
        let id = format!("{n:024x}");
        json!({ "sk": { "S": format!("CONV#{id}") }, "conversation": { "S": id }, "partner": { "S": id } })
    });
    put_copies(&stack, &own_side, others).await;
    assert_eq!(partition(&stack, &format!("CONV#{}", pair.conversation)).await.len(), 353);
    deleted(&delete(&pair.ann).await);
    eventually("the end of her side", SOON, async || owned(&stack, &pair.ann).await.is_empty().then_some(())).await;
    assert_eq!(partition(&stack, &format!("CONV#{}", pair.conversation)).await.len(), 353);
    deleted(&delete(&pair.bob).await);
    nothing_left(&stack, &pair).await;
    stack.stop().await;
}

/// Whether a call writes a message and releases its objects from the sweep.
fn takes_over(call: &StoreCall) -> bool {
    call.asks("TransactWriteItems", "ORPHANEDMEDIA#") && call.body.contains("\"Delete\"")
}

#[tokio::test]
async fn a_first_message_that_its_senders_deletion_overtakes_is_the_recipients_alone() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let uploads = [ann.upload("image", "image/png", &sample("plain.png")).await];
    let (leaving, logs) = (ann.clone(), stack.stack.logs().clone());
    let overtaken = stack.dynamodb.when(takes_over).first(async move {
        deleted(&delete(&leaving).await);
        let has_looked = |line: &local::Line| &*line.function == "clean-up" && line.text.contains("\"status\":200");
        logs.wait(has_looked, SOON).await.expect("a look of the worker");
    });
    let answer = ann.picture(&bob, "image", &uploads).send().await;
    overtaken.over().await;
    assert!([200, 500].contains(&answer.status), "{}", answer.text());
    let erasures = partition(&stack, &format!("ERASE#{}", ann.id)).await;
    stack.expire(&erasures[0]).await;
    eventually("a second look", SOON, async || owned(&stack, &ann).await.is_empty().then_some(())).await;

    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let conversations = bob.conversations().await;
    if answer.status == 200 {
        let message = answer.processed(200);
        assert_eq!(conversations[0]["partner"], json!({ "_id": ann.id, "username": null }));
        assert_eq!(conversations[0]["lastMessage"]["_id"], message["_id"]);
        assert_eq!(bucket.message_objects(text(&message, "conversationId")).await, keys_of(&message));
        let pair = Pair { conversation: text(&message, "conversationId").to_owned(), ann, bob };
        deleted(&delete(&pair.bob).await);
        nothing_left(&stack, &pair).await;
    } else {
        assert_eq!(conversations, Vec::<Value>::new());
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_first_message_that_its_recipients_deletion_overtakes_is_the_senders_alone() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let uploads = [ann.upload("image", "image/png", &sample("plain.png")).await];
    let leaving = bob.clone();
    let overtaken = stack.dynamodb.when(takes_over).first(async move { deleted(&delete(&leaving).await) });
    let answer = ann.picture(&bob, "image", &uploads).send().await;
    overtaken.over().await;
    let conversations = ann.conversations().await;
    match answer.status {
        200 => {
            let message = answer.processed(200);
            assert_eq!(conversations[0]["partner"], json!({ "_id": bob.id, "username": null }));
            let Some(bucket) = Bucket::of(&stack.stack) else { return };
            assert_eq!(bucket.message_objects(text(&message, "conversationId")).await, keys_of(&message));
        }
        _ => {
            answer.rejects(400, NOBODY);
            assert_eq!(conversations, Vec::<Value>::new());
        }
    }
    let erasures = partition(&stack, &format!("ERASE#{}", bob.id)).await;
    stack.expire(&erasures[0]).await;
    eventually("a second look", SOON, async || owned(&stack, &bob).await.is_empty().then_some(())).await;
    ann.letter(&bob.id, json!({ "content": "Once more", "type": "text" })).send().await.rejects(400, NOBODY);
    stack.stop().await;
}

#[tokio::test]
async fn uploads_that_were_not_sent_go_with_the_account() {
    let Some(stack) = FaultyStack::start().await else { return };
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let hers = [ann.upload("file", "text/plain", b"hello").await, ann.upload("file", "text/plain", b"hello").await];
    let his = bob.upload("file", "text/plain", b"hello").await;
    deleted(&delete(&ann).await);
    let gone = async || bucket.keys(&format!("temp/user_{}/", ann.id)).await.is_empty().then_some(());
    eventually("the end of her uploads", SOON, gone).await;
    assert!(!bucket.has(&hers[0]).await && bucket.has(&his).await);
    stack.stop().await;
}
