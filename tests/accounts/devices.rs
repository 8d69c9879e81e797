//! The devices of an account: verification, listing, limits, removal.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::Duration;

use crate::support::{Answer, Client, User, all_at_once, code_for, mails_for, now, stack_or_skip, time};

use super::{
    steps::{cookie_of, is_alive, limited, names, text, wrong},
    store::expire_code,
};

async fn verify(user: &User, code: &str) -> Answer {
    user.post("/api/auth/devices/verify").json(&json!({ "code": code })).send().await
}

async fn page(user: &User, query: &str) -> Value {
    user.get(&format!("/api/auth/devices{query}")).send().await.ok(200)
}

/// The account's devices, which must fit on one page.
async fn devices(user: &User) -> Vec<Value> {
    let page = page(user, "").await;
    assert_eq!((&page["success"], &page["nextCursor"]), (&json!(true), &Value::Null));
    page["devices"].as_array().expect("devices").clone()
}

async fn device(user: &User, id: &str) -> Option<Value> {
    devices(user).await.into_iter().find(|device| device["id"] == id)
}

async fn remove(user: &User, id: &str) -> Answer {
    user.delete(&format!("/api/auth/devices/{id}")).send().await
}

fn removed(answer: &Answer) {
    answer.is(200, json!({ "success": true, "message": "Device removed" }));
}

#[tokio::test]
async fn the_right_code_makes_a_device_a_trusted_one_for_good() {
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    let code = code_for(&user.email).await;
    verify(&other, &wrong(&code, 0)).await.fails(401, "Invalid OTP");
    assert_eq!(device(&other, &other.device).await.expect("a device")["trusted"], false);
    let answer = verify(&other, &code).await.ok(200);
    let body = json!({ "id": other.device, "name": answer["data"]["device"]["name"], "trusted": true });
    let whole = json!({ "success": true, "message": "Device verified", "data": { "device": body } });
    assert_eq!(answer, whole);
    assert_eq!(device(&user, &other.device).await.expect("a device")["trusted"], true);
    assert!(is_alive(&other.token).await);
    let again = user.sign_in(json!({ "deviceId": other.device })).await.ok(200);
    assert_eq!(again["data"]["device"]["trusted"], true);
    // A code can be used once.
    let again = User { token: text(&again["data"]["token"]), ..user };
    verify(&again, &code).await.fails(401, "Invalid OTP");
}

#[tokio::test]
async fn the_code_of_another_device_is_wrong() {
    let user = User::sign_up().await;
    let (first, first_code) = (user.on_new_device().await, code_for(&user.email).await);
    let (second, second_code) = (user.on_new_device().await, code_for(&user.email).await);
    if first_code != second_code {
        verify(&second, &first_code).await.fails(401, "Invalid OTP");
        verify(&first, &second_code).await.fails(401, "Invalid OTP");
        verify(&user, &first_code).await.fails(401, "Invalid OTP");
    }
    verify(&first, &first_code).await.ok(200);
    verify(&second, &second_code).await.ok(200);
}

#[tokio::test]
async fn after_5_wrong_codes_the_right_one_is_wrong_until_a_new_one_is_sent() {
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    let code = code_for(&user.email).await;
    for n in 0..5 {
        verify(&other, &wrong(&code, n)).await.fails(401, "Invalid OTP");
    }
    verify(&other, &code).await.fails(401, "Invalid OTP");
    let again = user.sign_in(json!({ "deviceId": other.device })).await.ok(200);
    let other = User { token: text(&again["data"]["token"]), ..other };
    verify(&other, &code_for(&user.email).await).await.ok(200);
}

#[tokio::test]
async fn guesses_count_against_a_living_code_only() {
    let user = User::sign_up().await;
    let (first, first_code) = (user.on_new_device().await, code_for(&user.email).await);
    for n in 0..40 {
        verify(&first, &wrong(&first_code, n)).await.fails(401, "Invalid OTP");
    }
    let (second, second_code) = (user.on_new_device().await, code_for(&user.email).await);
    let guesses = (0..4).map(|n| {
        let (second, code) = (second.clone(), wrong(&second_code, n));
        async move { verify(&second, &code).await }
    });
    all_at_once(guesses).await.iter().for_each(|answer| answer.fails(401, "Invalid OTP"));
    verify(&second, &second_code).await.ok(200);
    assert_eq!(device(&user, &first.device).await.expect("a device")["trusted"], false);
}

/// A right code among wrong ones that are under way is looked at, whichever comes first.
#[tokio::test]
async fn a_right_code_among_wrong_ones_at_once_is_never_refused() {
    let user = User::sign_up().await;
    let (other, code) = (user.on_new_device().await, code_for(&user.email).await);
    let guesses = (0..5).map(|n| {
        let (other, code) = (other.clone(), if n == 2 { code.clone() } else { wrong(&code, n) });
        async move { verify(&other, &code).await.status }
    });
    let statuses = all_at_once(guesses).await;
    assert_eq!(statuses, [401, 401, 200, 401, 401]);
}

#[tokio::test]
async fn an_expired_code_is_wrong() {
    let Some(stack) = stack_or_skip("lets time run out in the table") else { return };
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    let code = code_for(&user.email).await;
    expire_code(stack, "device", &other.device).await;
    verify(&other, &code).await.fails(401, "Invalid OTP");
    assert_eq!(device(&user, &other.device).await.expect("a device")["trusted"], false);
}

#[tokio::test]
async fn a_list_shows_each_device_and_which_one_asks() {
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    verify(&other, &code_for(&user.email).await).await.ok(200);
    let third = user.on_new_device().await;
    user.post("/api/auth/sign-out").send().await.ok(200);
    let listed = devices(&other).await;
    assert_eq!(listed.len(), 3);
    for (id, trusted, current, signed_in) in
        [(&user.device, true, false, false), (&other.device, true, true, true), (&third.device, false, false, true)]
    {
        let device = listed.iter().find(|device| device["id"] == **id).expect("a device");
        let expected = json!({
            "id": id, "name": device["name"], "trusted": trusted, "current": current, "signedIn": signed_in,
            "createdAt": device["createdAt"], "lastSignInAt": device["lastSignInAt"],
        });
        assert_eq!(device, &expected);
        for moment in ["createdAt", "lastSignInAt"] {
            assert!((now() - time(&device[moment])).abs() < Duration::minutes(1));
        }
    }
}

#[tokio::test]
async fn devices_come_page_by_page_each_once() {
    let user = User::sign_up().await;
    let mut expected = BTreeSet::from([user.device.clone()]);
    for _ in 0..4 {
        expected.insert(user.on_new_device().await.device);
    }
    for limit in [1, 2, 5, 100] {
        let (mut found, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let page = page(&user, &query).await;
            let devices = page["devices"].as_array().expect("devices");
            assert!(!devices.is_empty() && devices.len() <= limit, "{page}");
            found.extend(devices.iter().map(|device| text(&device["id"])));
            if page["nextCursor"].is_null() {
                break;
            }
            query = format!("?limit={limit}&cursor={}", text(&page["nextCursor"]));
        }
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

#[tokio::test]
async fn a_device_that_is_not_trusted_sees_no_other() {
    let user = User::sign_up().await;
    let (other, third) = (user.on_new_device().await, user.on_new_device().await);
    for device in [&other, &third] {
        let (mut found, mut query) = (Vec::new(), "?limit=1".to_owned());
        loop {
            let page = page(device, &query).await;
            let devices = page["devices"].as_array().expect("devices");
            found.extend(devices.iter().map(|device| text(&device["id"])));
            if page["nextCursor"].is_null() {
                break;
            }
            query = format!("?limit=1&cursor={}", text(&page["nextCursor"]));
        }
        assert_eq!(found, std::slice::from_ref(&device.device));
    }
    assert_eq!(devices(&user).await.len(), 3);
}

#[tokio::test]
async fn the_4th_new_device_within_10_minutes_is_let_in_but_gets_no_code() {
    let user = User::sign_up().await;
    let mails = mails_for(&user.email).await.len();
    for n in 1..=5 {
        let device = user.on_new_device().await;
        assert!(is_alive(&device.token).await);
        assert_eq!(mails_for(&user.email).await.len(), mails + n.min(3));
    }
}

#[tokio::test]
async fn the_21st_new_device_within_an_hour_is_refused_but_known_ones_are_not() {
    let user = User::sign_up().await;
    let sign_ins = (0..25).map(|_| {
        let user = user.clone();
        async move { user.sign_in(json!({})).await }
    });
    let answers = all_at_once(sign_ins).await;
    // With many concurrent sign-ins, some are refused as attempts at the password: a right one counts until it is checked.
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    for _ in made..20 {
        user.on_new_device().await;
    }
    let refused = user.sign_in(json!({})).await;
    limited(&refused, "new-devices", 20, 3600);
    assert_eq!(cookie_of(&refused), None);
    assert_eq!(devices(&user).await.len(), 21);
    let again = user.sign_in(json!({ "deviceId": user.device })).await.ok(200);
    assert!(is_alive(&text(&again["data"]["token"])).await);
}

#[tokio::test]
async fn a_cursor_that_is_not_ours_and_a_limit_that_is_none_are_refused() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    user.on_new_device().await;
    let cursor = text(&page(&user, "?limit=1").await["nextCursor"]);
    let get = |user: &User, query: String| user.get(&format!("/api/auth/devices{query}")).send();
    let flipped = format!("{}{}", if cursor.starts_with('A') { 'B' } else { 'A' }, &cursor[1..]);
    for tampered in [&flipped, &cursor[1..], &format!("{cursor}A"), "x", "%00", &user.device] {
        let answer = get(&user, format!("?limit=1&cursor={tampered}")).await;
        answer.fails(400, "cursor is not valid; start again without it");
    }
    let answer = get(&other, format!("?cursor={cursor}")).await;
    answer.fails(400, "cursor is not valid; start again without it");
    for limit in ["0", "101", "-1", "x", "", "1.5"] {
        names(&get(&user, format!("?limit={limit}")).await, "limit");
    }
}

#[tokio::test]
async fn a_removed_device_is_out_at_its_next_request() {
    let user = User::sign_up().await;
    let (other, third) = (user.on_new_device().await, user.on_new_device().await);
    let answer = remove(&user, &other.device).await;
    removed(&answer);
    assert_eq!(cookie_of(&answer), None);
    assert!(!is_alive(&other.token).await);
    assert!(is_alive(&user.token).await && is_alive(&third.token).await);
    assert_eq!(device(&user, &other.device).await, None);
    removed(&remove(&user, &other.device).await);
    // Neither its trust nor its code is left.
    let again = user.sign_in(json!({ "deviceId": other.device })).await.ok(200);
    assert_ne!(again["data"]["device"]["id"], other.device);
    assert!(!is_alive(&other.token).await);
}

#[tokio::test]
async fn removing_the_current_device_signs_out() {
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    let answer = remove(&other, &other.device).await;
    removed(&answer);
    assert_eq!(cookie_of(&answer).as_deref(), Some(""));
    assert!(!is_alive(&other.token).await);
    assert_eq!(devices(&user).await.len(), 1);
}

#[tokio::test]
async fn removing_what_is_not_ones_own_changes_nothing_for_anybody() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    removed(&remove(&user, &other.device).await);
    removed(&remove(&user, &"0".repeat(32)).await);
    removed(&remove(&user, &other.device.to_uppercase()).await);
    for no_id in ["x", &user.device[1..]] {
        remove(&user, no_id).await.fails(404, "Device not found");
    }
    assert!(is_alive(&user.token).await && is_alive(&other.token).await);
    assert_eq!((devices(&user).await.len(), devices(&other).await.len()), (1, 1));
    let nobody = Client::new().delete(&format!("/api/auth/devices/{}", user.device)).send().await;
    nobody.fails(401, "Not Authenticated");
}
