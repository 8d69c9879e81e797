//! ListObjectsV2: the objects of a bucket by prefix, a page at a time.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{
    S3Result,
    dto::{self, EncodingType, ListObjectsV2Input, ListObjectsV2Output, ObjectStorageClass},
    s3_error,
};

use super::{catalogue::Catalogue, object::Object};

/// S3's limit on a page.
const LARGEST_PAGE: i32 = 1000;

/// The characters that `encoding-type=url` encodes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// One page. A token is the last key of the page before. So a page is right even if objects were written meanwhile.
pub(super) fn page(catalogue: &Catalogue, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    if input.delimiter.is_some() {
        return Err(s3_error!(NotImplemented, "delimiter is not implemented"));
    }
    let Ok(max_keys) = usize::try_from(input.max_keys.unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE)) else {
        return Err(s3_error!(InvalidArgument, "max-keys is negative"));
    };
    let after = match &input.continuation_token {
        Some(token) => key_of(token)?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let prefix = input.prefix.clone().unwrap_or_default();

    let mut objects = catalogue.list(&input.bucket, &prefix, &after, max_keys + 1)?;
    let is_truncated = max_keys > 0 && objects.len() > max_keys;
    objects.truncate(max_keys);
    let last = objects.last().filter(|_| is_truncated);
    let next_continuation_token = last.map(|last| BASE64_URL_SAFE_NO_PAD.encode(last.row.address.key()));

    let as_url = input.encoding_type.as_ref().is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
    let spell = |text: &str| if as_url { utf8_percent_encode(text, ENCODED).to_string() } else { text.to_owned() };
    Ok(ListObjectsV2Output {
        contents: Some(objects.iter().map(|object| entry(object, spell(object.row.address.key()))).collect()),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        is_truncated: Some(is_truncated),
        key_count: i32::try_from(objects.len()).ok(),
        max_keys: i32::try_from(max_keys).ok(),
        name: Some(input.bucket),
        next_continuation_token,
        prefix: Some(spell(&prefix)),
        start_after: input.start_after.as_deref().map(spell),
        ..Default::default()
    })
}

fn entry(object: &Object, key: String) -> dto::Object {
    dto::Object {
        e_tag: Some(object.row.etag()),
        key: Some(key),
        last_modified: Some(object.row.modified.clone()),
        size: i64::try_from(object.row.size).ok(),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Default::default()
    }
}

fn key_of(token: &str) -> S3Result<String> {
    let key = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
    key.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}
