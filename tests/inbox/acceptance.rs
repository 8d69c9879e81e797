//! `GET` and `POST /api/accept-messages`: the switch works as soon as it has answered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::task::LocalSet;

use super::{contents, sent};
use crate::support::{Answer, SOON, User, eventually};

const PATH: &str = "/api/accept-messages";

async fn set(user: &User, body: Value) -> Answer {
    user.post(PATH).json(&body).send().await
}

/// Sets the switch, and asserts the documented answer.
async fn accept(user: &User, accepts: bool) {
    let message = "User's isAcceptingMessages status updated successfully.";
    set(user, json!({ "acceptMessage": accepts })).await.is(200, json!({ "success": true, "message": message }));
}

async fn shows(user: &User, accepts: bool) {
    user.get(PATH).send().await.is(200, json!({ "success": true, "isAcceptingMessages": accepts }));
}

#[tokio::test]
async fn the_switch_shows_what_it_was_set_to() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    shows(&user, true).await;
    for accepts in [false, false, true, true, false] {
        accept(&user, accepts).await;
        shows(&user, accepts).await;
        let session = user.get("/api/auth/session").send().await.ok(200);
        assert_eq!(session["user"]["isAcceptingMessages"], accepts);
    }
    shows(&other, true).await;
    sent(&other.receive("nobody else is closed").await);
    // The switch belongs to the account, not to the device.
    let elsewhere = user.on_new_device().await;
    shows(&elsewhere, false).await;
    accept(&elsewhere, true).await;
    shows(&user, true).await;
    sent(&user.receive("open once more").await);
}

#[tokio::test]
async fn what_is_not_true_or_false_changes_nothing() {
    let user = User::sign_up().await;
    for before in [true, false] {
        accept(&user, before).await;
        for wrong in [
            json!(1),
            json!(0),
            json!("true"),
            json!("false"),
            json!(""),
            json!(null),
            json!([true]),
            json!({}),
            json!(0.5),
        ] {
            println!("{wrong}");
            set(&user, json!({ "acceptMessage": wrong })).await.fails(400, "acceptMessage must be true or false");
        }
        for missing in [json!({}), json!({ "acceptMessages": !before }), json!({ "accept_message": !before })] {
            println!("{missing}");
            set(&user, missing).await.fails(400, "acceptMessage is required");
        }
        for (body, message) in [
            ("", "The body is not valid JSON"),
            ("{\"acceptMessage\":tru", "The body is not valid JSON"),
            ("true", "The body must be a JSON object"),
            ("{\"acceptMessage\":true,\"acceptMessage\":false}", "acceptMessage must be given once"),
        ] {
            user.post(PATH).bytes("application/json", body).send().await.fails(400, message);
        }
        let plain = user.post(PATH).bytes("text/plain", r#"{"acceptMessage":true}"#).send().await;
        plain.fails(415, "Content-Type must be application/json");
        let large = format!("{{\"acceptMessage\":true}}{}", " ".repeat(64 * 1024));
        let large = user.post(PATH).bytes("application/json", large).send().await;
        large.fails(413, "The body must not be larger than 64 KiB");
        shows(&user, before).await;
    }
}

/// A sent message: the time of the request, the time of the answer, and the answer.
struct Sent {
    began: Instant,
    ended: Instant,
    status: u16,
}

/// Many senders that send until they are stopped. Each message comes from a new client.
struct Load {
    sent: RefCell<Vec<Sent>>,
    over: Cell<bool>,
}

impl Load {
    async fn go_on(&self, user: &User) {
        while !self.over.get() {
            let began = Instant::now();
            let answer = user.receive("one of very many").await;
            match answer.status {
                201 => sent(&answer),
                _ => answer.fails(403, "User is not accepting messages"),
            }
            self.sent.borrow_mut().push(Sent { began, ended: Instant::now(), status: answer.status });
        }
    }

    /// Waits until that many messages that began after `moment` were sent.
    async fn after(&self, moment: Instant, count: usize) {
        eventually("more messages", SOON, async || {
            let since = self.sent.borrow().iter().filter(|sent| sent.began > moment).count();
            (since >= count).then_some(())
        })
        .await;
    }

    /// The messages that began after the first moment and ended before the second one.
    fn between(&self, begin: Instant, end: Instant) -> Vec<u16> {
        let sent = self.sent.borrow();
        sent.iter().filter(|sent| sent.began > begin && sent.ended < end).map(|sent| sent.status).collect()
    }
}

/// It runs on one thread, so that the order of the recorded times is the real order.
#[tokio::test]
async fn no_message_that_begins_after_the_switch_is_off_is_accepted_under_any_load() {
    let user = User::sign_up().await;
    let load = Rc::new(Load { sent: RefCell::default(), over: Cell::new(false) });
    let flips = async {
        for _ in 0..16 {
            let (load, user) = (load.clone(), user.clone());
            tokio::task::spawn_local(async move { load.go_on(&user).await });
        }
        load.after(Instant::now(), 20).await;
        for round in 0..6 {
            accept(&user, false).await;
            let off = Instant::now();
            load.after(off, 40).await;
            let end = Instant::now();
            accept(&user, true).await;
            let on = Instant::now();
            load.after(on, 20).await;
            let (refused, accepted) = (load.between(off, end), load.between(on, Instant::now()));
            assert!(refused.len() >= 40 && accepted.len() >= 20);
            assert!(refused.iter().all(|status| *status == 403), "round {round}: {refused:?}");
            assert!(accepted.iter().all(|status| *status == 201), "round {round}: {accepted:?}");
        }
        accept(&user, false).await;
        load.over.set(true);
        let off = Instant::now();
        // Requests that are under way may be accepted or refused.
        eventually("the last answers", SOON, async || (Rc::strong_count(&load) == 1).then_some(())).await;
        assert!(load.between(off, Instant::now()).iter().all(|status| *status == 403));
    };
    LocalSet::new().run_until(flips).await;

    let accepted = load.sent.borrow().iter().filter(|sent| sent.status == 201).count();
    assert_eq!(super::all_by(&user, 100).await.len(), accepted);
    assert!(contents(&user).await.iter().all(|content| content == "one of very many"));
}
