//! Fixtures of communities: a community, its creator, and members who write to the creator.

use serde_json::{Value, json};

use super::{Answer, Call, User, all_at_once};

#[derive(Clone)]
pub struct Community {
    pub id: String,
    pub creator: User,
    /// The answer to its creation.
    pub created: Value,
}

impl Answer {
    /// Exactly this error, in the shape that communities and notifications use.
    #[track_caller]
    pub fn denies(&self, status: u16, message: &str) {
        self.is(status, json!({ "message": message }));
    }

    /// Exactly this error of a send, whose message is a list.
    #[track_caller]
    pub fn denies_message(&self, status: u16, message: &str) {
        self.is(status, json!({ "message": [message] }));
    }
}

impl Community {
    pub async fn open() -> Community {
        Community::of(&User::sign_up().await).await
    }

    pub async fn of(creator: &User) -> Community {
        let body = json!({ "name": "A community of a test" });
        let created = creator.post("/api/v1/communities").json(&body).send().await.ok(201);
        let id = created["id"].as_str().expect("an id").to_owned();
        Community { id, creator: creator.clone(), created }
    }

    /// With that many members.
    pub async fn with_members<const N: usize>() -> (Community, [User; N]) {
        let community = Community::open().await;
        let joining = User::many(N).await.into_iter().map(|user| {
            let community = community.clone();
            async move {
                community.join(&user).await.ok(201);
                user
            }
        });
        let members = all_at_once(joining).await;
        (community, members.try_into().unwrap_or_else(|_| panic!("{N} members")))
    }

    pub fn path(&self) -> String {
        format!("/api/v1/communities/{}", self.id)
    }

    pub fn members_path(&self) -> String {
        format!("{}/members", self.path())
    }

    pub fn messages_path(&self) -> String {
        format!("{}/messages", self.path())
    }

    pub async fn join(&self, user: &User) -> Answer {
        user.post(&self.members_path()).send().await
    }

    pub async fn leave(&self, user: &User) -> Answer {
        user.delete(&format!("{}/me", self.members_path())).send().await
    }

    fn block_path(&self, user: &User) -> String {
        format!("{}/{}/block", self.members_path(), user.id)
    }

    /// By the creator.
    pub async fn block(&self, user: &User) -> Answer {
        self.creator.post(&self.block_path(user)).send().await
    }

    /// By the creator.
    pub async fn unblock(&self, user: &User) -> Answer {
        self.creator.delete(&self.block_path(user)).send().await
    }

    /// A message with that body; more may be added to it.
    pub fn letter(&self, from: &User, body: &Value) -> Call {
        from.post(&self.messages_path()).json(body)
    }

    pub async fn say(&self, from: &User, to: &User, content: &str) -> Answer {
        self.letter(from, &json!({ "recipient_id": to.id, "content": content })).send().await
    }

    /// Sends a message that must arrive; the message.
    pub async fn write(&self, from: &User, to: &User, content: &str) -> Value {
        self.say(from, to, content).await.ok(201)
    }

    pub async fn delete(&self, user: &User, message: &Value) -> Answer {
        let id = message["id"].as_str().expect("an id");
        user.delete(&format!("{}/{id}", self.messages_path())).send().await
    }

    /// A page of the user's list of conversations, with these query parameters.
    pub async fn conversations(&self, user: &User, query: &str) -> Answer {
        user.get(&format!("{}/conversations{query}", self.messages_path())).send().await
    }

    /// A page of the messages between two, with these query parameters.
    pub async fn messages(&self, user: &User, other: &User, query: &str) -> Answer {
        user.get(&format!("{}/{}{query}", self.messages_path(), other.id)).send().await
    }

    /// The first 100 messages between two.
    pub async fn all(&self, user: &User, other: &User) -> Vec<Value> {
        let page = self.messages(user, other, "?per_page=100").await.ok(200);
        page["data"].as_array().expect("messages").clone()
    }

    /// The user's list of conversations: the total, and the 100 newest.
    pub async fn listed(&self, user: &User) -> (u64, Vec<Value>) {
        let page = self.conversations(user, "?per_page=100").await.ok(200);
        (page["total"].as_u64().expect("a total"), page["data"].as_array().expect("conversations").clone())
    }
}
