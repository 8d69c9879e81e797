//! The things that the events of a family are about. An event names each of them by a sample.

use serde_json::{Value, json};

use super::Seeds;
use crate::notifications::steps::random_endpoint;
use crate::support::{
    Client, Community, Link, User, code_for, random_email, random_slug, random_username, send_otp, template, text,
};

/// The samples: an event has them where a real request would name something that exists.
const IDEMPOTENCY_KEY: &str = "7c0f3a52-9f0e-4a37-8a52-3f4b7f0f6f10";
const USERNAME: &str = "ann_lee";
const EMAIL: &str = "ann.lee@example.com";
const PASSWORD: &str = "correct horse battery";
const CODE: &str = "482913";
const DEVICE_ID: &str = "5d0c9b1e7a3f48628c4e1f0b9d2a6735";
/// Signed by nobody.
const TOKEN: &str = concat!(
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImtpZCI6IjRmMWQ2YThjMmI3ZTkwMzUifQ.",
    "eyJpc3MiOiJzb3R0byIsImF1ZCI6InNvdHRvIiwic3ViIjoiMDE5YzMyZTQ3YzI4YTFiMmMzZDRlNWY2IiwibmFtZSI6ImFubl9sZWUiLCJkZXZpY2Ui",
    "OiI1ZDBjOWIxZTdhM2Y0ODYyOGM0ZTFmMGI5ZDJhNjczNSIsImp0aSI6ImMyYTk0ZTE3ZjA2YjRkMzg4NWUxYTdkOTBiM2Y2YzUyIiwiaWF0IjoxNzcw",
    "MzcxNDcxLCJuYmYiOjE3NzAzNzE0NzEsImV4cCI6MTc3Mjk2MzQ3MX0.Vb0yq3nTzX1oJtY5m6sW8kQfRgLhDcEaPuIvNxZwM4c",
);
const SLUG: &str = "team-feedback";
const ADMIN_TOKEN: &str = "3f9a1c5e7b2d4860a9c8e7f6051423324150f6e7d8c9babbacad9e8f70615243";
const LINK_MESSAGE_ID: &str = "0198c0df-1041-7a52-8b63-c4d5e6f70819";
const SHARE_TOKEN: &str = "AZjA3nobfD2eT1prfI2eDwGYwN8QQXpSi2PE1eb3CBleDJHXovNLhpLhwH07T6hW";
/// Of an inbox, or of a conversation.
const MESSAGE_ID: &str = "019c32f56f238f3a61c05b2e";
const USER_ID: &str = "019c32f1d2a04c5b6e7f8091";
const CONVERSATION_ID: &str = "019c32f1d2a0b7c6d5e4f3a2";
const COMMUNITY_ID: &str = "019c32f0-5d3a-7c41-9e2b-6f8a1d4c7b90";
const COMMUNITY_MESSAGE_ID: &str = "019c32f5-6f23-7a38-bf3a-61c05b2e9d47";
const ENDPOINT: &str = "https://fcm.googleapis.com/fcm/send/dK3bT0pGx4s:APA91bG8Yw2nQ5";
const SUBSCRIPTION_ID: &str = "b41f0c9a7d2e48368f5a1c0e6d93b752";
const UNSUBSCRIBE_TOKEN: &str = "AZwy5HwoobLD1OX2SlOxXu9Y8PzKkq4WbN3cEw";

/// The seeds of a function's event. Most events need those of their family and no more.
pub async fn of(function: &str) -> Seeds {
    let functions = template::functions();
    let family = functions.iter().find(|known| known.name == function).expect("a function").family();
    let seeds = match family.as_str() {
        "accounts" => account(function).await,
        "inbox" => inbox().await,
        "links" => link(function).await,
        "private" => conversation(function).await,
        "communities" => community(function).await,
        "notifications" => notifications().await,
        _ => Seeds::default(),
    };
    seeds.put(IDEMPOTENCY_KEY, &random_slug())
}

/// A user, as the events name one.
fn user(user: &User) -> Seeds {
    let seeds = Seeds::default().put(USERNAME, &user.username).put(EMAIL, &user.email).put(TOKEN, &user.token);
    seeds.put(PASSWORD, &user.password).put(DEVICE_ID, &user.device)
}

async fn account(function: &str) -> Seeds {
    let (username, email) = (random_username(), random_email());
    match function {
        "send-otp" => Seeds::default().put(EMAIL, &email),
        "sign-up" => {
            let code = send_otp(&email).await;
            Seeds::default().put(USERNAME, &username).put(EMAIL, &email).put(CODE, &code)
        }
        "verify-device" => {
            let elsewhere = User::sign_up().await.on_new_device().await;
            user(&elsewhere).put(CODE, &code_for(&elsewhere.email).await)
        }
        "reset-password" => {
            let known = User::sign_up().await;
            let forgot = json!({ "email": known.email });
            Client::new().post("/api/auth/forgot-password").json(&forgot).send().await.ok(200);
            user(&known).put(CODE, &code_for(&known.email).await)
        }
        _ => user(&User::sign_up().await),
    }
}

/// A message in an inbox.
async fn inbox() -> Seeds {
    let owner = User::sign_up().await;
    owner.receive("A message that was seeded").await.ok(201);
    user(&owner).put(MESSAGE_ID, text(&owner.inbox().await[0], "_id"))
}

/// A link with a message.
async fn link(function: &str) -> Seeds {
    let link = Link::with(json!({ "title": "Seeded", "maxMessages": 5 })).await;
    let message = link.sent("Seeded").await;
    let slug = if function == "create-link" { random_slug() } else { link.slug };
    let seeds = Seeds::default().put(SLUG, &slug).put(ADMIN_TOKEN, &link.token);
    seeds.put(LINK_MESSAGE_ID, text(&message, "id")).put(SHARE_TOKEN, text(&message, "share_token"))
}

/// A conversation with a message of each.
async fn conversation(function: &str) -> Seeds {
    let [caller, partner] = [User::sign_up().await, User::sign_up().await];
    let received = partner.write(&caller, "A message that was seeded").await;
    let sent = caller.write(&partner, "Another one").await;
    if ["unblock-user", "list-blocked-users"].contains(&function) {
        caller.post(&format!("/users/{}/block", partner.id)).send().await.ok(200);
    }
    let message: &Value = if function.starts_with("mark-") { &received } else { &sent };
    let seeds = user(&caller).put(USER_ID, &partner.id).put(CONVERSATION_ID, text(&sent, "conversationId"));
    seeds.put(MESSAGE_ID, text(message, "_id"))
}

/// A community with a member, to whom its creator has written.
async fn community(function: &str) -> Seeds {
    let (community, [member]) = Community::with_members::<1>().await;
    let message = community.write(&community.creator, &member, "A message that was seeded").await;
    let caller = match function {
        "join-community" => User::sign_up().await,
        "leave-community" => member.clone(),
        _ => community.creator.clone(),
    };
    if function == "unblock-member" {
        community.block(&member).await.ok(200);
    }
    let seeds = user(&caller).put(COMMUNITY_ID, &community.id).put(USER_ID, &member.id);
    seeds.put(COMMUNITY_MESSAGE_ID, text(&message, "id"))
}

/// A user with a subscription.
async fn notifications() -> Seeds {
    let subscriber = User::sign_up().await;
    let id = subscriber.subscribed(&random_endpoint()).await;
    let query = subscriber.unsubscribe_query().await;
    let seeds = user(&subscriber).put(SUBSCRIPTION_ID, &id).put(ENDPOINT, &random_endpoint());
    seeds.put(UNSUBSCRIBE_TOKEN, query.trim_start_matches("token="))
}
