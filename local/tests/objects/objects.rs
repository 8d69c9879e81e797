//! Objects: stored, read back, deleted, missed.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{Delete, ObjectIdentifier},
};

use crate::support::{BUCKET, Scratch, client, code, in_both_modes};

#[tokio::test]
async fn an_object_is_read_back_with_everything_that_was_said_of_it() {
    in_both_modes(async |store| {
        let expires = aws_smithy_types::DateTime::from_secs(2_000_000_000);
        let put = store.put("cards/a b+ü.png", b"hello");
        let put = put.content_type("image/png").cache_control("max-age=60").content_disposition("inline");
        let put = put.content_encoding("gzip").content_language("de").expires(expires);
        let put = put.metadata("owner", "u1").metadata("note", "a b").send().await.expect("a put");
        assert_eq!(put.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""), "the MD5 in quotes");

        let get = store.s3.get_object().bucket(BUCKET).key("cards/a b+ü.png").send().await.expect("a get");
        assert_eq!(get.content_type(), Some("image/png"));
        assert_eq!(get.cache_control(), Some("max-age=60"));
        assert_eq!(get.content_disposition(), Some("inline"));
        assert_eq!(get.content_encoding(), Some("gzip"));
        assert_eq!(get.content_language(), Some("de"));
        assert_eq!(get.expires_string(), Some("Wed, 18 May 2033 03:33:20 GMT"));
        assert_eq!(get.content_length(), Some(5));
        assert_eq!(get.e_tag(), put.e_tag());
        let metadata = get.metadata().expect("metadata");
        assert_eq!((metadata["owner"].as_str(), metadata["note"].as_str(), metadata.len()), ("u1", "a b", 2));
        assert_eq!(get.body.collect().await.expect("a body").to_vec(), b"hello");

        let head = store.s3.head_object().bucket(BUCKET).key("cards/a b+ü.png").send().await.expect("a head");
        assert_eq!((head.content_length(), head.content_type()), (Some(5), Some("image/png")));
        assert_eq!((head.e_tag(), head.cache_control()), (put.e_tag(), Some("max-age=60")));
        assert_eq!(head.metadata().map(|metadata| metadata.len()), Some(2));
        assert!(head.last_modified().is_some());
    })
    .await;
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    in_both_modes(async |store| {
        store.put("empty", b"").send().await.expect("a put");
        assert_eq!(store.get("empty").await.as_deref(), Ok(&b""[..]));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_called_by_its_name() {
    in_both_modes(async |store| {
        let head = |bucket: &'static str, key: &'static str| store.s3.head_object().bucket(bucket).key(key).send();
        assert_eq!(store.get("nothing").await, Err("NoSuchKey".into()));
        assert!(head(BUCKET, "nothing").await.expect_err("no object").into_service_error().is_not_found());
        assert!(head("no-bucket", "nothing").await.expect_err("no bucket").into_service_error().is_not_found());
        let other = || store.s3.clone();
        assert_eq!(
            other().get_object().bucket("no-bucket").key("k").send().await.map_err(code).err().as_deref(),
            Some("NoSuchBucket")
        );
        assert_eq!(
            other().put_object().bucket("no-bucket").key("k").send().await.map_err(code).err().as_deref(),
            Some("NoSuchBucket")
        );
        assert_eq!(
            other().delete_object().bucket("no-bucket").key("k").send().await.map_err(code).err().as_deref(),
            Some("NoSuchBucket")
        );
        assert_eq!(
            other().list_objects_v2().bucket("no-bucket").send().await.map_err(code).err().as_deref(),
            Some("NoSuchBucket")
        );
        assert!(
            other()
                .head_bucket()
                .bucket("no-bucket")
                .send()
                .await
                .expect_err("no bucket")
                .into_service_error()
                .is_not_found()
        );
        other().head_bucket().bucket(BUCKET).send().await.expect("the bucket");
    })
    .await;
}

#[tokio::test]
async fn making_a_bucket_again_leaves_its_objects() {
    in_both_modes(async |store| {
        store.put("k", b"kept").send().await.expect("a put");
        store.s3.create_bucket().bucket(BUCKET).send().await.expect("the same bucket");
        assert_eq!(store.get("k").await.as_deref(), Ok(&b"kept"[..]));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_object_is_gone_and_deleting_it_again_is_no_error() {
    in_both_modes(async |store| {
        for key in ["a", "b", "c", "d"] {
            store.put(key, b"x").send().await.expect("a put");
        }
        for _ in 0..2 {
            store.s3.delete_object().bucket(BUCKET).key("a").send().await.expect("a deletion");
        }
        let one = |key: &str| ObjectIdentifier::builder().key(key).build().expect("a key");
        let many = Delete::builder().objects(one("b")).objects(one("c")).objects(one("nothing")).objects(one("x/../d"));
        let many = many.build().expect("keys");
        let answer = store.s3.delete_objects().bucket(BUCKET).delete(many).send().await.expect("a deletion");
        assert_eq!(answer.deleted().len(), 3);
        let errors: Vec<_> = answer.errors().iter().map(|error| (error.key(), error.code())).collect();
        assert_eq!(errors, [(Some("x/../d"), Some("InvalidArgument"))]);
        assert_eq!(store.keys().await, ["d"]);
    })
    .await;
}

#[tokio::test]
async fn the_reason_of_a_refusal_arrives_however_large_the_body_was() {
    let scratch = Scratch::new();
    let file = scratch.file(8_000_000);
    in_both_modes(async |store| {
        let forger = client(&store.endpoint, "another-secret");
        for (s3, bucket, key, expected) in [
            (&store.s3, "no-bucket", "k", "NoSuchBucket"),
            (&store.s3, BUCKET, "a/../b", "InvalidArgument"),
            (&forger, BUCKET, "k", "SignatureDoesNotMatch"),
        ] {
            let body = ByteStream::from_path(&file).await.expect("a stream");
            let put = s3.put_object().bucket(bucket).key(key).body(body).send().await;
            assert_eq!(put.map_err(code).err().as_deref(), Some(expected));
        }
    })
    .await;
}
