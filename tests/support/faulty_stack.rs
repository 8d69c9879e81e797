//! A stack of a test's own, with somebody between its functions and the stores.

use local::{Endpoints, Options, Stack};
use serde_json::{Value, json};

use super::{Client, FaultProxy, StackScope, ask, bodies, options, stack_or_skip, stored_in, texts};

/// While this lives, what this thread's test does goes to it.
pub struct FaultyStack {
    pub stack: Stack,
    pub dynamodb: FaultProxy,
    pub s3: FaultProxy,
    pub ses: FaultProxy,
    /// In front of every push service.
    pub push: FaultProxy,
    pub sqs: FaultProxy,
    /// In front of what wakes the workers.
    pub streams: FaultProxy,
    /// Where its DynamoDB is when nobody is in between.
    store: String,
    _scope: StackScope,
}

impl FaultyStack {
    /// In front of the stores of the tests' own stack. None without one.
    pub async fn start() -> Option<FaultyStack> {
        let shared = stack_or_skip("comes between functions and stores")?;
        let (dynamodb, s3) =
            (FaultProxy::before(shared.dynamodb_url()).await, FaultProxy::before(shared.s3_url()).await);
        let (ses, streams) =
            (FaultProxy::before(shared.ses_url()).await, FaultProxy::before(shared.dynamodb_url()).await);
        let (push, sqs) = (FaultProxy::before(shared.push_url()).await, FaultProxy::before(shared.sqs_url()).await);
        let credentials = Some(shared.another_key());
        let endpoints = Endpoints {
            dynamodb: Some(dynamodb.url()),
            s3: Some(s3.url()),
            ses: Some(ses.url()),
            push: Some(push.url()),
            sqs: Some(sqs.url()),
            streams: Some(streams.url()),
            credentials,
        };
        let stack = Stack::start(Options { endpoints, ..options() }).await.expect("a second stack");
        let scope = StackScope::at(&stack);
        let store = shared.dynamodb_url().to_owned();
        Some(FaultyStack { stack, dynamodb, s3, ses, push, sqs, streams, store, _scope: scope })
    }

    /// Every item of its table.
    pub async fn stored(&self) -> Vec<Value> {
        stored_in(&self.store, &self.stack).await
    }

    /// The items of its table that have `text` somewhere.
    pub async fn stored_with(&self, text: &str) -> Vec<Value> {
        let mut items = self.stored().await;
        items.retain(|item| texts(item).iter().any(|found| found.contains(text)));
        items
    }

    /// What is in the queue that the template calls `id`.
    pub fn queue(&self, id: &str) -> Vec<Value> {
        let name = self.stack.queue_name(id).unwrap_or_else(|| panic!("there is no queue {id}"));
        let shared = stack_or_skip("has queues").expect("the stack whose queues these are");
        bodies(shared.queues().messages(name))
    }

    /// Removes an item that is there, as its TTL does.
    pub async fn expire(&self, item: &Value) {
        let key = json!({ "pk": item["pk"], "sk": item["sk"] });
        let request = json!({ "TableName": self.stack.table(), "Key": key, "ReturnValues": "ALL_OLD" });
        let answer = ask(&self.store, &self.stack, "DeleteItem", &request).await;
        assert!(answer["Attributes"].is_object(), "{answer}");
    }

    /// Does up to 25 requests of a BatchWriteItem.
    pub async fn write(&self, requests: &[Value]) {
        let request = json!({ "RequestItems": { self.stack.table(): requests } });
        let answer = ask(&self.store, &self.stack, "BatchWriteItem", &request).await;
        assert_eq!(answer["UnprocessedItems"], json!({}));
    }

    /// Puts that many messages into an inbox as if they had been sent long ago.
    pub async fn fill_inbox(&self, user: &str, count: usize) {
        let put = |n: &usize| {
            let id = format!("{:012x}{n:012x}", 1_770_000_000_000_u64);
            json!({ "PutRequest": { "Item": {
                "pk": { "S": format!("INBOX#{user}") },
                "sk": { "S": format!("MSG#{id}") },
                "id": { "S": id },
                "content": { "S": "x".repeat(100) },
                "sealed_sender": { "S": "x".repeat(100) },
            } } })
        };
        for batch in (0..count).collect::<Vec<_>>().chunks(25) {
            self.write(&batch.iter().map(put).collect::<Vec<_>>()).await;
        }
    }

    /// The card of a message, as the world gets it: whether it is in the bucket, whatever its message says.
    pub async fn has_card(&self, share_token: &str) -> bool {
        let answer = Client::new().get(&format!("/_local/cdn/cards/{share_token}.png")).raw().await;
        assert!([200, 403].contains(&answer.status), "{}", answer.text());
        answer.status == 200
    }

    pub async fn stop(self) {
        self.stack.stop().await;
    }
}
