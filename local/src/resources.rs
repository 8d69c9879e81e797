//! A template's resources: the values of `Ref` and `GetAtt`, and properties.

use crate::deployment::Deployment;
use crate::intrinsics::Scope;
use crate::{ACCOUNT, Error, REGION};
use serde::de::DeserializeOwned;
use serde_yaml_ng::Mapping;

/// A resource whose condition holds.
pub struct Resource<'t> {
    pub id: &'t str,
    /// Its `Type`.
    pub kind: String,
    pub properties: Mapping,
}

impl Resource<'_> {
    /// Adds the values of `Ref` and `GetAtt` of this resource to `scope`.
    pub fn name(&self, scope: &mut Scope, deployment: &Deployment) -> Result<(), Error> {
        let id = self.id;
        let usual = format!("{}-{}", deployment.name, id.to_lowercase());
        let (reference, attributes) = match self.kind.as_str() {
            "AWS::DynamoDB::Table" => {
                let table = self.get(scope, "TableName")?.unwrap_or(usual);
                let arn = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}");
                let mut attributes = vec![("Arn", arn.clone())];
                if self.properties.contains_key("StreamSpecification") {
                    // In AWS the ARN ends in the time when the stream was created.
                    attributes.push(("StreamArn", format!("{arn}/stream/2026-01-01T00:00:00.000")));
                }
                (table, attributes)
            }
            "AWS::S3::Bucket" => {
                let bucket: String = self.get(scope, "BucketName")?.unwrap_or(usual);
                let attributes = vec![
                    ("Arn", format!("arn:aws:s3:::{bucket}")),
                    ("DomainName", format!("{bucket}.s3.amazonaws.com")),
                    ("RegionalDomainName", format!("{bucket}.s3.{REGION}.amazonaws.com")),
                ];
                (bucket, attributes)
            }
            "AWS::Serverless::Function" => {
                let function = self.get(scope, "FunctionName")?.unwrap_or(usual);
                let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}");
                (function, vec![("Arn", arn)])
            }
            "AWS::SQS::Queue" => {
                let queue = self.get(scope, "QueueName")?.unwrap_or(usual);
                let arn = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}");
                let url = format!("{}/{ACCOUNT}/{queue}", deployment.sqs_url);
                (url.clone(), vec![("Arn", arn), ("QueueName", queue), ("QueueUrl", url)])
            }
            "AWS::SecretsManager::Secret" => {
                let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{usual}");
                (arn.clone(), vec![("Id", arn)])
            }
            "AWS::CloudFront::Distribution" => {
                let domain = format!("{}{}", deployment.authority, deployment.cdn_path.trim_end_matches('/'));
                (id.to_owned(), vec![("Id", id.to_owned()), ("DomainName", domain)])
            }
            "AWS::Serverless::HttpApi" => (id.to_owned(), vec![]),
            _ => return Ok(()), // a reference to it is an error, if the stack needs it at all
        };
        scope.names.insert(id.to_owned(), reference);
        scope.names.extend(attributes.into_iter().map(|(name, value)| (format!("{id}.{name}"), value)));
        Ok(())
    }

    /// One property, resolved.
    pub fn get<T: DeserializeOwned>(&self, scope: &Scope, key: &str) -> Result<Option<T>, Error> {
        get(&self.properties, scope, key)
    }
}

/// One property, resolved. Properties that nobody reads may refer to anything.
pub fn get<T: DeserializeOwned>(properties: &Mapping, scope: &Scope, key: &str) -> Result<Option<T>, Error> {
    let Some(value) = properties.get(key) else { return Ok(None) };
    let value = scope.resolve(value).map_err(|error| error.within(key))?;
    serde_yaml_ng::from_value(value).map_err(|error| Error::of(key, &error))
}
