//! Conditions on requests: which version a write may replace, which version a read wants (RFC 9110, section 13).

use hyper::header::{ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use s3s::{
    S3Error, S3Result,
    dto::{ETag, ETagCondition, Timestamp},
    s3_error,
};

use super::object::Row;

/// What must hold of the current version for a write to take effect.
pub(super) enum MayReplace {
    Anything,
    Nothing,
    Only(ETagCondition),
}

impl MayReplace {
    /// From `If-Match` and `If-None-Match`. S3 knows only `*` of the latter on a write.
    pub fn of(headers: &HeaderMap) -> S3Result<Self> {
        match (headers.get(IF_MATCH), headers.get(IF_NONE_MATCH)) {
            (None, None) => Ok(Self::Anything),
            (None, Some(none)) if none == "*" => Ok(Self::Nothing),
            (Some(value), None) => match ETagCondition::parse_http_header(value.as_bytes()) {
                Ok(condition) => Ok(Self::Only(condition)),
                Err(error) => Err(s3_error!(error, InvalidArgument, "If-Match is not an entity tag")),
            },
            _ => Err(s3_error!(NotImplemented, "A header you provided implies functionality that is not implemented")),
        }
    }

    pub fn check(&self, current: Option<&Row>) -> S3Result<()> {
        match (self, current) {
            (Self::Anything, _) | (Self::Nothing, None) => Ok(()),
            (Self::Nothing, Some(_)) => Err(failed("If-None-Match")),
            (Self::Only(_), None) => Err(s3_error!(NoSuchKey, "The specified key does not exist")),
            (Self::Only(condition), Some(row)) if matches(condition, &row.etag()) => Ok(()),
            (Self::Only(_), Some(_)) => Err(failed("If-Match")),
        }
    }
}

/// Which version a read wants, from the four headers of GET and HEAD or their `x-amz-copy-source-` twins.
pub(super) struct Wanted {
    pub matching: Option<ETagCondition>,
    pub none_matching: Option<ETagCondition>,
    pub modified_since: Option<Timestamp>,
    pub unmodified_since: Option<Timestamp>,
}

/// Why the version that is there is not wanted.
pub(super) enum Unwanted {
    Another,
    Known,
}

impl Wanted {
    /// An entity tag, where given, decides alone; the dates are for clients that have no tag.
    pub fn check(&self, row: &Row) -> Result<(), Unwanted> {
        let wanted = match (&self.matching, &self.unmodified_since) {
            (Some(condition), _) => matches(condition, &row.etag()),
            (None, Some(since)) => row.modified <= *since,
            (None, None) => true,
        };
        let known = match (&self.none_matching, &self.modified_since) {
            (Some(condition), _) => matches_weakly(condition, &row.etag()),
            (None, Some(since)) => row.modified <= *since,
            (None, None) => false,
        };
        match (wanted, known) {
            (false, _) => Err(Unwanted::Another),
            (true, true) => Err(Unwanted::Known),
            (true, false) => Ok(()),
        }
    }
}

impl Unwanted {
    /// The answer to GET and HEAD: 412, or 304 with the tag of what the client has already.
    pub fn into_read_error(self, row: &Row) -> S3Error {
        match self {
            Self::Another => failed("If-Match or If-Unmodified-Since"),
            Self::Known => {
                let mut error = s3_error!(NotModified);
                if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", row.md5)) {
                    error.set_headers(HeaderMap::from_iter([(ETAG, tag)]));
                }
                error
            }
        }
    }

    /// The answer to a copy, which has no 304.
    pub fn into_copy_error(self) -> S3Error {
        failed("x-amz-copy-source-if")
    }
}

fn failed(condition: &str) -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the preconditions you specified did not hold: {condition}")
}

fn matches(condition: &ETagCondition, etag: &ETag) -> bool {
    condition.as_etag().is_none_or(|wanted| wanted.strong_cmp(etag))
}

fn matches_weakly(condition: &ETagCondition, etag: &ETag) -> bool {
    condition.as_etag().is_none_or(|wanted| wanted.weak_cmp(etag))
}
