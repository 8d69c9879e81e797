//! The template's DynamoDB tables.

use crate::Error;
use crate::intrinsics::Scope;
use crate::resources::{Resource, get};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::error::{BuildError, DisplayErrorContext};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection, StreamSpecification,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use serde::Deserialize;
use std::time::Duration;

/// A table. Properties that are missing here have no effect on one machine, and are ignored.
pub struct Table {
    pub name: String,
    attributes: Vec<Attribute>,
    keys: Vec<Key>,
    billing_mode: Option<String>,
    indexes: Vec<Index>,
    stream: Option<Stream>,
    ttl: Option<TimeToLive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Index {
    index_name: String,
    key_schema: Vec<Key>,
    projection: Projected,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Projected {
    projection_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Stream {
    stream_view_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

impl Table {
    /// The table that `resource` declares.
    pub fn read(resource: &Resource<'_>, scope: &Scope) -> Result<Self, Error> {
        let required = |key: &str| Error::new(format!("it has no {key}"));
        let of = &resource.properties;
        Ok(Self {
            name: scope.names[resource.id].clone(),
            attributes: get(of, scope, "AttributeDefinitions")?.ok_or_else(|| required("AttributeDefinitions"))?,
            keys: get(of, scope, "KeySchema")?.ok_or_else(|| required("KeySchema"))?,
            billing_mode: get(of, scope, "BillingMode")?,
            indexes: get(of, scope, "GlobalSecondaryIndexes")?.unwrap_or_default(),
            stream: get(of, scope, "StreamSpecification")?,
            ttl: get(of, scope, "TimeToLiveSpecification")?,
        })
    }

    /// Creates the table, unless it exists. Returns when it can be used.
    pub async fn make(&self, client: &Client) -> Result<(), Error> {
        self.create(client).await.map_err(|error| Error::new(format!("making the table {}: {error}", self.name)))
    }

    async fn create(&self, client: &Client) -> Result<(), String> {
        let mut request = client
            .create_table()
            .table_name(&self.name)
            .set_attribute_definitions(Some(all(&self.attributes, Attribute::built)?))
            .set_key_schema(Some(all(&self.keys, Key::built)?))
            .set_billing_mode(self.billing_mode.as_deref().map(BillingMode::from));
        for index in &self.indexes {
            request = request.global_secondary_indexes(index.built().map_err(|error| error.to_string())?);
        }
        if let Some(stream) = &self.stream {
            let view = stream.stream_view_type.as_str().into();
            let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build();
            request = request.stream_specification(stream.map_err(|error| error.to_string())?);
        }
        match request.send().await {
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => {}
            Err(error) => return Err(DisplayErrorContext(error).to_string()),
            Ok(_) => {}
        }
        let exists = client.wait_until_table_exists().table_name(&self.name).wait(Duration::from_secs(60)).await;
        exists.map_err(|error| DisplayErrorContext(error).to_string())?;
        match &self.ttl {
            Some(ttl) if ttl.enabled => self.enable_ttl(client, &ttl.attribute_name).await,
            _ => Ok(()),
        }
    }

    async fn enable_ttl(&self, client: &Client, attribute: &str) -> Result<(), String> {
        let now = client.describe_time_to_live().table_name(&self.name).send().await;
        let now = now.map_err(|error| DisplayErrorContext(error).to_string())?;
        let status = now.time_to_live_description().and_then(|now| now.time_to_live_status());
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(()); // enabling it again is an error
        }
        let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build();
        let ttl = ttl.map_err(|error| error.to_string())?;
        let update = client.update_time_to_live().table_name(&self.name).time_to_live_specification(ttl);
        update.send().await.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
    }
}

fn all<T, B>(from: &[T], built: impl Fn(&T) -> Result<B, BuildError>) -> Result<Vec<B>, String> {
    from.iter().map(built).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

impl Attribute {
    fn built(&self) -> Result<AttributeDefinition, BuildError> {
        let kind = self.attribute_type.as_str().into();
        AttributeDefinition::builder().attribute_name(&self.attribute_name).attribute_type(kind).build()
    }
}

impl Key {
    fn built(&self) -> Result<KeySchemaElement, BuildError> {
        let kind = self.key_type.as_str().into();
        KeySchemaElement::builder().attribute_name(&self.attribute_name).key_type(kind).build()
    }
}

impl Index {
    fn built(&self) -> Result<GlobalSecondaryIndex, BuildError> {
        let keys = self.key_schema.iter().map(Key::built).collect::<Result<_, _>>()?;
        let projection = Projection::builder().projection_type(self.projection.projection_type.as_str().into());
        GlobalSecondaryIndex::builder()
            .index_name(&self.index_name)
            .set_key_schema(Some(keys))
            .projection(projection.build())
            .build()
    }
}
