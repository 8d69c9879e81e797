//! Sending a text.

use crate::support::User;

#[tokio::test]
async fn a_message_is_answered_as_documented() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let message = ann.write(&bob, "Hello").await;
    assert_eq!((&message["content"], &message["senderId"]), (&"Hello".into(), &ann.id.as_str().into()));
}
