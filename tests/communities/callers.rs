//! Communities need a session of an active account, on any device.

use serde_json::{Value, json};

use super::steps::NOT_AUTHENTICATED;
use crate::inbox::table;
use crate::support::{Call, Client, Community, User, stack_or_skip};

const CROSS_SITE: &str = "Requests with a cookie are accepted from our own pages only";

struct Scene {
    community: Community,
    bob: User,
    message: Value,
}

impl Scene {
    async fn set() -> Scene {
        let (community, [bob]) = Community::with_members::<1>().await;
        let message = community.write(&community.creator, &bob, "Hello").await;
        Scene { community, bob, message }
    }

    /// Every endpoint of the family, without a session. In this order, each works for the creator.
    fn calls(&self) -> Vec<(&'static str, Call)> {
        let (somebody, path, bob) = (Client::new(), self.community.path(), &self.bob.id);
        let message = self.message["id"].as_str().expect("an id");
        vec![
            ("get", somebody.get(&path)),
            ("get conversations", somebody.get(&format!("{path}/messages/conversations"))),
            ("get messages", somebody.get(&format!("{path}/messages/{bob}"))),
            ("get members", somebody.get(&format!("{path}/members"))),
            ("delete", somebody.delete(&format!("{path}/messages/{message}"))),
            ("send", self.sending(&somebody)),
            ("create", somebody.post("/api/v1/communities").json(&json!({ "name": "Another one" }))),
            ("change", somebody.patch(&path).json(&json!({ "name": "Another name" }))),
            ("block", somebody.post(&format!("{path}/members/{bob}/block"))),
            ("unblock", somebody.delete(&format!("{path}/members/{bob}/block"))),
        ]
    }

    fn sending(&self, somebody: &Client) -> Call {
        let body = json!({ "recipient_id": self.bob.id, "content": "Hello" });
        somebody.post(&format!("{}/messages", self.community.path())).json(&body)
    }

    /// The same endpoints with an error in each request, and requests that the creator must not make.
    fn wrong_calls(&self) -> Vec<(&'static str, Call)> {
        let (somebody, path) = (Client::new(), self.community.path());
        vec![
            ("get nothing", somebody.get("/api/v1/communities/x")),
            ("get conversations by a bad page", somebody.get(&format!("{path}/messages/conversations?page=0"))),
            ("get messages of nobody", somebody.get(&format!("{path}/messages/x"))),
            ("get members by a bad cursor", somebody.get(&format!("{path}/members?cursor=x"))),
            ("delete nothing", somebody.delete(&format!("{path}/messages/x"))),
            ("create without a body", somebody.post("/api/v1/communities")),
            ("create with a bad key", somebody.post("/api/v1/communities").json(&json!({ "name": "x" })).key("a b")),
            ("change nothing", somebody.patch(&path)),
            ("join", somebody.post(&format!("{path}/members"))),
            ("join with a bad key", somebody.post(&format!("{path}/members")).key("a b")),
            ("leave", somebody.delete(&format!("{path}/members/me"))),
            ("block nobody", somebody.post(&format!("{path}/members/x/block"))),
            ("unblock nobody", somebody.delete(&format!("{path}/members/x/block"))),
            ("send nothing", somebody.post(&format!("{path}/messages"))),
        ]
    }

    async fn refused(&self, with: impl Fn(Call) -> Call) {
        for (name, call) in self.calls().into_iter().chain(self.wrong_calls()) {
            println!("{name}");
            with(call).send().await.denies(401, NOT_AUTHENTICATED);
        }
    }

    async fn allowed(&self, with: impl Fn(Call) -> Call) {
        for (name, call) in self.calls() {
            println!("{name}");
            let answer = with(call).send().await;
            assert!([200, 201].contains(&answer.status), "{}", answer.text());
        }
    }

    async fn is_as_it_was(&self) {
        let Scene { community, bob, message } = self;
        community.creator.get(&community.path()).send().await.is(200, community.created.clone());
        assert_eq!(community.all(bob, &community.creator).await, std::slice::from_ref(message));
        assert_eq!(community.listed(bob).await.0, 1);
    }
}

fn cookie(token: &str) -> String {
    format!("next-auth.session-token={token}")
}

#[tokio::test]
async fn without_a_session_nobody_may_do_anything() {
    let scene = Scene::set().await;
    let (token, other) = (&scene.community.creator.token, &scene.bob.token);
    scene.refused(|call| call).await;
    for value in
        ["", "Bearer", "Bearer x", &format!("Basic {token}"), &format!("Bearer {}x", &token[..token.len() - 1])]
    {
        scene.refused(|call| call.header("authorization", value)).await;
    }
    scene.refused(|call| call.bearer(token).header("cookie", &cookie(other))).await;
    scene.is_as_it_was().await;
}

#[tokio::test]
async fn a_session_is_enough_as_a_bearer_as_a_cookie_and_on_a_device_that_is_not_trusted() {
    let scene = Scene::set().await;
    let elsewhere = scene.community.creator.on_new_device().await;
    scene.allowed(|call| call.bearer(&elsewhere.token)).await;
    let scene = Scene::set().await;
    scene.allowed(|call| call.header("cookie", &cookie(&scene.community.creator.token))).await;
}

#[tokio::test]
async fn a_cookie_that_another_site_makes_a_browser_send_changes_nothing() {
    let scene = Scene::set().await;
    let own = cookie(&scene.community.creator.token);
    for header in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let calls = scene.calls().into_iter().chain(scene.wrong_calls());
        for (name, call) in calls.filter(|(name, _)| !name.starts_with("get ") && *name != "get") {
            println!("{header:?} {name}");
            let answer = call.header("cookie", &own).header(header.0, header.1).send().await;
            match name {
                "send" | "send nothing" => answer.denies_message(403, CROSS_SITE),
                _ => answer.denies(403, CROSS_SITE),
            }
        }
    }
    scene.is_as_it_was().await;
}

#[tokio::test]
async fn a_session_that_has_ended_or_of_a_suspended_account_is_refused() {
    let scene = Scene::set().await;
    let elsewhere = scene.community.creator.on_new_device().await;
    elsewhere.post("/api/auth/sign-out").send().await.ok(200);
    scene.refused(|call| call.bearer(&elsewhere.token)).await;
    scene.is_as_it_was().await;
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    for status in ["suspended", "inactive"] {
        table::set_status(stack, &scene.community.creator, status).await;
        scene.refused(|call| call.bearer(&scene.community.creator.token)).await;
    }
    table::set_status(stack, &scene.community.creator, "active").await;
    scene.is_as_it_was().await;
}
