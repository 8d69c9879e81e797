//! `PATCH` and `DELETE /api/delete-message`: deletes a message by its id.

use reqwest::Method;
use serde_json::{Value, json};

use super::{id, ids, sent, table};
use crate::support::{Answer, User, stack_or_skip};

const METHODS: [Method; 2] = [Method::PATCH, Method::DELETE];

async fn delete(user: &User, method: &Method, query: &str) -> Answer {
    user.client.call(method.clone(), &format!("/api/delete-message{query}")).bearer(&user.token).send().await
}

/// Asserts the documented answer: the user after the deletion.
#[track_caller]
fn deleted(answer: &Answer, user: &User, accepting: bool, messages: &[Value]) {
    let data = json!({
        "_id": user.id,
        "username": user.username,
        "email": user.email,
        "isVerified": true,
        "isAcceptingMessages": accepting,
        "messages": messages,
        "nextCursor": null,
    });
    answer.is(201, json!({ "success": true, "message": "Message Deleted Successfully", "data": data }));
    let text = answer.text().to_lowercase();
    for secret in ["password", "hash", "argon2", "$", "sealed", "sender", "epoch", "gsi"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn a_message_goes_and_the_user_is_shown_without_it() {
    for method in METHODS {
        println!("{method}");
        let user = User::sign_up().await;
        for n in 0..3 {
            sent(&user.receive(&format!("The message number {n}")).await);
        }
        let all = user.inbox().await;
        let middle = format!("?messageId={}", id(&all[1]));
        deleted(&delete(&user, &method, &middle).await, &user, true, &[all[0].clone(), all[2].clone()]);
        assert_eq!(user.inbox().await, [all[0].clone(), all[2].clone()]);
        // It is gone already. Both methods answer the same.
        for again in METHODS {
            deleted(&delete(&user, &again, &middle).await, &user, true, &[all[0].clone(), all[2].clone()]);
        }
        user.post("/api/accept-messages").json(&json!({ "acceptMessage": false })).send().await.ok(200);
        let oldest = format!("?messageId={}", id(&all[2]));
        deleted(&delete(&user, &method, &oldest).await, &user, false, &all[..1]);
        let newest = format!("?messageId={}", id(&all[0]));
        deleted(&delete(&user, &method, &newest).await, &user, false, &[]);
        assert_eq!(user.inbox().await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn deleting_a_missing_message_is_answered_like_deleting_one() {
    let user = User::sign_up().await;
    let message = user.received("this one stays here").await;
    for never in ["0".repeat(24), "f".repeat(24), table::id_at(table::two_days_ago(), 1), user.id.clone()] {
        for method in METHODS {
            let answer = delete(&user, &method, &format!("?messageId={never}")).await;
            deleted(&answer, &user, true, std::slice::from_ref(&message));
        }
    }
}

#[tokio::test]
async fn without_an_id_the_parameter_is_not_found() {
    let user = User::sign_up().await;
    let message = user.received("this one stays here").await;
    for query in ["", "?", "?messageId=", "?messageid=1", "?id=1", "?MessageId=1", "?messageId"] {
        println!("{query}");
        for method in METHODS {
            delete(&user, &method, query).await.fails(404, "messageId not found");
        }
    }
    // A body is ignored.
    let body = json!({ "messageId": id(&message) });
    user.delete("/api/delete-message").json(&body).send().await.fails(404, "messageId not found");
    assert_eq!(user.inbox().await, [message]);
}

#[tokio::test]
async fn an_id_may_be_written_in_either_case() {
    let user = User::sign_up().await;
    for method in METHODS {
        let message = user.received("found by capitals").await;
        delete(&user, &method, &format!("?messageId={}", id(&message).to_uppercase())).await.ok(201);
        assert_eq!(user.inbox().await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn an_invalid_id_is_refused() {
    let user = User::sign_up().await;
    let message = user.received("this one stays here").await;
    let own = id(&message);
    let bad = [
        own[1..].to_owned(),
        format!("{own}0"),
        format!("{}G", &own[..23]),
        "x".to_owned(),
        "an+id".to_owned(),
        format!("%20{own}"),
        format!("{own}%00"),
        format!("MSG%23{own}"),
        "null".to_owned(),
        "%F0%9F%A6%80".repeat(6),
        "0198c0df-1041-7a52-8b63-c4d5e6f70819".to_owned(),
        "0".repeat(3000),
    ];
    for bad in bad {
        println!("{}", &bad[..bad.len().min(60)]);
        for method in METHODS {
            let answer = delete(&user, &method, &format!("?messageId={bad}")).await;
            answer.fails(400, "messageId must be an id of 24 hex digits");
        }
    }
    assert_eq!(user.inbox().await, [message]);
}

#[tokio::test]
async fn a_message_of_somebody_else_stays_where_it_is() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    let theirs = other.received("this one is not yours").await;
    let mine = user.received("this one is yours").await;
    for method in METHODS {
        let answer = delete(&user, &method, &format!("?messageId={}", id(&theirs))).await;
        deleted(&answer, &user, true, std::slice::from_ref(&mine));
    }
    assert_eq!(other.inbox().await, [theirs]);
}

#[tokio::test]
async fn of_150_messages_the_first_100_are_shown_and_the_cursor_leads_to_the_rest() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    for method in METHODS {
        let user = User::sign_up().await;
        let mut stored = table::fill(stack, &user, 151).await;
        let gone = stored.remove(20);
        let answer = delete(&user, &method, &format!("?messageId={gone}")).await.ok(201);
        let data = &answer["data"];
        assert_eq!(ids(data["messages"].as_array().expect("messages")), stored[..100]);
        let cursor = data["nextCursor"].as_str().expect("a cursor");
        let rest = user.page(&format!("?cursor={cursor}")).await;
        assert_eq!(ids(rest["messages"].as_array().expect("messages")), stored[100..]);
        assert_eq!(rest["nextCursor"], Value::Null);
    }
}

#[tokio::test]
async fn a_message_deleted_many_times_at_once_goes_once_and_alone() {
    let user = User::sign_up().await;
    let (stays, goes) = (user.received("this one stays here").await, user.received("this one goes away").await);
    let deletions = (0..10).map(|n| {
        let (user, query) = (user.clone(), format!("?messageId={}", id(&goes)));
        async move { delete(&user, &METHODS[n % 2], &query).await }
    });
    for answer in crate::support::all_at_once(deletions).await {
        deleted(&answer, &user, true, std::slice::from_ref(&stays));
    }
}
