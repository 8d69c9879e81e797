//! The template's S3 buckets: their names and CORS rules. Other properties are ignored, lifecycle rules for example.

use crate::Error;
use crate::intrinsics::Scope;
use crate::resources::{Resource, get};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{BuildError, DisplayErrorContext};
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use serde::Deserialize;
use serde_yaml_ng::Mapping;

/// A bucket.
pub struct Bucket {
    pub name: String,
    rules: Vec<Rule>,
}

/// A CORS rule of CloudFormation.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Rule {
    id: Option<String>,
    allowed_origins: Vec<String>,
    allowed_methods: Vec<String>,
    #[serde(default)]
    allowed_headers: Vec<String>,
    #[serde(default)]
    exposed_headers: Vec<String>,
    max_age: Option<i32>,
}

impl Bucket {
    /// The bucket that `resource` declares.
    pub fn read(resource: &Resource<'_>, scope: &Scope) -> Result<Self, Error> {
        let configuration: Option<Mapping> = resource.get(scope, "CorsConfiguration")?;
        let rules = configuration.map(|configuration| get(&configuration, scope, "CorsRules")).transpose();
        let rules = rules.map_err(|error| error.within("CorsConfiguration"))?;
        Ok(Self { name: scope.names[resource.id].clone(), rules: rules.flatten().unwrap_or_default() })
    }

    /// Makes the bucket, unless it exists, and sets its CORS rules.
    pub async fn make(&self, s3: &Client) -> Result<(), Error> {
        let failed = |error: &dyn std::error::Error| {
            Error::new(format!("making the bucket {}: {}", self.name, DisplayErrorContext(error)))
        };
        match s3.create_bucket().bucket(&self.name).send().await {
            Ok(_) => {}
            Err(error) => match error.as_service_error() {
                Some(CreateBucketError::BucketAlreadyOwnedByYou(_)) => {}
                _ => return Err(failed(&error)),
            },
        }
        if self.rules.is_empty() {
            return Ok(());
        }
        let rules = self.rules.iter().map(Rule::built).collect::<Result<_, _>>();
        let rules = rules.and_then(|rules| CorsConfiguration::builder().set_cors_rules(Some(rules)).build());
        let rules = rules.map_err(|error| failed(&error))?;
        let told = s3.put_bucket_cors().bucket(&self.name).cors_configuration(rules).send().await;
        told.map(drop).map_err(|error| failed(&error))
    }
}

impl Rule {
    fn built(&self) -> Result<CorsRule, BuildError> {
        CorsRule::builder()
            .set_id(self.id.clone())
            .set_allowed_origins(Some(self.allowed_origins.clone()))
            .set_allowed_methods(Some(self.allowed_methods.clone()))
            .set_allowed_headers((!self.allowed_headers.is_empty()).then(|| self.allowed_headers.clone()))
            .set_expose_headers((!self.exposed_headers.is_empty()).then(|| self.exposed_headers.clone()))
            .set_max_age_seconds(self.max_age)
            .build()
    }
}
