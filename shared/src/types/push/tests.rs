use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// RFC 8291, appendix A.
const KEY: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";

fn is_endpoint(text: &str) -> bool {
    PushEndpoint::parse(text).is_ok()
}

#[test]
fn the_endpoints_of_the_known_push_services_are_taken() {
    for text in [
        "https://fcm.googleapis.com/fcm/send/dQw4w9WgXcQ:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx_",
        "https://fcm.googleapis.com/wp/dQw4w9WgXcQ:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx_",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABlZ_-x",
        "https://web.push.apple.com/QGuQyavXutnMH_TMHu-I",
        "https://api.eu1.push.apple.com/x",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAADx%2bY%3d",
        "https://FCM.googleapis.COM:443/fcm/send/x",
    ] {
        assert!(is_endpoint(text), "{text}");
    }
}

#[test]
fn no_other_host_is_taken_however_it_is_dressed_up() {
    for text in [
        "http://fcm.googleapis.com/x",
        "HTTPS://fcm.googleapis.com/x",
        "https:/fcm.googleapis.com/x",
        "https:fcm.googleapis.com/x",
        "//fcm.googleapis.com/x",
        "https:///fcm.googleapis.com/x",
        "https://",
        "",
        "https://example.com/x",
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://2130706433/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://fcm.googleapis.com.example.com/x",
        "https://fcm.googleapis.com./x",
        "https://.fcm.googleapis.com/x",
        "https://x.fcm.googleapis.com/x",
        "https://xfcm.googleapis.com/x",
        "https://googleapis.com/x",
        "https://evilnotify.windows.com/x",
        "https://notify.windows.com/x",
        "https://.notify.windows.com/x",
        "https://..notify.windows.com/x",
        "https://-a.notify.windows.com/x",
        "https://a-.notify.windows.com/x",
        "https://a_b.notify.windows.com/x",
        "https://a.notify.windows.com./x",
        "https://evil.example#.notify.windows.com/x",
        "https://evil.example?.notify.windows.com/x",
        "https://evil.example\\.notify.windows.com/x",
        "https://evil.example/.notify.windows.com/x",
        "https://evil.example%2f.notify.windows.com/x",
        "https://evil.example:443.notify.windows.com/x",
        "https://user@fcm.googleapis.com/x",
        "https://user:secret@fcm.googleapis.com/x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://fcm.googleapis.com:443@evil.example/x",
        "https://fcm.googleapis.com:80/x",
        "https://fcm.googleapis.com:/x",
        "https://fcm.googleapis.com:0443/x",
        "https://fcm.googleapis.com:443:443/x",
        "https://fcm。googleapis。com/x",
        "https://ｆcm.googleapis.com/x",
        "https://\u{212A}.notify.windows.com/x",
        "https://fcm.googleapis.com",
        "https://fcm.googleapis.com/",
        "https://fcm.googleapis.com?x",
        "https://fcm.googleapis.com#x",
        "https://fcm.googleapis.com/x#",
        "https://fcm.googleapis.com/x#y",
        "https://fcm.googleapis.com\\x",
        "https://fcm.googleapis.com/x\\y",
        "https://fcm.googleapis.com/x y",
        "https://fcm.googleapis.com/x\r\nHost: evil.example",
        "https://fcm.googleapis.com/x\u{0}",
        "https://fcm.googleapis.com/%",
        "https://fcm.googleapis.com/%4",
        "https://fcm.googleapis.com/%zz",
        "https://fcm.googleapis.com/é",
        " https://fcm.googleapis.com/x",
        "https://fcm.googleapis.com/x ",
        "\thttps://fcm.googleapis.com/x",
    ] {
        assert!(!is_endpoint(text), "{text:?}");
    }
}

#[test]
fn an_endpoint_has_at_most_2048_characters() {
    let long = |length: usize| format!("{:x<length$}", "https://fcm.googleapis.com/");
    assert!(is_endpoint(&long(2048)) && !is_endpoint(&long(2049)));
}

#[test]
fn an_endpoint_tells_its_parts() {
    let endpoint = PushEndpoint::parse("https://A.Notify.Windows.com:443/w/?Token=A/b").unwrap();
    assert_eq!(endpoint.as_str(), "https://a.notify.windows.com/w/?Token=A/b");
    assert_eq!((endpoint.host(), endpoint.path()), ("a.notify.windows.com", "/w/?Token=A/b"));
    assert_eq!(endpoint.origin(), "https://a.notify.windows.com");
}

#[test]
fn a_key_is_a_point_on_the_curve() {
    assert!(PushKey::parse(KEY).is_ok() && PushKey::parse(&format!("{KEY}=")).is_ok());
    let mut off = *PushKey::parse(KEY).ok().unwrap().as_bytes();
    off[64] ^= 1;
    let (compressed, zero) = (BASE64_URL_SAFE_NO_PAD.encode([2; 33]), BASE64_URL_SAFE_NO_PAD.encode([0; 65]));
    let mut hybrid = *PushKey::parse(KEY).ok().unwrap().as_bytes();
    hybrid[0] = 6;
    for text in [
        "",
        "=",
        &KEY[1..],
        &format!("{KEY}=="),
        &format!("{KEY}A"),
        &KEY.replace('-', "+").replace('_', "/"),
        &BASE64_URL_SAFE_NO_PAD.encode(off),
        &BASE64_URL_SAFE_NO_PAD.encode(hybrid),
        &compressed,
        &zero,
    ] {
        assert!(PushKey::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_secret_is_16_bytes() {
    assert!(PushSecret::parse(SECRET).is_ok() && PushSecret::parse(&format!("{SECRET}==")).is_ok());
    // The last digit carries two bits of nothing.
    for text in ["", "AA", &SECRET[1..], &format!("{SECRET}A"), "BTBZMqHH6r4Tts7J_aSIgh", &SECRET.replace('_', "/")] {
        assert!(PushSecret::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_browsers_own_json_is_read_with_whatever_it_adds() {
    let keys = json!({ "p256dh": KEY, "auth": SECRET, "later": 1 });
    for expires in [json!(null), json!(1_770_381_471_523_u64), json!(1.5), json!(-1)] {
        let given =
            json!({ "endpoint": "https://fcm.googleapis.com/x", "expirationTime": expires, "keys": keys, "x": [] });
        assert!(serde_json::from_value::<BrowserSubscription>(given).is_ok());
    }
    for (keys, expires) in [
        (json!({ "p256dh": KEY }), json!(null)),
        (json!([KEY, SECRET]), json!(null)),
        (json!(null), json!(null)),
        (keys.clone(), json!("soon")),
        (keys, json!(true)),
    ] {
        let given = json!({ "endpoint": "https://fcm.googleapis.com/x", "expirationTime": expires, "keys": keys });
        assert!(serde_json::from_value::<BrowserSubscription>(given).is_err());
    }
}

fn hosts() -> impl Strategy<Value = String> {
    let known = prop::sample::select(HOSTS.iter().chain(&DOMAINS).copied().collect::<Vec<_>>());
    ("[a-z0-9.:@/?#%\\\\\\[\\] \\t-]{0,12}", known, "[a-z0-9.:@/?#%\\\\\\[\\] \\t-]{0,12}")
        .prop_map(|(before, known, after)| format!("{before}{known}{after}"))
}

proptest! {
    #[test]
    fn no_text_breaks_a_parser(text in any::<String>()) {
        let _ = (PushEndpoint::parse(&text), PushKey::parse(&text).is_ok(), PushSecret::parse(&text).is_ok());
    }

    /// Whatever else reads an endpoint as a URL (the worker's HTTP client does) finds the host that we found.
    #[test]
    fn what_is_taken_leads_to_a_known_host(host in hosts(), path in "[ -~]{0,20}") {
        if let Ok(endpoint) = PushEndpoint::parse(&format!("https://{host}{path}")) {
            let uri: http::Uri = endpoint.as_str().parse().unwrap();
            prop_assert_eq!(uri.host(), Some(endpoint.host()));
            prop_assert_eq!(uri.authority().map(|authority| authority.as_str()), uri.host());
            prop_assert_eq!(uri.path_and_query().map(|path| path.as_str()), Some(endpoint.path()));
            prop_assert!(is_known(endpoint.host()));
            prop_assert_eq!(PushEndpoint::parse(endpoint.as_str()), Ok(endpoint));
        }
    }

    #[test]
    fn a_secret_is_written_as_it_is_read(given in any::<[u8; 16]>()) {
        let secret = PushSecret::parse(&BASE64.encode(given)).ok().unwrap();
        prop_assert_eq!(secret.as_bytes(), &given);
        prop_assert_eq!(serde_json::to_value(&secret).unwrap(), Value::from(BASE64_URL_SAFE_NO_PAD.encode(given)));
    }
}
