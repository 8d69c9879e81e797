//! Log lines of requests for private messages, and values that are never logged.

use serde_json::json;
use uuid::Uuid;

use super::steps::{UNKNOWN, conversation, id, text, two};
use crate::support::{Answer, Call, User, line_of, lines, stack_or_skip, template};

/// A user whose every value is recognisable.
struct Marked {
    user: User,
    mark: String,
}

impl Marked {
    fn say(&self, what: &str) -> String {
        format!("{what}-{}", self.mark)
    }

    async fn send(&self, call: Call) -> Answer {
        let call = call.header("user-agent", &self.say("agent")).header("x-forwarded-for", &self.say("forwarded"));
        call.header("referer", &self.say("referer")).send().await
    }
}

#[tokio::test]
async fn each_request_has_one_line_and_no_line_has_anything_of_anybody() {
    let Some(stack) = stack_or_skip("reads logs") else { return };
    let [user, bob] = two().await;
    let me = Marked { user, mark: Uuid::new_v4().simple().to_string() };
    let (query, content, key) = (me.say("query"), me.say("content"), me.say("key"));
    let ann = &me.user;
    let mut answers: Vec<(&str, u16, Answer)> = Vec::new();

    let path = format!("/message/send/{}?{query}=1", bob.id);
    let sends = [
        (200, ann.post(&path).json(&text(&content)).key(&key)),
        (200, ann.post(&path).json(&text(&content)).key(&key)),
        (422, ann.post(&path).json(&text(&me.say("other"))).key(&key)),
        (400, ann.post(&path).json(&text(&content.repeat(1000)))),
        (400, ann.post(&path).json(&json!({ "content": [content], "type": "text" }))),
        (400, ann.post(&path).json(&json!({ "content": content, "type": content }))),
        (400, ann.post(&path).json(&json!({ "content": content, "type": "text", content.clone(): 1 }))),
        (400, ann.post(&path).json(&json!({ "content": content, "type": "file", "media": [{ "publicId": content }] }))),
        (400, ann.post(&path).bytes("application/json", format!("{{\"content\": \"{content}"))),
        (400, ann.post(&format!("/message/send/{content}")).json(&text(&content))),
        (400, ann.post(&format!("/message/send/{UNKNOWN}?{query}")).json(&text(&content))),
        (401, ann.client.post(&path).bearer(&content).json(&text(&content))),
    ];
    for (status, call) in sends {
        answers.push(("send-to-user", status, me.send(call).await));
    }
    let message = answers[0].2.processed(200);
    let own = conversation(&message);
    let calls = [
        ("send-to-conversation", 200, ann.patch(&format!("/message/send/{own}?{query}")).json(&text(&content))),
        ("send-to-conversation", 403, ann.patch(&format!("/message/send/{UNKNOWN}")).json(&text(&content))),
        ("list-conversations", 200, ann.get(&format!("/conversations?{query}"))),
        ("list-conversations", 400, ann.get(&format!("/conversations?cursor={query}&limit=5"))),
        ("list-private-messages", 200, ann.get(&format!("/conversations/{own}/messages?{query}"))),
        ("list-private-messages", 400, ann.get(&format!("/conversations/{own}/messages?cursor={query}"))),
        (
            "mark-delivered",
            200,
            bob.post(&format!("/conversations/{own}/delivered?{query}")).json(&json!({ "messageId": id(&message) })),
        ),
        ("mark-seen", 400, bob.post(&format!("/conversations/{own}/seen")).json(&json!({ "messageId": content }))),
        ("delete-private-message", 200, ann.delete(&format!("/conversations/{own}/messages/{}?{query}", id(&message)))),
        ("block-user", 200, ann.post(&format!("/users/{}/block?{query}", bob.id))),
        ("send-to-user", 400, bob.post(&format!("/message/send/{}", ann.id)).json(&text(&content))),
        ("list-blocked-users", 200, ann.get(&format!("/users/blocked?{query}"))),
        ("unblock-user", 200, ann.delete(&format!("/users/{}/block?{query}", bob.id))),
        (
            "create-upload",
            400,
            ann.post("/media/uploads").json(&json!({ "type": "image", "contentType": content, "bytes": 1 })),
        ),
    ];
    for (function, status, call) in calls {
        answers.push((function, status, me.send(call).await));
    }

    for (function, status, answer) in &answers {
        let (who, line) = line_of(stack, answer).await;
        assert_eq!((who.as_str(), answer.status), (*function, *status), "{}", answer.text());
        let found = template::functions().into_iter().find(|one| one.name == who).expect("a function");
        assert_eq!((&line["route"], &line["status"]), (&json!(found.routes[0]), &json!(status)));
        for number in ["latency_ms", "round_trips", "read_units", "write_units"] {
            let value = line[number].as_f64().unwrap_or_else(|| panic!("{number} is no number: {line}"));
            assert!((0.0..60_000.0).contains(&value), "{line}");
        }
    }
    let users = [ann, &bob].map(|user| [&user.id, &user.username, &user.email, &user.token, &user.client.address]);
    let secrets = users.iter().flatten().map(|text| text.as_str()).chain([me.mark.as_str(), own, id(&message)]);
    let secrets: Vec<&str> = secrets.collect();
    for line in lines(stack) {
        let found = secrets.iter().find(|secret| line.contains(**secret));
        assert_eq!(found, None, "{line}");
    }
}
