//! What tests of private messages begin with: users who write to each other, and what they upload.

use serde_json::{Value, json};

use super::{Answer, Call, User, Visitor};

/// A file of `tests/media/`.
pub fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/media/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Puts bytes to where the answer of `POST /media/uploads` says, just as it says.
pub async fn put(upload: &Value, bytes: &[u8]) -> Answer {
    let text = |name: &str| upload[name].as_str().unwrap_or_else(|| panic!("no {name}: {upload}"));
    assert_eq!(text("method"), "PUT");
    let headers = upload["headers"].as_object().expect("headers").iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str().expect("a header")));
    Visitor::put(text("url"), headers, bytes).await
}

impl Answer {
    /// The data of a private message's answer that must have this status, in the family's envelope.
    #[track_caller]
    pub fn processed(&self, status: u16) -> Value {
        let body = self.ok(status);
        let fields: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(fields, ["success", "message", "data", "timestamp"]);
        assert_eq!((&body["success"], &body["message"]), (&json!(true), &json!("request processed successfully")));
        super::time(&body["timestamp"]);
        body["data"].clone()
    }

    /// The error shape of private messages, to the letter.
    #[track_caller]
    pub fn rejects(&self, status: u16, message: &str) {
        let body = self.json();
        super::time(&body["timestamp"]);
        self.is(status, json!({ "success": false, "message": message, "timestamp": body["timestamp"] }));
    }
}

impl User {
    /// A message to that user, which may be nobody; more may be added to it.
    pub fn letter(&self, to: &str, body: Value) -> Call {
        self.post(&format!("/message/send/{to}")).json(&body)
    }

    /// Sends a text, and returns the message.
    pub async fn write(&self, to: &User, content: &str) -> Value {
        self.letter(&to.id, json!({ "content": content, "type": "text" })).send().await.processed(200)
    }

    /// What `POST /media/uploads` says of an upload of that kind, type and size.
    pub async fn announce(&self, kind: &str, content_type: &str, bytes: usize) -> Value {
        let body = json!({ "type": kind, "contentType": content_type, "bytes": bytes });
        self.post("/media/uploads").json(&body).send().await.processed(201)
    }

    /// Uploads, and returns the public id.
    pub async fn upload(&self, kind: &str, content_type: &str, bytes: &[u8]) -> String {
        let upload = self.announce(kind, content_type, bytes.len()).await;
        let answer = put(&upload, bytes).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        upload["publicId"].as_str().expect("a public id").to_owned()
    }

    /// A message of that type with these uploads.
    pub fn picture(&self, to: &User, kind: &str, public_ids: &[String]) -> Call {
        let media: Vec<Value> = public_ids.iter().map(|id| json!({ "publicId": id })).collect();
        self.letter(&to.id, json!({ "content": "Look at this", "type": kind, "media": media }))
    }

    /// The newest conversations, 100 at most.
    pub async fn conversations(&self) -> Vec<Value> {
        let data = self.get("/conversations").send().await.processed(200);
        data["conversations"].as_array().expect("conversations").clone()
    }

    /// The newest messages of a conversation, 100 at most.
    pub async fn messages(&self, conversation: &str) -> Vec<Value> {
        let data = self.get(&format!("/conversations/{conversation}/messages")).send().await.processed(200);
        data["messages"].as_array().expect("messages").clone()
    }
}
