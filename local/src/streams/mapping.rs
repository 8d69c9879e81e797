//! A function's event of type `DynamoDB`, as the template declares it.

use super::filter::Filter;
use crate::Error;
use crate::intrinsics::Scope;
use crate::resources::get;
use serde::Deserialize;
use serde_yaml_ng::{Mapping as Properties, Value};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Which changes of a table go to which function, and how.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The event's name in the template.
    pub name: String,
    /// The index of the function in the template.
    pub function: usize,
    pub function_arn: String,
    /// The template's `GetAtt StreamArn`, which is also the ARN in events.
    pub stream_arn: String,
    pub table: String,
    pub filter: Filter,
    /// The most records of a batch.
    pub batch_size: usize,
    /// `ParallelizationFactor`: how many batches of a shard may be processed at once.
    pub lanes: usize,
    pub rules: Rules,
    /// The ARN of the queue for reports of discarded records.
    pub on_failure: Option<String>,
}

/// What to do with batches that fail.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// `BisectBatchOnFunctionError`
    pub bisects: bool,
    /// `ReportBatchItemFailures`
    pub reports: bool,
    /// `MaximumRetryAttempts`. `None`: without a limit.
    pub retries: Option<u32>,
    /// `MaximumRecordAgeInSeconds`. `None`: without a limit.
    pub age: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Criteria {
    filters: Vec<Criterion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Criterion {
    pattern: String,
}

/// The known properties. Any other is an error, as ignoring it could hide a mistake.
const KNOWN: [&str; 11] = [
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "Stream",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Destinations {
    on_failure: Option<Destination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Destination {
    /// SAM's name of the service. SAM grants the function's role a right by it.
    r#type: Option<String>,
    destination: String,
}

impl Destination {
    /// The ARN of a queue. Other destinations are refused.
    fn queue(self) -> Result<String, Error> {
        let is_queue = self.destination.starts_with("arn:aws:sqs:") && self.r#type.is_none_or(|kind| kind == "SQS");
        let other = || Error::new(format!("OnFailure: {} is no queue, and nothing else is known", self.destination));
        if is_queue { Ok(self.destination) } else { Err(other()) }
    }
}

impl Mapping {
    /// Reads the event `name` of the function with this index.
    pub fn read(
        name: &str,
        properties: &Properties,
        (function, function_arn): (usize, &str),
        scope: &Scope,
    ) -> Result<Self, Error> {
        let unknown = |key: &&Value| !key.as_str().is_some_and(|key| KNOWN.contains(&key));
        if let Some(unknown) = properties.keys().find(unknown) {
            let unknown = unknown.as_str().unwrap_or("a key that is no text");
            return Err(Error::new(format!("the local stack doesn't know {unknown} of a DynamoDB event")));
        }
        let stream_arn: String = get(properties, scope, "Stream")?.ok_or_else(|| Error::new("it has no Stream"))?;
        let table = stream_arn.split('/').nth(1).filter(|_| stream_arn.contains("/stream/"));
        let table = table.ok_or_else(|| Error::new(format!("Stream: {stream_arn} is the ARN of no stream")))?.into();
        if get::<String>(properties, scope, "StartingPosition")?.as_deref() != Some("TRIM_HORIZON") {
            return Err(Error::new("StartingPosition: the local stack only knows TRIM_HORIZON"));
        }
        let number = |key: &str, within| number(properties, scope, key, within);
        let responses: Option<Vec<String>> = get(properties, scope, "FunctionResponseTypes")?;
        let responses = responses.unwrap_or_default();
        if let Some(unknown) = responses.iter().find(|response| *response != "ReportBatchItemFailures") {
            return Err(Error::new(format!("FunctionResponseTypes: there is no {unknown}")));
        }
        number("MaximumBatchingWindowInSeconds", 0..=300)?;
        let age = number("MaximumRecordAgeInSeconds", -1..=604_800)?;
        let criteria: Option<Criteria> = get(properties, scope, "FilterCriteria")?;
        let patterns = criteria.iter().flat_map(|criteria| &criteria.filters).map(|filter| filter.pattern.as_str());
        let destinations: Option<Destinations> = get(properties, scope, "DestinationConfig")?;
        let on_failure = destinations.and_then(|destinations| destinations.on_failure).map(Destination::queue);
        Ok(Self {
            name: name.to_owned(),
            function,
            function_arn: function_arn.to_owned(),
            table,
            stream_arn,
            filter: Filter::parse(patterns).map_err(|error| error.within("FilterCriteria"))?,
            batch_size: number("BatchSize", 1..=10_000)?.map_or(100, |size| size as usize),
            lanes: number("ParallelizationFactor", 1..=10)?.map_or(1, |lanes| lanes as usize),
            rules: Rules {
                bisects: get(properties, scope, "BisectBatchOnFunctionError")?.unwrap_or(false),
                reports: !responses.is_empty(),
                retries: number("MaximumRetryAttempts", -1..=10_000)?.and_then(|most| most.try_into().ok()),
                age: age.and_then(|seconds| seconds.try_into().ok()).map(Duration::from_secs),
            },
            on_failure: on_failure.transpose().map_err(|error| error.within("DestinationConfig"))?,
        })
    }
}

/// A number within Lambda's bounds.
fn number(
    properties: &Properties,
    scope: &Scope,
    key: &str,
    within: RangeInclusive<i64>,
) -> Result<Option<i64>, Error> {
    match get(properties, scope, key)? {
        Some(Value::Number(number)) if number.as_i64().is_some_and(|number| within.contains(&number)) => {
            Ok(number.as_i64())
        }
        // The value of a parameter is a string.
        Some(Value::String(text)) if text.parse().is_ok_and(|number| within.contains(&number)) => Ok(text.parse().ok()),
        None => Ok(None),
        Some(_) => Err(Error::new(format!("{key}: a number from {} to {} is expected", within.start(), within.end()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Mapping, Error> {
        let scope = Scope {
            parameters: [("Many".to_owned(), Value::from("7"))].into(),
            names: [
                ("T.StreamArn".to_owned(), "arn:aws:dynamodb:r:1:table/local-t/stream/x".to_owned()),
                ("Queue.Arn".to_owned(), "arn:aws:sqs:r:1:local-queue".to_owned()),
            ]
            .into(),
            ..Scope::default()
        };
        Mapping::read("Changes", &serde_yaml_ng::from_str(yaml).unwrap(), (3, "arn:f"), &scope)
    }

    fn refused(more: &str) -> String {
        let yaml = format!("{{Stream: !GetAtt T.StreamArn, StartingPosition: TRIM_HORIZON, {more}}}");
        read(&yaml).unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_lambdas() {
        let mapping = read("{Stream: !GetAtt T.StreamArn, StartingPosition: TRIM_HORIZON}").unwrap();
        assert_eq!((mapping.table.as_str(), mapping.function, mapping.batch_size), ("local-t", 3, 100));
        assert_eq!((mapping.on_failure, mapping.lanes), (None, 1));
        let Rules { bisects, reports, retries, age } = mapping.rules;
        assert_eq!((bisects, reports, retries, age), (false, false, None, None));
    }

    #[test]
    fn every_known_property_is_read() {
        let mapping = read(
            r#"
            Stream: !GetAtt T.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: !Ref Many
            MaximumBatchingWindowInSeconds: 0
            BisectBatchOnFunctionError: true
            MaximumRetryAttempts: 5
            MaximumRecordAgeInSeconds: 60
            ParallelizationFactor: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Queue.Arn}}"#,
        );
        let mapping = mapping.unwrap();
        assert_eq!((mapping.batch_size, mapping.lanes), (7, 10));
        let Rules { bisects, reports, retries, age } = mapping.rules;
        assert_eq!((bisects, reports, retries, age), (true, true, Some(5), Some(Duration::from_secs(60))));
        assert_eq!(mapping.on_failure.as_deref(), Some("arn:aws:sqs:r:1:local-queue"));
        assert!(mapping.filter.matches(&serde_json::json!({"eventName": "INSERT"})));
        assert!(!mapping.filter.matches(&serde_json::json!({"eventName": "REMOVE"})));

        let endless = "{Stream: !GetAtt T.StreamArn, StartingPosition: TRIM_HORIZON, MaximumRetryAttempts: -1,
            MaximumRecordAgeInSeconds: -1}";
        let rules = read(endless).unwrap().rules;
        assert_eq!((rules.retries, rules.age), (None, None));
    }

    #[test]
    fn an_unknown_property_or_value_stops_the_start() {
        assert!(refused("TumblingWindowInSeconds: 5").contains("TumblingWindowInSeconds"));
        assert!(refused("BatchSize: 0").contains("BatchSize: a number from 1 to 10000"));
        assert!(refused("FunctionResponseTypes: [Other]").contains("Other"));
        for destination in ["{Destination: !GetAtt No.Arn}", "{Destination: 'arn:aws:sns:r:1:t'}", "{Type: SQS}"] {
            let refusal = refused(&format!("DestinationConfig: {{OnFailure: {destination}}}"));
            assert!(refusal.starts_with("DestinationConfig"), "{refusal}");
        }
        assert!(refused("DestinationConfig: {OnSuccess: {Destination: x}}").contains("OnSuccess"));
        let filter = refused(r#"FilterCriteria: {Filters: [{Pattern: '{"a":[{"wildcard":"*"}]}'}]}"#);
        assert!(filter.starts_with("FilterCriteria: the pattern ") && filter.contains("wildcard"), "{filter}");
        assert!(read("{StartingPosition: TRIM_HORIZON}").unwrap_err().to_string().contains("Stream"));
        assert!(
            read("{Stream: 'arn:x', StartingPosition: TRIM_HORIZON}").unwrap_err().to_string().contains("no stream")
        );
        let position = read("{Stream: !GetAtt T.StreamArn, StartingPosition: LATEST}");
        assert!(position.unwrap_err().to_string().starts_with("StartingPosition"));
    }
}
