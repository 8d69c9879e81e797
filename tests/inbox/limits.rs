//! Limits per client: 5 messages a minute to one recipient, 30 to all of them.

use serde_json::json;
use uuid::Uuid;

use super::{ALL_INBOXES, INBOX_MESSAGES, contents, letter, limited, remaining, sent};
use crate::support::{Answer, Client, User, all_at_once, random_username};

#[tokio::test]
async fn the_6th_message_a_minute_to_one_recipient_is_refused_and_another_recipient_gets_one() {
    let (user, other, sender) = (User::sign_up().await, User::sign_up().await, Client::new());
    for left in (0..5).rev() {
        let answer = user.receive_from(&sender, "again and again").await;
        sent(&answer);
        assert_eq!(remaining(&answer), (left, 25 + left));
    }
    for _ in 0..3 {
        limited(&user.receive_from(&sender, "once too often").await, INBOX_MESSAGES);
    }
    // Refused messages do not count.
    let answer = other.receive_from(&sender, "hello to another").await;
    sent(&answer);
    assert_eq!(remaining(&answer), (4, 24));
    sent(&user.receive("hello from another").await);
    limited(&user.receive_from(&sender, "once too often").await, INBOX_MESSAGES);
    assert_eq!(contents(&user).await[0], "hello from another");
    assert_eq!((user.inbox().await.len(), other.inbox().await.len()), (6, 1));
}

#[tokio::test]
async fn the_31st_message_a_minute_to_any_recipients_is_refused() {
    let (users, sender) = (User::many(8).await, Client::new());
    for n in 0..30 {
        let answer = users[n % 7].receive_from(&sender, "hello to all of you").await;
        sent(&answer);
        assert_eq!(remaining(&answer), (4 - n as u64 / 7, 29 - n as u64));
    }
    // A recipient without messages, and one who could get one more.
    for user in [&users[7], &users[6]] {
        limited(&user.receive_from(&sender, "one too many").await, ALL_INBOXES);
        sent(&user.receive("from somebody else").await);
    }
    let arrived: usize =
        all_at_once(users.into_iter().map(|user| async move { user.inbox().await.len() })).await.iter().sum();
    assert_eq!(arrived, 32);
}

/// Sends that many messages at once from one client, to these recipients in turn.
async fn burst(users: &[User], sender: &Client, count: usize) -> Vec<Answer> {
    let sends = (0..count).map(|n| {
        let (user, sender) = (users[n % users.len()].clone(), sender.clone());
        async move { user.receive_from(&sender, "all of a sudden").await }
    });
    all_at_once(sends).await
}

#[tokio::test]
async fn of_40_messages_at_once_from_one_client_to_one_recipient_exactly_5_are_accepted() {
    let (user, sender) = (User::sign_up().await, Client::new());
    let answers = burst(std::slice::from_ref(&user), &sender, 40).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((accepted.len(), refused.len()), (5, 35));
    accepted.into_iter().for_each(sent);
    for answer in refused {
        // Messages that are under way may fill the other limit, too.
        let name = answer.header("ratelimit").expect("a RateLimit header");
        limited(answer, if name.contains(ALL_INBOXES.0) { ALL_INBOXES } else { INBOX_MESSAGES });
    }
    assert_eq!(user.inbox().await.len(), 5);
    limited(&user.receive_from(&sender, "once too often").await, INBOX_MESSAGES);
    sent(&user.receive("from somebody else").await);
    // The 35 refused messages do not count for other recipients.
    let other = User::sign_up().await;
    let answer = other.receive_from(&sender, "hello to another").await;
    sent(&answer);
    assert_eq!(remaining(&answer), (4, 24));
}

#[tokio::test]
async fn of_60_messages_at_once_from_one_client_to_12_recipients_exactly_30_are_accepted() {
    let (users, sender) = (User::many(12).await, Client::new());
    let answers = burst(&users, &sender, 60).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((accepted.len(), refused.len()), (30, 30));
    accepted.into_iter().for_each(sent);
    for answer in refused {
        limited(answer, ALL_INBOXES);
    }
    let arrived: usize =
        all_at_once(users.into_iter().map(|user| async move { user.inbox().await.len() })).await.iter().sum();
    assert_eq!(arrived, 30);
}

#[tokio::test]
async fn what_is_refused_takes_nothing_from_either_limit() {
    let (user, closed, sender) = (User::sign_up().await, User::sign_up().await, Client::new());
    closed.post("/api/accept-messages").json(&json!({ "acceptMessage": false })).send().await.ok(200);
    let nobody = random_username();
    for _ in 0..8 {
        let to = |name: &str, content: &str| letter(&sender, name, content).send();
        to(&nobody, "is there anybody").await.fails(404, "User not found");
        to(&user.username.to_lowercase(), "in another case").await.fails(404, "User not found");
        to(&closed.username, "do you take any").await.fails(403, "User is not accepting messages");
        to(&user.username, "short").await.fails(400, "content must be of min length 10 chars");
        to("?", "is there anybody").await.fails(404, "User not found");
    }
    closed.post("/api/accept-messages").json(&json!({ "acceptMessage": true })).send().await.ok(200);
    for recipient in [&user, &closed] {
        for left in (0..5).rev() {
            let answer = recipient.receive_from(&sender, "now it is right").await;
            sent(&answer);
            assert_eq!(remaining(&answer).0, left);
        }
    }
    limited(&user.receive_from(&sender, "once too often").await, INBOX_MESSAGES);
}

#[tokio::test]
async fn refusals_at_once_take_nothing_from_either_limit() {
    let (user, sender) = (User::sign_up().await, Client::new());
    let sends = (0..20).map(|_| {
        let sender = sender.clone();
        let name = random_username();
        async move { letter(&sender, &name, "is there anybody").send().await }
    });
    for answer in all_at_once(sends).await {
        answer.fails(404, "User not found");
    }
    let answer = user.receive_from(&sender, "yes there is one").await;
    sent(&answer);
    assert_eq!(remaining(&answer), (4, 29));
}

/// A name in another case does not exist, and its messages never count against the real name, not even for a moment.
#[tokio::test]
async fn refusals_that_are_under_way_take_no_place_from_a_good_message() {
    for round in 0..8 {
        let (user, sender) = (User::sign_up().await, Client::new());
        for _ in 0..4 {
            sent(&user.receive_from(&sender, "one of four").await);
        }
        let sends = (0..9).map(|n| {
            let name = if n == 4 { user.username.clone() } else { user.username.to_lowercase() };
            let sender = sender.clone();
            async move { letter(&sender, &name, "the fifth message").send().await.status }
        });
        let statuses = all_at_once(sends).await;
        assert_eq!(statuses[4], 201, "round {round}: {statuses:?}");
    }
}

#[tokio::test]
async fn ipv6_addresses_of_one_64_are_one_client() {
    let user = User::sign_up().await;
    let rand16 = || Uuid::new_v4().as_u128() as u16;
    let (a, b) = (rand16(), rand16() & 0xfffe);
    for n in 0..5 {
        sent(&user.receive_from(&Client::at(&format!("2001:db8:{a:x}:{b:x}:{n}::1")), "from one network").await);
    }
    let last = Client::at(&format!("2001:db8:{a:x}:{b:x}:ffff:ffff:ffff:ffff"));
    limited(&user.receive_from(&last, "from one network").await, INBOX_MESSAGES);
    let neighbour = Client::at(&format!("2001:db8:{a:x}:{:x}::1", b + 1));
    sent(&user.receive_from(&neighbour, "from the next one").await);
}

#[tokio::test]
async fn an_ipv4_address_written_as_ipv6_is_the_same_client() {
    let (user, sender) = (User::sign_up().await, Client::new());
    let mapped = Client::at(&format!("::ffff:{}", sender.address));
    sent(&user.receive_from(&sender, "in four numbers").await);
    let answer = user.receive_from(&mapped, "in eight numbers").await;
    sent(&answer);
    assert_eq!(remaining(&answer), (3, 28));
}

#[tokio::test]
async fn headers_that_a_caller_can_set_change_nothing() {
    let (user, sender) = (User::sign_up().await, Client::new());
    let headers = ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"];
    for n in 0..7 {
        let other = format!("203.0.113.{n}");
        let call = letter(&sender, &user.username, "in another name");
        let answer = headers.into_iter().fold(call, |call, name| {
            call.header(name, &if name == "Forwarded" { format!("for={other}") } else { other.clone() })
        });
        let answer = answer.send().await;
        match n {
            0..5 => sent(&answer),
            _ => assert!(limited(&answer, INBOX_MESSAGES) > 0),
        }
    }
}
