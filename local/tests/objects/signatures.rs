//! Signed and presigned requests, and requests without a valid signature.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use bytes::Bytes;
use hyper::{Method, StatusCode};

use crate::support::{BUCKET, client, code, for_a_minute, in_both_modes, raw, send};

#[tokio::test]
async fn a_request_without_a_valid_signature_is_refused() {
    in_both_modes(async |store| {
        store.put("k", b"secret").send().await.expect("a put");
        let url = format!("{}/{BUCKET}/k", store.endpoint);
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let (status, body) = raw(method.clone(), &url, &[], b"").await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method}");
            assert!(String::from_utf8_lossy(&body).contains("<Code>AccessDenied</Code>"), "{method}: {body:?}");
        }
        let forged = client(&store.endpoint, "another-secret").get_object().bucket(BUCKET).key("k").send().await;
        assert_eq!(forged.map_err(code).err().as_deref(), Some("SignatureDoesNotMatch"));
        assert_eq!(store.get("k").await.as_deref(), Ok(&b"secret"[..]));
    })
    .await;
}

#[tokio::test]
async fn presigned_urls_put_and_get_what_they_were_signed_for() {
    in_both_modes(async |store| {
        let put = store.s3.put_object().bucket(BUCKET).key("media/a ü").content_type("image/png").content_length(5);
        let put = put.presigned(for_a_minute()).await.expect("a URL");
        let (status, body) = send(&put, b"hello").await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        let get = store.s3.get_object().bucket(BUCKET).key("media/a ü").response_content_type("text/x-other");
        let get = get.presigned(for_a_minute()).await.expect("a URL");
        assert_eq!(send(&get, b"").await, (StatusCode::OK, Bytes::from_static(b"hello")));

        let (longer, _) = send(&put, b"hello, world").await;
        assert_eq!(longer, StatusCode::FORBIDDEN, "another length");
        let (other, _) = raw(Method::PUT, put.uri(), &[("content-type", "text/html")], b"hello").await;
        assert_eq!(other, StatusCode::FORBIDDEN, "another type");
        let elsewhere = put.uri().replace("/media/", "/cards/");
        let (elsewhere, _) = raw(Method::PUT, &elsewhere, &[("content-type", "image/png")], b"hello").await;
        assert_eq!(elsewhere, StatusCode::FORBIDDEN, "another key");
        assert_eq!(store.keys().await, ["media/a ü"]);
    })
    .await;
}

#[tokio::test]
async fn a_presigned_url_ends_when_it_said() {
    in_both_modes(async |store| {
        store.put("k", b"x").send().await.expect("a put");
        let past = PresigningConfig::builder().start_time(SystemTime::now() - Duration::from_secs(120));
        let past = past.expires_in(Duration::from_secs(60)).build().expect("a time");
        let url = store.s3.get_object().bucket(BUCKET).key("k").presigned(past).await.expect("a URL");
        assert_eq!(send(&url, b"").await.0, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn a_presigned_put_can_not_be_made_a_copy_by_adding_a_header() {
    in_both_modes(async |store| {
        store.put("private/x", b"secret").send().await.expect("a put");
        let put =
            store.s3.put_object().bucket(BUCKET).key("media/mine").presigned(for_a_minute()).await.expect("a URL");
        let headers = [("x-amz-copy-source", "sotto-media/private/x")];
        let (status, body) = raw(Method::PUT, put.uri(), &headers, b"").await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body:?}");
        assert_eq!(store.keys().await, ["private/x"]);
    })
    .await;
}
