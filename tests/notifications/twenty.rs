//! A user has at most 20 push subscriptions, even with concurrent changes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::steps::{SUBSCRIPTIONS, browser, random_endpoint, refused, subscriptions_of};
use crate::support::{PASSWORD, User, all_at_once, text};

const TOO_MANY: &str = "You have 20 push subscriptions already, all of them on devices that are signed in. \
                        Delete one, or sign out on a device";

/// A user with that many subscriptions, and their ids.
async fn with(count: usize) -> (User, Vec<String>) {
    let user = User::sign_up().await;
    let ids = fill(&user, count).await;
    (user, ids)
}

async fn fill(user: &User, count: usize) -> Vec<String> {
    let new = |_| {
        let user = user.clone();
        async move { user.subscribed(&random_endpoint()).await }
    };
    all_at_once((0..count).map(new)).await
}

#[tokio::test]
async fn the_21st_is_refused_until_one_goes_and_renewing_one_takes_no_place() {
    let (user, ids) = with(19).await;
    let endpoint = random_endpoint();
    let twentieth = user.subscribe(&browser(&endpoint)).send().await.ok(201);
    refused(&user.subscribe(&browser(&random_endpoint())).send().await, 422, TOO_MANY);
    user.subscribe(&browser(&endpoint)).send().await.is(201, twentieth);
    user.unsubscribe_push(&ids[0]).send().await.ok(200);
    user.subscribed(&random_endpoint()).await;
    refused(&user.subscribe(&browser(&random_endpoint())).key("key").send().await, 422, TOO_MANY);
    let Some(kept) = subscriptions_of(&user).await else { return };
    assert_eq!(kept.len(), 20);
}

#[tokio::test]
async fn of_40_at_once_20_are_kept() {
    let user = User::sign_up().await;
    let new = |_| {
        let user = user.clone();
        async move { user.subscribe(&browser(&random_endpoint())).send().await }
    };
    let answers = all_at_once((0..40).map(new)).await;
    let (kept, over): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    over.iter().for_each(|answer| refused(answer, 422, TOO_MANY));
    assert_eq!((kept.len(), over.len()), (20, 20));
    let Some(stored) = subscriptions_of(&user).await else { return };
    let ids = |of: Vec<Value>| of.iter().map(|one| one.as_str().expect("an id").to_owned()).collect::<BTreeSet<_>>();
    let stored = ids(stored.iter().map(|item| item["id"]["S"].clone()).collect());
    assert_eq!(stored, ids(kept.iter().map(|answer| answer.json()["id"].clone()).collect()));
}

#[tokio::test]
async fn one_endpoint_many_times_at_once_is_one_subscription() {
    let user = User::sign_up().await;
    let endpoint = random_endpoint();
    let new = |_| {
        let (user, endpoint) = (user.clone(), endpoint.clone());
        async move { user.subscribe(&browser(&endpoint)).send().await.ok(201) }
    };
    let answers = all_at_once((0..20).map(new)).await;
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
    let Some(kept) = subscriptions_of(&user).await else { return };
    assert_eq!(kept.len(), 1);
}

#[tokio::test]
async fn many_deletions_at_once_count_each_once() {
    let (user, ids) = with(10).await;
    // Each of them is deleted four times, except the last.
    let deletions = ids[..9].iter().flat_map(|id| [id; 4]).map(|id| {
        let (user, id) = (user.clone(), id.clone());
        async move { user.unsubscribe_push(&id).send().await.status }
    });
    let statuses = all_at_once(deletions).await;
    for of_one in statuses.chunks(4) {
        let count = |status: u16| of_one.iter().filter(|found| **found == status).count();
        assert_eq!((count(200), count(404)), (1, 3), "{of_one:?}");
    }
    let Some(kept) = subscriptions_of(&user).await else { return };
    assert_eq!((kept.len(), text(&kept[0]["id"], "S")), (1, ids[9].as_str()));
}

#[tokio::test]
async fn subscriptions_that_come_and_go_at_once_stay_counted() {
    let (user, _) = with(1).await;
    let endpoint = random_endpoint();
    let id = user.subscribed(&endpoint).await;
    let calls = (0..30).map(|n| {
        let (user, endpoint, id) = (user.clone(), endpoint.clone(), id.clone());
        async move {
            let call = if n % 2 == 0 { user.unsubscribe_push(&id) } else { user.subscribe(&browser(&endpoint)) };
            let answer = call.send().await;
            assert!([200, 201, 404].contains(&answer.status), "{}", answer.text());
        }
    });
    all_at_once(calls).await;
    // This also compares the stored count.
    let Some(kept) = subscriptions_of(&user).await else { return };
    assert!((1..=2).contains(&kept.len()), "{kept:#?}");
}

#[tokio::test]
async fn subscriptions_of_devices_that_nobody_is_signed_in_on_make_room() {
    let (user, own) = with(1).await;
    let [out, removed] = [user.on_new_device().await, user.on_new_device().await];
    fill(&out, 9).await;
    fill(&removed, 10).await;
    refused(&user.subscribe(&browser(&random_endpoint())).send().await, 422, TOO_MANY);
    out.post("/api/auth/sign-out").send().await.ok(200);
    user.delete(&format!("/api/auth/devices/{}", removed.device)).send().await.ok(200);
    // All at once: each of them replaces another unused one.
    let new = |_| {
        let user = user.clone();
        async move { user.subscribe(&browser(&random_endpoint())).send().await }
    };
    let answers = all_at_once((0..25).map(new)).await;
    let (kept, over): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    over.iter().for_each(|answer| refused(answer, 422, TOO_MANY));
    assert_eq!((kept.len(), over.len()), (19, 6));
    let Some(stored) = subscriptions_of(&user).await else { return };
    assert!(stored.iter().all(|item| item["device"]["S"] == user.device.as_str()), "{stored:#?}");
    assert!(stored.iter().any(|item| item["id"]["S"] == own[0].as_str()) && stored.len() == 20);
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_so_makes_room() {
    let (user, _) = with(0).await;
    fill(&user.on_new_device().await, 20).await;
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another good password" });
    refused(&user.subscribe(&browser(&random_endpoint())).send().await, 422, TOO_MANY);
    user.post("/api/auth/change-password").json(&body).send().await.ok(200);
    user.subscribed(&random_endpoint()).await;
    let Some(kept) = subscriptions_of(&user).await else { return };
    assert_eq!(kept.len(), 20);
}

#[tokio::test]
async fn a_subscription_sent_again_with_its_key_is_answered_again() {
    let user = User::sign_up().await;
    let body = browser(&random_endpoint());
    let ask = |body: &Value| user.post(SUBSCRIPTIONS).json(body).key("a-key").send();
    let first = ask(&body).await;
    first.ok(201);
    assert_eq!(ask(&body).await.text(), first.text());
    let another = "This Idempotency-Key was already used for another request";
    refused(&ask(&browser(&random_endpoint())).await, 422, another);
    // The replay is answered even when 20 others exist, and when the subscription was deleted since.
    fill(&user, 19).await;
    assert_eq!(ask(&body).await.text(), first.text());
    user.unsubscribe_push(text(&first.json(), "id")).send().await.ok(200);
    fill(&user, 1).await;
    assert_eq!((ask(&body).await.status, ask(&body).await.text()), (201, first.text()));
    let Some(kept) = subscriptions_of(&user).await else { return };
    assert!(kept.len() == 20 && kept.iter().all(|item| item["id"]["S"] != first.json()["id"]));

    // The same key of another user is a different key.
    let other = User::sign_up().await;
    other.post(SUBSCRIPTIONS).json(&browser(&random_endpoint())).key("a-key").send().await.ok(201);
}

#[tokio::test]
async fn a_key_many_times_at_once_makes_one_subscription() {
    let user = User::sign_up().await;
    let body = browser(&random_endpoint());
    let new = |_| {
        let (user, body) = (user.clone(), body.clone());
        async move { user.post(SUBSCRIPTIONS).json(&body).key("a-key").send().await.ok(201) }
    };
    let answers = all_at_once((0..16).map(new)).await;
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
    let Some(kept) = subscriptions_of(&user).await else { return };
    assert_eq!(kept.len(), 1);
}
