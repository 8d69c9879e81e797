//! Fixtures of private messages: users who write to each other, and their uploads.

use local::{Endpoints, Stack};
use serde_json::{Value, json};

use super::{Answer, Call, Client, User, stack_or_skip};

/// A file of `tests/media/`.
pub fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/media/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The clip, whose `moov` box is at its end, with that many zero bytes in front of its media.
pub fn padded_clip(bytes: usize) -> Vec<u8> {
    let clip = sample("clip.mp4");
    let first = u32::from_be_bytes(clip[..4].try_into().expect("four bytes")) as usize;
    assert_eq!(&clip[4..8], b"ftyp");
    let free = u32::try_from(8 + bytes).expect("a box of less than 4 GiB").to_be_bytes();
    [&clip[..first], &free, b"free", &vec![0; bytes], &clip[first..]].concat()
}

/// Uploads bytes with the URL, method and headers of an answer to `POST /media/uploads`.
pub async fn put(upload: &Value, bytes: &[u8]) -> Answer {
    let text = |name: &str| upload[name].as_str().unwrap_or_else(|| panic!("no {name}: {upload}"));
    assert_eq!(text("method"), "PUT");
    let headers = upload["headers"].as_object().expect("headers").iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str().expect("a header")));
    Client::put(text("url"), headers, bytes).await
}

impl Answer {
    /// The data of an answer, which must have this status and the envelope of private messages.
    #[track_caller]
    pub fn processed(&self, status: u16) -> Value {
        let body = self.ok(status);
        let fields: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(fields, ["success", "message", "data", "timestamp"]);
        assert_eq!((&body["success"], &body["message"]), (&json!(true), &json!("request processed successfully")));
        super::time(&body["timestamp"]);
        body["data"].clone()
    }

    /// Exactly this error, in the shape that private messages use.
    #[track_caller]
    pub fn rejects(&self, status: u16, message: &str) {
        let body = self.json();
        super::time(&body["timestamp"]);
        self.is(status, json!({ "success": false, "message": message, "timestamp": body["timestamp"] }));
    }

    /// Exactly this: media that can't be sent, each with its reason.
    #[track_caller]
    pub fn not_promoted(&self, unfit: &[(&str, &str)]) {
        let body = self.json();
        super::time(&body["timestamp"]);
        let details: Vec<Value> =
            unfit.iter().map(|(upload, reason)| json!({ "publicId": upload, "reason": reason })).collect();
        let message = "Media promotion failed";
        let timestamp = &body["timestamp"];
        self.is(500, json!({ "success": false, "message": message, "timestamp": timestamp, "details": details }));
    }
}

impl User {
    /// A request that sends a message to the user with this id, whether or not the user exists.
    pub fn letter(&self, to: &str, body: Value) -> Call {
        self.post(&format!("/message/send/{to}")).json(&body)
    }

    /// Sends a text, and returns the message.
    pub async fn write(&self, to: &User, content: &str) -> Value {
        self.letter(&to.id, json!({ "content": content, "type": "text" })).send().await.processed(200)
    }

    /// Requests an upload of this kind, type and size by `POST /media/uploads`.
    pub async fn request_upload(&self, kind: &str, content_type: &str, bytes: usize) -> Value {
        let body = json!({ "type": kind, "contentType": content_type, "bytes": bytes });
        self.post("/media/uploads").json(&body).send().await.processed(201)
    }

    /// Uploads under a name, and returns the public id.
    pub async fn upload_named(&self, kind: &str, content_type: &str, name: &str, bytes: &[u8]) -> String {
        let body = json!({ "type": kind, "contentType": content_type, "bytes": bytes.len(), "name": name });
        let upload = self.post("/media/uploads").json(&body).send().await.processed(201);
        let answer = put(&upload, bytes).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        upload["publicId"].as_str().expect("a public id").to_owned()
    }

    /// Uploads, and returns the public id.
    pub async fn upload(&self, kind: &str, content_type: &str, bytes: &[u8]) -> String {
        let upload = self.request_upload(kind, content_type, bytes.len()).await;
        let answer = put(&upload, bytes).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        upload["publicId"].as_str().expect("a public id").to_owned()
    }

    /// A request that sends a message of this type with these uploads.
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

/// Two users with a conversation.
#[derive(Clone)]
pub struct Pair {
    pub ann: User,
    pub bob: User,
    pub conversation: String,
}

impl Pair {
    pub async fn begin() -> Pair {
        let [ann, bob] = [User::sign_up().await, User::sign_up().await];
        let conversation = ann.write(&bob, "Hello").await["conversationId"].as_str().expect("an id").to_owned();
        Pair { ann, bob, conversation }
    }

    /// A request by which Ann sends Bob these uploads.
    pub fn send(&self, kind: &str, uploads: &[String]) -> Call {
        self.ann.picture(&self.bob, kind, uploads)
    }

    /// Ann uploads a file of `tests/media/` and sends it to Bob. Returns the message.
    pub async fn show(&self, kind: &str, content_type: &str, file: &str) -> Value {
        let upload = self.ann.upload(kind, content_type, &sample(file)).await;
        self.send(kind, &[upload]).send().await.processed(200)
    }

    /// How many messages there are besides the first one.
    pub async fn media_messages(&self) -> usize {
        self.bob.messages(&self.conversation).await.len() - 1
    }
}

/// A field of an answer that is text.
#[track_caller]
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}"))
}

/// The media of a message.
#[track_caller]
pub fn media_of(message: &Value) -> &[Value] {
    message["media"].as_array().unwrap_or_else(|| panic!("no media: {message}"))
}

/// The public ids of a message's media, which are their keys in the bucket.
#[track_caller]
pub fn keys_of(message: &Value) -> Vec<String> {
    media_of(message).iter().map(|media| text(media, "publicId").to_owned()).collect()
}

/// Amazon's local DynamoDB does not remove expired items.
pub fn table_has_ttl() -> bool {
    let is_external = Endpoints::from_env().dynamodb.is_some();
    if is_external {
        println!("skipped with AWS_ENDPOINT_URL_DYNAMODB: Amazon's local one has no TTL");
    }
    !is_external
}

/// The bucket of a stack, read directly and not through the fault proxy.
pub struct Bucket {
    store: &'static Stack,
    name: String,
}

impl Bucket {
    /// The bucket of the shared stack. `None` with `BASE_URL`.
    pub fn shared() -> Option<Bucket> {
        stack_or_skip("looks into the bucket").and_then(Bucket::of)
    }

    pub fn of(stack: &Stack) -> Option<Bucket> {
        let store = stack_or_skip("looks into the bucket")?;
        Some(Bucket { store, name: stack.bucket().to_owned() })
    }

    /// The keys that begin with `prefix`, in order.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let page = self.store.s3().list_objects_v2().bucket(&self.name).prefix(prefix).send().await.expect("a list");
        page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
    }

    /// The objects of a conversation's messages.
    pub async fn message_objects(&self, conversation: &str) -> Vec<String> {
        self.keys(&format!("media/{conversation}/")).await
    }

    pub async fn has(&self, key: &str) -> bool {
        self.keys(key).await.iter().any(|found| found == key)
    }

    pub async fn has_all(&self, keys: &[String]) -> bool {
        for key in keys {
            if !self.has(key).await {
                return false;
            }
        }
        true
    }

    /// Stores an object directly, which no presigned URL allows.
    pub async fn put(&self, key: &str, content_type: &str, bytes: &[u8]) {
        let put = self.store.s3().put_object().bucket(&self.name).key(key).content_type(content_type);
        put.body(bytes.to_vec().into()).send().await.expect("a put");
    }

    pub async fn delete(&self, key: &str) {
        self.store.s3().delete_object().bucket(&self.name).key(key).send().await.expect("a deletion");
    }
}
