//! Users whose names, addresses, texts and secrets are recognisable do all kinds of requests. Then the test searches for these
//! values in the whole table, in every log line and in every mail.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{SEND, id};
use crate::support::{
    Answer, Call, Client, FaultyStack, Link, User, code_for, everything_stored, line_of, lines, mails_for,
    random_email, random_username, stack_or_skip, stored_in, texts,
};

/// A client whose every value is recognisable, wherever it appears.
struct Marked {
    client: Client,
    mark: String,
}

impl Marked {
    fn at(address: &str) -> Marked {
        Marked { client: Client::at(address), mark: Uuid::new_v4().simple().to_string() }
    }

    fn say(&self, what: &str) -> String {
        format!("{what}-{}", self.mark)
    }

    /// A request with every header that identifies its sender.
    fn call(&self, call: Call) -> Call {
        let call = call.header("user-agent", &self.say("agent")).header("referer", &self.say("https://referer"));
        let call =
            call.header("cookie", &format!("{}=1", self.say("cookie"))).header("accept-language", &self.say("xx"));
        call.header("x-forwarded-for", &self.say("forwarded")).header("forwarded", &self.say("for=forwarded"))
    }

    fn post(&self, path: &str, body: &Value) -> Call {
        self.call(self.client.post(&format!("{path}?{}=1", self.say("query"))).json(body))
    }

    fn letter(&self, user: &User, content: &str) -> Call {
        self.post(SEND, &json!({ "username": user.username, "content": content }))
    }

    /// Every way to write the address down.
    fn traces(&self) -> Vec<Vec<u8>> {
        let packed = match self.client.address.parse().expect("an address") {
            IpAddr::V4(address) => vec![address.octets().to_vec(), address.to_ipv6_mapped().octets().to_vec()],
            // The network, which counts as the client, and the whole address.
            IpAddr::V6(address) => vec![address.octets()[..8].to_vec(), address.octets().to_vec()],
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut texts = vec![self.client.address.clone(), self.mark.clone()];
        for bytes in &packed {
            texts.extend([hex(bytes), hex(bytes).to_uppercase()]);
            texts.extend([BASE64_STANDARD_NO_PAD.encode(bytes), BASE64_URL_SAFE_NO_PAD.encode(bytes)]);
        }
        packed.into_iter().chain(texts.into_iter().map(String::into_bytes)).collect()
    }
}

/// Every encoding of a text that may be part of a longer one.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![text.as_bytes().to_vec()];
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex {
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
        forms.push((0..text.len()).step_by(2).map(byte).collect());
    }
    let text = text.trim_end_matches('=');
    forms.extend(BASE64_URL_SAFE_NO_PAD.decode(text).or_else(|_| BASE64_STANDARD_NO_PAD.decode(text)).ok());
    forms
}

/// Asserts that none of `texts` contains any of `secrets`, plain or encoded.
#[track_caller]
fn none_has(texts: &[String], secrets: &[Vec<u8>]) {
    for text in texts {
        for form in forms(text) {
            let found = secrets.iter().find(|secret| form.windows(secret.len()).any(|window| window == &secret[..]));
            assert_eq!(found.map(|secret| String::from_utf8_lossy(secret).into_owned()), None, "in {text}");
        }
    }
}

/// Whether a text contains a code that is not part of a longer number or word.
fn has_code(text: &str, code: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.match_indices(code).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + code.len()..].chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// The values that the requests used and that must not be found.
#[derive(Default)]
struct Said {
    answers: Vec<Answer>,
    secrets: Vec<String>,
    /// Codes, with the addresses to which they were mailed.
    codes: Vec<(String, String)>,
}

impl Said {
    async fn call(&mut self, call: Call, status: u16) -> Value {
        let answer = call.send().await;
        let body = answer.ok(status);
        self.answers.push(answer);
        body
    }

    async fn code(&mut self, email: &str) -> String {
        let code = code_for(email).await;
        self.codes.push((email.to_owned(), code.clone()));
        code
    }

    fn secret(&mut self, secret: &str) -> String {
        self.secrets.push(secret.to_owned());
        secret.to_owned()
    }

    /// Signs up, after a wrong code, with that password.
    async fn sign_up(&mut self, me: &Marked, password: &str) -> User {
        let (username, email) = (random_username(), random_email());
        self.call(me.post("/api/send-otp", &json!({ "email": email })), 200).await;
        let code = self.code(&email).await;
        let wrong = format!("{:06}", (code.parse::<u32>().expect("a code") + 1) % 1_000_000);
        let body = |code: &str| json!({ "username": username, "email": email, "password": password, "otp": code });
        self.call(me.post("/api/sign-up", &body(&wrong)), 401).await;
        let answer = self.call(me.post("/api/sign-up", &body(&code)).key(&me.say("key")), 201).await;
        self.codes.push((email.clone(), wrong));
        let data = &answer["data"];
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let (token, client) = (self.secret(&text(&data["token"])), me.client.clone());
        let password = self.secret(password);
        User { id: text(&data["id"]), username, email, password, token, device: text(&data["device"]["id"]), client }
    }
}

#[tokio::test]
async fn private_values_are_found_only_where_they_belong() {
    let Some(stack) = FaultyStack::start().await else { return };
    let me = Marked::at("198.51.100.213");
    let four = Marked::at("203.0.113.177");
    let six = Marked::at("2001:db8:bead:c0de:1a2b:3c4d:5e6f:7081");
    let mut said = Said::default();

    // An account, a wrong password, a second device, and their codes.
    let user = said.sign_up(&me, &me.say("first-password")).await;
    said.call(me.call(me.client.get(&format!("/api/check-username-unique?username={}", user.username))), 200).await;
    let sign_in =
        |password: &str| json!({ "identifier": user.email, "password": password, "deviceName": "A second device" });
    said.call(me.post("/api/auth/sign-in", &sign_in(&me.say("wrong-password"))), 401).await;
    let second = said.call(me.post("/api/auth/sign-in", &sign_in(&user.password)).key(&me.say("other-key")), 200).await;
    let second = said.secret(second["data"]["token"].as_str().expect("a token"));
    let code = said.code(&user.email).await;
    let verify =
        |code: &str| me.call(me.client.post("/api/auth/devices/verify").json(&json!({ "code": code }))).bearer(&second);
    said.call(verify(&me.say("wrong-code")), 401).await;
    said.call(verify(&code), 200).await;
    let as_user = |path: &str| me.call(user.get(&format!("{path}?{}=1", me.say("query"))));
    for path in ["/api/auth/session", "/api/auth/devices", "/api/accept-messages", "/api/get-messages"] {
        said.call(as_user(path), 200).await;
    }

    // Messages, of which some are stored and some refused.
    let (kept, reported, deleted) =
        (four.say("kept content"), six.say("reported content"), four.say("deleted content"));
    said.call(four.letter(&user, &kept), 201).await;
    said.call(six.letter(&user, &reported).key(&six.say("key")), 201).await;
    said.call(six.letter(&user, &reported).key(&six.say("key")), 201).await;
    said.call(four.letter(&user, &deleted).bearer(&four.say("bearer")), 201).await;
    said.call(four.letter(&user, &four.say("too long").repeat(10)), 400).await;
    let nobody = json!({ "username": random_username(), "content": four.say("to nobody") });
    said.call(four.post(SEND, &nobody), 404).await;
    let broken = format!("{{\"content\": \"{}", four.say("broken"));
    said.call(four.call(four.client.post(SEND).bytes("application/json", broken)), 400).await;
    let inbox = user.inbox().await;
    let of = |content: &str| id(inbox.iter().find(|message| message["content"] == content).expect(content)).to_owned();
    let act = |path: String| me.call(user.post(&path));
    said.call(act(format!("/api/messages/{}/report", of(&reported))), 200).await;
    said.call(act(format!("/api/messages/{}/block-sender", of(&reported))), 200).await;
    said.call(six.letter(&user, &six.say("vanished content")), 201).await;
    said.call(six.letter(&user, &six.say("vanished content")).key(&six.say("last-key")), 201).await;
    let delete = user.delete(&format!("/api/delete-message?messageId={}", of(&deleted)));
    said.call(me.call(delete), 201).await;
    said.call(me.call(user.post("/api/accept-messages").json(&json!({ "acceptMessage": false }))), 200).await;
    said.call(four.letter(&user, &four.say("while it was closed")), 403).await;

    // New passwords, and the deletion of another account.
    let change = |current: &str, new: &str| {
        let body = json!({ "currentPassword": current, "newPassword": new });
        me.call(user.post("/api/auth/change-password").json(&body))
    };
    said.call(change(&me.say("wrong-again"), &me.say("never-set")), 401).await;
    said.call(change(&user.password, &me.say("second-password")), 200).await;
    said.call(me.post("/api/auth/forgot-password", &json!({ "email": user.email })), 200).await;
    let code = said.code(&user.email).await;
    let reset = json!({ "email": user.email, "code": code, "newPassword": me.say("third-password") });
    said.call(me.post("/api/auth/reset-password", &reset), 200).await;
    let gone = said.sign_up(&me, &me.say("last-password")).await;
    said.call(four.letter(&gone, &four.say("to the deleted user")), 201).await;
    let close = |password: &str| me.call(gone.delete("/api/auth/account").json(&json!({ "password": password })));
    said.call(close(&me.say("not-the-password")), 401).await;
    said.call(close(&gone.password), 200).await;

    // A link with its token and its PIN.
    let body = json!({ "title": "A link of this life", "pin": me.say("pin") });
    let link = Link::from(&said.call(me.post("/api/links", &body), 201).await);
    said.secret(&link.token);
    for pin in [me.say("pin"), me.say("wrong-pin")] {
        let status = if pin == me.say("pin") { 201 } else { 401 };
        let body = json!({ "content": "To a link of this life", "pin": pin });
        said.call(four.post(&link.messages(), &body), status).await;
    }

    // Every request has its line, so all lines are complete.
    for answer in &said.answers {
        line_of(&stack.stack, answer).await;
    }
    let everyone = [&me, &four, &six];
    look(&stack, &said, &everyone, [&user, &gone], [(&kept, of(&kept)), (&reported, of(&reported))]).await;
    stack.stop().await;
}

/// Searches everything that was stored, logged and mailed.
async fn look(stack: &FaultyStack, said: &Said, everyone: &[&Marked], users: [&User; 2], kept: [(&String, String); 2]) {
    let [user, gone] = users;
    let shared = stack_or_skip("is looked through, too").expect("a stack");
    let stored = stored_in(shared.dynamodb_url(), &stack.stack).await;
    assert!(stored.len() > 10, "{} items are not all that there is", stored.len());
    let mut logs: Vec<String> = lines(&stack.stack);
    assert!(logs.len() >= said.answers.len());
    logs.extend(lines(shared));
    let mails: Vec<Value> = shared.outbox().entries();

    // A stored message is in its own item, once, and nowhere else.
    let mut rest = stored.clone();
    for (content, id) in &kept {
        let holders: Vec<_> = stored.iter().filter(|item| texts(item).contains(content)).collect();
        let [item] = holders[..] else { panic!("{} items with {content}", holders.len()) };
        assert_eq!(item["pk"]["S"], format!("INBOX#{}", user.id));
        assert_eq!((&item["sk"]["S"], &item["content"]["S"]), (&json!(format!("MSG#{id}")), &json!(content)));
        for item in rest.iter_mut().filter(|item| item["content"]["S"] == **content) {
            item.as_object_mut().expect("an item").remove("content");
        }
    }
    // All other values, found by their marks, and the client addresses. The e-mail address is only in the profile and in its claim.
    let mut stored: Vec<String> = rest.iter().flat_map(texts).collect();
    stored.extend(everything_stored().await.expect("the table").iter().flat_map(texts));
    let mut secrets: Vec<Vec<u8>> = everyone.iter().flat_map(|marked| marked.traces()).collect();
    secrets.extend(said.secrets.iter().map(|secret| secret.clone().into_bytes()));
    // The signature of a token is as secret as the token.
    let signatures = said.secrets.iter().filter_map(|secret| secret.rsplit_once('.'));
    secrets.extend(signatures.map(|(_, signature)| signature.as_bytes().to_vec()));
    let mail_texts: Vec<String> = mails.iter().map(Value::to_string).collect();
    none_has(&stored, &secrets);
    none_has(&mail_texts, &secrets);
    none_has(&logs, &secrets);

    let holders = rest.iter().filter(|item| texts(item).iter().any(|text| text.contains(&user.email)));
    let mut holders: Vec<_> = holders.map(|item| (item["sk"]["S"].clone(), item["email"]["S"].clone())).collect();
    holders.sort_by_key(|(key, _)| key.to_string());
    assert_eq!(holders, ["CLAIM", "PROFILE"].map(|key| (json!(key), json!(user.email))));
    let logged = |what: &str| logs.iter().find(|line| line.contains(what)).cloned();
    assert!(stored.iter().all(|text| !text.contains(&gone.email)), "the deleted user's address is stored");
    for user in users {
        assert_eq!((logged(&user.email), logged(&user.username), logged(&user.id)), (None, None, None));
        for mut mail in mails.clone() {
            let is_own = mail["to"] == json!([user.email]);
            mail.as_object_mut().expect("a mail").remove("to");
            let text = mail.to_string();
            assert!(!text.contains(&user.email) && (is_own || !text.contains(&user.username)), "{text}");
        }
    }

    // A code is only in its own mail.
    for (email, code) in &said.codes {
        let mails = mails_for(email).await;
        let with_it = mails.iter().filter(|mail| has_code(&mail.to_string(), code)).count();
        let is_wrong = said.codes.iter().filter(|(to, _)| to == email).nth(1).is_some_and(|(_, wrong)| wrong == code);
        assert_eq!(with_it, usize::from(!is_wrong), "{code} in {mails:?}");
        let found = stored.iter().chain(&logs).find(|text| has_code(text, code));
        assert_eq!(found, None, "{code}");
    }
}

#[test]
fn the_look_finds_what_there_is_to_find() {
    let me = Marked::at("203.0.113.177");
    let six = Marked::at("2001:db8:bead:c0de::1");
    let secrets: Vec<Vec<u8>> = [me.traces(), six.traces()].concat();
    let packed = [203u8, 0, 113, 177];
    for text in [
        "from 203.0.113.177".to_owned(),
        "cb0071b1".to_owned(),
        "LIMIT#cb0071b1".to_owned(),
        BASE64_URL_SAFE_NO_PAD.encode(packed),
        BASE64_STANDARD_NO_PAD.encode([&[7; 3][..], &packed].concat()),
        "20010db8beadc0de".to_owned(),
        format!("agent {}", me.mark),
    ] {
        let found = std::panic::catch_unwind(|| none_has(std::slice::from_ref(&text), &secrets));
        assert!(found.is_err(), "{text} was not found");
    }
    none_has(&["nothing of the kind".to_owned()], &secrets);
    assert!(
        has_code("Your code: 123456.", "123456") && !has_code("a1234567", "123456") && !has_code("123456", "23456")
    );
}
