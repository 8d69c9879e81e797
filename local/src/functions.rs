//! Functions as the template declares them, and the routes and streams that lead to them.

use crate::Error;
use crate::deployment::Deployment;
use crate::intrinsics::Scope;
use crate::queues::Mapping as QueueMapping;
use crate::resources::{Resource, get};
use crate::streams::Mapping as StreamMapping;
use serde::Deserialize;
use serde_yaml_ng::{Mapping, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// An `AWS::Serverless::Function`.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its logical id in the template.
    pub id: String,
    /// The last part of its `CodeUri`, which names its binary.
    pub binary: String,
    pub environment: BTreeMap<String, String>,
    pub timeout: Duration,
    pub memory_mb: u32,
}

/// Where a route leads.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The index of the function in the template.
    pub function: usize,
    /// How long the gateway waits for the function.
    pub patience: Duration,
}

/// One of a function's `Events`.
pub enum Event {
    /// Method, path (none for `$default`) and target of a route.
    Route(String, Option<String>, Target),
    /// A table's stream.
    Stream(StreamMapping),
    /// A queue.
    Queue(QueueMapping),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Route {
    r#type: String,
    #[serde(default)]
    properties: HttpEvent,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct HttpEvent {
    method: Option<String>,
    path: Option<String>,
    timeout_in_millis: Option<u64>,
    payload_format_version: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Environment {
    variables: BTreeMap<String, Value>,
}

impl Function {
    /// The function `resource`, which `globals` has defaults for.
    pub fn read(
        resource: &Resource<'_>,
        globals: &Mapping,
        scope: &Scope,
        deployment: &Deployment,
    ) -> Result<Self, Error> {
        let uri: String = resource.get(scope, "CodeUri")?.ok_or_else(|| Error::new("it has no CodeUri"))?;
        let binary = uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        let mut variables = get::<Environment>(globals, scope, "Environment")?.unwrap_or_default().variables;
        variables.extend(resource.get::<Environment>(scope, "Environment")?.unwrap_or_default().variables);
        let mut environment = BTreeMap::new();
        for (name, value) in variables {
            let value = deployment.text(&value).map_err(|error| error.within(&name))?;
            environment.insert(name, value);
        }
        let number = |key| Ok::<_, Error>(resource.get::<u32>(scope, key)?.or(get(globals, scope, key)?));
        Ok(Self {
            id: resource.id.to_owned(),
            binary,
            environment,
            // The defaults of Lambda.
            timeout: Duration::from_secs(number("Timeout")?.unwrap_or(3).into()),
            memory_mb: number("MemorySize")?.unwrap_or(128),
        })
    }
}

/// The events of the function `resource`, whose index is `function`.
pub fn events(resource: &Resource<'_>, function: usize, scope: &Scope) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    let declared = resource.properties.get("Events").and_then(Value::as_mapping).into_iter().flatten();
    for (name, event) in declared {
        let name = name.as_str().unwrap_or_default();
        if event.get("Type").and_then(Value::as_str) == Some("DynamoDB") {
            let properties = event.get("Properties").and_then(Value::as_mapping).cloned().unwrap_or_default();
            let arn = &scope.names[&format!("{}.Arn", resource.id)];
            let mapping = StreamMapping::read(name, &properties, (function, arn), scope);
            events.push(Event::Stream(mapping.map_err(|error| error.within(name))?));
            continue;
        }
        if event.get("Type").and_then(Value::as_str) == Some("SQS") {
            let properties = event.get("Properties").and_then(Value::as_mapping).cloned().unwrap_or_default();
            let mapping = QueueMapping::read(name, &properties, function, scope);
            events.push(Event::Queue(mapping.map_err(|error| error.within(name))?));
            continue;
        }
        let event = scope.resolve(event).map_err(|error| error.within(name))?;
        let event: Option<Route> = serde_yaml_ng::from_value(event).map_err(|error| Error::of(name, &error))?;
        events.extend(event.map(|route| route.event(function)).transpose()?);
    }
    Ok(events)
}

impl Route {
    fn event(self, function: usize) -> Result<Event, Error> {
        let Self { r#type, properties } = self;
        if r#type != "HttpApi" {
            return Err(Error::new(format!("the local stack can't send events of type {type}")));
        }
        if properties.payload_format_version.is_some_and(|version| version != "2.0") {
            return Err(Error::new("only payload format 2.0 is known"));
        }
        let path = properties.path.filter(|path| path != "$default");
        let patience = properties.timeout_in_millis.unwrap_or(30_000);
        let target = Target { function, patience: Duration::from_millis(patience) };
        Ok(Event::Route(properties.method.unwrap_or_else(|| "ANY".into()), path, target))
    }
}
