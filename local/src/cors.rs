//! Answers cross-origin requests as an HTTP API with a `CorsConfiguration` does.

use crate::Error;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

/// The API's `CorsConfiguration`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Cors {
    allow_origins: Vec<String>,
    allow_methods: Vec<String>,
    allow_headers: Vec<String>,
    expose_headers: Vec<String>,
    allow_credentials: bool,
    max_age: Option<u32>,
}

impl Cors {
    /// The configuration, if API Gateway would accept it.
    pub fn checked(self) -> Result<Self, Error> {
        match self.allow_credentials && self.allow_origins.iter().any(|origin| origin == "*") {
            true => Err(Error::new("with AllowCredentials, AllowOrigins can't be *")),
            false => Ok(self),
        }
    }

    /// The headers of the answer to a preflight request. There are none if its origin or method is not allowed.
    pub fn preflight(&self, request: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let method = request.get(header::ACCESS_CONTROL_REQUEST_METHOD).and_then(|method| method.to_str().ok());
        let allowed = |method: &str| self.allow_methods.iter().any(|one| one == "*" || one == method);
        if let Some(origin) = self.allowed_origin(request)
            && method.is_some_and(allowed)
        {
            self.allow(&mut headers, origin);
            set(&mut headers, header::ACCESS_CONTROL_ALLOW_METHODS, &self.allow_methods.join(","));
            set(&mut headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &self.allow_headers.join(","));
            let age = self.max_age.map(|seconds| seconds.to_string());
            set(&mut headers, header::ACCESS_CONTROL_MAX_AGE, &age.unwrap_or_default());
        }
        headers
    }

    /// Replaces the function's own CORS headers by those of the configuration.
    pub fn apply(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        let own: Vec<HeaderName> =
            answer.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
        for name in own {
            answer.remove(name);
        }
        if let Some(origin) = self.allowed_origin(request) {
            self.allow(answer, origin);
            set(answer, header::ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose_headers.join(","));
        }
    }

    /// The value of `Access-Control-Allow-Origin`. `None`: the request has no origin, or it is not allowed.
    fn allowed_origin(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(header::ORIGIN)?;
        let text = origin.to_str().ok()?;
        if self.allow_origins.iter().any(|allowed| allowed == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let allows = |allowed: &String| match allowed.strip_suffix("://*") {
            Some(scheme) => text.split_once("://").is_some_and(|(own, _)| own == scheme),
            None => allowed.eq_ignore_ascii_case(text),
        };
        self.allow_origins.iter().any(allows).then(|| origin.clone())
    }

    fn allow(&self, headers: &mut HeaderMap, origin: HeaderValue) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.allow_credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

/// Sets a header, unless the value is empty or not allowed in a header.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(yaml: &str) -> Cors {
        serde_yaml_ng::from_str(yaml).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    const CONFIGURATION: &str = "{AllowOrigins: ['https://a.example'], AllowMethods: [GET, POST], MaxAge: 600,
        AllowHeaders: [content-type], ExposeHeaders: [x-request-id], AllowCredentials: true}";

    #[test]
    fn a_preflight_of_an_allowed_origin_and_method_gets_all_headers() {
        let asked = headers(&[("origin", "https://a.example"), ("access-control-request-method", "POST")]);
        let expected = headers(&[
            ("access-control-allow-origin", "https://a.example"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET,POST"),
            ("access-control-allow-headers", "content-type"),
            ("access-control-max-age", "600"),
        ]);
        assert_eq!(cors(CONFIGURATION).preflight(&asked), expected);
    }

    #[test]
    fn a_preflight_of_another_origin_or_method_gets_no_headers() {
        for (origin, method) in [("https://b.example", "GET"), ("https://a.example", "DELETE")] {
            let asked = headers(&[("origin", origin), ("access-control-request-method", method)]);
            assert!(cors(CONFIGURATION).preflight(&asked).is_empty());
        }
        assert!(cors(CONFIGURATION).preflight(&headers(&[("origin", "https://a.example")])).is_empty());
    }

    #[test]
    fn the_functions_own_headers_are_replaced() {
        let mut answer = headers(&[("access-control-allow-origin", "*"), ("etag", "x")]);
        cors(CONFIGURATION).apply(&headers(&[("origin", "https://evil.example")]), &mut answer);
        assert_eq!(answer, headers(&[("etag", "x")]));
        cors(CONFIGURATION).apply(&headers(&[("origin", "https://a.example")]), &mut answer);
        assert_eq!(answer["access-control-allow-origin"], "https://a.example");
        assert_eq!(answer["access-control-expose-headers"], "x-request-id");
    }

    #[test]
    fn credentials_need_origins_by_name() {
        assert!(cors(CONFIGURATION).checked().is_ok());
        assert!(cors("{AllowOrigins: ['*']}").checked().is_ok());
        assert!(cors("{AllowOrigins: ['*'], AllowCredentials: true}").checked().is_err());
    }

    #[test]
    fn a_star_allows_all_and_a_scheme_with_a_star_allows_that_scheme() {
        let origin = headers(&[("origin", "https://any.example")]);
        let answer = |origins: &str| {
            let mut answer = HeaderMap::new();
            cors(&format!("{{AllowOrigins: {origins}}}")).apply(&origin, &mut answer);
            answer.get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(answer("['*']").as_deref(), Some("*"));
        assert_eq!(answer("['https://*']").as_deref(), Some("https://any.example"));
        assert_eq!(answer("['http://*']"), None);
    }
}
