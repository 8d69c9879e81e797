//! The content network: serves objects of the bucket as a CloudFront distribution would, at `/_local/cdn/<key>`.

use crate::Error;
use crate::intrinsics::Scope;
use crate::resources::Resource;
use aws_sdk_s3::Client;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_yaml_ng::Value;

/// Where the gateway serves the distribution.
pub const PATH: &str = "/_local/cdn/";

/// The objects that bucket policies let CloudFront read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    bucket: String,
    /// Keys that may be read. `prefix*` stands for all keys with the prefix.
    keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: String,
    principal: Value,
    action: OneOrMore,
    resource: OneOrMore,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Grant {
    /// The grant of the one distribution among `resources`.
    pub fn read(resources: &[Resource<'_>], scope: &Scope) -> Result<Option<Self>, Error> {
        let of = |kind: &'static str| resources.iter().filter(move |resource| resource.kind == kind);
        let mut distributions = of("AWS::CloudFront::Distribution");
        let Some(distribution) = distributions.next() else { return Ok(None) };
        if distributions.next().is_some() {
            return Err(Error::new("the local stack serves one AWS::CloudFront::Distribution, not more"));
        }
        let origins = distribution.properties.get("DistributionConfig").and_then(|config| config.get("Origins"));
        let origin = origins.and_then(|origins| origins.get(0)).and_then(|origin| origin.get("DomainName"));
        let origin = scope.resolve(origin.unwrap_or(&Value::Null))?;
        let bucket = origin.as_str().and_then(|domain| Some(domain.split_once(".s3.")?.0.to_owned()));
        let bucket = bucket.ok_or_else(|| Error::new("the distribution's first origin must be a bucket"))?;
        let mut keys = Vec::new();
        for policy in of("AWS::S3::BucketPolicy") {
            let statements = policy.properties.get("PolicyDocument").and_then(|document| document.get("Statement"));
            let statements = scope.resolve(statements.unwrap_or(&Value::Null))?;
            let statements: Vec<Statement> =
                serde_yaml_ng::from_value(statements).map_err(|error| Error::of(policy.id, &error))?;
            keys.extend(statements.into_iter().flat_map(|statement| statement.readable(&bucket)));
        }
        Ok(Some(Self { bucket, keys }))
    }

    /// The key of a path under [`PATH`]. `None`: it may not be read.
    fn key(&self, path: &str) -> Option<String> {
        let key = percent_decode_str(path).decode_utf8().ok()?.into_owned();
        // Clients and proxies may resolve `a/../b` to another key. The product has no such keys.
        let is_plain = key.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
        let allows = |allowed: &String| match allowed.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => *allowed == key,
        };
        (is_plain && self.keys.iter().any(allows)).then_some(key)
    }
}

impl Statement {
    /// The keys of `bucket` that the statement lets CloudFront read.
    fn readable(self, bucket: &str) -> Vec<String> {
        let service = self.principal.get("Service");
        let to_cloudfront = service.and_then(Value::as_str) == Some("cloudfront.amazonaws.com");
        let to_read = self.action.all().iter().any(|action| action == "s3:GetObject");
        if self.effect != "Allow" || !to_cloudfront || !to_read {
            return Vec::new();
        }
        let prefix = format!("arn:aws:s3:::{bucket}/");
        self.resource.all().iter().filter_map(|arn| arn.strip_prefix(&prefix)).map(str::to_owned).collect()
    }
}

impl OneOrMore {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

/// Answers a request for `path`, the part after [`PATH`]. A missing object is 403, as in CloudFront without the right to
/// list the bucket.
pub async fn answer(grant: &Grant, s3: &Client, method: &Method, path: &str) -> Response {
    let forbidden = || {
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
        (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
    };
    let key = match *method {
        Method::GET | Method::HEAD => grant.key(path),
        _ => None,
    };
    let Some(key) = key else { return forbidden() };
    let Ok(object) = s3.get_object().bucket(&grant.bucket).key(key).send().await else { return forbidden() };
    let described = [
        (header::CONTENT_TYPE, object.content_type),
        (header::CACHE_CONTROL, object.cache_control),
        (header::CONTENT_DISPOSITION, object.content_disposition),
        (header::CONTENT_ENCODING, object.content_encoding),
        (header::ETAG, object.e_tag),
    ];
    let Ok(body) = object.body.collect().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let mut response = Response::new(Body::from(body.into_bytes()));
    for (name, value) in described {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_granted_keys_without_dot_segments_can_be_read() {
        let grant = Grant { bucket: "b".into(), keys: vec!["cards/*".into(), "robots.txt".into()] };
        assert_eq!(grant.key("cards/a%20b.png").as_deref(), Some("cards/a b.png"));
        assert_eq!(grant.key("robots.txt").as_deref(), Some("robots.txt"));
        for path in [
            "temp/a",
            "robots.txt2",
            "cards/../temp/a",
            "cards/%2e%2E/temp/a",
            "cards%2f..%2ftemp/a",
            "cards/./a",
            "cards//a",
            "cards/",
            "cards/%ff",
            "",
        ] {
            assert_eq!(grant.key(path), None, "{path}");
        }
    }
}
