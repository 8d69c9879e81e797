//! Delivered and seen marks: they cover everything up to a message, and are never taken back.

use serde_json::{Value, json};

use super::steps::{
    NO_MESSAGE, UNKNOWN, block, conversation, delete, id, mark, marked, only_conversation, pair, say, two, unblock,
    unread,
};
use crate::support::{User, all_at_once, line_of, stack_or_skip};

/// The delivered and the seen mark of each message, newest first.
async fn marks(user: &User, conversation: &str, reader: &User) -> Vec<(bool, bool)> {
    let messages = user.messages(conversation).await;
    let is_marked = |by: &Value| match by.as_array().expect("a list").as_slice() {
        [] => false,
        [one] => {
            assert_eq!(one, &reader.id);
            true
        }
        more => panic!("{more:?}"),
    };
    messages.iter().map(|message| (is_marked(&message["deliveredTo"]), is_marked(&message["seenBy"]))).collect()
}

const NOTHING: (bool, bool) = (false, false);
const DELIVERED: (bool, bool) = (true, false);
const SEEN: (bool, bool) = (true, true);

#[tokio::test]
async fn a_mark_is_on_every_message_up_to_its_own_and_on_no_later_one() {
    let ([ann, bob], sent) = pair(["One", "Two", "Three", "Four"]).await;
    let own = conversation(&sent[0]);
    assert_eq!(unread(&bob).await, 4);
    let shown = async |expected: [(bool, bool); 4]| {
        for user in [&ann, &bob] {
            assert_eq!(marks(user, own, &bob).await, expected);
        }
    };
    shown([NOTHING; 4]).await;
    assert_eq!(marked(&bob, "delivered", &sent[2]).await, 4);
    shown([NOTHING, DELIVERED, DELIVERED, DELIVERED]).await;
    assert_eq!(marked(&bob, "seen", &sent[0]).await, 3);
    shown([NOTHING, DELIVERED, DELIVERED, SEEN]).await;
    // A seen message is delivered, too.
    assert_eq!(marked(&bob, "seen", &sent[3]).await, 0);
    shown([SEEN; 4]).await;
    ann.write(&bob, "Five").await;
    assert_eq!(marks(&ann, own, &bob).await, [vec![NOTHING], vec![SEEN; 4]].concat());
    assert_eq!((unread(&ann).await, unread(&bob).await), (0, 1));
}

#[tokio::test]
async fn an_older_mark_takes_nothing_back() {
    let ([ann, bob], sent) = pair(["One", "Two", "Three", "Four"]).await;
    let own = conversation(&sent[0]);
    assert_eq!(marked(&bob, "seen", &sent[2]).await, 1);
    for older in [&sent[1], &sent[0], &sent[2]] {
        assert_eq!(marked(&bob, "seen", older).await, 1);
        assert_eq!(marked(&bob, "delivered", older).await, 1);
        assert_eq!(marks(&ann, own, &bob).await, [NOTHING, SEEN, SEEN, SEEN]);
    }
    assert_eq!(marked(&bob, "delivered", &sent[3]).await, 1);
    assert_eq!(marked(&bob, "delivered", &sent[0]).await, 1);
    assert_eq!(marks(&ann, own, &bob).await, [DELIVERED, SEEN, SEEN, SEEN]);
    assert_eq!(unread(&bob).await, 1);
}

/// Only the partner's messages are counted, in any order with the user's own.
#[tokio::test]
async fn the_unread_count_is_exact_whichever_message_is_marked() {
    for how_far in 0..6 {
        let [ann, bob] = two().await;
        let mut sent = Vec::new();
        for by_ann in [true, true, false, true, false, true] {
            let (from, to) = if by_ann { (&ann, &bob) } else { (&bob, &ann) };
            sent.push(from.write(to, "Hello").await);
        }
        for (reader, of_partner) in [(&bob, [3, 2, 2, 1, 1, 0]), (&ann, [2, 2, 1, 1, 0, 0])] {
            println!("{how_far} by {}", reader.username);
            assert_eq!(marked(reader, "seen", &sent[how_far]).await, of_partner[how_far]);
            assert_eq!(unread(reader).await, of_partner[how_far]);
        }
        let messages = ann.messages(conversation(&sent[0])).await;
        for (n, message) in messages.iter().rev().enumerate() {
            let reader = if message["senderId"] == ann.id { &bob.id } else { &ann.id };
            let expected = if n <= how_far { json!([reader]) } else { json!([]) };
            assert_eq!((&message["seenBy"], &message["deliveredTo"]), (&expected, &expected));
        }
    }
}

#[tokio::test]
async fn ones_own_messages_are_never_marked_by_oneself() {
    let ([ann, bob], sent) = pair(["One", "Two"]).await;
    for how in ["delivered", "seen"] {
        assert_eq!(marked(&ann, how, &sent[1]).await, 0);
    }
    assert_eq!(marks(&bob, conversation(&sent[0]), &bob).await, [NOTHING; 2]);
    assert_eq!(unread(&bob).await, 2);
}

#[tokio::test]
async fn the_list_of_conversations_shows_the_marks_of_the_last_message() {
    let ([ann, bob], sent) = pair(["One", "Two"]).await;
    for (how, expected) in [("delivered", (json!([bob.id]), json!([]))), ("seen", (json!([bob.id]), json!([bob.id])))] {
        marked(&bob, how, &sent[1]).await;
        for user in [&ann, &bob] {
            let last = only_conversation(user).await["lastMessage"].clone();
            assert_eq!((id(&last), &last["deliveredTo"], &last["seenBy"]), (id(&sent[1]), &expected.0, &expected.1));
        }
    }
}

#[tokio::test]
async fn a_missing_message_can_not_be_marked() {
    let ([ann, bob], sent) = pair(["One"]).await;
    let own = conversation(&sent[0]);
    for how in ["delivered", "seen"] {
        for unknown in [UNKNOWN, &"0".repeat(24), &"f".repeat(24), &ann.id, own] {
            mark(&bob, how, own, unknown).await.rejects(404, NO_MESSAGE);
        }
        let path = format!("/conversations/{own}/{how}");
        let cases = [
            (json!({}), "messageId is required"),
            (json!({ "messageId": null }), "messageId must be an id of 24 hex digits"),
            (json!({ "messageId": 5 }), "messageId must be an id of 24 hex digits"),
            (json!({ "messageId": [id(&sent[0])] }), "messageId must be an id of 24 hex digits"),
            (json!({ "messageId": "" }), "messageId must be an id of 24 hex digits"),
            (json!({ "messageId": &id(&sent[0])[1..] }), "messageId must be an id of 24 hex digits"),
            (json!({ "messageId": format!("G{}", &id(&sent[0])[1..]) }), "messageId must be an id of 24 hex digits"),
            (json!({ "messageId": id(&sent[0]), "seenBy": bob.id }), "seenBy is not a known field"),
            (json!({ "_id": id(&sent[0]) }), "_id is not a known field"),
        ];
        for (body, message) in cases {
            println!("{body}");
            bob.post(&path).json(&body).send().await.rejects(400, message);
        }
    }
    assert_eq!(marks(&ann, own, &bob).await, [NOTHING]);
    assert_eq!(unread(&bob).await, 1);
}

#[tokio::test]
async fn a_deleted_message_can_be_marked_and_is_not_unread() {
    let ([ann, bob], sent) = pair(["One", "Two", "Three"]).await;
    delete(&ann, &sent[1]).await.processed(200);
    assert_eq!(unread(&bob).await, 2);
    assert_eq!(marked(&bob, "seen", &sent[1]).await, 1);
    assert_eq!(marks(&ann, conversation(&sent[0]), &bob).await, [NOTHING, SEEN, SEEN]);
}

/// Whatever is taken back, seen, and written in between: unread is what was written, is there, and was not seen.
#[tokio::test]
async fn what_was_taken_back_before_it_was_seen_is_not_unread() {
    for (seen_first, taken_back, then_seen) in [
        (None, vec![0], None),
        (None, vec![1, 3], None),
        (None, vec![0, 1, 2, 3, 4], None),
        (None, vec![0, 2, 4], Some(1)),
        (None, vec![0, 2, 4], Some(2)),
        (None, vec![1, 2, 3], Some(4)),
        (Some(1), vec![0, 1, 3], None),
        (Some(1), vec![1, 2, 4], Some(3)),
        (Some(4), vec![0, 4], Some(2)),
    ] {
        println!("{seen_first:?} {taken_back:?} {then_seen:?}");
        let ([ann, bob], sent) = pair(["1", "2", "3", "4", "5"]).await;
        let left = |seen: Option<usize>, taken_back: &[usize]| {
            (0..5).filter(|n| seen.is_none_or(|seen| *n > seen) && !taken_back.contains(n)).count() as u64
        };
        if let Some(first) = seen_first {
            assert_eq!(marked(&bob, "seen", &sent[first]).await, left(seen_first, &[]));
        }
        for (n, place) in taken_back.iter().enumerate() {
            // Twice: only the first time counts.
            for _ in 0..2 {
                delete(&ann, &sent[*place]).await.processed(200);
            }
            assert_eq!(unread(&bob).await, left(seen_first, &taken_back[..=n]));
        }
        if let Some(then) = then_seen {
            assert_eq!(marked(&bob, "seen", &sent[then]).await, left(seen_first.max(then_seen), &taken_back));
        }
        let last = ann.write(&bob, "6").await;
        assert_eq!(unread(&bob).await, left(seen_first.max(then_seen), &taken_back) + 1);
        assert_eq!((marked(&bob, "seen", &last).await, unread(&bob).await, unread(&ann).await), (0, 0, 0));
    }
}

#[tokio::test]
async fn a_block_hides_later_marks_from_the_blocked_one() {
    for how in ["delivered", "seen"] {
        let ([ann, bob], sent) = pair(["One", "Two", "Three", "Four"]).await;
        let (own, mark) = (conversation(&sent[0]), if how == "seen" { SEEN } else { DELIVERED });
        let last_is_marked = async |user: &User| {
            let last = only_conversation(user).await["lastMessage"].take();
            (last["deliveredTo"] != json!([]), last["seenBy"] != json!([]))
        };
        marked(&bob, how, &sent[0]).await;
        block(&bob, &ann).await;
        let left = if how == "seen" { 0 } else { 4 };
        assert_eq!(marked(&bob, how, &sent[2]).await, if how == "seen" { 1 } else { 4 });
        assert_eq!(marked(&bob, how, &sent[3]).await, left);
        // Bob sees his own marks, and Ann those from before the block.
        assert_eq!(marks(&bob, own, &bob).await, [mark; 4]);
        assert_eq!(marks(&ann, own, &bob).await, [NOTHING, NOTHING, NOTHING, mark]);
        assert_eq!((last_is_marked(&ann).await, last_is_marked(&bob).await), (NOTHING, mark));
        // The end of the block reveals nothing. A later mark does, even at a message that was marked during the block.
        unblock(&bob, &ann).await;
        assert_eq!(marks(&ann, own, &bob).await, [NOTHING, NOTHING, NOTHING, mark]);
        assert_eq!(marked(&bob, how, &sent[2]).await, left);
        assert_eq!(marks(&ann, own, &bob).await, [NOTHING, mark, mark, mark]);
        assert_eq!(marks(&bob, own, &bob).await, [mark; 4]);
        let next = ann.write(&bob, "Five").await;
        marked(&bob, how, &next).await;
        assert_eq!(marks(&ann, own, &bob).await, [mark; 5]);
    }
}

#[tokio::test]
async fn marks_that_race_end_with_the_furthest_one() {
    let ([ann, bob], sent) = pair(["1", "2", "3", "4", "5", "6", "7", "8"]).await;
    let own = conversation(&sent[0]).to_owned();
    let marks_at_once = sent[..7].iter().flat_map(|message| ["seen", "delivered"].map(|how| (how, id(message))));
    let calls: Vec<_> = marks_at_once
        .map(|(how, message)| {
            let (bob, own, message) = (bob.clone(), own.clone(), message.to_owned());
            async move { mark(&bob, how, &own, &message).await }
        })
        .collect();
    for answer in all_at_once(calls).await {
        answer.processed(200);
    }
    assert_eq!(unread(&bob).await, 1);
    assert_eq!(marks(&ann, &own, &bob).await, [vec![NOTHING], vec![SEEN; 7]].concat());
}

#[tokio::test]
async fn marks_and_messages_that_race_leave_the_count_exact() {
    let ([ann, bob], sent) = pair(["The first one"]).await;
    let first = sent[0].clone();
    let calls = (0..24).map(|n| {
        let (ann, bob, first) = (ann.clone(), bob.clone(), first.clone());
        async move {
            let (message, reader) = match n % 4 {
                0 => (bob.write(&ann, "From Bob").await, ann),
                1 => (first, bob),
                _ => (ann.write(&bob, "From Ann").await, bob),
            };
            marked(&reader, if n % 8 == 7 { "delivered" } else { "seen" }, &message).await;
        }
    });
    all_at_once(calls).await;
    let messages = ann.messages(conversation(&first)).await;
    assert_eq!(messages.len(), 19);
    for (reader, partner) in [(&ann, &bob), (&bob, &ann)] {
        let unseen =
            messages.iter().filter(|message| message["senderId"] == partner.id && message["seenBy"] == json!([]));
        assert_eq!(unread(reader).await, unseen.count() as u64);
        let newest = messages.iter().find(|message| message["senderId"] == partner.id).expect("a message");
        assert_eq!(marked(reader, "seen", newest).await, 0);
        assert_eq!(unread(reader).await, 0);
    }
}

#[tokio::test]
async fn a_mark_is_one_write_however_many_messages_it_marks() {
    let Some(stack) = stack_or_skip("reads logs") else { return };
    let mut costs = Vec::new();
    for count in [1, 40] {
        let [ann, bob] = two().await;
        let mut last = Value::Null;
        for n in 0..count {
            last = say(&ann, &bob, &n.to_string()).await.processed(200);
        }
        for how in ["delivered", "seen"] {
            let answer = mark(&bob, how, conversation(&last), id(&last)).await;
            let data = answer.processed(200);
            assert_eq!(data["unreadCount"], if how == "seen" { 0 } else { count });
            let (_, line) = line_of(stack, &answer).await;
            let actions = line["actions"].as_array().expect("actions");
            let writes: Vec<_> = actions.iter().filter(|action| **action != json!("dynamodb:GetItem")).collect();
            assert_eq!(writes, ["dynamodb:UpdateItem"]);
            assert_eq!(line["round_trips"], 2);
            costs.push((how, line["read_units"].clone(), line["write_units"].clone()));
        }
    }
    assert_eq!(costs[..2], costs[2..], "40 messages, and one");
    // The user's item of the conversation, its place in the index, and the hit on the limit of marks.
    assert!(costs.iter().all(|(_, _, write_units)| write_units.as_f64() <= Some(3.0)), "{costs:?}");
}
