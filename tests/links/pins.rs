//! Links with a PIN, and guessing it.

use serde_json::json;

use crate::support::{Answer, Client, FaultyStack, Link, all_at_once, now};

const PINS: (&str, u64, u64) = ("pins", 10, 900);

async fn guess(link: &Link, sender: &Client, pin: &str) -> Answer {
    link.send_as(sender, json!({ "content": "x", "pin": pin })).await
}

fn sent(answer: &Answer) {
    answer.is(201, json!({ "success": true }));
}

#[track_caller]
fn limited(answer: &Answer) {
    let (name, quota, window) = PINS;
    answer.limited(name, quota, window);
}

#[tokio::test]
async fn only_the_right_pin_opens_a_link() {
    let link = Link::with(json!({ "pin": "Olé 42🔑" })).await;
    assert_eq!(link.created["has_pin"], true);
    let sender = Client::new();
    link.send_as(&sender, json!({ "content": "x" })).await.refused(401, "PIN required");
    link.send_as(&sender, json!({ "content": "x", "pin": null })).await.refused(401, "PIN required");
    for wrong in ["olé 42🔑", "Olé 42🔑 ", "Ole 42🔑", "Olé 42", "Olé 42🔑Olé 42🔑"] {
        guess(&link, &sender, wrong).await.refused(401, "Wrong PIN");
    }
    assert_eq!(link.count().await, 0);
    sent(&guess(&link, &sender, "Olé 42🔑").await);
    assert_eq!(link.count().await, 1);
}

#[tokio::test]
async fn a_pin_is_the_same_in_whatever_form_a_keyboard_writes_it() {
    let forms = ["Olé 42", "Ole\u{301} 42", "Olé\u{a0}42", "Ole\u{301}\u{202f}42"];
    let link = Link::with(json!({ "pin": forms[1] })).await;
    for form in forms {
        sent(&guess(&link, &Client::new(), form).await);
    }
    link.patched(json!({ "pin": "ガパス12" })).await;
    sent(&guess(&link, &Client::new(), "カ\u{3099}ハ\u{309a}ス12").await);
    for wrong in ["カハス12", &"é".repeat(1025), &"x".repeat(60_000)] {
        guess(&link, &Client::new(), wrong).await.refused(401, "Wrong PIN");
    }
    link.patch(json!({ "pin": "e\u{301}".repeat(513) })).await.refused(400, "pin must be 4 to 64 characters");
    link.patch(json!({ "pin": "e\u{301}e\u{301}e\u{301}" })).await.refused(400, "pin must be 4 to 64 characters");
}

#[tokio::test]
async fn after_10_wrong_pins_a_client_is_refused_but_nobody_else() {
    let link = Link::with(json!({ "pin": "4321" })).await;
    let (guesser, friend) = (Client::new(), Client::new());
    for n in 0..10 {
        guess(&link, &guesser, &format!("000{n}")).await.refused(401, "Wrong PIN");
    }
    limited(&guess(&link, &guesser, "9999").await);
    limited(&guess(&link, &guesser, "4321").await);

    sent(&guess(&link, &friend, "4321").await);
    guess(&link, &friend, "9999").await.refused(401, "Wrong PIN");
    let mine = guesser.get(&link.inbox()).send().await.ok(200);
    assert_eq!(mine["messages"].as_array().expect("messages").len(), 1);
    guesser.patch(&link.owned()).json(&json!({ "title": "Still mine" })).send().await.ok(200);
    let other = Link::with(json!({ "pin": "1234" })).await;
    sent(&guess(&other, &guesser, "1234").await);
}

#[tokio::test]
async fn of_50_wrong_pins_at_once_10_are_looked_at() {
    let link = Link::with(json!({ "pin": "4321" })).await;
    let guesser = Client::new();
    let guesses = (0..50).map(|n| {
        let (link, guesser) = (link.clone(), guesser.clone());
        async move { guess(&link, &guesser, &format!("10{n:02}")).await }
    });
    let answers = all_at_once(guesses).await;
    let (wrong, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 401);
    assert_eq!((wrong.len(), refused.len()), (10, 40));
    wrong.iter().for_each(|answer| answer.refused(401, "Wrong PIN"));
    for answer in refused {
        limited(answer);
    }
    assert_eq!(link.count().await, 0);
    sent(&guess(&link, &Client::new(), "4321").await);
}

#[tokio::test]
async fn a_right_pin_among_many_wrong_ones_at_once_is_never_told_that_it_is_wrong() {
    let link = Link::with(json!({ "pin": "4321" })).await;
    let guesser = Client::new();
    let guesses = (0..30).map(|n| {
        let (link, guesser) = (link.clone(), guesser.clone());
        let pin = if n % 6 == 0 { "4321".to_owned() } else { format!("10{n:02}") };
        async move { (n, guess(&link, &guesser, &pin).await) }
    });
    for (n, answer) in all_at_once(guesses).await {
        match answer.status {
            201 => assert_eq!(n % 6, 0),
            401 => assert_ne!(n % 6, 0),
            _ => limited(&answer),
        }
    }
}

#[tokio::test]
async fn wrong_pins_do_not_take_from_the_messages_nor_messages_from_the_pins() {
    let link = Link::with(json!({ "pin": "4321" })).await;
    let sender = Client::new();
    for _ in 0..9 {
        guess(&link, &sender, "9999").await.refused(401, "Wrong PIN");
        link.send_as(&sender, json!({ "content": "x" })).await.refused(401, "PIN required");
    }
    for _ in 0..5 {
        sent(&guess(&link, &sender, "4321").await);
    }
    // The limit is known before a PIN is looked at: what is refused for it is no attempt.
    guess(&link, &sender, "4321").await.limited("link-messages", 5, 60);
    guess(&link, &sender, "9999").await.limited("link-messages", 5, 60);
    let neighbour = Client::new();
    for _ in 0..10 {
        guess(&link, &neighbour, "9999").await.refused(401, "Wrong PIN");
    }
    limited(&guess(&link, &neighbour, "9999").await);
    assert_eq!(link.count().await, 5);
}

#[tokio::test]
async fn a_link_without_a_pin_any_more_is_open_to_those_who_guessed_too_often() {
    let link = Link::with(json!({ "pin": "4321" })).await;
    let guesser = Client::new();
    for _ in 0..10 {
        guess(&link, &guesser, "9999").await.refused(401, "Wrong PIN");
    }
    limited(&guess(&link, &guesser, "4321").await);
    link.patched(json!({ "pin": null })).await;
    sent(&guess(&link, &guesser, "whatever").await);
}

#[tokio::test]
async fn a_pin_is_never_shown() {
    let link = Link::with(json!({ "pin": "a pin like no other" })).await;
    let answers = [
        Client::new().get(&link.path()).send().await,
        link.patch(json!({ "pin": "a pin like no other" })).await,
        Client::new().get(&link.inbox()).send().await,
        guess(&link, &Client::new(), "a pin unlike the other").await,
    ];
    for answer in answers {
        assert!(!answer.text().contains("a pin"), "{}", answer.text());
        assert!(!answer.text().contains("argon2"), "{}", answer.text());
    }
}

#[tokio::test]
async fn after_1000_wrong_pins_a_day_a_link_takes_no_pin_until_the_oldest_hour_is_over() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, other) = (Link::with(json!({ "pin": "4321" })).await, Link::with(json!({ "pin": "4321" })).await);
    let wrong = async || guess(&link, &Client::new(), "9999").await.refused(401, "Wrong PIN");
    wrong().await;
    stack.set_failures("link-pins", &[(25, 5000), (22, 998)]).await;
    wrong().await;
    // A right one is no failure.
    sent(&guess(&link, &Client::new(), "4321").await);
    wrong().await;
    for pin in ["9999", "4321"] {
        let wait = guess(&link, &Client::new(), pin).await.limited("link-pins", 1000, 24 * 60 * 60);
        // The full hour began 22 hours ago and counts for a day.
        assert!((1..=2 * 3600).contains(&wait), "Retry-After: {wait}");
    }
    sent(&guess(&other, &Client::new(), "4321").await);

    // The item keeps no hour that is over.
    let hour = now().unix_timestamp() / 3600;
    let item = stack.limit_item("link-pins").await;
    let hours =
        item.as_object().expect("an item").keys().filter_map(|name| name.strip_prefix('h')?.parse::<i64>().ok());
    assert!(hours.into_iter().all(|counted| counted > hour - 24), "{item}");
    stack.set_failures("link-pins", &[(25, 1000), (3, 999)]).await;
    sent(&guess(&link, &Client::new(), "4321").await);
    assert_eq!(link.count().await, 2);
    stack.stop().await;
}
