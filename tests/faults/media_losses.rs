//! Sending media while answers of S3 are lost.

use super::Loss;
use super::media::{FAILED, STEPS, nothing_of, removes, there_once};
use crate::support::{ALWAYS, FaultyStack, Pair, sample};

/// Each step loses one answer, and the message is sent nevertheless.
async fn sent_all_the_same(loss: Loss, is_met: fn(&str) -> bool) {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for step in STEPS.iter().filter(|step| is_met(step.name)) {
        println!("{loss:?} at {}", step.name);
        let pair = Pair::begin().await;
        let uploads = [step.upload(&pair.ann).await];
        let lost = loss.of(stack.s3.when(step.calls), 1);
        let answer = pair.send(step.kind, &uploads).key("one-key").send().await;
        lost.over().await;
        there_once(&stack, &pair, &answer).await;
        let again = pair.send(step.kind, &uploads).key("one-key").send().await;
        assert_eq!((again.status, again.text()), (200, answer.text()));
    }
    stack.stop().await;
}

#[tokio::test]
async fn media_one_of_whose_answers_is_lost_are_sent_once() {
    sent_all_the_same(Loss::Ended, |_| true).await;
}

#[tokio::test]
async fn media_that_s3_falls_silent_about_while_they_are_looked_at_are_sent_once() {
    sent_all_the_same(Loss::Silence, |step| step.contains("look")).await;
}

#[tokio::test]
async fn an_upload_whose_removal_loses_its_answer_is_removed() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let pair = Pair::begin().await;
        let uploads = [pair.ann.upload("image", "image/png", &sample("plain.png")).await];
        let lost = loss.of(stack.s3.when(|call| removes(call, "temp/")), 1);
        let answer = pair.send("image", &uploads).send().await;
        lost.over().await;
        there_once(&stack, &pair, &answer).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn copies_none_of_whose_answers_arrive_are_removed_and_can_be_made_again() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for step in &STEPS[2..] {
        println!("{}", step.name);
        let pair = Pair::begin().await;
        let uploads = [step.upload(&pair.ann).await];
        let lost = stack.s3.when(step.calls).lose_the_answer(ALWAYS);
        let answer = pair.send(step.kind, &uploads).key("one-key").send().await;
        lost.over().await;
        answer.rejects(500, FAILED);
        nothing_of(&stack, &pair, &uploads).await;
        let answer = pair.send(step.kind, &uploads).key("one-key").send().await;
        assert_eq!((answer.status, pair.media_messages().await), (200, 1), "{}", answer.text());
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_copy_that_s3_falls_silent_about_is_removed_before_the_gateway_loses_its_patience() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let pair = Pair::begin().await;
    let uploads = [
        pair.ann.upload("image", "image/png", &sample("plain.png")).await,
        pair.ann.upload("image", "image/png", &sample("located.png")).await,
    ];
    let lost = stack.s3.when(|call| call.is("PUT", "/media/")).never_answer(2);
    let answer = pair.send("image", &uploads).key("one-key").send().await;
    lost.over().await;
    answer.rejects(500, FAILED);
    nothing_of(&stack, &pair, &uploads).await;
    let answer = pair.send("image", &uploads).key("one-key").send().await;
    assert_eq!((answer.status, pair.media_messages().await), (200, 1), "{}", answer.text());
    stack.stop().await;
}
