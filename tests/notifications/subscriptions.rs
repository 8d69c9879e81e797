//! `POST /api/v1/push/subscriptions` and `DELETE /api/v1/push/subscriptions/{id}`.

use serde_json::{Value, json};

use super::steps::{
    AUTH, NOT_AUTHENTICATED, P256DH, PREFERENCES, SUBSCRIPTIONS, browser, random_endpoint, refused, stored_of,
    subscriptions_of,
};
use crate::support::{Client, PASSWORD, User, all_at_once, everything_stored, text, time};

/// A second pair of keys: the server's of RFC 8291, appendix A, with padding.
const OTHER_P256DH: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8=";
const OTHER_AUTH: &str = "AAECAwQFBgcICQoLDA0ODw==";

const NOT_FOUND: &str = "Push subscription not found";

#[tokio::test]
async fn a_browsers_own_words_make_a_subscription() {
    let user = User::sign_up().await;
    let endpoint = random_endpoint();
    let answer = user.subscribe(&browser(&endpoint)).send().await.ok(201);
    let fields: Vec<&str> = answer.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!((fields, text(&answer, "endpoint")), (vec!["id", "endpoint", "created_at"], endpoint.as_str()));
    time(&answer["created_at"]);
    let id = text(&answer, "id");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{id}");

    let Some(kept) = subscriptions_of(&user).await else { return };
    let item = json!({
        "pk": { "S": format!("USER#{}", user.id) }, "sk": { "S": format!("PUSH#{id}") }, "id": { "S": id },
        "endpoint": { "S": endpoint }, "p256dh": { "S": P256DH }, "auth": { "S": AUTH }, "device": { "S": user.device },
        "created_at": { "S": answer["created_at"] },
    });
    assert_eq!(kept, [item]);
}

#[tokio::test]
async fn fields_that_browsers_may_add_are_passed_over() {
    let user = User::sign_up().await;
    for expires in [json!(null), json!(1_770_381_471_523_u64), json!(1.5e12)] {
        let mut body = browser(&random_endpoint());
        body["expirationTime"] = expires;
        body["subscriptionId"] = json!(["x"]);
        body["keys"]["future"] = json!(1);
        user.subscribe(&body).send().await.ok(201);
    }
    let mut bare = browser(&random_endpoint());
    bare.as_object_mut().expect("an object").remove("expirationTime");
    user.subscribe(&bare).send().await.ok(201);
}

#[tokio::test]
async fn the_same_endpoint_again_takes_the_new_keys_and_the_new_device() {
    let user = User::sign_up().await;
    let endpoint = random_endpoint();
    let first = user.subscribe(&browser(&endpoint)).send().await.ok(201);
    let elsewhere = user.on_new_device().await;
    let mut body = browser(&endpoint.replace("fcm.googleapis.com", "FCM.GoogleAPIs.com:443"));
    body["keys"] = json!({ "p256dh": OTHER_P256DH, "auth": OTHER_AUTH });
    elsewhere.subscribe(&body).send().await.is(201, first.clone());

    let Some(kept) = subscriptions_of(&user).await else { return };
    assert_eq!(kept.len(), 1);
    let said = |name: &str| text(&kept[0][name], "S").to_owned();
    assert_eq!((said("p256dh"), said("auth")), (OTHER_P256DH.replace('=', ""), OTHER_AUTH.replace('=', "")));
    assert_eq!((said("device"), json!(said("created_at"))), (elsewhere.device, first["created_at"].clone()));
}

#[tokio::test]
async fn an_endpoint_belongs_to_whoever_told_of_it_last() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let (endpoint, other) = (random_endpoint(), random_endpoint());
    let (of_ann, kept_by_ann) = (ann.subscribed(&endpoint).await, ann.subscribed(&other).await);
    let of_bob = bob.subscribed(&endpoint).await;
    refused(&ann.unsubscribe_push(&of_ann).send().await, 404, NOT_FOUND);
    let ids = async |user: &User| {
        let kept = subscriptions_of(user).await?;
        Some(kept.iter().map(|item| text(&item["id"], "S").to_owned()).collect::<Vec<_>>())
    };
    if let (Some(anns), Some(bobs)) = (ids(&ann).await, ids(&bob).await) {
        assert_eq!((anns, bobs), (vec![kept_by_ann.clone()], vec![of_bob.clone()]));
    }
    // Back and forth, and gone with whoever has it.
    ann.subscribed(&endpoint).await;
    refused(&bob.unsubscribe_push(&of_bob).send().await, 404, NOT_FOUND);
    ann.unsubscribe_push(&of_ann).send().await.ok(200);
    bob.subscribed(&endpoint).await;
    if let (Some(anns), Some(bobs)) = (ids(&ann).await, ids(&bob).await) {
        assert_eq!((anns, bobs), (vec![kept_by_ann], vec![of_bob]));
    }
}

#[tokio::test]
async fn an_endpoint_of_a_deleted_account_belongs_to_the_next_user() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let endpoint = random_endpoint();
    let id = ann.subscribed(&endpoint).await;
    ann.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    if let Some(stored) = everything_stored().await {
        assert!(!stored.iter().any(|item| item["pk"]["S"] == format!("PUSHENDPOINT#{id}").as_str()));
    }
    bob.subscribed(&endpoint).await;
    let Some(kept) = subscriptions_of(&bob).await else { return };
    assert_eq!(kept.len(), 1);
}

#[tokio::test]
async fn of_users_who_subscribe_one_endpoint_at_once_one_has_it() {
    let (users, endpoint) = (User::many(6).await, random_endpoint());
    let subscriptions = users.iter().cloned().map(|user| {
        let body = browser(&endpoint);
        async move { user.subscribe(&body).send().await.ok(201) }
    });
    all_at_once(subscriptions.collect::<Vec<_>>()).await;
    let mut kept = 0;
    for user in &users {
        let Some(found) = subscriptions_of(user).await else { return };
        kept += found.len();
    }
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn an_invalid_subscription_names_the_error_and_is_not_stored() {
    let user = User::sign_up().await;
    let endpoint = random_endpoint();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = browser(&endpoint);
        change(&mut body);
        body
    };
    let key = "keys.p256dh must be the base64url of an uncompressed P-256 public key";
    let secret = "keys.auth must be the base64url of 16 bytes";
    let off_the_curve = format!("{}0", &P256DH[..86]);
    for (body, message) in [
        (json!({}), "endpoint is required"),
        (with(&|body| body["endpoint"] = json!(null)), "endpoint must be text"),
        (with(&|body| body["endpoint"] = json!(7)), "endpoint must be text"),
        (with(&|body| body["endpoint"] = json!("")), "endpoint must be an https URL"),
        (with(&|body| body["expirationTime"] = json!("soon")), "expirationTime must be a number or null"),
        (with(&|body| body["expirationTime"] = json!({})), "expirationTime must be a number or null"),
        (json!({ "endpoint": endpoint }), "keys is required"),
        (with(&|body| body["keys"] = json!(null)), "keys must be an object"),
        (with(&|body| body["keys"] = json!([P256DH, AUTH])), "keys must be an object"),
        (with(&|body| body["keys"] = json!({})), "p256dh is required"),
        (with(&|body| body["keys"] = json!({ "p256dh": P256DH })), "auth is required"),
        (with(&|body| body["keys"]["p256dh"] = json!(null)), key),
        (with(&|body| body["keys"]["p256dh"] = json!([4])), key),
        (with(&|body| body["keys"]["p256dh"] = json!("")), key),
        (with(&|body| body["keys"]["p256dh"] = json!(AUTH)), key),
        (with(&|body| body["keys"]["p256dh"] = json!(off_the_curve)), key),
        (with(&|body| body["keys"]["p256dh"] = json!(P256DH.replace('_', "/"))), key),
        (with(&|body| body["keys"]["p256dh"] = json!(P256DH.repeat(100))), key),
        (with(&|body| body["keys"]["auth"] = json!(7)), secret),
        (with(&|body| body["keys"]["auth"] = json!(P256DH)), secret),
        (with(&|body| body["keys"]["auth"] = json!(&AUTH[1..])), secret),
    ] {
        println!("{body}");
        refused(&user.subscribe(&body).send().await, 422, message);
    }
    let sent = |content_type: &'static str, body: String| user.post(SUBSCRIPTIONS).bytes(content_type, body).send();
    refused(&sent("application/json", "{".to_owned()).await, 422, "The body is not valid JSON");
    refused(&sent("text/plain", browser(&endpoint).to_string()).await, 415, "Content-Type must be application/json");
    let large = format!("{}{}", browser(&endpoint), " ".repeat(64 * 1024));
    refused(&sent("application/json", large).await, 413, "The body must not be larger than 64 KiB");
    let key = "Idempotency-Key must be 1 to 255 visible ASCII characters";
    refused(&user.subscribe(&browser(&endpoint)).key("a b").send().await, 422, key);
    let Some(kept) = subscriptions_of(&user).await else { return };
    assert_eq!(kept, Vec::<Value>::new());
}

/// The endpoints that an attacker would try first. The unit tests of the type have more.
#[tokio::test]
async fn our_servers_call_no_host_but_those_of_known_push_services() {
    let user = User::sign_up().await;
    let unknown = "endpoint must be on the host of a known push service";
    for (endpoint, message) in [
        ("http://fcm.googleapis.com/fcm/send/x", "endpoint must be an https URL"),
        ("ftp://fcm.googleapis.com/x", "endpoint must be an https URL"),
        ("https://169.254.169.254/latest/meta-data/iam/", unknown),
        ("https://[fd00:ec2::254]/latest/meta-data/", unknown),
        ("https://localhost:8000/x", unknown),
        ("https://fcm.googleapis.com@169.254.169.254/x", unknown),
        ("https://x:y@fcm.googleapis.com/x", unknown),
        ("https://fcm.googleapis.com:8443/x", unknown),
        ("https://fcm.googleapis.com./x", unknown),
        ("https://fcm.googleapis.com.evil.example/x", unknown),
        ("https://evilpush.apple.com/x", unknown),
        ("https://evil.example/x?.push.apple.com/y", unknown),
        ("https://evil.example#.push.apple.com/y", unknown),
        ("https://evil.example\\.push.apple.com/y", unknown),
        ("https://fcm.googleapis.com/x#y", "endpoint must be a URL with a path, without a fragment"),
        ("https://fcm.googleapis.com/x\r\nX: y", "endpoint must be a URL with a path, without a fragment"),
        ("https://fcm.googleapis.com", "endpoint must be a URL with a path, without a fragment"),
    ] {
        println!("{endpoint}");
        refused(&user.subscribe(&browser(endpoint)).send().await, 422, message);
    }
    let long = |length: usize| browser(&format!("{:x<length$}", random_endpoint()));
    refused(&user.subscribe(&long(2049)).send().await, 422, "endpoint must be at most 2048 characters");
    user.subscribe(&long(2048)).send().await.ok(201);
    for host in ["updates.push.services.mozilla.com", "web.push.apple.com", "wns2-by3p.notify.windows.com"] {
        user.subscribed(&format!("https://{host}/x?y=%2F")).await;
    }
}

#[tokio::test]
async fn a_subscription_is_deleted_once_and_only_by_its_user() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let (id, other) = (ann.subscribed(&random_endpoint()).await, ann.subscribed(&random_endpoint()).await);
    refused(&bob.unsubscribe_push(&id).send().await, 404, NOT_FOUND);
    for wrong in ["x", "0", &"0".repeat(32), &id.to_uppercase(), &id[1..], &format!("{id}0"), "me", "%00"] {
        refused(&ann.unsubscribe_push(wrong).send().await, 404, NOT_FOUND);
    }
    let done = json!({ "message": "Push subscription deleted successfully" });
    ann.unsubscribe_push(&id).send().await.is(200, done.clone());
    refused(&ann.unsubscribe_push(&id).send().await, 404, NOT_FOUND);
    if let Some(kept) = subscriptions_of(&ann).await {
        assert_eq!((kept.len(), text(&kept[0]["id"], "S")), (1, other.as_str()));
    }
    // Any device of the user may do it.
    ann.on_new_device().await.unsubscribe_push(&other).send().await.is(200, done);
}

#[tokio::test]
async fn without_a_session_nothing_is_kept_or_deleted() {
    let user = User::sign_up().await;
    let id = user.subscribed(&random_endpoint()).await;
    for token in ["", "x", &format!("{}x", user.token)] {
        let somebody = Client::new();
        for call in [
            somebody.post(SUBSCRIPTIONS).json(&browser(&random_endpoint())),
            // A 401 takes precedence over errors of the body.
            somebody.post(SUBSCRIPTIONS).json(&json!({})),
            somebody.post(SUBSCRIPTIONS).json(&browser(&random_endpoint())).key("a b"),
            somebody.post(SUBSCRIPTIONS),
            somebody.delete(&format!("{SUBSCRIPTIONS}/{id}")),
            somebody.delete(&format!("{SUBSCRIPTIONS}/x")),
        ] {
            refused(&call.bearer(token).send().await, 401, NOT_AUTHENTICATED);
        }
    }
    let signed_out = user.on_new_device().await;
    signed_out.post("/api/auth/sign-out").send().await.ok(200);
    for body in [browser(&random_endpoint()), json!({})] {
        refused(&signed_out.subscribe(&body).send().await, 401, NOT_AUTHENTICATED);
    }
    let cookie = format!("next-auth.session-token={}", user.token);
    for call in [
        Client::new().post(SUBSCRIPTIONS).json(&browser(&random_endpoint())),
        Client::new().delete(&format!("{SUBSCRIPTIONS}/{id}")),
    ] {
        let answer = call.header("cookie", &cookie).header("sec-fetch-site", "cross-site").send().await;
        refused(&answer, 403, "Requests with a cookie are accepted from our own pages only");
    }
    let Some(kept) = subscriptions_of(&user).await else { return };
    assert_eq!((kept.len(), text(&kept[0]["id"], "S")), (1, id.as_str()));
}

#[tokio::test]
async fn with_the_account_preferences_and_subscriptions_go() {
    let user = User::sign_up().await;
    for _ in 0..3 {
        user.subscribed(&random_endpoint()).await;
    }
    user.patch(PREFERENCES).json(&json!({ "messages": { "email": false } })).send().await.ok(200);
    user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    let Some(left) = stored_of(&user).await else { return };
    assert_eq!(left, Vec::<Value>::new());
}
