//! Presigned uploads: only a request that matches the signature is accepted.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{
    Client,
    config::RequestChecksumCalculation,
    presigning::{PresignedRequest, PresigningConfig},
};
use hyper::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{BUCKET, Served, for_a_minute, in_both_modes, raw};

/// A URL for five bytes of a PNG.
async fn presigned(s3: &Client, config: PresigningConfig) -> PresignedRequest {
    let put = s3.put_object().bucket(BUCKET).key("temp/mine").content_type("image/png").content_length(5);
    put.presigned(config).await.expect("a URL")
}

/// The status and S3's code of the answer to a PUT.
async fn put(url: &str, content_type: Option<&str>, body: &'static [u8]) -> (StatusCode, String) {
    let headers: Vec<_> = content_type.map(|content_type| ("content-type", content_type)).into_iter().collect();
    let (status, body) = raw(Method::PUT, url, &headers, body).await;
    let body = String::from_utf8_lossy(&body).into_owned();
    let code = body.split_once("<Code>").and_then(|(_, rest)| Some(rest.split_once('<')?.0.to_owned()));
    (status, code.unwrap_or_default())
}

/// Sends the text of a request, then nothing more. Returns what came back, however the connection ended.
async fn over_tcp(store: &Served, presigned: &PresignedRequest, headers: &str, body: &str) -> String {
    let (host, path) = (&store.endpoint["http://".len()..], &presigned.uri()[store.endpoint.len()..]);
    let mut stream = TcpStream::connect(host).await.expect("a connection");
    let request = format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: image/png\r\n{headers}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.expect("a request");
    stream.shutdown().await.expect("an end");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await; // a reset is an end, too
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_upload_has_the_length_the_type_and_the_key_that_were_signed_or_is_refused() {
    in_both_modes(async |store| {
        let signed = presigned(&store.s3, for_a_minute()).await;
        let (url, png) = (signed.uri(), Some("image/png"));
        let refused = (StatusCode::FORBIDDEN, "SignatureDoesNotMatch".to_owned());
        for (content_type, body) in [
            (png, &b"long!!"[..]),
            (png, b"four"),
            (png, b""),
            (Some("image/jpeg"), b"hello"),
            (Some("image/png; charset=x"), b"hello"),
            (None, b"hello"),
        ] {
            assert_eq!(put(url, content_type, body).await, refused, "{content_type:?} {body:?}");
        }
        for (from, to) in [("temp/mine", "temp/other"), ("temp/", "cards/"), ("=60&", "=61&"), ("%3Bcontent-type", "")]
        {
            let changed = url.replace(from, to);
            assert_ne!(changed, url);
            assert_eq!(put(&changed, png, b"hello").await, refused, "{to}");
        }
        let unsigned = url.split_once('?').expect("a query").0;
        assert_eq!(put(unsigned, png, b"hello").await, (StatusCode::FORBIDDEN, "AccessDenied".to_owned()));
        for method in [Method::GET, Method::HEAD, Method::DELETE] {
            assert_eq!(raw(method.clone(), url, &[("content-type", "image/png")], b"hello").await.0, 403, "{method}");
        }
        assert_eq!(store.keys().await, Vec::<String>::new());

        assert_eq!(put(url, png, b"hello").await, (StatusCode::OK, String::new()));
        let head = store.s3.head_object().bucket(BUCKET).key("temp/mine").send().await.expect("the object");
        assert_eq!((head.content_type(), head.content_length()), (png, Some(5)));
    })
    .await;
}

#[tokio::test]
async fn an_upload_after_the_url_expired_is_refused() {
    in_both_modes(async |store| {
        let past = PresigningConfig::builder().start_time(SystemTime::now() - Duration::from_secs(61));
        let past = past.expires_in(Duration::from_secs(60)).build().expect("a time");
        let signed = presigned(&store.s3, past).await;
        let expired = (StatusCode::FORBIDDEN, "AccessDenied".to_owned());
        assert_eq!(put(signed.uri(), Some("image/png"), b"hello").await, expired);
        assert_eq!(store.keys().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_its_request_says_leaves_nothing() {
    in_both_modes(async |store| {
        let signed = presigned(&store.s3, for_a_minute()).await;
        for (headers, body) in [
            ("Content-Length: 5", "hel"),
            ("Content-Length: 5", ""),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", "c\r\nhello, world\r\n0\r\n\r\n"),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", "3\r\nhel\r\n0\r\n\r\n"),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
            ("Content-Length: 5\r\nContent-Length: 12", "hello, world"),
            ("Content-Length: 12\r\nx-amz-decoded-content-length: 5", "hello, world"),
        ] {
            let answer = over_tcp(store, &signed, headers, body).await;
            assert!(!answer.starts_with("HTTP/1.1 200"), "{headers}: {answer}");
            assert_eq!(store.keys().await, Vec::<String>::new(), "{headers}");
        }
        // Bytes after the declared length belong to the next request, not to the body.
        let answer = over_tcp(store, &signed, "Content-Length: 5", "hello, world").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(store.get("temp/mine").await.as_deref(), Ok(&b"hello"[..]));
    })
    .await;
}

#[tokio::test]
async fn a_presigned_put_names_no_checksum_of_a_body_that_is_not_there_yet() {
    in_both_modes(async |store| {
        for when in [RequestChecksumCalculation::WhenSupported, RequestChecksumCalculation::WhenRequired] {
            let config = store.s3.config().to_builder().request_checksum_calculation(when).build();
            let signed = presigned(&Client::from_conf(config), for_a_minute()).await;
            let headers: Vec<_> = signed.headers().collect();
            assert_eq!(headers, [("content-length", "5"), ("content-type", "image/png")]);
            assert!(signed.uri().contains("&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&"));
            assert!(!signed.uri().to_lowercase().contains("checksum"), "{}", signed.uri());
        }
    })
    .await;
}
