//! Reads template.yaml: functions, routes, tables, buckets, queues, secrets and the content network.

use crate::buckets::Bucket;
use crate::cdn;
use crate::cors::Cors;
use crate::deployment::Deployment;
use crate::functions::{self, Event, Function, Target};
use crate::intrinsics::Scope;
use crate::parameters::{self, Parameter};
use crate::queues::{Declared as Queue, Mapping as QueueMapping};
use crate::resources::{Resource, get};
use crate::routes::Routes;
use crate::streams::Mapping as StreamMapping;
use crate::tables::Table;
use crate::{ACCOUNT, Error, REGION};
use serde::Deserialize;
use serde_yaml_ng::{Mapping, Value};
use std::collections::HashMap;
use std::path::Path;

/// A template with every reference in it resolved.
pub struct Template {
    pub functions: Vec<Function>,
    /// Each target has the index of a function in `functions`.
    pub routes: Routes<Target>,
    /// Each has the index of a function in `functions`.
    pub streams: Vec<StreamMapping>,
    /// Queues that wake functions. Each has the index of a function in `functions`.
    pub tasks: Vec<QueueMapping>,
    pub cors: Option<Cors>,
    pub tables: Vec<Table>,
    pub buckets: Vec<Bucket>,
    pub queues: Vec<Queue>,
    /// The objects that the content network may read. `None`: there is no content network.
    pub cdn: Option<cdn::Grant>,
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

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Globals {
    function: Mapping,
    http_api: Mapping,
}

impl Template {
    /// Reads the template at `path` as CloudFormation would deploy it. Secrets that do not exist yet are generated.
    pub fn read(path: &Path, deployment: &mut Deployment) -> Result<Self, Error> {
        let place = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| Error::of(format!("reading {place}"), &error))?;
        Self::parse(&text, deployment).map_err(|error| error.within(place))
    }

    fn parse(text: &str, deployment: &mut Deployment) -> Result<Self, Error> {
        let document: Document = serde_yaml_ng::from_str(text).map_err(|error| Error::of("not a template", &error))?;
        let mut scope = document.scope(deployment)?;
        let resources = document.resources(&scope)?;
        for resource in &resources {
            resource.name(&mut scope, deployment).map_err(|error| error.within(resource.id))?;
        }
        let mut template = Self {
            functions: Vec::new(),
            routes: Routes::new([])?,
            streams: Vec::new(),
            tasks: Vec::new(),
            cors: None,
            tables: Vec::new(),
            buckets: Vec::new(),
            queues: Vec::new(),
            cdn: None,
        };
        for secret in resources.iter().filter(|resource| resource.kind == "AWS::SecretsManager::Secret") {
            generate(secret, &scope, deployment).map_err(|error| error.within(secret.id))?;
        }
        let mut routes = Vec::new();
        for resource in &resources {
            let collected = template.collect(resource, &document.globals, &scope, deployment, &mut routes);
            collected.map_err(|error| error.within(resource.id))?;
        }
        template.routes = Routes::new(routes)?;
        template.cdn = cdn::Grant::read(&resources, &scope)?;
        Ok(template)
    }

    fn collect(
        &mut self,
        resource: &Resource<'_>,
        globals: &Globals,
        scope: &Scope,
        deployment: &Deployment,
        routes: &mut Vec<(String, Option<String>, Target)>,
    ) -> Result<(), Error> {
        match resource.kind.as_str() {
            "AWS::Serverless::Function" => {
                for event in functions::events(resource, self.functions.len(), scope)? {
                    match event {
                        Event::Route(method, path, target) => routes.push((method, path, target)),
                        Event::Stream(mapping) => self.streams.push(mapping),
                        Event::Queue(mapping) => self.tasks.push(mapping),
                    }
                }
                self.functions.push(Function::read(resource, &globals.function, scope, deployment)?);
            }
            "AWS::Serverless::HttpApi" => {
                let own: Option<Cors> = resource.get(scope, "CorsConfiguration")?;
                let cors = match own {
                    Some(cors) => Some(cors),
                    None => get(&globals.http_api, scope, "CorsConfiguration")?,
                };
                let checked = cors.map(Cors::checked).transpose();
                self.cors = checked.map_err(|error| error.within("CorsConfiguration"))?;
            }
            "AWS::DynamoDB::Table" => self.tables.push(Table::read(resource, scope)?),
            "AWS::S3::Bucket" => self.buckets.push(Bucket::read(resource, scope)?),
            "AWS::SQS::Queue" => self.queues.push(Queue::read(resource, scope)?),
            _ => {}
        }
        Ok(())
    }
}

impl Document {
    /// Parameters, conditions and pseudo parameters. The names of resources may depend on these.
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
        scope.parameters = parameters::values(&self.parameters, deployment)?;
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

/// Finds or generates the value of a secret.
fn generate(secret: &Resource<'_>, scope: &Scope, deployment: &mut Deployment) -> Result<(), Error> {
    let how = secret.get(scope, "GenerateSecretString")?;
    let how = how.ok_or_else(|| Error::new("the local stack only knows secrets with a GenerateSecretString"))?;
    deployment.secrets.make(secret.id, &scope.names[secret.id], &how)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn parsed(resources: &str) -> Result<Template, Error> {
        Template::parse(resources, &mut Deployment::for_tests())
    }

    fn refused(resources: &str) -> String {
        parsed(resources).err().expect("it must be refused").to_string()
    }

    #[test]
    fn the_products_own_template_is_understood() {
        let template = parsed(include_str!("../../template.yaml")).unwrap();
        assert!(!template.functions.is_empty() && template.cors.is_some() && template.cdn.is_some());
        assert_eq!((template.tables.len(), template.buckets.len()), (1, 1));
        for function in template.functions {
            assert!(function.environment.values().all(|value| !value.contains("{{")), "{function:?}");
        }
    }

    #[test]
    fn globals_are_the_defaults_of_functions() {
        let template = parsed(
            "
            Globals: {Function: {Timeout: 9, Environment: {Variables: {A: 1, B: global}}}}
            Resources:
              F:
                Type: AWS::Serverless::Function
                Properties:
                  CodeUri: target/lambda/one/
                  MemorySize: 512
                  Environment: {Variables: {B: own, C: !Sub 'https://localhost:3000/x'}}",
        );
        let function = &template.unwrap().functions[0];
        assert_eq!(
            (function.binary.as_str(), function.memory_mb, function.timeout),
            ("one", 512, Duration::from_secs(9))
        );
        let environment: Vec<_> = function.environment.values().map(String::as_str).collect();
        assert_eq!(environment, ["1", "own", "http://localhost:3000/x"]);
    }

    #[test]
    fn a_queue_has_a_name_a_url_and_an_arn() {
        let template = parsed(
            "
            Resources:
              Failures: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600, SqsManagedSseEnabled: true}}
              Named: {Type: AWS::SQS::Queue, Properties: {QueueName: own, Tags: [{Key: a, Value: b}]}}
              F:
                Type: AWS::Serverless::Function
                Properties:
                  CodeUri: target/lambda/one/
                  Environment:
                    Variables: {A: !GetAtt Failures.Arn, B: !Ref Failures, C: !GetAtt Named.QueueName}",
        );
        let template = template.unwrap();
        let [failures, named] = &template.queues[..] else { panic!("two queues") };
        let environment: Vec<_> = template.functions[0].environment.values().collect();
        assert_eq!(environment, [&failures.arn, &failures.url, &named.name]);
        assert_eq!(failures.arn, "arn:aws:sqs:us-east-1:000000000000:local-failures");
        assert_eq!(failures.url, "http://127.0.0.1:9324/000000000000/local-failures");
        assert_eq!((failures.name.as_str(), named.name.as_str()), ("local-failures", "own"));
    }

    #[test]
    fn an_error_names_the_unknown_part_and_its_place() {
        let unknown = "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: a/b,
            Environment: {Variables: {Q: !GetAtt Queue.Arn}}}}}";
        assert_eq!(refused(unknown), "F: Environment: the local stack knows no value for Queue.Arn");
        let event = "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: a/b,
            Events: {S: {Type: Schedule, Properties: {}}}}}}";
        assert_eq!(refused(event), "F: the local stack can't send events of type Schedule");
        let parameter = "{Parameters: {P: {Type: String}}, Resources: {}}";
        assert!(refused(parameter).starts_with("parameter P: it has no default"));
        assert!(refused("Resources: {T: {Type: AWS::DynamoDB::Table, Properties: {}}}").starts_with("T: "));
        let rule = "Resources: {B: {Type: AWS::S3::Bucket, Properties: {CorsConfiguration: {CorsRules: [
            {AllowedOrigins: ['*'], AllowedMethods: [GET], ExposeHeaders: [ETag]}]}}}}";
        assert!(refused(rule).starts_with("B: CorsConfiguration: CorsRules: "), "CloudFormation says ExposedHeaders");
        let queue = "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}}";
        assert_eq!(refused(queue), "Q: the local stack doesn't know FifoQueue of a queue");
        assert!(refused("[]").starts_with("not a template"));
    }
}
