//! One request, as API Gateway's payload format 2.0 brings it. Everything is bounded and parsed at the moment it is asked for.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use data_url::mime::Mime;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;

use super::Problem;
use crate::{
    app::App,
    client::Client,
    types::{IdempotencyKey, Parse, Respelled, Slug, Timestamp, respelled},
};

pub struct Request {
    event: ApiGatewayV2httpRequest,
    now: Timestamp,
}

impl Request {
    pub(super) fn new(event: ApiGatewayV2httpRequest, now: Timestamp) -> Self {
        Self { event, now }
    }

    /// The one moment at which all of the request happens.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A parameter of the route; `None` when it is no `T`, so that there can be nothing under it.
    pub fn path<T: Parse>(&self, name: &str) -> Option<T> {
        T::parse(self.path_text(name)?).ok()
    }

    /// The link that the route names.
    pub fn slug(&self) -> Option<Slug> {
        Slug::named(self.path_text("slug")?)
    }

    pub fn path_text(&self, name: &str) -> Option<&str> {
        self.event.path_parameters.get(name).map(String::as_str)
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let query = self.event.raw_query_string.as_deref().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The same as a `T`. A parameter in another spelling, such as `perPage` for `per_page`, is refused.
    pub fn query_as<T: Parse>(&self, name: &'static str) -> Result<Option<T>, Problem> {
        let query = self.event.raw_query_string.as_deref().unwrap_or_default();
        for (given, _) in form_urlencoded::parse(query.as_bytes()) {
            if let Some(right) = respelled(&[name], &given) {
                return Err(Problem::bad_request(Respelled { name: &given, right }.to_string()));
            }
        }
        let value = self.query(name).map(|text| T::parse(&text)).transpose();
        value.map_err(|invalid| Problem::bad_request(format!("{name} {invalid}")))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.event.headers.get(name)?.to_str().ok()
    }

    /// The type of the body. `None` when it is left out, or is none.
    pub(super) fn media_type(&self) -> Option<Mime> {
        self.header("content-type")?.parse().ok()
    }

    /// Whether it is a browser's, which shows a person what it gets.
    pub fn accepts_pages(&self) -> bool {
        let mut accepted = self.header("accept").unwrap_or_default().split(',');
        accepted.any(|range| range.parse().is_ok_and(|range: Mime| range.matches("text", "html")))
    }

    pub fn method(&self) -> &str {
        self.event.request_context.http.method.as_str()
    }

    /// The values of a cookie, of which there should be one.
    pub fn cookies<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        let cookies = self.event.cookies.iter().flatten();
        cookies
            .filter_map(|cookie| cookie.trim_start().split_once('='))
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The token of `Authorization: Bearer`; an empty one if it is left out. Another scheme is none of ours: a browser sends `Basic` to a
    /// proxy in front of us.
    pub fn bearer(&self) -> Option<&str> {
        let credentials = self.header("authorization")?.trim();
        let (scheme, token) = credentials.split_once([' ', '\t']).unwrap_or((credentials, ""));
        (scheme.is_empty() || scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim_start())
    }

    /// The client that sent it, as the gateway says. No header that a caller can set counts.
    pub fn client(&self) -> Client {
        Client::from_source_ip(self.event.request_context.http.source_ip.as_deref().unwrap_or_default())
    }

    /// What tells clients apart in the scope of a key. It is stored in no form but a keyed hash.
    pub fn client_scope(&self) -> String {
        hex::encode(self.client().as_bytes())
    }

    /// Where people reach Sotto, without a slash at the end.
    pub fn base_url(&self, app: &App) -> String {
        match app.public_base_url.as_str() {
            "" => format!("https://{}", self.event.request_context.domain_name.as_deref().unwrap_or_default()),
            url => url.to_owned(),
        }
    }

    /// The request's `Idempotency-Key`; `None` without that header.
    pub(crate) fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(value) = self.event.headers.get("idempotency-key") else { return Ok(None) };
        let key = IdempotencyKey::parse(value.to_str().unwrap_or_default());
        key.map(Some).map_err(|invalid| Problem::bad_request(format!("Idempotency-Key {invalid}")))
    }

    /// The body as bytes. The gateway bounds it to 6 MB of event.
    pub fn body(&self) -> Result<Cow<'_, [u8]>, Problem> {
        let text = self.event.body.as_deref().unwrap_or_default();
        if !self.event.is_base64_encoded {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        BASE64_STANDARD.decode(text).map(Cow::Owned).map_err(|_| Problem::bad_request("The body can't be read"))
    }

    /// Bytes that the body has, without decoding it.
    pub(super) fn body_length(&self) -> usize {
        let text = self.event.body.as_deref().unwrap_or_default();
        if self.event.is_base64_encoded { text.len() / 4 * 3 } else { text.len() }
    }

    pub(super) fn request_id(&self) -> &str {
        self.event.request_context.request_id.as_deref().unwrap_or_default()
    }

    /// Method and path as the template declares them.
    pub(super) fn route(&self) -> &str {
        self.event.request_context.route_key.as_deref().unwrap_or_default()
    }
}
