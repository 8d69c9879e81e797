//! Which keys there can be, and that none reaches anything but its own object.

use hyper::{Method, StatusCode};

use crate::support::{BUCKET, code, for_a_minute, in_both_modes, raw};

#[tokio::test]
async fn a_key_of_1024_bytes_is_fine_and_one_of_1025_is_too_long() {
    in_both_modes(async |store| {
        let longest = "é".repeat(512);
        store.put(&longest, b"x").send().await.expect("a put");
        assert_eq!(store.get(&longest).await.as_deref(), Ok(&b"x"[..]));
        let put = store.put(&format!("{longest}x"), b"x").send().await;
        assert_eq!(put.map_err(code).err().as_deref(), Some("KeyTooLongError"));
    })
    .await;
}

#[tokio::test]
async fn no_operation_takes_a_key_with_an_empty_or_dotted_segment() {
    in_both_modes(async |store| {
        store.put("private/x", b"secret").send().await.expect("a put");
        let refused = Some("InvalidArgument");
        for key in ["cards/../private/x", "../x", "cards/./x", "private//x", "private/x/", "cards/..", "."] {
            assert_eq!(store.put(key, b"x").send().await.map_err(code).err().as_deref(), refused, "put {key}");
            assert_eq!(store.get(key).await.err().as_deref(), refused, "get {key}");
            let head = store.s3.head_object().bucket(BUCKET).key(key).send().await.expect_err("a refusal");
            assert_eq!(head.raw_response().map(|answer| answer.status().as_u16()), Some(400), "head {key}");
            let delete = store.s3.delete_object().bucket(BUCKET).key(key).send().await;
            assert_eq!(delete.map_err(code).err().as_deref(), refused, "delete {key}");
            for (from, to) in [(key, "to"), ("private/x", key)] {
                let copy = store.s3.copy_object().bucket(BUCKET).key(to).copy_source(format!("{BUCKET}/{from}"));
                assert_eq!(copy.send().await.map_err(code).err().as_deref(), refused, "copy {from} to {to}");
            }
        }
        let encoded =
            store.s3.copy_object().bucket(BUCKET).key("to").copy_source(format!("{BUCKET}/cards%2F%2e%2e%2fprivate/x"));
        assert_eq!(encoded.send().await.map_err(code).err().as_deref(), refused, "an encoded copy source");
        assert_eq!(store.keys().await, ["private/x"]);
    })
    .await;
}

#[tokio::test]
async fn no_spelling_of_a_path_over_raw_http_reaches_another_object() {
    in_both_modes(async |store| {
        store.put("private/x", b"secret").send().await.expect("a put");
        for path in ["cards/../private/x", "cards/%2e%2e/private/x", "cards/..%2Fprivate/x", "../sotto-media/private/x"]
        {
            let (status, body) = raw(Method::GET, &format!("{}/{BUCKET}/{path}", store.endpoint), &[], b"").await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}, not signed");
            assert!(!body.windows(6).any(|window| window == b"secret"));
        }
        let get = store.s3.get_object().bucket(BUCKET).key("cards/../private/x");
        let signed = get.presigned(for_a_minute()).await.expect("a URL");
        for dots in ["..", "%2e%2e", "%2E."] {
            let (status, _) = raw(Method::GET, &signed.uri().replace("..", dots), &[], b"").await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{dots}, signed");
        }
    })
    .await;
}
