//! Sending to an inbox.

use serde_json::json;

use crate::support::User;

#[tokio::test]
async fn what_was_sent_is_in_the_inbox_newest_first() {
    let user = User::sign_up().await;
    user.receive("the first message").await.is(201, json!({ "success": true, "message": "Message sent successfully" }));
    user.receive("the second message").await.ok(201);
    let inbox = user.inbox().await;
    assert_eq!((inbox[0]["content"].as_str(), inbox[1]["content"].as_str()), (Some("the second message"), Some("the first message")));
}
