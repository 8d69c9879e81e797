//! The recipients of notifications. A notification never contains the message's content.

use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::steps::{community, notification_mails, prefer, says, wait_for_mails, wait_for_records, write_in_community};
use crate::support::{Browser, Client, FaultyStack, Link, User, ask, now, stack_or_skip};

const SECRET: &str = "the words themselves stay where they are";

/// Asserts that the user got one mail and one push with this sentence, and that neither contains the content.
async fn is_notified(user: &User, browser: &Browser, expected: &str) {
    let [mail] = &wait_for_mails(user, 1).await[..] else { panic!("one mail") };
    assert_eq!(says(mail), expected);
    let [push] = &browser.has(1).await[..] else { panic!("one push") };
    assert_eq!(push.says(), expected);
    for told in [mail, &push.message, &push.headers] {
        assert!(!told.to_string().contains(SECRET), "{told}");
    }
}

#[tokio::test]
async fn a_notification_of_an_anonymous_message_does_not_reveal_its_sender() {
    let (ann, sender) = (User::sign_up().await, User::sign_up().await);
    let browser = Browser::of(&ann).await;
    // A session on the request does not reveal the sender.
    let body = json!({ "username": ann.username, "content": SECRET });
    sender.post("/api/send-message").json(&body).send().await.ok(201);
    is_notified(&ann, &browser, "Somebody wrote to your inbox").await;
    let (mail, push) = (&wait_for_mails(&ann, 1).await[0], &browser.pushes().await[0]);
    for told in [mail.to_string(), push.message.to_string(), push.headers.to_string()] {
        for trace in [&sender.id, &sender.username, &sender.email, &sender.device] {
            assert!(!told.contains(trace.as_str()), "{told}");
        }
    }
    assert!(mail["text"].as_str().is_some_and(|text| text.contains("/inbox\n")));
}

#[tokio::test]
async fn a_notification_of_a_private_message_names_its_sender() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let browser = Browser::of(&bob).await;
    ann.write(&bob, SECRET).await;
    is_notified(&bob, &browser, &format!("{} wrote to you", ann.username)).await;
    assert!(notification_mails(&ann).await.is_empty());
}

#[tokio::test]
async fn a_notification_of_a_community_message_names_its_sender_and_the_community() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let (anns, bobs) = (Browser::of(&ann).await, Browser::of(&bob).await);
    let place = community(&ann, "Rust & <friends>", &[&bob]).await;
    write_in_community(&place, &bob, &ann, SECRET).await;
    is_notified(&ann, &anns, &format!("{} wrote to you in Rust & <friends>", bob.username)).await;
    write_in_community(&place, &ann, &bob, SECRET).await;
    is_notified(&bob, &bobs, &format!("{} wrote to you in Rust & <friends>", ann.username)).await;
    let html = wait_for_mails(&bob, 1).await[0]["html"].as_str().expect("HTML").to_owned();
    assert!(html.contains("Rust &amp; &lt;friends&gt;") && !html.contains("<friends>"), "{html}");
}

#[tokio::test]
async fn the_owner_of_a_link_is_notified_and_a_link_without_owner_notifies_nobody() {
    let ann = User::sign_up().await;
    let browser = Browser::of(&ann).await;
    let made = ann.post("/api/links").json(&json!({ "title": "A link", "notify": true })).send().await.ok(201);
    let slug = made["link"]["slug"].as_str().expect("a slug");
    let other = Link::open().await;
    other.send(SECRET).await.ok(201);
    let body = json!({ "content": SECRET });
    Client::new().post(&format!("/api/links/{slug}/messages")).json(&body).send().await.ok(201);
    is_notified(&ann, &browser, &format!("Somebody wrote to your link {slug}")).await;
}

#[tokio::test]
async fn every_notification_mail_has_an_unsubscribe_link_that_takes_one_click() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    ann.write(&bob, "Hello").await;
    let mail = wait_for_mails(&bob, 1).await.remove(0);
    assert_eq!(mail["headers"]["Auto-Submitted"], "auto-generated");
    assert_eq!(mail["headers"]["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    let url = mail["headers"]["List-Unsubscribe"].as_str().expect("a URL");
    let url = url.strip_prefix('<').and_then(|url| url.strip_suffix('>')).expect("a URL in brackets");
    assert!(mail["text"].as_str().is_some_and(|text| text.contains(url)));
    let path = url.find("/api/").map(|at| &url[at..]).expect("a path of ours");
    Client::new()
        .post(path)
        .bytes("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click")
        .send()
        .await
        .ok(200);
    let wanted = bob.get("/api/v1/notifications/preferences").send().await.ok(200);
    assert_eq!(wanted["messages"], json!({ "email": false, "push": true }));
}

/// A frontend on another host may not serve the API.
#[tokio::test]
async fn the_unsubscribe_link_leads_to_the_api_wherever_the_pages_are() {
    let parameters = [("PublicBaseUrl", "https://pages.example")];
    let Some(stack) = FaultyStack::with_parameters(&parameters).await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    ann.receive("A message to the inbox").await.ok(201);
    ann.write(&bob, "Hello").await;
    for user in [&ann, &bob] {
        let mail = wait_for_mails(user, 1).await.remove(0);
        let (text, header) = (mail["text"].as_str().expect("a text"), &mail["headers"]["List-Unsubscribe"]);
        let (_, link) = text.rsplit_once(stack.stack.url()).expect("a link to the API");
        assert_eq!(*header, format!("<{}{}>", stack.stack.url(), link.trim_end()));
        assert!(text.contains("https://pages.example/"), "{text}");
        Client::new().post(link.trim_end()).send().await.ok(200);
        assert_eq!(user.preferences().await["email"], false);
    }
    stack.stop().await;
}

#[tokio::test]
async fn whoever_wants_no_mail_or_no_push_gets_none() {
    let [ann, bob, zoe] = [User::sign_up().await, User::sign_up().await, User::sign_up().await];
    let (bobs, zoes) = (Browser::of(&bob).await, Browser::of(&zoe).await);
    prefer(&bob, json!({ "email": false })).await;
    prefer(&zoe, json!({ "push": false })).await;
    ann.write(&bob, "Hello").await;
    ann.write(&zoe, "Hello").await;
    bobs.has(1).await;
    wait_for_mails(&zoe, 1).await;
    // Mails and pushes of one message go out together, so others would have arrived by now.
    assert!(notification_mails(&bob).await.is_empty());
    assert!(zoes.pushes().await.is_empty());
}

#[tokio::test]
async fn a_browser_that_was_signed_out_gets_nothing() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let elsewhere = bob.on_new_device().await;
    let (here, there) = (Browser::of(&bob).await, Browser::of(&elsewhere).await);
    elsewhere.post("/api/auth/sign-out").send().await.ok(200);
    ann.write(&bob, "Hello").await;
    here.has(1).await;
    assert!(there.pushes().await.is_empty());
}

#[tokio::test]
async fn a_browser_gets_nothing_of_the_user_who_had_it_before() {
    let [ann, bob, zoe] = [User::sign_up().await, User::sign_up().await, User::sign_up().await];
    let (shared, own) = (Browser::of(&ann).await, Browser::of(&ann).await);
    bob.subscribe(&shared.subscription()).send().await.ok(201);
    zoe.write(&ann, "For Ann").await;
    ann.receive("For Ann, too").await.ok(201);
    own.has(2).await;
    zoe.write(&bob, "For Bob").await;
    let pushes = shared.has(1).await;
    assert_eq!((pushes.len(), own.pushes().await.len()), (1, 2));
}

#[tokio::test]
async fn an_untrusted_device_is_not_notified_of_private_messages() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let elsewhere = bob.on_new_device().await;
    let (trusted, untrusted) = (Browser::of(&bob).await, Browser::of(&elsewhere).await);
    ann.write(&bob, "Hello").await;
    trusted.has(1).await;
    bob.receive("A message to the inbox").await.ok(201);
    trusted.has(2).await;
    let pushes = untrusted.has(1).await;
    assert_eq!((pushes.len(), pushes[0].says()), (1, "Somebody wrote to your inbox"));
}

#[tokio::test]
async fn a_discarded_message_notifies_nobody() {
    let ann = User::sign_up().await;
    let sender = Client::new();
    ann.receive_from(&sender, "A first message").await.ok(201);
    wait_for_mails(&ann, 1).await;
    let browser = Browser::of(&ann).await;
    let id = ann.inbox().await[0]["_id"].as_str().expect("an id").to_owned();
    ann.post(&format!("/api/messages/{id}/block-sender")).send().await;
    ann.receive_from(&sender, "A second message").await.ok(201);
    ann.receive("Somebody else's message").await.ok(201);
    browser.has(1).await;
    assert_eq!((browser.pushes().await.len(), notification_mails(&ann).await.len()), (1, 1));
}

#[tokio::test]
async fn a_community_name_that_a_mail_program_makes_a_link_or_a_number_of_is_left_out() {
    let ann = User::sign_up().await;
    let linked = ["Locked, see evil.example", "evil。com", "ｅｖｉｌ．ｃｏｍ", "mailto:evil", "Call 030 555 0100 now"];
    for name in linked.into_iter().chain(["Class 2025/26"]) {
        let bob = User::sign_up().await;
        let place = community(&ann, name, &[&bob]).await;
        write_in_community(&place, &ann, &bob, "Hello").await;
        let shown = if linked.contains(&name) { "a community" } else { name };
        let expected = format!("{} wrote to you in {shown}", ann.username);
        assert_eq!(says(&wait_for_mails(&bob, 1).await[0]), expected);
    }
}

#[tokio::test]
async fn a_username_or_a_slug_that_a_mail_program_makes_a_number_of_is_left_out() {
    let digits = || Uuid::new_v4().as_u128() % 10_u128.pow(17);
    let [ann, bob] = [User::named(&format!("{}", 10_u128.pow(17) + digits())).await, User::sign_up().await];
    ann.write(&bob, "Hello").await;
    assert_eq!(says(&wait_for_mails(&bob, 1).await[0]), "Somebody wrote to you");
    let body = json!({ "title": "x", "slug": format!("555-{}", digits()), "notify": true });
    let link = Link::from(&ann.post("/api/links").json(&body).send().await.ok(201));
    link.send("Hello").await.ok(201);
    assert_eq!(says(&wait_for_mails(&ann, 1).await[0]), "Somebody wrote to one of your links");
}

#[tokio::test]
async fn deleted_messages_notify_nobody() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let place = community(&ann, "A community", &[&bob]).await;
    let (wake, woken) = oneshot::channel::<()>();
    let asleep = stack.streams.when(|call| call.operation == "GetRecords").first(async { drop(woken.await) });
    let message = write_in_community(&place, &ann, &bob, "Not this").await;
    let id = message["id"].as_str().expect("an id");
    ann.delete(&format!("/api/v1/communities/{place}/messages/{id}")).send().await.ok(200);
    let letter = ann.write(&bob, "Nor this").await;
    let path = |message: &Value| {
        let text = |name: &str| message[name].as_str().expect("an id").to_owned();
        format!("/conversations/{}/messages/{}", text("conversationId"), text("_id"))
    };
    ann.delete(&path(&letter)).send().await.ok(200);
    bob.receive("But this is there").await.ok(201);
    wake.send(()).expect("a sleeping stream");
    assert_eq!(wait_for_mails(&bob, 1).await.len(), 1);
    wait_for_records(&stack, 3).await;
    assert_eq!(notification_mails(&bob).await.len(), 1);
    drop(asleep);
    stack.stop().await;
}

#[tokio::test]
async fn a_creator_is_not_notified_of_messages_of_a_member_who_was_blocked_meanwhile() {
    let Some(stack) = FaultyStack::start().await else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let place = community(&ann, "A community", &[&bob]).await;
    let (wake, woken) = oneshot::channel::<()>();
    let asleep = stack.streams.when(|call| call.operation == "GetRecords").first(async { drop(woken.await) });
    write_in_community(&place, &bob, &ann, "Something unkind").await;
    ann.post(&format!("/api/v1/communities/{place}/members/{}/block", bob.id)).send().await.ok(200);
    wake.send(()).expect("a sleeping stream");
    wait_for_records(&stack, 1).await;
    assert!(notification_mails(&ann).await.is_empty());
    drop(asleep);
    stack.stop().await;
}

/// The worker's log lines contain no user, no community and no content.
#[tokio::test]
async fn the_workers_log_contains_no_user_no_community_and_no_content() {
    let Some(stack) = stack_or_skip("has a log") else { return };
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let browser = Browser::of(&bob).await;
    let place = community(&ann, "A name of a community", &[&bob]).await;
    write_in_community(&place, &ann, &bob, SECRET).await;
    wait_for_mails(&bob, 1).await;
    browser.has(1).await;
    let lines: Vec<String> = stack.logs().lines().into_iter().map(|line| line.text).collect();
    let traces =
        [SECRET, &ann.id, &bob.id, &ann.username, &bob.email, &place, "A name of a community", &browser.endpoint];
    for trace in traces {
        assert!(!lines.iter().any(|line| line.contains(trace)), "{trace}");
    }
    assert!(lines.iter().any(|line| line.contains(r#""route":"notify""#)));
}

#[tokio::test]
async fn messages_restored_from_a_backup_notify_nobody() {
    let Some(stack) = FaultyStack::start().await else { return };
    let ann = User::sign_up().await;
    let yesterday = now().unix_timestamp() * 1000 - 25 * 3_600_000;
    let id = format!("{yesterday:012x}c0ffee000000");
    let (pk, sk) = (format!("INBOX#{}", ann.id), format!("MSG#{id}"));
    let item = json!({ "pk": { "S": pk }, "sk": { "S": sk }, "id": { "S": id } });
    let put = json!({ "TableName": stack.stack.table(), "Item": item });
    ask(stack.stack.dynamodb_url(), &stack.stack, "PutItem", &put).await;
    wait_for_records(&stack, 1).await;
    ann.receive("what is new, though, is told").await.ok(201);
    wait_for_records(&stack, 2).await;
    assert_eq!(wait_for_mails(&ann, 1).await.len(), 1);
    stack.stop().await;
}
