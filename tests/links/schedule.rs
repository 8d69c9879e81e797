//! Start, expiry and pause are exact to the millisecond.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{Answer, Client, Link, SOON, eventually, in_ms, time};

/// Senders that send until they are stopped. Each message comes from a new client.
struct Senders {
    stop: Arc<AtomicBool>,
    sent: Arc<Mutex<Vec<Sent>>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Clone)]
struct Sent {
    started: Instant,
    answered: Instant,
    answer: Answer,
}

impl Senders {
    fn start(link: &Link, how_many: usize) -> Senders {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let task = |_| {
            let (link, stop, sent) = (link.clone(), stop.clone(), sent.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    let answer = link.send("x").await;
                    let sending = Sent { started, answered: Instant::now(), answer };
                    sent.lock().expect("no panic").push(sending);
                }
            })
        };
        let tasks = (0..how_many).map(task).collect();
        Senders { stop, sent, tasks }
    }

    /// Waits until that many messages that began after `since` were answered.
    async fn answered_since(&self, since: Instant, many: usize) {
        eventually("messages go on", SOON, async || {
            let sent = self.sent.lock().expect("no panic");
            (sent.iter().filter(|one| one.started > since).count() >= many).then_some(())
        })
        .await;
    }

    async fn first(&self, what: &str, wanted: impl Fn(&Answer) -> bool) {
        eventually(what, SOON, async || {
            self.sent.lock().expect("no panic").iter().any(|one| wanted(&one.answer)).then_some(())
        })
        .await;
    }

    async fn stop(self) -> Vec<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a sender that does not panic");
        }
        std::mem::take(&mut self.sent.lock().expect("no panic"))
    }
}

fn accepted(answer: &Answer) -> bool {
    answer.status == 201
}

/// Asserts that there is one turning point: requests that began after the first answer of the second kind get that kind too.
#[track_caller]
fn one_turn(sent: &[Sent], before: impl Fn(&Answer) -> bool, after: impl Fn(&Answer)) {
    let turned = sent.iter().filter(|one| !before(&one.answer)).map(|one| one.answered).min().expect("a turn");
    assert!(sent.iter().any(|one| before(&one.answer)), "it turned before it began");
    for one in sent.iter().filter(|one| one.started > turned) {
        after(&one.answer);
    }
}

#[tokio::test]
async fn a_link_opens_at_its_start_and_not_a_millisecond_before() {
    let starts = in_ms(2000);
    let link = Link::with(json!({ "startsAt": starts })).await;
    assert_eq!(link.created["status"], "scheduled");
    let refusal = format!("This link opens at {starts}");
    let senders = Senders::start(&link, 3);
    senders.first("the opening", accepted).await;
    let sent = senders.stop().await;

    for refused in sent.iter().filter(|one| !accepted(&one.answer)) {
        refused.answer.refused(403, &refusal);
    }
    one_turn(&sent, |answer| !accepted(answer), |answer| answer.is(201, json!({ "success": true })));
    let messages = link.all().await;
    assert_eq!(messages.len(), sent.iter().filter(|one| accepted(&one.answer)).count());
    let first = time(&messages.last().expect("a message")["created_at"]);
    assert!(first >= time(&json!(starts)), "{first} is before {starts}");
    assert_eq!(link.seen().await["status"], "active");
}

#[tokio::test]
async fn a_link_closes_at_its_expiry_and_nothing_is_accepted_from_that_millisecond_on() {
    let expires = in_ms(2000);
    let link = Link::with(json!({ "expiresAt": expires })).await;
    assert_eq!(link.created["status"], "active");
    let senders = Senders::start(&link, 3);
    senders.first("the end", |answer| answer.status == 410).await;
    let sent = senders.stop().await;

    for refused in sent.iter().filter(|one| !accepted(&one.answer)) {
        refused.answer.refused(410, "This link has expired");
    }
    one_turn(&sent, accepted, |answer| answer.refused(410, "This link has expired"));
    let messages = link.all().await;
    assert_eq!(messages.len(), sent.iter().filter(|one| accepted(&one.answer)).count());
    let last = time(&messages[0]["created_at"]);
    assert!(last < time(&json!(expires)), "{last} is not before {expires}");
}

#[tokio::test]
async fn a_link_goes_from_scheduled_to_active_to_expired_by_itself() {
    let link = Link::with(json!({ "startsAt": in_ms(1000), "expiresAt": in_ms(2500) })).await;
    let mut seen = vec![link.created["status"].clone()];
    eventually("expired", SOON, async || {
        let status = link.seen().await["status"].take();
        if seen.last() != Some(&status) {
            seen.push(status.clone());
        }
        (status == "expired").then_some(())
    })
    .await;
    assert_eq!(seen, ["scheduled", "active", "expired"].map(Value::from));
}

/// The tests do not remove expired links from the table: they are still stored, and must not be treated as active.
#[tokio::test]
async fn an_expired_link_that_was_not_swept_takes_nothing_but_can_be_read_and_revived() {
    let link = Link::with(json!({ "pin": "4321", "maxMessages": 1 })).await;
    let body = json!({ "content": "In time", "pin": "4321" });
    link.send_as(&Client::new(), body).await.is(201, json!({ "success": true }));
    link.patched(json!({ "expiresAt": in_ms(1000) })).await;
    eventually("expired", SOON, async || (link.seen().await["status"] == "expired").then_some(())).await;

    for body in [json!({ "content": "x" }), json!({ "content": "x", "pin": "9999" })] {
        link.send_as(&Client::new(), body).await.refused(410, "This link has expired");
    }
    let message = link.newest().await;
    assert_eq!((&message["content"], link.count().await), (&json!("In time"), 1));
    let shared = format!("/api/messages/{}", message["share_token"].as_str().expect("a share token"));
    Client::new().get(&shared).send().await.ok(200);
    Client::new()
        .post("/api/links")
        .json(&json!({ "title": "x", "slug": link.slug }))
        .send()
        .await
        .refused(409, "This slug is already taken");

    link.patched(json!({ "isActive": false })).await;
    link.send("x").await.refused(403, "This link is paused");
    let shown = link.patched(json!({ "isActive": true, "expiresAt": in_ms(60_000), "maxMessages": 2 })).await;
    assert_eq!(shown["status"], "active");
    let body = json!({ "content": "Revived", "pin": "4321" });
    link.send_as(&Client::new(), body).await.is(201, json!({ "success": true }));
    assert_eq!(link.count().await, 2);
}

#[tokio::test]
async fn a_start_that_has_passed_changes_nothing() {
    let link = Link::with(json!({ "startsAt": in_ms(-60_000) })).await;
    assert_eq!(link.created["status"], "active");
    link.sent("x").await;
}

#[tokio::test]
async fn once_a_pause_was_answered_no_message_that_begins_later_is_accepted() {
    let link = Link::open().await;
    let senders = Senders::start(&link, 6);
    let mut pauses = Vec::new();
    let mut runs = Vec::new();
    for _ in 0..3 {
        let running = Instant::now();
        senders.answered_since(running, 12).await;
        let asked = Instant::now();
        runs.push((running, asked));
        link.patched(json!({ "isActive": false })).await;
        let paused = Instant::now();
        senders.answered_since(paused, 12).await;
        pauses.push((paused, Instant::now()));
        link.patched(json!({ "isActive": true })).await;
    }
    let sent = senders.stop().await;

    let within = |(from, until): (Instant, Instant)| {
        sent.iter().filter(move |one| one.started > from && one.answered < until).collect::<Vec<_>>()
    };
    for pause in pauses {
        let refused = within(pause);
        assert!(refused.len() >= 6, "only {} messages in a pause", refused.len());
        refused.iter().for_each(|one| one.answer.refused(403, "This link is paused"));
    }
    for run in runs {
        let done = within(run);
        assert!(done.len() >= 6, "only {} messages while it ran", done.len());
        done.iter().for_each(|one| one.answer.is(201, json!({ "success": true })));
    }
    assert_eq!(link.all().await.len(), sent.iter().filter(|one| accepted(&one.answer)).count());
}
