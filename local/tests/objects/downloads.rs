//! Presigned downloads: the object and the headers that were signed, and nothing else.

use hyper::{Method, StatusCode};

use crate::support::{BUCKET, Served, exchange, for_a_minute, in_both_modes, raw};

const ATTACHMENT: &str = "attachment; filename=\"a b.pdf\"; filename*=UTF-8''%C3%BC.pdf";

/// An object, and a URL that asks for other headers than the object has.
async fn url(store: &Served) -> String {
    let put = store.put("media/one", b"0123456789").content_type("text/html").cache_control("max-age=60");
    put.content_disposition("inline").send().await.expect("a put");
    let get = store.s3.get_object().bucket(BUCKET).key("media/one").response_content_type("application/pdf");
    let get = get.response_content_disposition(ATTACHMENT).response_cache_control("private, no-store");
    get.presigned(for_a_minute()).await.expect("a URL").uri().to_owned()
}

#[tokio::test]
async fn a_download_has_the_headers_that_were_signed_in_place_of_the_objects_own() {
    in_both_modes(async |store| {
        let url = url(store).await;
        for (range, status, bytes, content_range) in [
            (None, StatusCode::OK, &b"0123456789"[..], None),
            (Some("bytes=2-4"), StatusCode::PARTIAL_CONTENT, b"234", Some("bytes 2-4/10")),
            (Some("bytes=8-"), StatusCode::PARTIAL_CONTENT, b"89", Some("bytes 8-9/10")),
        ] {
            let headers: Vec<_> = range.map(|range| ("range", range)).into_iter().collect();
            let answer = exchange(Method::GET, &url, &headers, b"").await;
            let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
            assert_eq!((answer.status(), &answer.body()[..]), (status, bytes), "{range:?}");
            assert_eq!(header("content-type"), Some("application/pdf"));
            assert_eq!(header("content-disposition"), Some(ATTACHMENT));
            assert_eq!(header("cache-control"), Some("private, no-store"));
            assert_eq!(header("content-length"), Some(bytes.len().to_string().as_str()));
            assert_eq!(header("content-range"), content_range);
            assert!(header("etag").is_some());
        }
        let head = store.s3.head_object().bucket(BUCKET).key("media/one").send().await.expect("the object");
        assert_eq!((head.content_type(), head.content_disposition()), (Some("text/html"), Some("inline")));
    })
    .await;
}

#[tokio::test]
async fn a_download_can_be_no_other_request() {
    in_both_modes(async |store| {
        let url = url(store).await;
        store.put("media/two", b"secret").send().await.expect("a put");
        for method in [Method::PUT, Method::DELETE, Method::HEAD, Method::POST] {
            assert_eq!(raw(method.clone(), &url, &[], b"x").await.0, StatusCode::FORBIDDEN, "{method}");
        }
        let without_type = url.replace("response-content-type=application%2Fpdf&", "");
        let other_type = url.replace("application%2Fpdf", "text%2Fhtml");
        for changed in [
            url.replace("media/one", "media/two"),
            url.replace("attachment", "inline"),
            url.replace("Expires=60", "Expires=600"),
            format!("{url}&response-content-language=de"),
            format!("{url}&versionId=null"),
            without_type,
            other_type,
        ] {
            assert_ne!(changed, url);
            let (status, body) = raw(Method::GET, &changed, &[], b"").await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{changed}");
            assert!(String::from_utf8_lossy(&body).contains("<Code>SignatureDoesNotMatch</Code>"), "{changed}");
        }
        assert_eq!(store.get("media/one").await.as_deref(), Ok(&b"0123456789"[..]));
    })
    .await;
}

#[tokio::test]
async fn a_download_of_bytes_or_of_a_version_that_are_not_there_says_which() {
    in_both_modes(async |store| {
        let url = url(store).await;
        for (name, value, status, code) in [
            ("range", "bytes=10-", StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"),
            ("if-match", "\"other\"", StatusCode::PRECONDITION_FAILED, "PreconditionFailed"),
        ] {
            let (answered, body) = raw(Method::GET, &url, &[(name, value)], b"").await;
            assert_eq!(answered, status, "{name}");
            assert!(String::from_utf8_lossy(&body).contains(&format!("<Code>{code}</Code>")), "{body:?}");
        }
        store.s3.delete_object().bucket(BUCKET).key("media/one").send().await.expect("a deletion");
        assert_eq!(raw(Method::GET, &url, &[], b"").await.0, StatusCode::NOT_FOUND);
    })
    .await;
}
