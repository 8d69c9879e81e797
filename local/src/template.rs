//! What the local stack takes from template.yaml: functions, routes, tables, buckets, secrets, the content network.

use crate::cdn;
use crate::cors::Cors;
use crate::intrinsics::{self, Scope};
use crate::routes::Routes;
use crate::secrets::{Generate, Secrets};
use crate::tables::Table;
use crate::{ACCOUNT, Error, REGION};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml_ng::{Mapping, Value};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

/// A template with every reference in it resolved.
pub struct Template {
    pub functions: Vec<Function>,
    /// Each leads to a function's place in `functions`.
    pub routes: Routes<Target>,
    pub cors: Option<Cors>,
    pub tables: Vec<Table>,
    /// Names of buckets.
    pub buckets: Vec<String>,
    /// What the content network may read, when there is one.
    pub cdn: Option<cdn::Grant>,
}

/// An `AWS::Serverless::Function`.
#[derive(Clone, Debug)]
pub struct Function {
    /// The last part of its `CodeUri`, which names its binary.
    pub binary: String,
    pub environment: BTreeMap<String, String>,
    pub timeout: Duration,
    pub memory_mb: u32,
}

/// Where a route leads.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub function: usize,
    /// How long the gateway waits for the function.
    pub patience: Duration,
}

/// What a deployer decides about a stack.
pub struct Deployment {
    /// `AWS::StackName`, which also starts the names of tables and buckets.
    pub name: String,
    /// Where the gateway listens, `127.0.0.1:<port>`; the parameter `PublicBaseUrl` is its URL.
    pub authority: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(default)]
    parameters: HashMap<String, Parameter>,
    #[serde(default)]
    conditions: HashMap<String, Value>,
    #[serde(default)]
    globals: Globals,
    resources: Mapping,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    r#type: String,
    default: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Globals {
    function: Mapping,
    http_api: Mapping,
}

/// A resource whose condition holds.
struct Resource<'t> {
    id: &'t str,
    kind: String,
    properties: Mapping,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
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

impl Template {
    /// Reads the template at `path` as it would be deployed, making the secrets that it has generated.
    pub fn read(path: &Path, deployment: &Deployment, secrets: &mut Secrets) -> Result<Self, Error> {
        let place = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| Error::of(format!("reading {place}"), &error))?;
        Self::parse(&text, deployment, secrets).map_err(|error| error.within(place))
    }

    fn parse(text: &str, deployment: &Deployment, secrets: &mut Secrets) -> Result<Self, Error> {
        let document: Document = serde_yaml_ng::from_str(text).map_err(|error| Error::of("not a template", &error))?;
        let mut scope = document.scope(deployment)?;
        let resources = document.resources(&scope)?;
        for resource in &resources {
            resource.name(&mut scope, deployment).map_err(|error| error.within(resource.id))?;
        }
        let mut template = Self {
            functions: Vec::new(),
            routes: Routes::new([])?,
            cors: None,
            tables: Vec::new(),
            buckets: Vec::new(),
            cdn: None,
        };
        for resource in resources.iter().filter(|resource| resource.kind == "AWS::SecretsManager::Secret") {
            let generate: Option<Generate> = resource.get(&scope, "GenerateSecretString")?;
            let generate = generate.ok_or_else(|| Error::new("only generated secrets are known"));
            let arn = &scope.names[resource.id];
            generate.and_then(|how| secrets.make(resource.id, arn, &how)).map_err(|error| error.within(resource.id))?;
        }
        let mut routes = Vec::new();
        for resource in &resources {
            let collected = template.collect(resource, &document.globals, &scope, deployment, secrets, &mut routes);
            collected.map_err(|error| error.within(resource.id))?;
        }
        template.routes = Routes::new(routes)?;
        template.cdn = cdn::Grant::read(&resources.iter().map(|r| (r.kind.as_str(), &r.properties)).collect::<Vec<_>>(), &scope)?;
        Ok(template)
    }

    fn collect(
        &mut self,
        resource: &Resource<'_>,
        globals: &Globals,
        scope: &Scope,
        deployment: &Deployment,
        secrets: &Secrets,
        routes: &mut Vec<(String, Option<String>, Target)>,
    ) -> Result<(), Error> {
        match resource.kind.as_str() {
            "AWS::Serverless::Function" => {
                for event in resource.get::<BTreeMap<String, Event>>(scope, "Events")?.unwrap_or_default().into_values()
                {
                    routes.push(event.route(self.functions.len())?);
                }
                self.functions.push(Function::read(resource, &globals.function, scope, deployment, secrets)?);
            }
            "AWS::Serverless::HttpApi" => {
                let own = resource.get(scope, "CorsConfiguration")?;
                self.cors = match own {
                    Some(cors) => Some(cors),
                    None => get(&globals.http_api, scope, "CorsConfiguration")?,
                };
            }
            "AWS::DynamoDB::Table" => {
                let properties = scope.resolve(&Value::Mapping(resource.properties.clone()))?;
                self.tables.push(Table::read(scope.names[resource.id].clone(), properties)?);
            }
            "AWS::S3::Bucket" => self.buckets.push(scope.names[resource.id].clone()),
            _ => {}
        }
        Ok(())
    }
}

impl Document {
    /// Parameters, conditions and pseudo parameters: what names of resources may be made of.
    fn scope(&self, deployment: &Deployment) -> Result<Scope, Error> {
        let mut scope = Scope { conditions: self.conditions.clone(), ..Scope::default() };
        for (name, value) in [
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Partition", "aws"),
            ("AWS::Region", REGION),
            ("AWS::StackName", &deployment.name),
            ("AWS::URLSuffix", "amazonaws.com"),
        ] {
            scope.names.insert(name.into(), value.into());
        }
        for (name, parameter) in &self.parameters {
            let value = match name.as_str() {
                "PublicBaseUrl" => Value::String(format!("http://{}", deployment.authority)),
                _ => parameter.value().map_err(|error| error.within(format!("parameter {name}")))?,
            };
            scope.parameters.insert(name.clone(), value);
        }
        Ok(scope)
    }

    fn resources(&self, scope: &Scope) -> Result<Vec<Resource<'_>>, Error> {
        let mut resources = Vec::new();
        for (id, resource) in &self.resources {
            let id = id.as_str().ok_or_else(|| Error::new("a resource's name must be a text"))?;
            let kind = resource.get("Type").and_then(Value::as_str);
            let kind = kind.ok_or_else(|| Error::new("it has no Type").within(id))?.to_owned();
            let properties = resource.get("Properties").and_then(Value::as_mapping).cloned().unwrap_or_default();
            if resource.get("Condition").and_then(Value::as_str).map_or(Ok(true), |name| scope.holds(name))? {
                resources.push(Resource { id, kind, properties });
            }
        }
        Ok(resources)
    }
}

impl Parameter {
    fn value(&self) -> Result<Value, Error> {
        let default = self.default.as_ref().ok_or_else(|| Error::new("the local stack needs a default"))?;
        let text = intrinsics::text(default)?;
        Ok(match self.r#type.as_str() {
            "CommaDelimitedList" | "List<Number>" => {
                text.split(',').map(|item| Value::String(item.trim().to_owned())).collect()
            }
            _ => Value::String(text),
        })
    }
}

impl Resource<'_> {
    /// Tells `scope` what `Ref` and `GetAtt` of this resource are.
    fn name(&self, scope: &mut Scope, deployment: &Deployment) -> Result<(), Error> {
        let id = self.id;
        let usual = format!("{}-{}", deployment.name, id.to_lowercase());
        let mut name = |reference: String, attributes: &[(&str, String)]| {
            scope.names.insert(id.to_owned(), reference);
            for (attribute, value) in attributes {
                scope.names.insert(format!("{id}.{attribute}"), value.clone());
            }
        };
        match self.kind.as_str() {
            "AWS::DynamoDB::Table" => {
                let table = self.get(scope, "TableName")?.unwrap_or(usual);
                let arn = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}");
                scope.names.insert(id.to_owned(), table);
                scope.names.insert(format!("{id}.Arn"), arn);
            }
            "AWS::S3::Bucket" => {
                let bucket: String = self.get(scope, "BucketName")?.unwrap_or(usual);
                let domain = format!("{bucket}.s3.{REGION}.amazonaws.com");
                let attributes = [
                    ("Arn", format!("arn:aws:s3:::{bucket}")),
                    ("DomainName", format!("{bucket}.s3.amazonaws.com")),
                    ("RegionalDomainName", domain),
                ];
                for (attribute, value) in attributes {
                    scope.names.insert(format!("{id}.{attribute}"), value);
                }
                scope.names.insert(id.to_owned(), bucket);
            }
            "AWS::Serverless::Function" => {
                let function = self.get(scope, "FunctionName")?.unwrap_or(usual);
                let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}");
                scope.names.insert(id.to_owned(), function);
                scope.names.insert(format!("{id}.Arn"), arn);
            }
            "AWS::SecretsManager::Secret" => {
                let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{usual}");
                name(arn.clone(), &[("Id", arn)]);
            }
            "AWS::CloudFront::Distribution" => {
                let domain = format!("{}{}", deployment.authority, cdn::PATH.trim_end_matches('/'));
                name(id.to_owned(), &[("Id", id.to_owned()), ("DomainName", domain)]);
            }
            "AWS::Serverless::HttpApi" => name(id.to_owned(), &[]),
            _ => {}
        }
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, scope: &Scope, key: &str) -> Result<Option<T>, Error> {
        get(&self.properties, scope, key)
    }
}

/// One property, resolved; only the properties that are asked for need to be within what `Scope` knows.
fn get<T: DeserializeOwned>(properties: &Mapping, scope: &Scope, key: &str) -> Result<Option<T>, Error> {
    let Some(value) = properties.get(key) else { return Ok(None) };
    let value = scope.resolve(value).map_err(|error| error.within(key))?;
    serde_yaml_ng::from_value(value).map_err(|error| Error::of(key, &error))
}

impl Function {
    fn read(
        resource: &Resource<'_>,
        globals: &Mapping,
        scope: &Scope,
        deployment: &Deployment,
        secrets: &Secrets,
    ) -> Result<Self, Error> {
        let uri: String = resource.get(scope, "CodeUri")?.ok_or_else(|| Error::new("it has no CodeUri"))?;
        let binary = uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        let mut variables = get::<Environment>(globals, scope, "Environment")?.unwrap_or_default().variables;
        variables.extend(resource.get::<Environment>(scope, "Environment")?.unwrap_or_default().variables);
        let mut environment = BTreeMap::new();
        for (name, value) in variables {
            let value = intrinsics::text(&value).and_then(|value| secrets.resolve(&value));
            let value = value.map_err(|error| error.within(&name))?;
            environment.insert(name, deployment.without_tls(value));
        }
        let number = |key| Ok::<_, Error>(resource.get::<u32>(scope, key)?.or(get(globals, scope, key)?));
        Ok(Self {
            binary,
            environment,
            // What they are in AWS when nothing is said.
            timeout: Duration::from_secs(number("Timeout")?.unwrap_or(3).into()),
            memory_mb: number("MemorySize")?.unwrap_or(128),
        })
    }
}

impl Event {
    fn route(self, function: usize) -> Result<(String, Option<String>, Target), Error> {
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
        Ok((properties.method.unwrap_or_else(|| "ANY".into()), path, target))
    }
}

impl Deployment {
    /// There is no TLS on a laptop: a URL on the stack's own address that the template writes with https.
    fn without_tls(&self, value: String) -> String {
        match value.strip_prefix("https://") {
            Some(rest) if rest.starts_with(&self.authority) => format!("http://{rest}"),
            _ => value,
        }
    }
}
