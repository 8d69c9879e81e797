//! Recipients: the creator writes to active members, members write to the creator, and there are no other messages.

use serde_json::{Value, json};

use super::steps::{BLANK, NO_COMMUNITY, UNKNOWN, UNKNOWN_UUID, UNREACHABLE, contents, id, person};
use crate::support::{Community, PASSWORD, User, time};

#[tokio::test]
async fn a_member_and_the_creator_write_to_each_other() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    let asked = community.write(&bob, ann, "Which roses stand half shade?").await;
    let answered = community.write(ann, &bob, "Ghislaine does.").await;
    let fields: Vec<&str> = asked.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["id", "content", "created_at", "updated_at", "sender", "recipient"]);
    assert_eq!(asked["content"], "Which roses stand half shade?");
    assert_eq!((&asked["sender"], &asked["recipient"]), (&person(&bob), &person(ann)));
    assert_eq!((&answered["sender"], &answered["recipient"]), (&person(ann), &person(&bob)));
    time(&asked["created_at"]);
    assert_eq!(asked["created_at"], asked["updated_at"]);
    assert!(id(&answered) > id(&asked) && id(&asked).as_bytes()[14] == b'7');
    for (user, other) in [(ann, &bob), (&bob, ann)] {
        assert_eq!(community.all(user, other).await, [asked.clone(), answered.clone()]);
    }
}

#[tokio::test]
async fn everyone_else_is_told_the_same_whatever_the_reason() {
    let (community, [bob, carl, left, blocked]) = Community::with_members::<4>().await;
    let (other, [dora]) = Community::with_members::<1>().await;
    let (ann, eve) = (&community.creator, User::sign_up().await);
    community.leave(&left).await.ok(200);
    community.block(&blocked).await.ok(200);
    let cases = [
        ("member to member", &bob, &carl),
        ("member to himself", &bob, &bob),
        ("member to a stranger", &bob, &eve),
        ("member to one who left", &bob, &left),
        ("member to one who is blocked", &bob, &blocked),
        ("creator to herself", ann, ann),
        ("creator to a stranger", ann, &eve),
        ("creator to another community's member", ann, &dora),
        ("creator to another community's creator", ann, &other.creator),
        ("creator to one who left", ann, &left),
        ("creator to one who is blocked", ann, &blocked),
        ("stranger to the creator", &eve, ann),
        ("stranger to a member", &eve, &bob),
        ("stranger to herself", &eve, &eve),
        ("another community's member to the creator", &dora, ann),
        ("another community's creator to the creator", &other.creator, ann),
        ("one who left to the creator", &left, ann),
        ("one who is blocked to the creator", &blocked, ann),
        ("one who is blocked to a member", &blocked, &bob),
    ];
    for (case, from, to) in cases {
        println!("{case}");
        community.say(from, to, "Can you hear me?").await.denies_message(403, UNREACHABLE);
    }
    let nobody = json!({ "recipient_id": UNKNOWN, "content": "Is anybody there?" });
    for from in [ann, &bob, &eve] {
        community.letter(from, &nobody).send().await.denies_message(403, UNREACHABLE);
    }
    for creator in [&community, &other] {
        assert_eq!(creator.listed(&creator.creator).await, (0, Vec::new()));
    }
}

#[tokio::test]
async fn the_creator_of_one_community_has_no_rights_in_another() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let (of_ann, of_bob) = (Community::of(&ann).await, Community::of(&bob).await);
    of_ann.join(&bob).await.ok(201);
    let message = of_ann.write(&bob, &ann, "In yours").await;
    of_bob.say(&bob, &ann, "In mine").await.denies_message(403, UNREACHABLE);
    of_bob.join(&ann).await.ok(201);
    of_bob.write(&bob, &ann, "In mine").await;
    assert_eq!(contents(&of_ann.all(&ann, &bob).await), ["In yours"]);
    assert_eq!(contents(&of_bob.all(&ann, &bob).await), ["In mine"]);
    // A message of one community does not exist in the other.
    of_bob.delete(&bob, &message).await.denies(404, "Message not found");
}

#[tokio::test]
async fn nobody_writes_to_an_account_that_is_gone() {
    let (community, [bob]) = Community::with_members::<1>().await;
    community.write(&community.creator, &bob, "Before").await;
    bob.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    community.say(&community.creator, &bob, "After").await.denies_message(403, UNREACHABLE);
}

#[tokio::test]
async fn a_recipient_is_named_by_24_hex_digits() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    let hex = "recipient_id must be an id of 24 hex digits";
    for (recipient, message) in [
        (Value::Null, hex),
        (json!(5), hex),
        (json!(-1.5), hex),
        (json!(true), hex),
        (json!([bob.id]), hex),
        (json!({ "id": bob.id }), hex),
        (json!(""), hex),
        (json!("x"), hex),
        (json!(&bob.id[1..]), hex),
        (json!(format!("{}0", bob.id)), hex),
        (json!(format!(" {}", &bob.id[1..])), hex),
        (json!(bob.username), hex),
        (json!(UNKNOWN_UUID), hex),
    ] {
        println!("{recipient}");
        let body = json!({ "recipient_id": recipient, "content": "Hello" });
        community.letter(ann, &body).send().await.denies_message(422, message);
    }
    community.letter(ann, &json!({ "content": "Hello" })).send().await.denies_message(422, "recipient_id is required");
    let twice = format!(r#"{{"recipient_id":"{0}","recipient_id":"{0}","content":"Hello"}}"#, bob.id);
    let twice = ann.post(&community.messages_path()).bytes("application/json", twice).send().await;
    twice.denies_message(422, "recipient_id must be given once");
    assert_eq!(community.listed(ann).await, (0, Vec::new()));
}

/// The order of errors: 401, 404, 422, 403.
#[tokio::test]
async fn errors_of_a_message_are_reported_in_one_order() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let eve = User::sign_up().await;
    let blank = json!({ "recipient_id": UNKNOWN, "content": "" });
    let nowhere = Community { id: UNKNOWN_UUID.to_owned(), ..community.clone() };
    let signed_out = User { token: "x".to_owned(), ..bob.clone() };
    nowhere.letter(&signed_out, &blank).send().await.denies(401, "Not Authenticated");
    nowhere.letter(&bob, &blank).send().await.denies(404, NO_COMMUNITY);
    community.letter(&signed_out, &blank).send().await.denies(401, "Not Authenticated");
    for user in [&bob, &eve, &community.creator] {
        community.letter(user, &blank).send().await.denies_message(422, BLANK);
    }
    community.say(&eve, &bob, "Hello").await.denies_message(403, UNREACHABLE);
}
