//! Creating, showing and changing a community.

use serde_json::{Value, json};

use super::steps::{NO_COMMUNITY, NOT_THE_CREATOR, UNKNOWN, UNKNOWN_UUID, person};
use crate::support::{Answer, Community, User, time};

async fn create(user: &User, body: &Value) -> Answer {
    user.post("/api/v1/communities").json(body).send().await
}

#[tokio::test]
async fn whoever_is_signed_in_makes_a_community_and_is_its_creator() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let made = create(&ann, &json!({ "name": "Rose growers", "description": "Ask me" })).await.ok(201);
    let fields: Vec<&str> = made.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["id", "name", "description", "creator", "created_at", "updated_at", "role"]);
    assert_eq!((&made["name"], &made["description"]), (&json!("Rose growers"), &json!("Ask me")));
    assert_eq!((&made["creator"], &made["role"]), (&person(&ann), &json!("creator")));
    time(&made["created_at"]);
    assert_eq!(made["created_at"], made["updated_at"]);
    assert_eq!(made["id"].as_str().expect("an id").as_bytes()[14], b'7');

    let path = format!("/api/v1/communities/{}", made["id"].as_str().expect("an id"));
    ann.get(&path).send().await.is(200, made.clone());
    let mut shown = made;
    shown["role"] = Value::Null;
    bob.get(&path).send().await.is(200, shown);
    let plain = create(&ann, &json!({ "name": "Rose growers" })).await.ok(201);
    assert_eq!(plain["description"], Value::Null);
}

#[tokio::test]
async fn a_name_is_1_to_100_characters_of_one_line_and_a_description_up_to_500() {
    let ann = User::sign_up().await;
    for (name, times, description) in [("a", 1, ""), ("語", 100, "🦀\n"), ("👩‍🌾❤️", 20, "x")] {
        let (name, description) = (name.repeat(times), description.repeat(250));
        let made = create(&ann, &json!({ "name": name, "description": description })).await.ok(201);
        assert_eq!((&made["name"], &made["description"]), (&json!(name), &json!(description)));
    }
    let length = "name must be 1 to 100 characters";
    let controls = "name must not contain control characters or line breaks";
    for (body, message) in [
        (json!({}), "name is required"),
        (json!({ "name": null }), "name must be text"),
        (json!({ "name": 5 }), "name must be text"),
        (json!({ "name": ["x"] }), "name must be text"),
        (json!({ "name": "" }), length),
        (json!({ "name": "a".repeat(101) }), length),
        (json!({ "name": " \u{200b}" }), "name must not be blank"),
        (json!({ "name": "a\nb" }), controls),
        (json!({ "name": "a\u{0}b" }), controls),
        (json!({ "name": "a\r\nBcc: everyone@example.com" }), controls),
        (json!({ "name": "Rose\u{202e}srewolg" }), "name must not contain invisible or direction characters"),
        (json!({ "name": "x", "description": 5 }), "description must be text"),
        (json!({ "name": "x", "description": "a".repeat(501) }), "description must be at most 500 characters"),
        (json!({ "name": "x", "description": "a\u{1b}" }), "description must not contain control characters"),
        (json!(["x"]), "The body must be a JSON object"),
    ] {
        println!("{body}");
        create(&ann, &body).await.denies(422, message);
    }
    let call = || ann.post("/api/v1/communities");
    call().bytes("application/json", "{").send().await.denies(422, "The body is not valid JSON");
    call()
        .bytes("application/json", b"{\"name\":\"\xff\"}".to_vec())
        .send()
        .await
        .denies(422, "The body is not valid UTF-8");
    call().bytes("text/plain", r#"{"name":"x"}"#).send().await.denies(415, "Content-Type must be application/json");
    let large = json!({ "name": "x", "more": "x".repeat(65_536) }).to_string();
    call().bytes("application/json", large).send().await.denies(413, "The body must not be larger than 64 KiB");
}

#[tokio::test]
async fn its_creator_and_nobody_else_changes_a_community() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let eve = User::sign_up().await;
    let ann = &community.creator;
    let change = async |user: &User, body: Value| user.patch(&community.path()).json(&body).send().await;
    for user in [&bob, &eve] {
        change(user, json!({ "name": "Mine now" })).await.denies(403, NOT_THE_CREATOR);
        change(user, json!({})).await.denies(403, NOT_THE_CREATOR);
    }
    let named = change(ann, json!({ "name": "Another name", "description": "Words" })).await.ok(200);
    assert_eq!((&named["name"], &named["description"]), (&json!("Another name"), &json!("Words")));
    assert!(time(&named["updated_at"]) > time(&named["created_at"]));
    let kept = change(ann, json!({ "name": "A third name" })).await.ok(200);
    assert_eq!((&kept["name"], &kept["description"]), (&json!("A third name"), &json!("Words")));
    let cleared = change(ann, json!({ "description": null })).await.ok(200);
    assert_eq!((&cleared["name"], &cleared["description"]), (&json!("A third name"), &Value::Null));
    ann.get(&community.path()).send().await.is(200, cleared.clone());
    let nothing = "Nothing to change: give at least one of name and description";
    for (body, message) in [
        (json!({}), nothing),
        (json!({ "creator": bob.id }), nothing),
        (json!({ "name": null }), "name must be text"),
        (json!({ "name": "" }), "name must be 1 to 100 characters"),
        (json!({ "description": 7 }), "description must be text"),
        (json!({ "name": "Half", "description": 7 }), "description must be text"),
    ] {
        change(ann, body).await.denies(422, message);
    }
    ann.get(&community.path()).send().await.is(200, cleared);
}

#[tokio::test]
async fn a_community_that_does_not_exist_is_found_by_nobody() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let good = &community.id;
    let bad = [
        UNKNOWN_UUID.to_owned(),
        UNKNOWN.to_owned(),
        "x".to_owned(),
        good.replace('-', ""),
        format!("{good}%00"),
        format!("%20{good}"),
        format!("{good}%23CONVS"),
        format!("{{{good}}}").replace('{', "%7B").replace('}', "%7D"),
    ];
    for id in bad {
        println!("{id}");
        let path = format!("/api/v1/communities/{id}");
        let message = json!({ "recipient_id": bob.id, "content": "" });
        for call in [
            bob.get(&path),
            bob.patch(&path).json(&json!({})),
            bob.post(&format!("{path}/members")),
            bob.delete(&format!("{path}/members/me")),
            bob.get(&format!("{path}/members?limit=0")),
            bob.post(&format!("{path}/members/x/block")),
            bob.delete(&format!("{path}/members/{}/block", bob.id)),
            bob.post(&format!("{path}/messages")).json(&message),
            bob.post(&format!("{path}/messages")),
            bob.get(&format!("{path}/messages/conversations?page=0")),
            bob.get(&format!("{path}/messages/x")),
            bob.delete(&format!("{path}/messages/{UNKNOWN_UUID}")),
        ] {
            call.send().await.denies(404, NO_COMMUNITY);
        }
    }
}
