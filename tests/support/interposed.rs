//! A stack of a test's own, with somebody between its functions and the stores.

use local::{Endpoints, Options, Stack};
use serde_json::Value;

use super::{Elsewhere, Interposer, Visitor, options, own_stack, stored_in, texts};

/// While this lives, what this thread's test does goes to it.
pub struct Interposed {
    pub stack: Stack,
    pub dynamodb: Interposer,
    pub s3: Interposer,
    pub ses: Interposer,
    /// Where its DynamoDB is when nobody is in between.
    store: String,
    _elsewhere: Elsewhere,
}

impl Interposed {
    /// In front of the stores of the tests' own stack. None without one.
    pub async fn start() -> Option<Interposed> {
        let shared = own_stack("comes between functions and stores")?;
        let (dynamodb, s3) =
            (Interposer::before(shared.dynamodb_url()).await, Interposer::before(shared.s3_url()).await);
        let ses = Interposer::before(shared.ses_url()).await;
        let credentials = Some(shared.credentials().clone());
        let endpoints = Endpoints {
            dynamodb: Some(dynamodb.url()),
            s3: Some(s3.url()),
            ses: Some(ses.url()),
            streams: Some(shared.dynamodb_url().to_owned()),
            credentials,
        };
        let stack = Stack::start(Options { endpoints, ..options() }).await.expect("a second stack");
        let elsewhere = Elsewhere::at(&stack);
        Some(Interposed { stack, dynamodb, s3, ses, store: shared.dynamodb_url().to_owned(), _elsewhere: elsewhere })
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

    /// The card of a message, as the world gets it: whether it is in the bucket, whatever its message says.
    pub async fn has_card(&self, share_token: &str) -> bool {
        let answer = Visitor::new().get(&format!("/_local/cdn/cards/{share_token}.png")).raw().await;
        assert!([200, 403].contains(&answer.status), "{}", answer.text());
        answer.status == 200
    }

    pub async fn stop(self) {
        self.stack.stop().await;
    }
}
