//! Conditions of requests on the current version of an object (RFC 9110, section 13).

use hyper::header::{ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use s3s::{
    S3Error, S3Result,
    dto::{ETag, ETagCondition, Timestamp},
    s3_error,
};

use super::object::Row;

/// The condition of a write.
pub(super) enum WriteCondition {
    None,
    /// There must be no current version.
    IsNew,
    /// The current version must match.
    Matches(ETagCondition),
}

impl WriteCondition {
    /// Reads `If-Match` and `If-None-Match`. For writes, S3 knows only the value `*` of the latter.
    pub fn of(headers: &HeaderMap) -> S3Result<Self> {
        match (headers.get(IF_MATCH), headers.get(IF_NONE_MATCH)) {
            (None, None) => Ok(Self::None),
            (None, Some(none)) if none == "*" => Ok(Self::IsNew),
            (Some(value), None) => match ETagCondition::parse_http_header(value.as_bytes()) {
                Ok(condition) => Ok(Self::Matches(condition)),
                Err(error) => Err(s3_error!(error, InvalidArgument, "If-Match is not an entity tag")),
            },
            _ => Err(s3_error!(NotImplemented, "A header you provided implies functionality that is not implemented")),
        }
    }

    pub fn check(&self, current: Option<&Row>) -> S3Result<()> {
        match (self, current) {
            (Self::None, _) | (Self::IsNew, None) => Ok(()),
            (Self::IsNew, Some(_)) => Err(failed("If-None-Match")),
            (Self::Matches(_), None) => Err(s3_error!(NoSuchKey, "The specified key does not exist")),
            (Self::Matches(condition), Some(row)) if strong_match(condition, &row.etag()) => Ok(()),
            (Self::Matches(_), Some(_)) => Err(failed("If-Match")),
        }
    }
}

/// The condition of a read: the four headers of GET and HEAD, or the same with the prefix `x-amz-copy-source-`.
pub(super) struct ReadCondition {
    pub matching: Option<ETagCondition>,
    pub none_matching: Option<ETagCondition>,
    pub modified_since: Option<Timestamp>,
    pub unmodified_since: Option<Timestamp>,
}

/// Why the current version doesn't meet a [`ReadCondition`].
pub(super) enum NotMet {
    /// The client wants another version.
    Changed,
    /// The client has this version already.
    NotModified,
}

impl ReadCondition {
    /// If there is an entity tag, the date is ignored.
    pub fn check(&self, row: &Row) -> Result<(), NotMet> {
        let matches = match (&self.matching, &self.unmodified_since) {
            (Some(condition), _) => strong_match(condition, &row.etag()),
            (None, Some(since)) => row.modified <= *since,
            (None, None) => true,
        };
        let is_known = match (&self.none_matching, &self.modified_since) {
            (Some(condition), _) => weak_match(condition, &row.etag()),
            (None, Some(since)) => row.modified <= *since,
            (None, None) => false,
        };
        match (matches, is_known) {
            (false, _) => Err(NotMet::Changed),
            (true, true) => Err(NotMet::NotModified),
            (true, false) => Ok(()),
        }
    }
}

impl NotMet {
    /// The answer to GET and HEAD: 412, or 304 with the entity tag.
    pub fn into_read_error(self, row: &Row) -> S3Error {
        match self {
            Self::Changed => failed("If-Match or If-Unmodified-Since"),
            Self::NotModified => {
                let mut error = s3_error!(NotModified);
                if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", row.md5)) {
                    error.set_headers(HeaderMap::from_iter([(ETAG, tag)]));
                }
                error
            }
        }
    }

    /// The answer to a copy: always 412.
    pub fn into_copy_error(self) -> S3Error {
        failed("x-amz-copy-source-if")
    }
}

fn failed(condition: &str) -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the preconditions you specified did not hold: {condition}")
}

fn strong_match(condition: &ETagCondition, etag: &ETag) -> bool {
    condition.as_etag().is_none_or(|wanted| wanted.strong_cmp(etag))
}

fn weak_match(condition: &ETagCondition, etag: &ETag) -> bool {
    condition.as_etag().is_none_or(|wanted| wanted.weak_cmp(etag))
}
