//! Lists by page number: the messages of a conversation, oldest first, and valid page numbers.

use serde_json::{Value, json};

use super::steps::{NO_CONVERSATION, contents, data, nobody, person};
use crate::support::{Community, PASSWORD, User};

const BAD_PAGE: &str = "page must be a whole number from 1";
const BAD_SIZE: &str = "per_page must be a whole number from 1 to 100";

/// A member and the creator send that many messages in turn.
async fn chat(community: &Community, bob: &User, count: usize) -> Vec<Value> {
    let mut messages = Vec::new();
    for n in 0..count {
        let (from, to) = if n % 3 == 1 { (&community.creator, bob) } else { (bob, &community.creator) };
        messages.push(community.write(from, to, &format!("The message {n}")).await);
    }
    messages
}

#[tokio::test]
async fn messages_are_listed_page_by_page_oldest_first() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    let sent = chat(&community, &bob, 23).await;
    for (user, other) in [(ann, &bob), (&bob, ann)] {
        for size in [1, 7, 11, 22, 23, 24, 100] {
            for page in 1..=23_usize.div_ceil(size) + 1 {
                let listed = community.messages(user, other, &format!("?page={page}&per_page={size}")).await.ok(200);
                let expected: Vec<&Value> = sent.iter().skip((page - 1) * size).take(size).collect();
                assert_eq!(data(&listed).iter().collect::<Vec<_>>(), expected, "page {page} by {size}");
                let fields: Vec<&str> = listed.as_object().expect("an object").keys().map(String::as_str).collect();
                assert_eq!(fields, ["total", "has_more", "data"]);
                assert_eq!((&listed["total"], &listed["has_more"]), (&json!(23), &json!(page * size < 23)));
            }
        }
        let first = community.messages(user, other, "").await.ok(200);
        assert_eq!((data(&first).len(), &first["has_more"]), (20, &json!(true)));
        assert_eq!(data(&first), &sent[..20]);
    }
}

#[tokio::test]
async fn page_numbers_are_whole_numbers_from_1_and_sizes_go_up_to_100() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    community.write(&bob, ann, "Hello").await;
    for user in [ann, &bob] {
        let other = if user.id == ann.id { &bob } else { ann };
        for bad in ["0", "-1", "x", "", "1.5", "1e9", "+1", "%201", "0x1", "٣", "null", "000"] {
            println!("{bad}");
            for (parameter, message) in [("page", BAD_PAGE), ("per_page", BAD_SIZE)] {
                let query = format!("?{parameter}={bad}");
                community.messages(user, other, &query).await.denies(422, message);
                community.conversations(user, &query).await.denies(422, message);
            }
        }
        let respelled = "perPage is not known: it is spelled per_page";
        community.messages(user, other, "?perPage=5").await.denies(422, respelled);
        community.conversations(user, "?page=1&perPage=5").await.denies(422, respelled);
        for bad in ["101", "1000", "256", "18446744073709551616"] {
            community.messages(user, other, &format!("?per_page={bad}")).await.denies(422, BAD_SIZE);
            community.conversations(user, &format!("?per_page={bad}")).await.denies(422, BAD_SIZE);
        }
        // Far behind the last page, also with numbers too large for an integer.
        let far = ["2", "1000000000", "18446744073709551615", "18446744073709551616", &"9".repeat(300)];
        for page in far {
            for size in [1, 20, 100] {
                let query = format!("?page={page}&per_page={size}");
                let end = json!({ "total": 1, "has_more": false, "data": [] });
                community.messages(user, other, &query).await.is(200, end.clone());
                community.conversations(user, &query).await.is(200, end);
            }
        }
        let first = community.messages(user, other, "?page=0001&per_page=100&limit=0&cursor=x").await.ok(200);
        assert_eq!(contents(data(&first)), ["Hello"]);
    }
}

#[tokio::test]
async fn a_conversation_is_read_by_its_two_users_only() {
    let (community, [bob, carl]) = Community::with_members::<2>().await;
    let (ann, eve) = (&community.creator, User::sign_up().await);
    let sent = community.write(&bob, ann, "For Ann only").await;
    // Ids may be written in either case.
    let [community_id, bob_id] = [&community.id, &bob.id].map(|id| id.to_uppercase());
    let listed = ann.get(&format!("/api/v1/communities/{community_id}/messages/{bob_id}")).send().await.ok(200);
    assert_eq!(listed["data"], json!([sent]));
    let empty = json!({ "total": 0, "has_more": false, "data": [] });
    community.messages(&carl, ann, "").await.is(200, empty.clone());
    community.messages(ann, &carl, "").await.is(200, empty);
    for (user, other) in
        [(&carl, &bob), (&bob, &carl), (&bob, &bob), (&eve, ann), (&eve, &bob), (ann, &eve), (ann, ann)]
    {
        community.messages(user, other, "").await.denies(403, NO_CONVERSATION);
        community.messages(user, other, "?page=9").await.denies(403, NO_CONVERSATION);
    }
    for id in ["x", "me", "019c3277d2c3ffffffffffff", "019c3277-d2c3-7fff-bfff-ffffffffffff"] {
        ann.get(&format!("{}/{id}", community.messages_path())).send().await.denies(403, NO_CONVERSATION);
    }
}

#[tokio::test]
async fn history_stays_readable_when_a_membership_ends_or_is_blocked() {
    let (community, [bob, carl, dora]) = Community::with_members::<3>().await;
    let ann = &community.creator;
    for user in [&bob, &carl, &dora] {
        community.write(user, ann, "Before").await;
        community.write(ann, user, "And back").await;
    }
    community.leave(&bob).await.ok(200);
    community.block(&carl).await.ok(200);
    for user in [&bob, &carl] {
        for (reader, other) in [(user, ann), (ann, user)] {
            assert_eq!(contents(&community.all(reader, other).await), ["Before", "And back"]);
        }
    }
    dora.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    let kept = community.all(ann, &dora).await;
    assert_eq!(contents(&kept), ["Before", "And back"]);
    assert_eq!((&kept[0]["sender"], &kept[0]["recipient"]), (&nobody(&dora), &person(ann)));
}

/// A page of 2 MB, which is more than the store returns at once.
#[tokio::test]
async fn a_page_of_the_longest_messages_is_whole() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let longest = |n: usize| format!("{n:03}{}", "\u{10FFFF}".repeat(4_997));
    for n in 0..100 {
        community.write(&bob, &community.creator, &longest(n)).await;
    }
    let all = community.all(&bob, &community.creator).await;
    let expected: Vec<String> = (0..100).map(longest).collect();
    assert!(contents(&all) == expected, "{} messages", all.len());
    let last = community.messages(&bob, &community.creator, "?page=4&per_page=30").await.ok(200);
    assert!(contents(data(&last)) == expected[90..] && last["has_more"] == false);
}
