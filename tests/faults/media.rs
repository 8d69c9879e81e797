//! Sending media while S3 fails: no message is written, no object is left, and the uploads stay.

use serde_json::{Value, json};

use super::{FAILURES, Failure, assert_cause_logged, assert_degraded};
use crate::support::{ALWAYS, Answer, Bucket, FaultyStack, Pair, StoreCall, User, keys_of, padded_clip, sample, text};

pub const FAILED: &str = "Media promotion failed";
pub const INTERNAL_ERROR: &str = "Something went wrong on our side. Please try again";

/// A step of a send: the files to send, and which calls to S3 belong to the step.
pub struct Step {
    pub name: &'static str,
    pub kind: &'static str,
    content_type: &'static str,
    bytes: fn() -> Vec<u8>,
    pub calls: fn(&StoreCall) -> bool,
}

impl Step {
    pub async fn upload(&self, user: &User) -> String {
        user.upload(self.kind, self.content_type, &(self.bytes)()).await
    }
}

/// Every step that a message can't do without.
pub const STEPS: [Step; 5] = [
    Step {
        name: "the first look",
        kind: "image",
        content_type: "image/png",
        bytes: || sample("plain.png"),
        calls: |call| call.is("GET", "/temp/"),
    },
    Step {
        name: "a later look",
        kind: "video",
        content_type: "video/mp4",
        bytes: || padded_clip(300_000),
        calls: |call| call.is("GET", "/temp/") && !call.range.starts_with("bytes=0-"),
    },
    Step {
        name: "the copy",
        kind: "image",
        content_type: "image/png",
        bytes: || sample("plain.png"),
        calls: |call| call.is("PUT", "/media/"),
    },
    Step {
        name: "reading all of an image that tells of a place",
        kind: "image",
        content_type: "image/jpeg",
        bytes: || sample("located.jpg"),
        calls: |call| call.is("GET", "/temp/") && call.range == format!("bytes=0-{}", sample("located.jpg").len() - 1),
    },
    Step {
        name: "storing it without that",
        kind: "image",
        content_type: "image/jpeg",
        bytes: || sample("located.jpg"),
        calls: |call| call.is("PUT", "/media/") && !call.body.is_empty(),
    },
];

/// Whether a call removes objects whose keys contain `text`.
pub fn removes(call: &StoreCall, text: &str) -> bool {
    call.is("POST", "") && call.body.contains("<Delete") && call.body.contains(text)
}

/// Asserts that there is no message and no object of one, and that the uploads are unchanged.
pub async fn nothing_of(stack: &FaultyStack, pair: &Pair, uploads: &[String]) {
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    assert_eq!(pair.media_messages().await, 0);
    assert_eq!(bucket.message_objects(&pair.conversation).await, [""; 0]);
    assert!(bucket.has_all(uploads).await, "an upload is gone");
}

/// Asserts that the message exists once with exactly its objects, and that no upload is left.
pub async fn there_once(stack: &FaultyStack, pair: &Pair, answer: &Answer) {
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let message = answer.processed(200);
    let listed = pair.bob.messages(&pair.conversation).await;
    assert_eq!((listed.len(), &listed[0]["_id"], keys_of(&listed[0])), (2, &message["_id"], keys_of(&message)));
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&message));
    assert_eq!(bucket.keys(&format!("temp/user_{}/", pair.ann.id)).await, [""; 0]);
    assert_eq!(stack.stored_with(&format!("ORPHANEDMEDIA#{}", pair.conversation)).await, Vec::<Value>::new());
}

/// The orphaned media of a conversation that the table lists.
pub async fn sweeps(stack: &FaultyStack, conversation: &str) -> Vec<Value> {
    let mut items = stack.stored_with(&format!("ORPHANEDMEDIA#{conversation}")).await;
    items.retain(|item| item["pk"]["S"] == format!("ORPHANEDMEDIA#{conversation}"));
    items
}

/// The sets of orphaned objects of a conversation.
pub async fn sets(stack: &FaultyStack, conversation: &str) -> Vec<String> {
    sweeps(stack, conversation).await.iter().map(|item| text(&item["sk"], "S").to_owned()).collect()
}

async fn fails_and_is_sent_afterwards(failure: Failure) {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for step in &STEPS {
        println!("{failure:?} at {}", step.name);
        let pair = Pair::begin().await;
        let uploads = [step.upload(&pair.ann).await];
        let send = async || pair.send(step.kind, &uploads).key("one-key").send().await;
        let down = failure.of(stack.s3.when(step.calls), ALWAYS);
        let answer = send().await;
        down.over().await;
        answer.rejects(500, FAILED);
        assert_cause_logged(&stack, &answer, &[&pair.ann.id, &pair.conversation, &uploads[0]]).await;
        nothing_of(&stack, &pair, &uploads).await;

        let [sent, again] = [send().await, send().await];
        assert_eq!((again.status, again.text()), (200, sent.text()));
        let Some(bucket) = Bucket::of(&stack.stack) else { return };
        assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&sent.processed(200)));
        assert_eq!(pair.media_messages().await, 1);
        assert!(!bucket.has(&uploads[0]).await);
    }
    stack.stop().await;
}

#[tokio::test]
async fn media_that_an_unwell_s3_could_not_promote_can_be_sent_afterwards() {
    fails_and_is_sent_afterwards(FAILURES[0]).await;
}

#[tokio::test]
async fn media_that_a_busy_s3_could_not_promote_can_be_sent_afterwards() {
    fails_and_is_sent_afterwards(FAILURES[1]).await;
}

#[tokio::test]
async fn media_that_an_absent_s3_could_not_promote_can_be_sent_afterwards() {
    fails_and_is_sent_afterwards(FAILURES[2]).await;
}

#[tokio::test]
async fn a_send_without_media_needs_no_s3() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let pair = Pair::begin().await;
    let down = stack.s3.when(|_| true).answer(500, ALWAYS);
    pair.ann.write(&pair.bob, "Hello again").await;
    pair.bob.write(&pair.ann, "So you are").await;
    assert_eq!(pair.media_messages().await, 2);
    drop(down);
    stack.stop().await;
}

#[tokio::test]
async fn an_upload_that_can_not_be_removed_afterwards_fails_no_message() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let pair = Pair::begin().await;
        let uploads = [pair.ann.upload("image", "image/png", &sample("plain.png")).await];
        let down = failure.of(stack.s3.when(|call| removes(call, "temp/")), ALWAYS);
        let answer = pair.send("image", &uploads).key("one-key").send().await;
        down.over().await;
        let message = answer.processed(200);
        assert_degraded(&stack, &answer, "DeleteObjects").await;
        let again = pair.send("image", &uploads).key("one-key").send().await;
        assert_eq!((again.status, again.text()), (200, answer.text()));
        assert_eq!(pair.media_messages().await, 1);
        let Some(bucket) = Bucket::of(&stack.stack) else { return };
        assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&message));
    }
    stack.stop().await;
}

#[tokio::test]
async fn one_copy_of_five_that_fails_leaves_nothing_of_the_others() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let pair = Pair::begin().await;
        let mut uploads = Vec::new();
        for file in ["plain.png", "located.png", "plain.png", "located.png", "plain.png"] {
            uploads.push(pair.ann.upload("image", "image/png", &sample(file)).await);
        }
        let down = failure.of(stack.s3.when(|call| call.is("PUT", "/media/") && call.path.ends_with("02")), ALWAYS);
        let answer = pair.send("image", &uploads).key("one-key").send().await;
        down.over().await;
        answer.rejects(500, FAILED);
        nothing_of(&stack, &pair, &uploads).await;
        let answer = pair.send("image", &uploads).key("one-key").send().await;
        assert_eq!(keys_of(&answer.processed(200)).len(), 5);
        assert_eq!(pair.media_messages().await, 1);
    }
    stack.stop().await;
}

#[tokio::test]
async fn copies_that_can_not_be_removed_are_listed_as_orphaned() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let pair = Pair::begin().await;
        let mut uploads = Vec::new();
        for _ in 0..3 {
            uploads.push(pair.ann.upload("image", "image/png", &sample("plain.png")).await);
        }
        let fails = stack.s3.when(|call| call.is("PUT", "/media/") && call.path.ends_with("01")).answer(500, ALWAYS);
        let down = failure.of(stack.s3.when(|call| removes(call, "media/")), ALWAYS);
        let answer = pair.send("image", &uploads).key("one-key").send().await;
        fails.over().await;
        down.over().await;
        answer.rejects(500, FAILED);
        assert_eq!(pair.media_messages().await, 0);
        let Some(bucket) = Bucket::of(&stack.stack) else { return };
        let [set] = &sets(&stack, &pair.conversation).await[..] else { panic!("not one set") };
        let left = ["00", "02"].map(|place| format!("media/{}/{set}{place}", pair.conversation));
        assert_eq!(bucket.message_objects(&pair.conversation).await, left);
        assert!(bucket.has_all(&uploads).await);

        let message = pair.send("image", &uploads).key("one-key").send().await.processed(200);
        assert_eq!((pair.media_messages().await, &message["isDeleted"]), (1, &json!(false)));
        assert_eq!(sets(&stack, &pair.conversation).await, std::slice::from_ref(set));
    }
    stack.stop().await;
}
