//! Copies of objects, and their metadata.

use aws_sdk_s3::types::MetadataDirective;

use crate::support::{BUCKET, code, in_both_modes};

#[tokio::test]
async fn a_copy_has_the_bytes_and_either_the_old_metadata_or_the_new() {
    in_both_modes(async |store| {
        let put = store.put("a ü/from", b"bytes").content_type("image/png").metadata("owner", "u1");
        let put = put.content_disposition("inline");
        let tag = put.send().await.expect("a put").e_tag.expect("a tag");
        let copy =
            |to: &str| store.s3.copy_object().bucket(BUCKET).key(to).copy_source(format!("{BUCKET}/a%20%C3%BC/from"));
        let head = async |key: &str| store.s3.head_object().bucket(BUCKET).key(key).send().await.expect("a head");

        let answer = copy("kept").copy_source_if_match(&tag).send().await.expect("a copy");
        assert_eq!(answer.copy_object_result().and_then(|result| result.e_tag()), Some(tag.as_str()));
        let kept = head("kept").await;
        assert_eq!(
            (kept.content_type(), kept.metadata().map(|m| m["owner"].as_str())),
            (Some("image/png"), Some("u1"))
        );

        let replace = copy("replaced").metadata_directive(MetadataDirective::Replace).content_type("text/plain");
        let replace = replace.content_disposition("attachment; filename=\"a.txt\"");
        replace.send().await.expect("a copy");
        let replaced = head("replaced").await;
        assert_eq!(
            (replaced.content_type(), replaced.metadata().is_none_or(|m| m.is_empty())),
            (Some("text/plain"), true)
        );
        assert_eq!(kept.content_disposition(), Some("inline"));
        assert_eq!(replaced.content_disposition(), Some("attachment; filename=\"a.txt\""));

        store.s3.delete_object().bucket(BUCKET).key("a ü/from").send().await.expect("a deletion");
        assert_eq!(store.get("kept").await.as_deref(), Ok(&b"bytes"[..]), "a copy is its own");
        assert_eq!(copy("late").send().await.map_err(code).err().as_deref(), Some("NoSuchKey"));
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_refused_unless_its_source_is_the_wanted_version() {
    in_both_modes(async |store| {
        let tag = store.put("from", b"bytes").send().await.expect("a put").e_tag.expect("a tag");
        let copy = |to: &str| store.s3.copy_object().bucket(BUCKET).key(to).copy_source(format!("{BUCKET}/from"));
        let other = copy("to").copy_source_if_match("\"other\"").send().await.expect_err("another version");
        assert_eq!(other.raw_response().map(|answer| answer.status().as_u16()), Some(412));
        assert_eq!(code(other), "PreconditionFailed");
        let known = copy("to").copy_source_if_none_match(&tag).send().await.map_err(code);
        assert_eq!(known.err().as_deref(), Some("PreconditionFailed"));
        assert_eq!(copy("from").send().await.map_err(code).err().as_deref(), Some("InvalidRequest"), "onto itself");
        assert_eq!(store.keys().await, ["from"]);
    })
    .await;
}
