//! The events of communities.

use serde_json::{Value, json};

use super::{IDEMPOTENCY_KEY, Seeds};
use crate::support::{Answer, Community, User};

const COMMUNITY_ID: &str = "019c32f0-5d3a-7c41-9e2b-6f8a1d4c7b90";
const USER_ID: &str = "019c32f1d2a04c5b6e7f8091";
const MESSAGE_ID: &str = "019c32f5-6f23-7a38-bf3a-61c05b2e9d47";

/// What there is for an event to be about: a community with a member, to whom its creator has written.
struct Seeded {
    community: Community,
    member: User,
    message: Value,
    /// Whose request the event is: the creator's, unless it is to be somebody else's.
    caller: User,
}

impl Seeded {
    async fn new() -> Seeded {
        let (community, [member]) = Community::with_members::<1>().await;
        let message = community.write(&community.creator, &member, "A message that was seeded").await;
        Seeded { caller: community.creator.clone(), community, member, message }
    }

    fn by(self, caller: &User) -> Seeded {
        Seeded { caller: caller.clone(), ..self }
    }

    async fn send(&self, function: &str) -> Answer {
        let user = &self.caller;
        let seeds = Seeds::of(user).put(COMMUNITY_ID, &self.community.id).put(USER_ID, &self.member.id);
        let seeds = seeds.put(MESSAGE_ID, self.message["id"].as_str().expect("an id"));
        seeds.put(IDEMPOTENCY_KEY, &user.id).send(function).await
    }
}

#[tokio::test]
async fn the_event_of_create_community_makes_one() {
    let made = Seeded::new().await.send("create-community").await.ok(201);
    assert_eq!((&made["name"], &made["role"]), (&json!("Rose growers"), &json!("creator")));
}

#[tokio::test]
async fn the_event_of_get_community_shows_it() {
    let seeded = Seeded::new().await;
    seeded.send("get-community").await.is(200, seeded.community.created);
}

#[tokio::test]
async fn the_event_of_update_community_changes_it() {
    let changed = Seeded::new().await.send("update-community").await.ok(200);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Rose and lily growers"), &Value::Null));
}

#[tokio::test]
async fn the_event_of_join_community_makes_a_member() {
    let user = User::sign_up().await;
    let seeded = Seeded::new().await.by(&user);
    let joined = seeded.send("join-community").await.ok(201);
    assert_eq!((&joined["user"]["id"], &joined["community_id"]), (&json!(user.id), &json!(seeded.community.id)));
}

#[tokio::test]
async fn the_event_of_leave_community_ends_a_membership() {
    let seeded = Seeded::new().await;
    let member = seeded.member.clone();
    let seeded = seeded.by(&member);
    seeded.send("leave-community").await.ok(200);
    seeded.community.say(&seeded.member, &seeded.community.creator, "Too late").await.ok(403);
}

#[tokio::test]
async fn the_event_of_list_members_shows_them() {
    let seeded = Seeded::new().await;
    let page = seeded.send("list-members").await.ok(200);
    assert_eq!((&page["members"][0]["user"]["id"], &page["next_cursor"]), (&json!(seeded.member.id), &Value::Null));
}

#[tokio::test]
async fn the_event_of_block_member_stops_messages() {
    let seeded = Seeded::new().await;
    seeded.send("block-member").await.is(200, json!({ "user_id": seeded.member.id, "blocked": true }));
    seeded.community.say(&seeded.member, &seeded.community.creator, "will not arrive").await.ok(403);
}

#[tokio::test]
async fn the_event_of_unblock_member_lets_them_pass() {
    let seeded = Seeded::new().await;
    seeded.community.block(&seeded.member).await.ok(200);
    seeded.send("unblock-member").await.is(200, json!({ "user_id": seeded.member.id, "blocked": false }));
    seeded.community.write(&seeded.member, &seeded.community.creator, "will arrive").await;
}

#[tokio::test]
async fn the_event_of_send_community_message_sends_one() {
    let seeded = Seeded::new().await;
    let message = seeded.send("send-community-message").await.ok(201);
    assert_eq!(message["content"], "Which roses stand half shade?");
    assert_eq!(seeded.community.all(&seeded.member, &seeded.community.creator).await[1], message);
}

#[tokio::test]
async fn the_event_of_list_community_conversations_shows_them() {
    let seeded = Seeded::new().await;
    let page = seeded.send("list-community-conversations").await.ok(200);
    assert_eq!((&page["total"], &page["data"][0]["latest_message"]["id"]), (&json!(1), &seeded.message["id"]));
}

#[tokio::test]
async fn the_event_of_list_community_messages_shows_them() {
    let seeded = Seeded::new().await;
    let page = json!({ "total": 1, "has_more": false, "data": [seeded.message] });
    seeded.send("list-community-messages").await.is(200, page);
}

#[tokio::test]
async fn the_event_of_delete_community_message_takes_it_back() {
    let seeded = Seeded::new().await;
    seeded.send("delete-community-message").await.ok(200);
    assert!(seeded.community.all(&seeded.member, &seeded.community.creator).await.is_empty());
}
