//! The operations of S3 that the product needs. s3s answers `NotImplemented` to all others.

use std::{ops::Range, sync::Arc};

use futures_util::StreamExt;
use s3s::{
    S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result,
    dto::{self, *},
    s3_error,
};

use super::{
    address::Address,
    blocking::blocking,
    catalogue::Catalogue,
    conditions::{ReadCondition, WriteCondition},
    digests::Digests,
    listing,
    object::{Headers, Object, Row},
    upload::{Upload, Uploaded},
};

pub(super) struct Operations(pub Arc<Catalogue>);

/// S3's limit on one PUT, in bytes.
const LARGEST_PUT: i64 = 5 * 1024 * 1024 * 1024;

/// S3's limit on one DeleteObjects.
const MOST_DELETED: usize = 1000;

/// The headers of an upload. Two inputs have fields of these names.
macro_rules! headers {
    ($input:ident) => {
        Headers {
            cache_control: $input.cache_control,
            content_disposition: $input.content_disposition,
            content_encoding: $input.content_encoding,
            content_language: $input.content_language,
            content_type: $input.content_type,
            expires: $input.expires,
            metadata: $input.metadata,
        }
        .normalised()
    };
}

/// The answer to a read. Two outputs have fields of these names.
macro_rules! read_output {
    ($output:ident of $row:expr) => {{
        let Row { modified, headers, .. } = $row;
        $output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: headers.cache_control.clone(),
            content_disposition: headers.content_disposition.clone(),
            content_encoding: headers.content_encoding.clone(),
            content_language: headers.content_language.clone(),
            content_length: i64::try_from($row.size).ok(),
            content_type: headers.content_type.clone(),
            e_tag: Some($row.etag()),
            expires: headers.expires.clone(),
            last_modified: Some(modified.clone()),
            metadata: headers.metadata.clone(),
            ..Default::default()
        }
    }};
}

/// The condition of a read. Two inputs have fields of these names.
macro_rules! read_condition {
    ($input:ident) => {
        ReadCondition {
            matching: $input.if_match,
            none_matching: $input.if_none_match,
            modified_since: $input.if_modified_since,
            unmodified_since: $input.if_unmodified_since,
        }
    };
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let location = format!("/{}", req.input.bucket);
        let catalogue = Arc::clone(&self.0);
        blocking(move || catalogue.create_bucket(&req.input.bucket)).await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.0.expect_bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn put_bucket_cors(&self, req: S3Request<PutBucketCorsInput>) -> S3Result<S3Response<PutBucketCorsOutput>> {
        let PutBucketCorsInput { bucket, cors_configuration, .. } = req.input;
        self.0.expect_bucket(&bucket)?;
        self.0.cors.set(bucket, cors_configuration.cors_rules)?;
        Ok(S3Response::new(PutBucketCorsOutput::default()))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let S3Request { input, headers, trailing_headers, .. } = req;
        let address = Address::parse(&input.bucket, &input.key)?;
        let condition = WriteCondition::of(&headers)?;
        let digests = Digests::of(&headers)?;
        let stored = headers!(input)?;
        if input.content_length.is_some_and(|length| length > LARGEST_PUT) {
            return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"));
        }
        self.0.expect_bucket(address.bucket())?;

        let version = Row::new_version();
        let upload = {
            let (catalogue, address, version) = (Arc::clone(&self.0), address.clone(), version.clone());
            let hasher = digests.hasher();
            blocking(move || catalogue.upload(&address, &version, hasher).map_err(S3Error::internal_error)).await?
        };
        let uploaded = receive(input.body, upload).await?;
        digests.verify(&uploaded, trailing_headers.as_ref())?;

        let row = Row::new(address, version, uploaded.size, hex::encode(uploaded.md5), stored);
        let e_tag = Some(row.etag());
        let catalogue = Arc::clone(&self.0);
        blocking(move || catalogue.put(Object { row, body: uploaded.body }, &condition)).await?;
        Ok(S3Response::new(PutObjectOutput { e_tag, ..Default::default() }))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let object = self.0.find(&Address::parse(&input.bucket, &input.key)?)?;
        only_current(input.version_id.as_deref())?;
        read_condition!(input).check(&object.row).map_err(|not_met| not_met.into_read_error(&object.row))?;

        let size = object.row.size;
        let mut output = read_output!(GetObjectOutput of &object.row);
        let range = match input.range {
            None => 0..size,
            Some(range) => {
                let range = satisfiable(range, size)?;
                output.content_length = i64::try_from(range.end - range.start).ok();
                output.content_range = Some(format!("bytes {}-{}/{size}", range.start, range.end - 1));
                range
            }
        };
        output.body = Some(object.body.read(range).await?);
        Ok(S3Response::new(output))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let object = self.0.find(&Address::parse(&input.bucket, &input.key)?)?;
        only_current(input.version_id.as_deref())?;
        read_condition!(input).check(&object.row).map_err(|not_met| not_met.into_read_error(&object.row))?;
        Ok(S3Response::new(read_output!(HeadObjectOutput of &object.row)))
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let address = Address::parse(&req.input.bucket, &req.input.key)?;
        let condition = WriteCondition::of(&req.headers)?;
        only_current(req.input.version_id.as_deref())?;
        let catalogue = Arc::clone(&self.0);
        blocking(move || catalogue.remove(&address, &condition)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let DeleteObjectsInput { bucket, delete: Delete { objects, quiet }, .. } = req.input;
        if objects.len() > MOST_DELETED {
            return Err(s3_error!(MalformedXML, "More than {MOST_DELETED} keys"));
        }
        self.0.expect_bucket(&bucket)?;

        let catalogue = Arc::clone(&self.0);
        blocking(move || {
            let (mut deleted, mut errors) = (Vec::new(), Vec::new());
            for ObjectIdentifier { key, e_tag, version_id, .. } in objects {
                let condition = match e_tag {
                    None => WriteCondition::None,
                    Some(tag) => WriteCondition::Matches(ETagCondition::ETag(tag)),
                };
                let removed = Address::parse(&bucket, &key)
                    .and_then(|address| only_current(version_id.as_deref()).map(|()| address))
                    .and_then(|address| catalogue.remove(&address, &condition));
                match removed {
                    Ok(()) => deleted.push(DeletedObject { key: Some(key), ..Default::default() }),
                    Err(error) => errors.push(not_deleted(key, &error)),
                }
            }
            let deleted = (quiet != Some(true)).then_some(deleted);
            Ok(S3Response::new(DeleteObjectsOutput { deleted, errors: Some(errors), ..Default::default() }))
        })
        .await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let S3Request { input, headers, .. } = req;
        let CopySource::Bucket { bucket, key, version_id } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "A copy source is a bucket and a key"));
        };
        let source = Address::parse(bucket, key)?;
        only_current(version_id.as_deref())?;
        let address = Address::parse(&input.bucket, &input.key)?;
        let condition = WriteCondition::of(&headers)?;
        self.0.expect_bucket(address.bucket())?;

        let object = self.0.find(&source)?;
        let condition_on_source = ReadCondition {
            matching: input.copy_source_if_match,
            none_matching: input.copy_source_if_none_match,
            modified_since: input.copy_source_if_modified_since,
            unmodified_since: input.copy_source_if_unmodified_since,
        };
        condition_on_source.check(&object.row).map_err(|not_met| not_met.into_copy_error())?;
        let stored = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
            Some(MetadataDirective::REPLACE) => headers!(input)?,
            None | Some(MetadataDirective::COPY) if source == address => {
                return Err(s3_error!(InvalidRequest, "A copy to itself must change the metadata"));
            }
            None | Some(MetadataDirective::COPY) => object.row.headers.clone(),
            Some(_) => return Err(s3_error!(InvalidArgument, "Unknown metadata directive")),
        };

        let row = Row::new(address, Row::new_version(), object.row.size, object.row.md5.clone(), stored);
        let (e_tag, last_modified) = (Some(row.etag()), Some(row.modified.clone()));
        let catalogue = Arc::clone(&self.0);
        blocking(move || {
            let body = catalogue.copy(&object.body, &row.address, &row.version).map_err(S3Error::internal_error)?;
            catalogue.put(Object { row, body }, &condition)
        })
        .await?;
        let copy_object_result = Some(CopyObjectResult { e_tag, last_modified, ..Default::default() });
        Ok(S3Response::new(CopyObjectOutput { copy_object_result, ..Default::default() }))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        Ok(S3Response::new(listing::page(&self.0, req.input)?))
    }
}

/// Receives a body chunk by chunk.
async fn receive(body: Option<StreamingBlob>, mut upload: Upload) -> S3Result<Uploaded> {
    let Some(mut body) = body else { return Ok(upload.finish()) };
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(interrupted)?;
        upload = blocking(move || upload.write(&chunk).map(|()| upload).map_err(S3Error::internal_error)).await?;
    }
    Ok(upload.finish())
}

/// The client went away, or a chunk or the whole body doesn't match its signature. The types of s3s's errors are private, so
/// they are told apart by their text.
fn interrupted(source: s3s::StdError) -> S3Error {
    let text = source.to_string();
    let mut error = if text.contains("SignatureMismatch") || text.contains("Sha256Mismatch") {
        s3_error!(SignatureDoesNotMatch, "The body is not what was signed")
    } else {
        s3_error!(IncompleteBody, "The body could not be read to its end")
    };
    error.set_source(source);
    error
}

/// Buckets have no versions, so the only version of an object is `null`.
fn only_current(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(s3_error!(NoSuchVersion, "The specified version does not exist")),
    }
}

/// The bytes of `range` in an object of `size` bytes. Error: `InvalidRange`, also for an empty range.
fn satisfiable(range: dto::Range, size: u64) -> S3Result<Range<u64>> {
    let range = range.check(size)?;
    if range.is_empty() { Err(S3ErrorCode::InvalidRange.into()) } else { Ok(range) }
}

fn not_deleted(key: String, error: &S3Error) -> dto::Error {
    dto::Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        ..Default::default()
    }
}
