//! `POST /api/links`

use serde_json::{Value, json};
use time::Duration;

use crate::support::{Answer, Client, Link, all_at_once, base, in_ms, now, random_slug, time};

async fn create(fields: Value) -> Answer {
    Client::new().post("/api/links").json(&fields).send().await
}

#[tokio::test]
async fn a_link_is_created_with_everything_that_can_be_said_of_it() {
    let (slug, starts, expires) = (random_slug(), in_ms(3_600_000), in_ms(7_200_000));
    let answer = create(json!({
        "slug": slug, "title": "Team feedback 💬", "description": "What should we\nkeep doing?", "pin": "12 34",
        "startsAt": starts, "expiresAt": expires, "maxMessages": 1_000_000,
    }));
    let answer = answer.await.ok(201);
    let Link { token, .. } = Link::from(&answer);
    let link = &answer["link"];
    assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{token}");
    let expected = json!({
        "link": {
            "id": link["id"], "slug": slug, "title": "Team feedback 💬", "description": "What should we\nkeep doing?",
            "is_active": true, "has_pin": true, "status": "scheduled", "expires_at": expires, "starts_at": starts,
            "max_messages": 1_000_000, "created_at": link["created_at"],
        },
        "shareUrl": format!("{}/{slug}", base()),
        "adminUrl": format!("{}/{slug}/admin?token={token}", base()),
        "adminToken": token,
    });
    assert_eq!(answer, expected);
    let id = uuid::Uuid::parse_str(link["id"].as_str().expect("an id")).expect("a UUID");
    assert_eq!(id.get_version_num(), 7);
    assert!((now() - time(&link["created_at"])).abs() < Duration::seconds(20));
}

#[tokio::test]
async fn a_link_needs_no_more_than_a_title() {
    let answer = create(json!({ "title": "x" })).await.ok(201);
    let link = &answer["link"];
    let expected = json!({
        "id": link["id"], "slug": link["slug"], "title": "x", "description": null, "is_active": true, "has_pin": false,
        "status": "active", "expires_at": null, "starts_at": null, "max_messages": null,
        "created_at": link["created_at"],
    });
    assert_eq!(link, &expected);
    assert_eq!(Link::from(&answer).seen().await, expected);
}

#[tokio::test]
async fn null_for_what_is_optional_is_the_same_as_leaving_it_out_and_unknown_fields_are_ignored() {
    let answer = create(json!({
        "title": "x", "slug": null, "description": null, "pin": null, "expiresAt": null, "startsAt": null,
        "maxMessages": null, "isActive": false, "theme": { "colour": ["red"] },
    }));
    let link = answer.await.ok(201)["link"].take();
    for absent in ["description", "expires_at", "starts_at", "max_messages"] {
        assert_eq!(link[absent], Value::Null, "{absent}");
    }
    assert_eq!((&link["is_active"], &link["has_pin"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_slug_that_is_left_out_is_made_and_no_two_are_alike() {
    let made = all_at_once((0..8).map(|_| create(json!({ "title": "x" })))).await;
    let mut slugs: Vec<_> = made.iter().map(|answer| Link::from(&answer.ok(201)).slug).collect();
    for slug in &slugs {
        assert!((3..=50).contains(&slug.len()), "{slug}");
        assert!(slug.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{slug}");
        assert!(!slug.starts_with('-') && !slug.ends_with('-'), "{slug}");
    }
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 8);
}

#[tokio::test]
async fn a_slug_that_is_taken_is_refused_and_its_link_stays_as_it_was() {
    let link = Link::open().await;
    create(json!({ "title": "Mine", "slug": link.slug })).await.refused(409, "This slug is already taken");
    assert_eq!(link.seen().await, link.created);
}

#[tokio::test]
async fn of_creators_who_race_for_a_slug_exactly_one_gets_it() {
    for _ in 0..5 {
        let slug = random_slug();
        let racers = (0..4).map(|n| create(json!({ "title": format!("Racer {n}"), "slug": slug })));
        let answers = all_at_once(racers).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!((won.len(), lost.len()), (1, 3));
        lost.iter().for_each(|answer| answer.refused(409, "This slug is already taken"));
        let winner = Link::from(&won[0].ok(201));
        assert_eq!(winner.seen().await, winner.created);
        assert_eq!(winner.count().await, 0);
    }
}

#[tokio::test]
async fn every_field_that_breaks_its_rule_is_named() {
    let title = "title must be 1 to 100 characters";
    let description = "description must be at most 500 characters";
    let whole = "maxMessages must be a whole number from 1 to 1000000";
    let expires = "expiresAt must be a time such as 2026-02-06T12:37:51.523Z";
    let starts = "startsAt must be a time such as 2026-02-06T12:37:51.523Z";
    let cases = [
        (json!({}), "title is required"),
        (json!({ "title": null }), "title must be text"),
        (json!({ "title": 5 }), "title must be text"),
        (json!({ "title": ["x"] }), "title must be text"),
        (json!({ "title": "" }), title),
        (json!({ "title": "t".repeat(101) }), title),
        (json!({ "title": " \u{a0}\u{2003}" }), "title must not be blank"),
        (json!({ "title": "\n\t" }), "title must not be blank"),
        (json!({ "title": "a\u{0}b" }), "title must not contain control characters"),
        (json!({ "title": "a\u{1b}[31m" }), "title must not contain control characters"),
        (json!({ "title": "x", "description": 5 }), "description must be text"),
        (json!({ "title": "x", "description": "d".repeat(501) }), description),
        (json!({ "title": "x", "description": "a\u{7}" }), "description must not contain control characters"),
        (json!({ "title": "one\ntwo" }), "title must not contain line breaks"),
        (json!({ "title": "one\u{2028}two" }), "title must not contain line breaks"),
        (json!({ "title": "pay \u{202e}xe.live" }), "title must not contain direction overrides"),
        (json!({ "title": "a \u{2067}b" }), "title must not contain direction overrides"),
        (json!({ "title": "x", "pin": 1234 }), "pin must be text"),
        (json!({ "title": "x", "pin": "123" }), "pin must be 4 to 64 characters"),
        (json!({ "title": "x", "pin": "" }), "pin must be 4 to 64 characters"),
        (json!({ "title": "x", "pin": "1".repeat(65) }), "pin must be 4 to 64 characters"),
        (json!({ "title": "x", "maxMessages": 0 }), whole),
        (json!({ "title": "x", "maxMessages": -1 }), whole),
        (json!({ "title": "x", "maxMessages": 1.5 }), whole),
        (json!({ "title": "x", "maxMessages": "10" }), whole),
        (json!({ "title": "x", "maxMessages": 1_000_001 }), whole),
        (json!({ "title": "x", "maxMessages": u64::MAX }), whole),
        (json!({ "title": "x", "expiresAt": "tomorrow" }), expires),
        (json!({ "title": "x", "expiresAt": 1_770_381_471_523_u64 }), expires),
        (json!({ "title": "x", "expiresAt": "2030-02-30T00:00:00.000Z" }), expires),
        (json!({ "title": "x", "startsAt": "2030-01-01" }), starts),
        (json!({ "title": "x", "expiresAt": "2020-01-01T00:00:00.000Z" }), "expiresAt must be in the future"),
        (
            json!({ "title": "x", "startsAt": in_ms(60_000), "expiresAt": in_ms(50_000) }),
            "expiresAt must be after startsAt",
        ),
    ];
    for (body, message) in cases {
        println!("{body}");
        create(body).await.refused(400, message);
    }
    let same = in_ms(60_000);
    let both = json!({ "title": "x", "startsAt": same, "expiresAt": same });
    create(both).await.refused(400, "expiresAt must be after startsAt");
}

#[tokio::test]
async fn a_refused_creation_leaves_its_slug_free() {
    let slug = random_slug();
    create(json!({ "title": "", "slug": slug })).await.refused(400, "title must be 1 to 100 characters");
    create(json!({ "title": "x", "slug": slug })).await.ok(201);
}

#[tokio::test]
async fn slugs_have_rules() {
    let letters = "slug may only contain a-z, 0-9 and hyphens";
    let hyphens = "slug must not start or end with a hyphen";
    let long = "s".repeat(51);
    let cases = [
        ("ab", "slug must be 3 to 50 characters"),
        ("", "slug must be 3 to 50 characters"),
        (&long, "slug must be 3 to 50 characters"),
        ("Team-Feedback", letters),
        ("TEAM", letters),
        (" team ", letters),
        ("team_1", letters),
        ("tëam", letters),
        ("a/b/c", letters),
        ("..%2f", letters),
        ("team\u{0}", letters),
        ("-team", hyphens),
        ("team-", hyphens),
        ("---", hyphens),
    ];
    for (slug, message) in cases {
        println!("{slug}");
        create(json!({ "title": "x", "slug": slug })).await.refused(400, message);
    }
    create(json!({ "title": "x", "slug": 5 })).await.refused(400, "slug must be text");
}

#[tokio::test]
async fn names_that_our_own_routes_use_are_reserved() {
    for slug in ["api", "inbox", "admin", "openapi", "static", "assets", "favicon", "robots", "sitemap", "health"] {
        create(json!({ "title": "x", "slug": slug })).await.refused(400, "slug is reserved");
    }
}

#[tokio::test]
async fn the_longest_and_the_shortest_that_is_allowed_is_accepted() {
    let slug = format!("{}{}", random_slug(), "z".repeat(16));
    assert_eq!(slug.len(), 50);
    let (title, description) = ("🦀".repeat(100), "é".repeat(500));
    let pin = "🔑".repeat(64);
    let link = Link::with(json!({
        "title": title, "slug": slug, "description": description, "pin": pin, "maxMessages": 1
    }));
    let link = link.await;
    assert_eq!((&link.created["title"], &link.created["description"]), (&json!(title), &json!(description)));
    let right = json!({ "content": "x", "pin": pin });
    link.send_as(&Client::new(), right).await.is(201, json!({ "success": true }));

    let short = format!("{:03x}", uuid::Uuid::new_v4().as_u128() % 0x1000);
    let answer = create(json!({ "title": "x", "slug": short, "pin": "1234" })).await;
    assert!(answer.status == 201 || answer.status == 409, "{}", answer.text());
}
