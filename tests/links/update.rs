//! `PATCH /api/links/{slug}`

use serde_json::{Value, json};

use crate::support::{Client, Link, all_at_once, in_ms, random_slug, time};

#[tokio::test]
async fn each_field_changes_alone() {
    let link = Link::open().await;
    let mut expected = link.created.clone();
    let (starts, expires) = (in_ms(60_000), in_ms(120_000));
    let changes = [
        (json!({ "title": "Renamed" }), json!({ "title": "Renamed" })),
        (json!({ "description": "Now with one" }), json!({ "description": "Now with one" })),
        (json!({ "maxMessages": 12 }), json!({ "max_messages": 12 })),
        (json!({ "pin": "4321" }), json!({ "has_pin": true })),
        (json!({ "expiresAt": expires }), json!({ "expires_at": expires })),
        (json!({ "startsAt": starts }), json!({ "starts_at": starts, "status": "scheduled" })),
        (json!({ "isActive": false }), json!({ "is_active": false, "status": "paused" })),
    ];
    for (change, difference) in changes {
        expected.as_object_mut().expect("an object").extend(difference.as_object().expect("fields").clone());
        link.patch(change).await.is(200, json!({ "link": expected }));
        assert_eq!(link.seen().await, expected);
    }
}

#[tokio::test]
async fn null_clears() {
    let link = Link::with(json!({
        "description": "d", "pin": "4321", "startsAt": in_ms(60_000), "expiresAt": in_ms(120_000), "maxMessages": 1
    }));
    let link = link.await;
    let cleared = json!({ "description": null, "pin": null, "startsAt": null, "expiresAt": null, "maxMessages": null });
    let shown = link.patched(cleared).await;
    for field in ["description", "starts_at", "expires_at", "max_messages"] {
        assert_eq!(shown[field], Value::Null, "{field}");
    }
    assert_eq!((&shown["has_pin"], &shown["status"]), (&json!(false), &json!("active")));
    assert_eq!(link.seen().await, shown);
    link.sent("no PIN any more").await;
    link.sent("and no cap").await;
}

#[tokio::test]
async fn what_can_not_be_cleared_and_what_breaks_its_rule_is_named_and_nothing_changes() {
    let link = Link::with(json!({ "expiresAt": in_ms(7_200_000) })).await;
    let none = "Give at least one of isActive, title, description, pin, expiresAt, startsAt, maxMessages";
    let cases = [
        (json!({}), none),
        (json!({ "slug": "another-slug", "colour": "red" }), none),
        (json!({ "title": null }), "title must be text"),
        (json!({ "title": " " }), "title must not be blank"),
        (json!({ "title": "" }), "title must be 1 to 100 characters"),
        (json!({ "isActive": null }), "isActive must be true or false"),
        (json!({ "isActive": "yes" }), "isActive must be true or false"),
        (json!({ "isActive": 1 }), "isActive must be true or false"),
        (json!({ "description": "d".repeat(501) }), "description must be at most 500 characters"),
        (json!({ "pin": "123" }), "pin must be 4 to 64 characters"),
        (json!({ "maxMessages": 0 }), "maxMessages must be a whole number from 1 to 1000000"),
        (json!({ "expiresAt": "soon" }), "expiresAt must be a time such as 2026-02-06T12:37:51.523Z"),
        (json!({ "expiresAt": in_ms(-1000) }), "expiresAt must be in the future"),
        (json!({ "startsAt": in_ms(9_000_000) }), "expiresAt must be after startsAt"),
        (json!({ "startsAt": in_ms(60_000), "expiresAt": in_ms(50_000) }), "expiresAt must be after startsAt"),
        (json!({ "description": "new", "isActive": false, "title": "" }), "title must be 1 to 100 characters"),
    ];
    for (change, message) in cases {
        println!("{change}");
        link.patch(change).await.refused(400, message);
        assert_eq!(link.seen().await, link.created);
    }
}

#[tokio::test]
async fn the_times_are_compared_with_those_that_stay() {
    let link = Link::with(json!({ "startsAt": in_ms(60_000) })).await;
    let earlier = in_ms(50_000);
    link.patch(json!({ "expiresAt": earlier })).await.refused(400, "expiresAt must be after startsAt");
    let shown = link.patched(json!({ "expiresAt": earlier, "startsAt": null })).await;
    assert_eq!((&shown["expires_at"], &shown["starts_at"]), (&json!(earlier), &Value::Null));
}

#[tokio::test]
async fn only_the_links_own_token_may_change_it() {
    let (link, other, somebody) = (Link::open().await, Link::open().await, Client::new());
    let change = json!({ "title": "Taken over" });
    let plain = || somebody.patch(&link.path()).json(&change);
    let with = |token: &str| somebody.patch(&format!("{}?token={token}", link.path())).json(&change);

    plain().send().await.refused(401, "Admin token required");
    let zeros = "0".repeat(64);
    let too_long = format!("{}0", link.token);
    for wrong in [&other.token, &zeros, &link.token[..63], &too_long, "nonsense", "%F0%9F%A6%80", &link.slug] {
        println!("{wrong}");
        with(wrong).send().await.refused(403, "Wrong admin token");
    }
    plain().bearer(&other.token).send().await.refused(403, "Wrong admin token");
    with(&link.token).bearer(&other.token).send().await.refused(403, "Wrong admin token");
    with(&other.token).bearer(&link.token).send().await.refused(403, "Wrong admin token");
    assert_eq!(link.seen().await, link.created);

    plain().bearer(&link.token).send().await.ok(200);
    with(&link.token).bearer(&link.token).send().await.ok(200);
    assert_eq!(link.seen().await["title"], "Taken over");
}

#[tokio::test]
async fn a_link_that_is_not_there_can_not_be_changed() {
    let link = Link::open().await;
    let path = format!("/api/links/{}?token={}", random_slug(), link.token);
    Client::new().patch(&path).json(&json!({ "title": "x" })).send().await.refused(404, "Link not found");
    let path = format!("/api/links/{}-?token={}", link.slug, link.token);
    Client::new().patch(&path).json(&json!({ "title": "x" })).send().await.refused(404, "Link not found");
}

#[tokio::test]
async fn changes_of_different_fields_at_once_all_stay() {
    let link = Link::open().await;
    for round in 0..5_u64 {
        let changes = [
            json!({ "title": format!("Title {round}") }),
            json!({ "description": format!("Description {round}") }),
            json!({ "maxMessages": 10 + round }),
            json!({ "isActive": round % 2 == 0 }),
        ];
        let patches = changes.into_iter().map(|change| {
            let link = link.clone();
            async move { link.patched(change).await }
        });
        all_at_once(patches).await;
        let shown = link.seen().await;
        assert_eq!(shown["title"], format!("Title {round}"));
        assert_eq!(shown["description"], format!("Description {round}"));
        assert_eq!(shown["max_messages"], 10 + round);
        assert_eq!(shown["is_active"], round % 2 == 0);
    }
}

#[tokio::test]
async fn times_that_cross_at_once_never_both_stay() {
    for _ in 0..4 {
        let link = Link::open().await;
        let crossing = [json!({ "startsAt": in_ms(7_200_000) }), json!({ "expiresAt": in_ms(3_600_000) })];
        let answers = all_at_once(crossing.map(|change| {
            let link = link.clone();
            async move { link.patch(change).await }
        }));
        let (done, refused): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((done.len(), refused.len()), (1, 1));
        refused[0].refused(400, "expiresAt must be after startsAt");
    }
}

#[tokio::test]
async fn the_last_change_of_a_pin_counts() {
    let link = Link::with(json!({ "pin": "first" })).await;
    link.patched(json!({ "pin": "second" })).await;
    let sender = Client::new();
    link.send_as(&sender, json!({ "content": "x", "pin": "first" })).await.refused(401, "Wrong PIN");
    link.send_as(&sender, json!({ "content": "x", "pin": "second" })).await.ok(201);
}

#[tokio::test]
async fn a_time_is_told_back_in_utc_with_milliseconds() {
    let link = Link::open().await;
    let shown = link.patched(json!({ "expiresAt": "2099-06-01T02:30:00+02:00" })).await;
    assert_eq!(shown["expires_at"], "2099-06-01T00:30:00.000Z");
    let shown = link.patched(json!({ "expiresAt": "2099-06-01T00:30:00Z" })).await;
    assert_eq!(shown["expires_at"], "2099-06-01T00:30:00.000Z");
    time(&shown["created_at"]);
}
