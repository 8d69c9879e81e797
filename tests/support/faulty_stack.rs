//! A stack of a test's own, with fault proxies between its functions and the stores of the shared stack.

use local::{Endpoints, Options, Stack};
use serde_json::{Value, json};

use super::{
    ALWAYS, Client, Fault, FaultProxy, StackScope, ask, bodies, now, options, stack_or_skip, stored_in, texts,
};

/// A stack with a fault proxy in front of each store. While it lives, requests of this thread's test go to it.
pub struct FaultyStack {
    pub stack: Stack,
    pub dynamodb: FaultProxy,
    pub s3: FaultProxy,
    pub ses: FaultProxy,
    /// In front of all push services.
    pub push: FaultProxy,
    pub sqs: FaultProxy,
    /// In front of the table's stream, which wakes the workers.
    pub streams: FaultProxy,
    /// The URL of DynamoDB itself, behind the proxy.
    store: String,
    /// Holds the stream back, if the stack has no workers.
    _silence: Option<Fault>,
    _scope: StackScope,
}

impl FaultyStack {
    /// Starts a stack in front of the shared stack's stores. `None` with `BASE_URL`.
    pub async fn start() -> Option<FaultyStack> {
        FaultyStack::with(&[], true).await
    }

    /// The same, but its stream never answers, so that no worker runs. For tests that need none: polling a stream and running the
    /// workers takes more of the processor than such a test itself.
    pub async fn without_workers() -> Option<FaultyStack> {
        FaultyStack::with(&[], false).await
    }

    /// The same, with values for parameters of the template.
    pub async fn with_parameters(parameters: &[(&str, &str)]) -> Option<FaultyStack> {
        FaultyStack::with(parameters, true).await
    }

    async fn with(parameters: &[(&str, &str)], answers: bool) -> Option<FaultyStack> {
        let shared = stack_or_skip("comes between functions and stores")?;
        let (dynamodb, s3) =
            (FaultProxy::before(shared.dynamodb_url()).await, FaultProxy::before(shared.s3_url()).await);
        let (ses, streams) =
            (FaultProxy::before(shared.ses_url()).await, FaultProxy::before(shared.dynamodb_url()).await);
        let (push, sqs) = (FaultProxy::before(shared.push_url()).await, FaultProxy::before(shared.sqs_url()).await);
        let silence = (!answers).then(|| streams.when(|_| true).never_answer(ALWAYS));
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
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let stack = Stack::start(Options { endpoints, parameters, ..options() }).await.expect("a second stack");
        let scope = StackScope::at(&stack);
        let store = shared.dynamodb_url().to_owned();
        Some(FaultyStack { stack, dynamodb, s3, ses, push, sqs, streams, store, _silence: silence, _scope: scope })
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

    /// The messages in the queue that the template calls `id`.
    pub fn queue(&self, id: &str) -> Vec<Value> {
        let name = self.stack.queue_name(id).unwrap_or_else(|| panic!("there is no queue {id}"));
        let shared = stack_or_skip("has queues").expect("the stack whose queues these are");
        bodies(shared.queues().messages(name))
    }

    /// Removes an item, as its TTL would. The item must exist.
    pub async fn expire(&self, item: &Value) {
        let key = json!({ "pk": item["pk"], "sk": item["sk"] });
        let request = json!({ "TableName": self.stack.table(), "Key": key, "ReturnValues": "ALL_OLD" });
        let answer = ask(&self.store, &self.stack, "DeleteItem", &request).await;
        assert!(answer["Attributes"].is_object(), "{answer}");
    }

    /// Replaces the failures that a ceiling per day has counted: hours ago, and how many. On this stack, one failure must have been
    /// counted under `limit`, as the name of the item is a hash that only the product can make.
    pub async fn set_failures(&self, limit: &str, failures: &[(i64, u64)]) {
        let mut item = self.limit_item(limit).await;
        let fields = item.as_object_mut().expect("an item");
        fields.retain(|name, _| ["pk", "sk", "ttl"].contains(&name.as_str()));
        let hour = now().unix_timestamp() / 3600;
        for (hours_ago, count) in failures {
            fields.insert(format!("h{}", hour - hours_ago), json!({ "N": count.to_string() }));
        }
        self.write(&[json!({ "PutRequest": { "Item": item } })]).await;
    }

    /// The only item of a limit. In the last window before midnight UTC there may be two that hold the same: any of them.
    pub async fn limit_item(&self, limit: &str) -> Value {
        let prefix = format!("LIMIT#{limit}#");
        let mut items = self.stored().await.into_iter();
        let item = items.find(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with(&prefix)));
        item.unwrap_or_else(|| panic!("nothing is counted under {limit}"))
    }

    /// Sends up to 25 requests as one BatchWriteItem.
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

    /// Whether the public can get a message's card, whatever its message says.
    pub async fn has_card(&self, share_token: &str) -> bool {
        let answer = Client::new().get(&format!("/_local/cdn/cards/{share_token}.png")).raw().await;
        assert!([200, 403].contains(&answer.status), "{}", answer.text());
        answer.status == 200
    }

    pub async fn stop(self) {
        self.stack.stop().await;
    }
}
