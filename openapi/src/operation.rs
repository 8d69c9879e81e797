//! How an operation is described: what it takes, what it gives, and how it fails.

use std::{collections::BTreeMap, marker::PhantomData, time::Duration};

use serde_json::{Map, Value, json};
use shared::{
    auth::NotACaller,
    http::{FamilyError, Problem},
    limits::{Quota, TooMany},
    prelude::StatusCode,
    store::StoreError,
    types::{IdempotencyKey, PageNumber, PageSize, Parse, schema::Cursor},
};
use utoipa::ToSchema;

use crate::{examples::example, function::Function, limits, shape::Shape};

/// A family's errors, and the shape of their answers.
pub trait Documented: FamilyError + From<Problem> + From<NotACaller> {
    fn shape(status: u16) -> Shape;
}

/// One function, whose failures are `E`s.
pub struct Operation<E> {
    pub function: Function,
    pub named: Map<String, Value>,
    security: Vec<Value>,
    parameters: Vec<Value>,
    request: Option<Value>,
    answers: BTreeMap<u16, Answer>,
    errors: PhantomData<E>,
}

#[derive(Default)]
struct Answer {
    /// What it is, if its errors do not say it.
    description: Option<String>,
    content: Map<String, Value>,
    headers: Vec<&'static str>,
    messages: Vec<String>,
}

const SESSION: [&str; 3] = ["session", "sessionCookie", "secureSessionCookie"];
const ADMIN: [&str; 2] = ["adminToken", "adminTokenInQuery"];

/// Seconds that the examples of refusals say.
pub const WAIT: u64 = 42;

impl<E: Documented> Operation<E> {
    /// One that asks the store, which may fail.
    pub fn of(function: &'static str) -> Self {
        Self::without_store(function).fails([Problem::from(StoreError::MoreToDo)])
    }

    pub fn without_store(function: &'static str) -> Self {
        Self {
            function: Function::named(function),
            named: Map::new(),
            security: Vec::new(),
            parameters: Vec::new(),
            request: None,
            answers: BTreeMap::new(),
            errors: PhantomData,
        }
    }

    /// For who is signed in.
    pub fn session(mut self) -> Self {
        self.security = SESSION.map(|scheme| json!({ scheme: [] })).to_vec();
        self.refuses_others()
    }

    /// For who is signed in on a trusted device.
    pub fn trusted(self) -> Self {
        self.session().fails([NotACaller::NotTrusted])
    }

    /// For anyone, and for who is signed in somewhat more.
    pub fn perhaps_session(mut self) -> Self {
        let schemes = SESSION.map(|scheme| json!({ scheme: [] }));
        self.security = [json!({})].into_iter().chain(schemes).collect();
        self
    }

    /// Who is not signed in, or by a page that is not ours.
    pub fn refuses_others(self) -> Self {
        let is_change = self.function.routes.iter().any(|(method, _)| method != "GET");
        let refused = self.fails([NotACaller::NotAuthenticated, NotACaller::NotActive]);
        refused.fails(is_change.then_some(NotACaller::CrossSite))
    }

    /// For who has a link's admin token; `refusals`: how it is refused to others.
    pub fn admin<const N: usize>(mut self, refusals: [E; N]) -> Self {
        self.security = ADMIN.map(|scheme| json!({ scheme: [] })).to_vec();
        self.fails(refusals)
    }

    /// For anyone, and for who has a link's admin token somewhat more.
    pub fn perhaps_admin(mut self, refusal: E) -> Self {
        self = self.admin([refusal]);
        self.security.insert(0, json!({}));
        self
    }

    pub fn path<T: ToSchema>(self, name: &str) -> Self {
        self.parameter::<T>("path", name, true)
    }

    pub fn query<T: ToSchema>(self, name: &str) -> Self {
        self.parameter::<T>("query", name, false)
    }

    pub fn required_query<T: ToSchema>(self, name: &str) -> Self {
        self.parameter::<T>("query", name, true)
    }

    fn parameter<T: ToSchema>(mut self, place: &str, name: &str, required: bool) -> Self {
        let Shape { schema, named } = Shape::of::<T>();
        let description = named[T::name().as_ref()]["description"].clone();
        self.named.extend(named);
        self.parameters.push(json!({
            "name": name, "in": place, "required": required, "description": description, "schema": schema,
        }));
        self
    }

    /// A list that goes on with a cursor.
    pub fn paged(self) -> Self {
        self.paged_or(Problem::bad_cursor())
    }

    /// The same, with what is said of a cursor that is none.
    pub fn paged_or(self, bad_cursor: impl Into<E>) -> Self {
        let wrong_size = Problem::bad_request(format!("limit {}", wrong::<PageSize>("0")));
        self.query::<PageSize>("limit").query::<Cursor>("cursor").fails([wrong_size]).fails([bad_cursor])
    }

    /// A list whose pages are numbered.
    pub fn numbered(self) -> Self {
        let page = Problem::bad_request(format!("page {}", wrong::<PageNumber>("0")));
        let size = Problem::bad_request(format!("per_page {}", wrong::<PageSize>("0")));
        self.query::<PageNumber>("page").query::<PageSize>("per_page").fails([page, size])
    }

    /// A body of JSON, of which the function's event has an example.
    pub fn takes<T: ToSchema>(mut self) -> Self {
        let shape = Shape::of::<T>();
        let required = shape.named[T::name().as_ref()]["required"].get(0).and_then(Value::as_str);
        let missing = required.map(|field| Problem::bad_request(format!("{field} is required")));
        let content = json!({ "schema": shape.schema, "example": self.function.example() });
        self.request = Some(json!({ "required": true, "content": { "application/json": content } }));
        self.named.extend(shape.named);
        self.fails([Problem::malformed_json(), Problem::json_too_large(), Problem::not_json()]).fails(missing)
    }

    /// A body of another type; whether there has to be one.
    pub fn takes_other(mut self, content_type: &str, schema: Value, required: bool) -> Self {
        self.request = Some(json!({ "required": required, "content": { content_type: { "schema": schema } } }));
        self
    }

    /// A repetition under the same key gets the first answer again.
    pub fn idempotent(mut self) -> Self {
        self.parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
        let bad_key = Problem::bad_request(format!("Idempotency-Key {}", wrong::<IdempotencyKey>("")));
        self.fails([bad_key, Problem::reused_key(), Problem::under_way()])
    }

    pub fn gives<T: ToSchema>(mut self, status: u16) -> Self {
        let shape = Shape::answer::<T>();
        self.named.extend(shape.named);
        let content = json!({ "schema": shape.schema, "example": example(&shape.schema, &self.named) });
        self.answers.entry(status).or_default().content.insert("application/json".to_owned(), content);
        self
    }

    /// JSON that is not described field by field.
    pub fn gives_document(mut self, status: u16, schema: Value) -> Self {
        let answer = self.answers.entry(status).or_default();
        answer.content.insert("application/json".to_owned(), json!({ "schema": schema }));
        self
    }

    /// An answer without a body.
    pub fn gives_nothing(mut self, status: u16, description: &str) -> Self {
        self.answers.entry(status).or_default().description = Some(description.to_owned());
        self
    }

    /// A page, instead of or besides JSON.
    pub fn gives_page(mut self, status: u16, description: &str) -> Self {
        let answer = self.answers.entry(status).or_default();
        answer.description = Some(description.to_owned());
        answer.content.insert("text/html".to_owned(), json!({ "schema": { "type": "string" } }));
        self
    }

    /// The answers so far carry this header, too.
    pub fn with_header(mut self, header: &'static str) -> Self {
        self.answers.values_mut().filter(|answer| answer.messages.is_empty()).for_each(|answer| {
            answer.headers.push(header);
        });
        self
    }

    /// With the limits that it counts in: what its answers say is left of them, and how it is refused over them.
    pub fn limited(self) -> Self {
        let (told, untold) = limits::of(self.function.name);
        let mut limited = self;
        if !told.is_empty() {
            limited = limited.with_header("RateLimit").with_header("RateLimit-Policy");
        }
        let quotas: Vec<Quota> = told.iter().chain(untold).map(|limit| limit.quota()).collect();
        if quotas.is_empty() {
            return limited;
        }
        let words = quotas.iter().map(|quota| format!("`{}`: {} in {}", quota.name, quota.hits, window(quota.window)));
        let words: Vec<String> = words.collect();
        limited = limited.fails(quotas.iter().map(|quota| Problem::from(TooMany { quota: *quota, retry_after: WAIT })));
        let answer = limited.answers.entry(429).or_default();
        answer.description = Some(format!("Over a limit. {}", words.join("; ")));
        answer.headers.extend(["Retry-After", "RateLimit", "RateLimit-Policy"]);
        limited
    }

    /// Each of these errors is answered as the code answers it.
    pub fn fails(mut self, errors: impl IntoIterator<Item = impl Into<E>>) -> Self {
        for error in errors {
            let (reply, _) = error.into().reply();
            let mut body: Value = serde_json::from_str(reply.body()).expect("JSON");
            if let Some(time) = body.get_mut("timestamp") {
                *time = json!("2026-02-06T12:37:51.523Z");
            }
            let shape = E::shape(reply.status.as_u16());
            self.named.extend(shape.named);
            let answer = self.answers.entry(reply.status.as_u16()).or_default();
            let said = [&body["error"], &body["message"], &body["message"][0]].into_iter().find_map(Value::as_str);
            let said = said.expect("words").to_owned();
            let content = answer.content.entry("application/json").or_insert(json!({ "schema": shape.schema }));
            content["examples"][key_of(&said)] = json!({ "value": body });
            if !answer.messages.contains(&said) {
                answer.messages.push(said);
            }
        }
        self
    }

    /// Path, method in lower case, and the operation, for each of the routes.
    pub fn described(&self) -> Vec<(String, String, Value)> {
        let is_only = self.function.routes.len() == 1;
        let described = self.function.routes.iter().map(|(method, path)| {
            let method = method.to_ascii_lowercase();
            let name = self.function.name;
            let id = if is_only { name.to_owned() } else { format!("{name}-{method}") };
            let mut operation = json!({
                "tags": [self.function.tag], "operationId": id, "summary": self.function.summary,
            });
            let optional = [
                ("description", self.function.description.clone().map(Value::from)),
                ("parameters", Some(Value::from(self.parameters.clone())).filter(|_| !self.parameters.is_empty())),
                ("requestBody", self.request.clone()),
                ("security", Some(Value::from(self.security.clone()))),
            ];
            for (name, value) in optional {
                value.into_iter().for_each(|value| operation[name] = value);
            }
            let gateways = Answer::default();
            let bad_request = (!self.answers.contains_key(&400)).then_some((&400, &gateways));
            for (status, answer) in self.answers.iter().chain(bad_request) {
                operation["responses"][status.to_string()] = answer.described(*status);
            }
            operation["responses"].as_object_mut().expect("answers").sort_keys();
            (path.clone(), method, operation)
        });
        described.collect()
    }
}

impl Answer {
    fn described(&self, status: u16) -> Value {
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let description = self.description.clone().unwrap_or_else(|| match self.messages.is_empty() {
            true => reason.unwrap_or_default().to_owned(),
            false => self.messages.join(" / "),
        });
        let mut content = self.content.clone();
        if status == 400 {
            let json = content.entry("application/json").or_insert_with(|| json!({}));
            json["schema"] = or_the_gateways(json["schema"].take());
        }
        let headers = ["X-Request-Id"].iter().chain(&self.headers);
        let header = |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
        json!({
            "description": description,
            "headers": headers.map(header).collect::<Map<_, _>>(),
            "content": content,
        })
    }
}

fn window(window: Duration) -> String {
    match window.as_secs() / 60 {
        1 => "a minute".to_owned(),
        60 => "an hour".to_owned(),
        1440 => "a day".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

/// The gateway's own answer to a path, a query or a header that it can't read.
pub fn gateway_failure() -> Value {
    json!({
        "description": "The gateway could not read the path, the query or a header.",
        "type": "object",
        "required": ["message"],
        "properties": { "message": { "type": "string", "examples": ["Bad Request"] } },
        "additionalProperties": false,
    })
}

/// The shape of a family's failures, or the gateway's. Some families have the same.
fn or_the_gateways(family: Value) -> Value {
    let gateways = json!({ "$ref": "#/components/schemas/GatewayFailure" });
    match family["$ref"].as_str() {
        None => gateways,
        Some("#/components/schemas/CommunitiesFailure") => family,
        Some(_) => json!({ "anyOf": [family, gateways] }),
    }
}

/// What is said of a text that is no `T`.
fn wrong<T: Parse>(text: &str) -> String {
    T::parse(text).err().map(|invalid| invalid.to_string()).expect("no value of the type")
}

/// What an example is called, for what it says.
fn key_of(said: &str) -> String {
    let letters = said.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), " ");
    letters.split_whitespace().take(8).collect::<Vec<_>>().join("-")
}
