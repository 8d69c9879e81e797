//! Reads of a part, and reads on condition.

use aws_sdk_s3::error::SdkError;

use crate::support::{BUCKET, code, in_both_modes};

#[tokio::test]
async fn a_range_is_answered_with_its_bytes_and_the_whole_size() {
    in_both_modes(async |store| {
        store.put("k", b"0123456789").send().await.expect("a put");
        let get = |range: &'static str| store.s3.get_object().bucket(BUCKET).key("k").range(range).send();
        for (range, bytes, content_range) in [
            ("bytes=0-3", "0123", "bytes 0-3/10"),
            ("bytes=4-", "456789", "bytes 4-9/10"),
            ("bytes=-3", "789", "bytes 7-9/10"),
            ("bytes=8-99", "89", "bytes 8-9/10"),
            ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ] {
            let answer = get(range).await.expect("a range");
            assert_eq!(answer.content_range(), Some(content_range), "{range}");
            assert_eq!(answer.content_length(), Some(bytes.len() as i64), "{range}");
            assert_eq!(answer.body.collect().await.expect("a body").to_vec(), bytes.as_bytes(), "{range}");
        }
        assert_eq!(get("bytes=10-").await.map_err(code).err().as_deref(), Some("InvalidRange"));
        store.put("k", b"").send().await.expect("a put");
        for range in ["bytes=-3", "bytes=0-", "bytes=0-3"] {
            let error = get(range).await.expect_err("an empty object has no byte");
            assert_eq!(error.raw_response().map(|answer| answer.status().as_u16()), Some(416), "{range}");
            assert_eq!(code(error), "InvalidRange", "{range}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_read_gets_only_the_version_that_it_wants() {
    in_both_modes(async |store| {
        let tag = store.put("k", b"one").send().await.expect("a put").e_tag.expect("a tag");
        let get = || store.s3.get_object().bucket(BUCKET).key("k");
        let status = |error: SdkError<_, aws_sdk_s3::config::http::HttpResponse>| {
            error.raw_response().map(|r| r.status().as_u16())
        };
        get().if_match(&tag).send().await.expect("this version");
        get().if_none_match("\"other\"").send().await.expect("not the other version");
        assert_eq!(get().if_match("\"other\"").send().await.map_err(code).err().as_deref(), Some("PreconditionFailed"));
        assert_eq!(get().if_none_match(&tag).send().await.map_err(status).err().flatten(), Some(304));

        let modified = get().send().await.expect("a get").last_modified.expect("a time");
        assert_eq!(get().if_modified_since(modified).send().await.map_err(status).err().flatten(), Some(304));
        get().if_unmodified_since(modified).send().await.expect("unmodified");
        let head = store.s3.head_object().bucket(BUCKET).key("k").if_match("\"other\"").send().await;
        assert_eq!(head.expect_err("another version").raw_response().map(|r| r.status().as_u16()), Some(412));
    })
    .await;
}
