//! CORS: preflight requests, and the headers of answers.

use aws_sdk_s3::types::{CorsConfiguration, CorsRule, builders::CorsRuleBuilder};
use bytes::Bytes;
use hyper::{Method, Response, StatusCode};

use crate::support::{BUCKET, Served, code, exchange, for_a_minute, in_both_modes};

const APP: &str = "https://app.example";

fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRuleBuilder {
    let owned = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
    let rule = CorsRule::builder().set_allowed_origins(owned(origins)).set_allowed_methods(owned(methods));
    if headers.is_empty() { rule } else { rule.set_allowed_headers(owned(headers)) }
}

/// Sets the bucket's rules. Returns the error code of a refusal.
async fn set(store: &Served, rules: impl IntoIterator<Item = CorsRuleBuilder>) -> Result<(), String> {
    let rules = rules.into_iter().map(|rule| rule.build().expect("a rule")).collect();
    let rules = CorsConfiguration::builder().set_cors_rules(Some(rules)).build().expect("rules");
    store.s3.put_bucket_cors().bucket(BUCKET).cors_configuration(rules).send().await.map(drop).map_err(code)
}

async fn preflight(store: &Served, origin: &str, method: &str, headers: &str) -> Response<Bytes> {
    let url = format!("{}/{BUCKET}/temp/mine", store.endpoint);
    let asked =
        [("origin", origin), ("access-control-request-method", method), ("access-control-request-headers", headers)];
    let said: Vec<_> = asked.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    exchange(Method::OPTIONS, &url, &said, b"").await
}

fn header<'a>(answer: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    answer.headers().get(name).and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_first_rule_that_allows_all_of_it() {
    in_both_modes(async |store| {
        let other = rule(&["https://*.other.example"], &["GET"], &["X-*"]);
        let app = rule(&["http://localhost:5173", APP], &["PUT", "GET"], &["Content-Type", "if-*"]);
        set(store, [other, app.expose_headers("ETag").max_age_seconds(600)]).await.expect("rules");

        let answer = preflight(store, APP, "PUT", "content-type, If-None-Match").await;
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::OK, 0));
        for (name, value) in [
            ("access-control-allow-origin", APP),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "PUT, GET"),
            ("access-control-allow-headers", "content-type, if-none-match"),
            ("access-control-expose-headers", "ETag"),
            ("access-control-max-age", "600"),
            ("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
        ] {
            assert_eq!(header(&answer, name), Some(value), "{name}");
        }
        assert_eq!(preflight(store, APP, "GET", "").await.status(), StatusCode::OK);
        assert_eq!(preflight(store, "https://a.other.example", "GET", "x-one").await.status(), StatusCode::OK);

        for (origin, method, headers) in [
            ("https://evil.example", "PUT", "content-type"),
            ("https://app.example.evil.example", "PUT", "content-type"),
            ("https://app.example:8443", "PUT", "content-type"),
            (APP, "DELETE", "content-type"),
            (APP, "PUT", "content-type, x-amz-acl"),
            ("https://other.example", "GET", ""),
            ("https://a.other.example", "PUT", ""),
        ] {
            let answer = preflight(store, origin, method, headers).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{origin} {method} {headers}");
            assert!(String::from_utf8_lossy(answer.body()).contains("<Code>AccessForbidden</Code>"));
            assert!(answer.headers().keys().all(|name| !name.as_str().starts_with("access-control-")));
        }
        for (origin, method) in [("", "PUT"), (APP, ""), (APP, "PATCH")] {
            assert_eq!(preflight(store, origin, method, "").await.status(), StatusCode::BAD_REQUEST);
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_readable_from_the_origins_of_the_rules_and_from_no_other() {
    in_both_modes(async |store| {
        set(store, [rule(&[APP], &["PUT", "GET"], &[]).expose_headers("ETag")]).await.expect("rules");
        let put = store.s3.put_object().bucket(BUCKET).key("temp/mine").content_type("image/png").content_length(5);
        let put = put.presigned(for_a_minute()).await.expect("a URL");
        let send = async |origin: &str, body| {
            let headers = [("origin", origin), ("content-type", "image/png")];
            exchange(Method::PUT, put.uri(), &headers, body).await
        };

        for (body, status) in [(&b"hello"[..], StatusCode::OK), (b"longer", StatusCode::FORBIDDEN)] {
            let answer = send(APP, body).await;
            assert_eq!(answer.status(), status);
            assert_eq!(header(&answer, "access-control-allow-origin"), Some(APP), "of a refusal, too");
            assert_eq!(header(&answer, "access-control-expose-headers"), Some("ETag"));
            assert!(header(&answer, "vary").is_some());
        }
        let answer = send("https://evil.example", b"hello").await;
        assert_eq!((answer.status(), header(&answer, "access-control-allow-origin")), (StatusCode::OK, None));
        let delete = store.s3.delete_object().bucket(BUCKET).key("temp/mine").presigned(for_a_minute()).await;
        let delete = delete.expect("a URL");
        let answer = exchange(Method::DELETE, delete.uri(), &[("origin", APP)], b"").await;
        let told = header(&answer, "access-control-allow-origin");
        assert_eq!((answer.status(), told), (StatusCode::NO_CONTENT, None), "no rule has this method");
    })
    .await;
}

#[tokio::test]
async fn a_bucket_without_rules_answers_no_preflight_and_a_star_stands_for_every_origin() {
    in_both_modes(async |store| {
        assert_eq!(preflight(store, APP, "PUT", "").await.status(), StatusCode::FORBIDDEN);
        set(store, [rule(&["*"], &["GET"], &["*"])]).await.expect("rules");
        let answer = preflight(store, APP, "GET", "x-anything, range").await;
        assert_eq!(header(&answer, "access-control-allow-origin"), Some("*"));
        assert_eq!(header(&answer, "access-control-allow-headers"), Some("x-anything, range"));
        assert_eq!(header(&answer, "access-control-allow-credentials"), None);
    })
    .await;
}

#[tokio::test]
async fn rules_that_s3_would_not_take_are_refused_and_those_before_stay() {
    in_both_modes(async |store| {
        set(store, [rule(&[APP], &["GET"], &[])]).await.expect("rules");
        for wrong in [
            rule(&[APP], &["PATCH"], &[]),
            rule(&["https://*.*.example"], &["GET"], &[]),
            rule(&[APP], &["GET"], &["x-*-*"]),
        ] {
            assert_eq!(set(store, [wrong]).await.err().as_deref(), Some("InvalidRequest"));
        }
        let many = (0..101).map(|_| rule(&["*"], &["PUT"], &[]));
        assert_eq!(set(store, many).await.err().as_deref(), Some("MalformedXML"));
        assert_eq!(preflight(store, APP, "GET", "").await.status(), StatusCode::OK);
        assert_eq!(preflight(store, APP, "PUT", "").await.status(), StatusCode::FORBIDDEN);
    })
    .await;
}
