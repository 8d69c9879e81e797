//! Private messages need a session of an active account on a trusted device.

use serde_json::{Value, json};

use super::steps::{CROSS_SITE, NOT_ACTIVE, NOT_AUTHENTICATED, NOT_TRUSTED, UNKNOWN, conversation, id, text, two};
use crate::inbox::table;
use crate::support::{Call, Client, User, code_for, stack_or_skip};

/// Two users, and a message from each to the other.
struct Scene {
    ann: User,
    bob: User,
    by_ann: Value,
    by_bob: Value,
}

impl Scene {
    async fn set() -> Scene {
        let [ann, bob] = two().await;
        let (by_ann, by_bob) = (ann.write(&bob, "From Ann").await, bob.write(&ann, "From Bob").await);
        Scene { ann, bob, by_ann, by_bob }
    }

    /// Every endpoint of the family, without a session. In this order, each works for Ann.
    fn calls(&self) -> Vec<(&'static str, Call)> {
        let (somebody, bob) = (Client::new(), &self.bob.id);
        let own = format!("/conversations/{}", conversation(&self.by_ann));
        let (body, upto) = (text("Hello"), json!({ "messageId": id(&self.by_bob) }));
        let upload = json!({ "type": "image", "contentType": "image/png", "bytes": 1 });
        vec![
            ("send", somebody.post(&format!("/message/send/{bob}")).json(&body)),
            ("reply", somebody.patch(&format!("/message/send/{}", conversation(&self.by_ann))).json(&body)),
            ("upload", somebody.post("/media/uploads").json(&upload)),
            ("get conversations", somebody.get("/conversations")),
            ("get messages", somebody.get(&format!("{own}/messages"))),
            ("delivered", somebody.post(&format!("{own}/delivered")).json(&upto)),
            ("seen", somebody.post(&format!("{own}/seen")).json(&upto)),
            ("delete", somebody.delete(&format!("{own}/messages/{}", id(&self.by_ann)))),
            ("block", somebody.post(&format!("/users/{bob}/block"))),
            ("get blocked", somebody.get("/users/blocked")),
            ("unblock", somebody.delete(&format!("/users/{bob}/block"))),
        ]
    }

    /// The same endpoints with an error in each request. Only authenticated callers see these errors.
    fn wrong_calls(&self) -> Vec<(&'static str, Call)> {
        let somebody = Client::new();
        let own = format!("/conversations/{}", conversation(&self.by_ann));
        vec![
            ("send to no id", somebody.post("/message/send/x").json(&text("Hello"))),
            ("send of nothing", somebody.post(&format!("/message/send/{}", self.bob.id))),
            ("send to nobody", somebody.post(&format!("/message/send/{UNKNOWN}")).json(&text("Hello"))),
            ("send to herself", somebody.post(&format!("/message/send/{}", self.ann.id)).json(&text("Hello"))),
            ("send with a bad key", somebody.post(&format!("/message/send/{UNKNOWN}")).json(&text("x")).key("a b")),
            ("reply to no id", somebody.patch("/message/send/x").json(&text("Hello"))),
            ("reply to nothing", somebody.patch(&format!("/message/send/{UNKNOWN}")).json(&text("Hello"))),
            ("upload of nothing", somebody.post("/media/uploads")),
            ("get conversations by a bad limit", somebody.get("/conversations?limit=0")),
            ("get conversations by a bad cursor", somebody.get("/conversations?cursor=x")),
            ("get messages of no id", somebody.get("/conversations/x/messages")),
            ("get messages of nothing", somebody.get(&format!("/conversations/{UNKNOWN}/messages"))),
            ("get messages by a bad limit", somebody.get(&format!("{own}/messages?limit=101"))),
            ("get messages by a bad cursor", somebody.get(&format!("{own}/messages?cursor=x"))),
            ("delivered without a body", somebody.post(&format!("{own}/delivered"))),
            ("seen in no id", somebody.post("/conversations/x/seen").json(&json!({ "messageId": "x" }))),
            ("delete of no id", somebody.delete(&format!("{own}/messages/x"))),
            ("delete of nothing", somebody.delete(&format!("{own}/messages/{UNKNOWN}"))),
            ("block of no id", somebody.post("/users/x/block")),
            ("block of herself", somebody.post(&format!("/users/{}/block", self.ann.id))),
            ("get blocked by a bad limit", somebody.get("/users/blocked?limit=-1")),
            ("get blocked by a bad cursor", somebody.get("/users/blocked?cursor=x")),
            ("unblock of no id", somebody.delete("/users/x/block")),
        ]
    }

    /// Asserts that every endpoint refuses in the same words.
    async fn refused(&self, message: &str, with: impl Fn(Call) -> Call) {
        for (name, call) in self.calls().into_iter().chain(self.wrong_calls()) {
            println!("{name}");
            with(call).send().await.rejects(401, message);
        }
    }

    /// Asserts that nothing was written, marked, deleted or blocked.
    async fn is_as_it_was(&self) {
        for user in [&self.ann, &self.bob] {
            assert_eq!(user.messages(conversation(&self.by_ann)).await, [self.by_bob.clone(), self.by_ann.clone()]);
            assert_eq!(super::steps::unread(user).await, 1);
        }
        let data = self.ann.get("/users/blocked").send().await.processed(200);
        assert_eq!(data, json!({ "users": [], "nextCursor": null }));
    }

    /// Asserts that every endpoint works.
    async fn allowed(&self, with: impl Fn(Call) -> Call) {
        for (name, call) in self.calls() {
            println!("{name}");
            with(call).send().await.processed(if name == "upload" { 201 } else { 200 });
        }
    }
}

fn cookie(token: &str) -> String {
    format!("next-auth.session-token={token}")
}

#[tokio::test]
async fn without_a_session_nothing_is_shown_or_changed() {
    let scene = Scene::set().await;
    let (token, other) = (&scene.ann.token, &scene.bob.token);
    let forged = format!("{token}x");
    let header = |name: &'static str, value: String| move |call: Call| call.header(name, &value);
    let bad: [(&str, String); 9] = [
        ("authorization", format!("Bearer {forged}")),
        ("authorization", format!("Basic {token}")),
        ("authorization", token.clone()),
        ("authorization", "Bearer ".to_owned()),
        ("cookie", cookie(&forged)),
        ("cookie", cookie("")),
        ("cookie", format!("session={token}")),
        ("cookie", format!("{}; {}", cookie(token), cookie(other))),
        ("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.".to_owned()),
    ];
    scene.refused(NOT_AUTHENTICATED, |call| call).await;
    for (name, value) in bad {
        println!("{name}: {value}");
        scene.refused(NOT_AUTHENTICATED, header(name, value)).await;
    }
    scene.refused(NOT_AUTHENTICATED, |call| call.bearer(token).header("cookie", &cookie(other))).await;
    scene.is_as_it_was().await;
}

#[tokio::test]
async fn a_cookie_is_as_good_as_a_bearer() {
    let scene = Scene::set().await;
    scene.allowed(|call| call.header("cookie", &cookie(&scene.ann.token))).await;
    let bearer = |call: Call| call.bearer(&scene.ann.token);
    scene.allowed(bearer).await;
    scene.allowed(|call| bearer(call).header("cookie", &cookie(&scene.ann.token))).await;
}

#[tokio::test]
async fn a_cookie_that_another_site_makes_a_browser_send_changes_nothing() {
    let scene = Scene::set().await;
    for header in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let calls = scene.calls().into_iter().chain(scene.wrong_calls());
        for (name, call) in calls.filter(|(name, _)| !name.starts_with("get ")) {
            println!("{header:?} {name}");
            let call = call.header("cookie", &cookie(&scene.ann.token)).header(header.0, header.1);
            call.send().await.rejects(403, CROSS_SITE);
        }
    }
    scene.is_as_it_was().await;
}

#[tokio::test]
async fn a_device_that_is_not_trusted_may_do_nothing_until_it_is_verified() {
    let scene = Scene::set().await;
    let elsewhere = scene.ann.on_new_device().await;
    let bearer = |call: Call| call.bearer(&elsewhere.token);
    scene.refused(NOT_TRUSTED, bearer).await;
    scene.refused(NOT_TRUSTED, |call| call.header("cookie", &cookie(&elsewhere.token))).await;
    scene.is_as_it_was().await;
    let code = json!({ "code": code_for(&scene.ann.email).await });
    elsewhere.post("/api/auth/devices/verify").json(&code).send().await.ok(200);
    scene.allowed(bearer).await;
}

#[tokio::test]
async fn an_ended_session_is_refused() {
    let scene = Scene::set().await;
    let elsewhere = scene.ann.on_new_device().await;
    elsewhere.post("/api/auth/sign-out").send().await.ok(200);
    scene.refused(NOT_AUTHENTICATED, |call| call.bearer(&elsewhere.token)).await;
    // A session on a trusted device ends when the device is removed.
    let removed = scene.ann.on_new_device().await;
    let code = json!({ "code": code_for(&scene.ann.email).await });
    removed.post("/api/auth/devices/verify").json(&code).send().await.ok(200);
    removed.get("/conversations").send().await.processed(200);
    scene.ann.delete(&format!("/api/auth/devices/{}", removed.device)).send().await.ok(200);
    scene.refused(NOT_AUTHENTICATED, |call| call.bearer(&removed.token)).await;
    scene.is_as_it_was().await;
}

#[tokio::test]
async fn an_account_that_is_not_active_may_do_nothing_until_it_is_active_again() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let scene = Scene::set().await;
    let elsewhere = scene.ann.on_new_device().await;
    for status in ["suspended", "inactive"] {
        println!("{status}");
        table::set_status(stack, &scene.ann, status).await;
        scene.refused(NOT_ACTIVE, |call| call.bearer(&scene.ann.token)).await;
        scene.refused(NOT_ACTIVE, |call| call.header("cookie", &cookie(&scene.ann.token))).await;
        scene.refused(NOT_ACTIVE, |call| call.bearer(&elsewhere.token)).await;
    }
    table::set_status(stack, &scene.ann, "active").await;
    scene.is_as_it_was().await;
    scene.allowed(|call| call.bearer(&scene.ann.token)).await;
}
