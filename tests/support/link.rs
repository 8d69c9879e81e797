//! A link with its admin token, for nearly every test of links.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Client};

#[derive(Clone)]
pub struct Link {
    pub slug: String,
    pub token: String,
    /// The link in the answer to its creation.
    pub created: Value,
}

pub fn random_slug() -> String {
    format!("t-{}", Uuid::new_v4().simple())
}

impl Link {
    pub async fn open() -> Link {
        Link::with(json!({})).await
    }

    /// Creates a link with these fields, and with a title and a slug if they are missing.
    pub async fn with(fields: Value) -> Link {
        let mut body = json!({ "title": "A link of a test", "slug": random_slug() });
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        Link::from(&Client::new().post("/api/links").json(&body).send().await.ok(201))
    }

    /// Makes a link anew under the slug of a deleted one, as its owner may.
    pub async fn again(deleted: &Link) -> Link {
        Link::again_with(deleted, json!({})).await
    }

    pub async fn again_with(deleted: &Link, fields: Value) -> Link {
        let mut body = json!({ "title": "Anew", "slug": deleted.slug });
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        Link::from(&Client::new().post("/api/links").bearer(&deleted.token).json(&body).send().await.ok(201))
    }

    /// From the answer to a creation.
    #[track_caller]
    pub fn from(answer: &Value) -> Link {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        let created = answer["link"].clone();
        Link { slug: text(&created["slug"]), token: text(&answer["adminToken"]), created }
    }

    pub fn path(&self) -> String {
        format!("/api/links/{}", self.slug)
    }

    pub fn messages(&self) -> String {
        format!("/api/links/{}/messages", self.slug)
    }

    /// The link's own path, as its owner calls it.
    pub fn owned(&self) -> String {
        format!("{}?token={}", self.path(), self.token)
    }

    /// The inbox, as its owner calls it; more query parameters may follow.
    pub fn inbox(&self) -> String {
        format!("{}?token={}", self.messages(), self.token)
    }

    pub fn message(&self, id: &str) -> String {
        format!("{}/{id}?token={}", self.messages(), self.token)
    }

    /// Sends a message from a new client.
    pub async fn send(&self, content: &str) -> Answer {
        self.send_as(&Client::new(), json!({ "content": content })).await
    }

    pub async fn send_as(&self, sender: &Client, body: Value) -> Answer {
        sender.post(&self.messages()).json(&body).send().await
    }

    pub async fn patch(&self, fields: Value) -> Answer {
        Client::new().patch(&self.owned()).json(&fields).send().await
    }

    /// The link after a change that must succeed.
    pub async fn patched(&self, fields: Value) -> Value {
        let mut answer = self.patch(fields).await.ok(200);
        answer["link"].take()
    }

    /// The link as anybody sees it.
    pub async fn seen(&self) -> Value {
        let mut answer = Client::new().get(&self.path()).send().await.ok(200);
        answer["link"].take()
    }

    /// The first page of the inbox.
    pub async fn page(&self, more: &str) -> Value {
        Client::new().get(&format!("{}{more}", self.inbox())).send().await.ok(200)
    }

    /// The whole inbox, newest first, page by page.
    pub async fn all(&self) -> Vec<Value> {
        self.all_by(100).await
    }

    pub async fn all_by(&self, limit: usize) -> Vec<Value> {
        let (mut messages, mut more) = (Vec::new(), format!("&limit={limit}"));
        loop {
            let page = self.page(&more).await;
            let found = page["messages"].as_array().expect("messages");
            assert!(found.len() <= limit, "{} messages on a page of {limit}", found.len());
            messages.extend(found.iter().cloned());
            match &page["next_cursor"] {
                Value::Null => return messages,
                cursor => more = format!("&limit={limit}&cursor={}", cursor.as_str().expect("a cursor or null")),
            }
        }
    }

    /// The number of messages that the owner sees.
    pub async fn count(&self) -> u64 {
        let page = self.page("&limit=1").await;
        page["link"]["message_count"].as_u64().unwrap_or_else(|| panic!("{page}"))
    }

    /// The newest message, as its owner sees it.
    pub async fn newest(&self) -> Value {
        self.page("&limit=1").await["messages"][0].clone()
    }

    /// Sends a message and returns it as the inbox shows it.
    pub async fn sent(&self, content: &str) -> Value {
        self.send(content).await.is(201, json!({ "success": true }));
        let newest = self.newest().await;
        assert_eq!(newest["content"], content);
        newest
    }
}
