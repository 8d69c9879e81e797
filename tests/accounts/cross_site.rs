//! Requests that a foreign page makes a browser send, with the cookie.

use serde_json::{Value, json};

use crate::support::{Answer, Call, Client, User, base, stack_or_skip, template};

use super::steps::{COOKIE, is_alive};

const REFUSED: &str = "Requests with a cookie are accepted from our own pages only";

/// The path of a mutation whose effect a GET shows.
const PATH: &str = "/api/accept-messages";

fn with_cookie(user: &User, call: Call) -> Call {
    call.header("cookie", &format!("{COOKIE}={}", user.token))
}

async fn with(call: Call, headers: &[(&str, &str)]) -> Answer {
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
}

/// Tries the mutation with the cookie and these headers.
async fn change(user: &User, accept: bool, headers: &[(&str, &str)]) -> Answer {
    let call = Client::new().post(PATH).json(&json!({ "acceptMessage": accept }));
    with(with_cookie(user, call), headers).await
}

async fn is_accepting(user: &User) -> Value {
    user.get(PATH).send().await.ok(200)["isAcceptingMessages"].take()
}

#[tokio::test]
async fn a_mutation_by_cookie_is_refused_to_another_origin_and_changes_nothing() {
    let user = User::sign_up().await;
    let own = base();
    let (host, port) = own.trim_start_matches("http://").rsplit_once(':').expect("a port");
    let foreign = [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        String::new(),
        own.replace("http:", "https:"),
        format!("{own}.evil.example"),
        format!("{own}0"),
        format!("{own}/"),
        format!("http://{host}"),
        format!("http://127.0.0.2:{port}"),
        format!("{}:1", template::allowed_origin()),
        format!("{}.evil.example", template::allowed_origin()),
        format!("{own} {}", template::allowed_origin()),
        "*".to_owned(),
    ];
    for origin in &foreign {
        println!("{origin}");
        change(&user, false, &[("origin", origin)]).await.fails(403, REFUSED);
        // A good header does not make up for a bad one.
        change(&user, false, &[("origin", origin), ("sec-fetch-site", "same-origin")]).await.fails(403, REFUSED);
    }
    assert_eq!(is_accepting(&user).await, true);
}

#[tokio::test]
async fn a_mutation_by_cookie_is_refused_to_another_site_and_changes_nothing() {
    let user = User::sign_up().await;
    for site in ["cross-site", "same-site", "none", "", "Same-Origin", "same-origin, cross-site"] {
        println!("{site}");
        change(&user, false, &[("sec-fetch-site", site)]).await.fails(403, REFUSED);
    }
    change(&user, false, &[("origin", &base()), ("sec-fetch-site", "cross-site")]).await.fails(403, REFUSED);
    assert_eq!(is_accepting(&user).await, true);
}

#[tokio::test]
async fn a_cookie_counts_beside_credentials_for_a_proxy_in_front_and_is_protected_as_ever() {
    let user = User::sign_up().await;
    let mut accept = true;
    for proxy in ["Basic YW5uOnNlY3JldA==", "basic x", "Digest username=\"ann\"", "Negotiate", "Bearerx y"] {
        println!("{proxy}");
        accept = !accept;
        change(&user, accept, &[("authorization", proxy)]).await.ok(200);
        assert_eq!(is_accepting(&user).await, accept);
        // Browsers send these credentials by themselves, so they prove nothing about the page.
        let foreign = [("authorization", proxy), ("origin", "https://evil.example")];
        change(&user, !accept, &foreign).await.fails(403, REFUSED);
        let session = with_cookie(&user, Client::new().get("/api/auth/session")).header("authorization", proxy);
        assert_eq!(session.send().await.ok(200)["user"]["_id"], user.id);
        let alone = Client::new().get("/api/auth/session").header("authorization", proxy).send().await;
        alone.is(200, json!({}));
    }
    for conflict in ["Bearer", "Bearer ", "bearer x", "BEARER YW5uOnNlY3JldA=="] {
        change(&user, true, &[("authorization", conflict)]).await.fails(401, "Not Authenticated");
    }
    let same = format!("bEaReR   {}", user.token);
    change(&user, true, &[("authorization", &same)]).await.ok(200);
}

#[tokio::test]
async fn our_own_pages_and_configured_clients_and_no_browser_at_all_may_change_something() {
    let user = User::sign_up().await;
    let (own, client) = (base(), template::allowed_origin());
    let allowed: [&[(&str, &str)]; 8] = [
        &[],
        &[("origin", &own)],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", &own), ("sec-fetch-site", "same-origin")],
        &[("origin", &client)],
        &[("origin", &client), ("sec-fetch-site", "cross-site")],
        &[("origin", &client), ("sec-fetch-site", "same-site")],
        &[("referer", "https://evil.example/"), ("sec-fetch-mode", "navigate")],
    ];
    let mut accept = true;
    for headers in allowed {
        println!("{headers:?}");
        accept = !accept;
        change(&user, accept, headers).await.ok(200);
        assert_eq!(is_accepting(&user).await, accept);
    }
}

#[tokio::test]
async fn a_bearer_is_accepted_from_everywhere_as_no_browser_sends_it_by_itself() {
    let user = User::sign_up().await;
    for headers in [[("origin", "https://evil.example")], [("sec-fetch-site", "cross-site")]] {
        let call = || user.post(PATH).json(&json!({ "acceptMessage": true }));
        with(call(), &headers).await.ok(200);
        with(with_cookie(&user, call()), &headers).await.ok(200);
    }
}

#[tokio::test]
async fn what_only_reads_is_answered_by_cookie_to_everyone() {
    let user = User::sign_up().await;
    for headers in [[("origin", "https://evil.example")], [("sec-fetch-site", "cross-site")]] {
        for path in ["/api/auth/devices", "/api/auth/session", "/api/get-messages", PATH] {
            let answer = with(with_cookie(&user, Client::new().get(path)), &headers).await;
            assert_ne!(answer.ok(200), json!({}), "{path}");
            // The browser does not show the answer to the page.
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    let origin = template::allowed_origin();
    let call = with_cookie(&user, Client::new().get("/api/auth/session"));
    let answer = with(call, &[("origin", &origin)]).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin.as_str()));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
}

#[tokio::test]
async fn every_mutation_with_a_session_is_refused_to_another_origin() {
    let user = User::sign_up().await;
    let password = json!({ "password": user.password });
    let change = json!({ "currentPassword": user.password, "newPassword": "another password" });
    for (method, path, body) in [
        ("POST", "/api/auth/sign-out", None),
        ("POST", "/api/auth/devices/verify", Some(json!({ "code": "000000" }))),
        ("POST", "/api/auth/change-password", Some(change)),
        ("DELETE", &format!("/api/auth/devices/{}", user.device), None),
        ("DELETE", "/api/auth/account", Some(password)),
        ("PATCH", "/api/delete-message?messageId=0123456789abcdef01234567", None),
        ("DELETE", "/api/delete-message?messageId=0123456789abcdef01234567", None),
        ("POST", "/api/messages/0123456789abcdef01234567/report", None),
        ("POST", "/api/messages/0123456789abcdef01234567/block-sender", None),
    ] {
        println!("{method} {path}");
        for headers in [[("origin", "https://evil.example")], [("sec-fetch-site", "same-site")]] {
            let call = with_cookie(&user, Client::new().call(method.parse().expect("a method"), path));
            let call = body.iter().fold(call, |call, body| call.json(body));
            with(call, &headers).await.fails(403, REFUSED);
        }
    }
    assert!(is_alive(&user.token).await);
}

#[tokio::test]
async fn a_web_client_on_another_port_gets_the_cookie_and_may_use_it() {
    let Some(stack) = stack_or_skip("a deployment is no site of this machine") else { return };
    let (user, client) = (User::sign_up().await, template::allowed_origin());
    let host = |url: &str| url.trim_start_matches("http://").split(':').next().map(str::to_owned);
    assert_eq!(host(stack.url()), host(&client), "to a browser, another host is another site, which gets no cookie");
    let body = json!({ "identifier": user.username, "password": user.password, "deviceId": user.device });
    let answer = Client::new().post("/api/auth/sign-in").json(&body).header("origin", &client).send().await;
    answer.ok(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(client.as_str()));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.starts_with(COOKIE) && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    let call = Client::new().post(PATH).json(&json!({ "acceptMessage": false })).header("cookie", pair);
    with(call, &[("origin", &client), ("sec-fetch-site", "same-site")]).await.ok(200);
}

#[tokio::test]
async fn to_the_local_stack_a_page_on_any_name_of_this_machine_is_our_own() {
    let Some(stack) = stack_or_skip("a deployment has other names") else { return };
    let (user, url) = (User::sign_up().await, stack.url());
    let port = url.rsplit(':').next().expect("a port");
    let own = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}"));
    assert_eq!(own[0], url);
    for origin in &own {
        println!("{origin}");
        change(&user, false, &[("origin", origin), ("sec-fetch-site", "same-origin")]).await.ok(200);
        change(&user, true, &[("origin", origin)]).await.ok(200);
    }
}
