//! Sending media while DynamoDB fails, or while its answers are lost.

use super::media::{FAILED, INTERNAL_ERROR, nothing_of, sets, there_once};
use super::{FAILURES, Loss, assert_cause_logged, assert_degraded};
use crate::support::{ALWAYS, Answer, Bucket, FaultyStack, Pair, StoreCall, keys_of, media_of, sample};

/// Whether a call reserves the objects that a send is about to copy.
fn announces(call: &StoreCall) -> bool {
    call.asks("TransactWriteItems", "ORPHANEDMEDIA#") && !writes(call)
}

/// Whether a call writes the message and releases its objects.
fn writes(call: &StoreCall) -> bool {
    call.asks("TransactWriteItems", "ORPHANEDMEDIA#") && call.body.contains("\"Delete\"")
}

/// Whether a call marks the reserved objects as abandoned.
fn gives_up(call: &StoreCall) -> bool {
    call.asks("UpdateItem", "given_up")
}

/// Two users with a conversation, and two uploads of the first user.
async fn prepared() -> (Pair, [String; 2]) {
    let pair = Pair::begin().await;
    let uploads = [
        pair.ann.upload("image", "image/png", &sample("plain.png")).await,
        pair.ann.upload("image", "image/jpeg", &sample("located.jpg")).await,
    ];
    (pair, uploads)
}

async fn send(pair: &Pair, uploads: &[String]) -> Answer {
    pair.send("image", uploads).key("one-key").send().await
}

#[tokio::test]
async fn objects_that_could_not_be_reserved_are_not_copied() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let (pair, uploads) = prepared().await;
        let down = failure.of(stack.dynamodb.when(announces), ALWAYS);
        let answer = send(&pair, &uploads).await;
        down.over().await;
        answer.rejects(500, FAILED);
        assert_cause_logged(&stack, &answer, &[&pair.ann.id, &pair.conversation]).await;
        nothing_of(&stack, &pair, &uploads).await;
        there_once(&stack, &pair, &send(&pair, &uploads).await).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_reservation_whose_answer_is_lost_counts() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let (pair, uploads) = prepared().await;
        let lost = loss.of(stack.dynamodb.when(announces), 1);
        let answer = send(&pair, &uploads).await;
        lost.over().await;
        there_once(&stack, &pair, &answer).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_that_could_not_be_written_leaves_no_objects_and_can_be_sent_again() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let (pair, uploads) = prepared().await;
        let down = failure.of(stack.dynamodb.when(writes), ALWAYS);
        let answer = send(&pair, &uploads).await;
        down.over().await;
        answer.rejects(500, INTERNAL_ERROR);
        assert_cause_logged(&stack, &answer, &[&pair.ann.id, &pair.conversation]).await;
        nothing_of(&stack, &pair, &uploads).await;
        let sent = send(&pair, &uploads).await;
        assert_eq!((sent.status, pair.media_messages().await), (200, 1), "{}", sent.text());
        let Some(bucket) = Bucket::of(&stack.stack) else { return };
        assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&sent.processed(200)));
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_whose_answer_from_the_table_is_lost_is_there_once_with_its_objects() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let (pair, uploads) = prepared().await;
        let lost = loss.of(stack.dynamodb.when(writes), 1);
        let answer = send(&pair, &uploads).await;
        lost.over().await;
        there_once(&stack, &pair, &answer).await;
        let again = send(&pair, &uploads).await;
        assert_eq!((again.status, again.text()), (200, answer.text()));
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_none_of_whose_answers_arrive_is_told_by_its_objects() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (pair, uploads) = prepared().await;
    let lost = stack.dynamodb.when(writes).lose_the_answer(ALWAYS);
    let answer = send(&pair, &uploads).await;
    lost.over().await;
    there_once(&stack, &pair, &answer).await;
    assert_degraded(&stack, &answer, "TransactWriteItems").await;
    let again = send(&pair, &uploads).await;
    assert_eq!((again.status, again.text()), (200, answer.text()));
    there_once(&stack, &pair, &answer).await;
    stack.stop().await;
}

#[tokio::test]
async fn objects_that_could_not_be_abandoned_are_listed_as_orphaned() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let (pair, uploads) = prepared().await;
        let down = stack.dynamodb.when(writes).answer(500, ALWAYS);
        let gone = failure.of(stack.dynamodb.when(gives_up), ALWAYS);
        let answer = send(&pair, &uploads).await;
        down.over().await;
        gone.over().await;
        answer.rejects(500, INTERNAL_ERROR);
        assert_eq!(pair.media_messages().await, 0);
        let Some(bucket) = Bucket::of(&stack.stack) else { return };
        let [set] = &sets(&stack, &pair.conversation).await[..] else { panic!("not one set") };
        let left = ["00", "01"].map(|place| format!("media/{}/{set}{place}", pair.conversation));
        assert_eq!(bucket.message_objects(&pair.conversation).await, left);
        assert!(bucket.has_all(&uploads).await);

        let sent = send(&pair, &uploads).await.processed(200);
        assert_eq!(pair.media_messages().await, 1);
        let mut all = [&left[..], &keys_of(&sent)].concat();
        all.sort();
        assert_eq!(bucket.message_objects(&pair.conversation).await, all);
        assert_eq!(sets(&stack, &pair.conversation).await, std::slice::from_ref(set));
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_whose_answers_are_all_lost_is_there_once_and_answers_its_replay() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for key in [None, Some("one-key")] {
        println!("{key:?}");
        let (pair, uploads) = prepared().await;
        let lost = stack.dynamodb.when(writes).lose_the_answer(ALWAYS);
        let gone = stack.dynamodb.when(gives_up).answer(500, ALWAYS);
        let call = pair.send("image", &uploads);
        let answer = key.into_iter().fold(call, |call, key| call.key(key)).send().await;
        lost.over().await;
        gone.over().await;
        let listed = pair.bob.messages(&pair.conversation).await;
        assert_eq!((listed.len(), media_of(&listed[0]).len()), (2, 2));
        if answer.status == 500 {
            answer.rejects(500, INTERNAL_ERROR);
        }
        if key.is_some() {
            let sent = send(&pair, &uploads).await.processed(200);
            assert_eq!((&listed[0]["_id"], keys_of(&listed[0])), (&sent["_id"], keys_of(&sent)));
        }
        assert_eq!(pair.media_messages().await, 1);
        let Some(bucket) = Bucket::of(&stack.stack) else { return };
        assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&listed[0]));
    }
    stack.stop().await;
}

#[tokio::test]
async fn an_abandonment_whose_answer_is_lost_counts() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let (pair, uploads) = prepared().await;
        let down = stack.dynamodb.when(writes).answer(500, ALWAYS);
        let lost = loss.of(stack.dynamodb.when(gives_up), 1);
        let answer = send(&pair, &uploads).await;
        down.over().await;
        lost.over().await;
        answer.rejects(500, INTERNAL_ERROR);
        nothing_of(&stack, &pair, &uploads).await;
    }
    stack.stop().await;
}
