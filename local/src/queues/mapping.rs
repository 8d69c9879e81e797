//! A function's event of type `SQS`, as the template declares it.

use crate::Error;
use crate::intrinsics::Scope;
use crate::resources::get;
use serde::Deserialize;
use serde_yaml_ng::{Mapping as Properties, Value};

/// Which queue wakes which function, and how.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The event's name in the template.
    pub name: String,
    /// The index of the function in the template.
    pub function: usize,
    /// The ARN of the queue.
    pub queue: String,
    /// The most messages of a batch.
    pub batch_size: i32,
    /// `MaximumConcurrency`: how many batches may be processed at once. `None`: without a limit.
    pub concurrency: Option<usize>,
    /// `ReportBatchItemFailures`
    pub reports: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Scaling {
    maximum_concurrency: Option<usize>,
}

/// The known properties. Any other is an error, as ignoring it could hide a mistake.
const KNOWN: [&str; 4] = ["BatchSize", "FunctionResponseTypes", "Queue", "ScalingConfig"];

impl Mapping {
    /// Reads the event `name` of the function with this index.
    pub fn read(name: &str, properties: &Properties, function: usize, scope: &Scope) -> Result<Self, Error> {
        let unknown = |key: &&Value| !key.as_str().is_some_and(|key| KNOWN.contains(&key));
        if let Some(unknown) = properties.keys().find(unknown) {
            let unknown = unknown.as_str().unwrap_or("a key that is no text");
            return Err(Error::new(format!("the local stack doesn't know {unknown} of an SQS event")));
        }
        let queue: String = get(properties, scope, "Queue")?.ok_or_else(|| Error::new("it has no Queue"))?;
        if !queue.starts_with("arn:aws:sqs:") {
            return Err(Error::new(format!("Queue: {queue} is the ARN of no queue")));
        }
        let batch_size = get(properties, scope, "BatchSize")?.unwrap_or(10);
        if !(1..=10).contains(&batch_size) {
            return Err(Error::new(
                "BatchSize: more than 10 need a batching window, which the local stack doesn't know",
            ));
        }
        let scaling: Option<Scaling> = get(properties, scope, "ScalingConfig")?;
        let concurrency = scaling.and_then(|scaling| scaling.maximum_concurrency);
        if concurrency.is_some_and(|most| !(2..=1000).contains(&most)) {
            return Err(Error::new("ScalingConfig: MaximumConcurrency: a number from 2 to 1000 is expected"));
        }
        let responses: Vec<String> = get(properties, scope, "FunctionResponseTypes")?.unwrap_or_default();
        if let Some(unknown) = responses.iter().find(|response| *response != "ReportBatchItemFailures") {
            return Err(Error::new(format!("FunctionResponseTypes: there is no {unknown}")));
        }
        Ok(Self { name: name.to_owned(), function, queue, batch_size, concurrency, reports: !responses.is_empty() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Mapping, Error> {
        let names = [("Q.Arn".to_owned(), "arn:aws:sqs:r:1:local-q".to_owned())].into();
        let scope = Scope { names, ..Scope::default() };
        Mapping::read("Tasks", &serde_yaml_ng::from_str(yaml).unwrap(), 3, &scope)
    }

    #[test]
    fn every_known_property_is_read_and_the_defaults_are_lambdas() {
        let mapping = read("{Queue: !GetAtt Q.Arn}").unwrap();
        assert_eq!((mapping.queue.as_str(), mapping.function), ("arn:aws:sqs:r:1:local-q", 3));
        assert_eq!((mapping.batch_size, mapping.concurrency, mapping.reports), (10, None, false));
        let mapping = read(
            "{Queue: !GetAtt Q.Arn, BatchSize: 5, FunctionResponseTypes: [ReportBatchItemFailures],
              ScalingConfig: {MaximumConcurrency: 2}}",
        );
        let mapping = mapping.unwrap();
        assert_eq!((mapping.batch_size, mapping.concurrency, mapping.reports), (5, Some(2), true));
    }

    #[test]
    fn an_unknown_property_or_value_stops_the_start() {
        for (yaml, place) in [
            ("{}", "it has no Queue"),
            ("{Queue: 'arn:aws:sns:r:1:t'}", "Queue"),
            ("{Queue: !GetAtt Q.Arn, BatchSize: 11}", "BatchSize"),
            ("{Queue: !GetAtt Q.Arn, ScalingConfig: {MaximumConcurrency: 1}}", "ScalingConfig"),
            ("{Queue: !GetAtt Q.Arn, FunctionResponseTypes: [Other]}", "FunctionResponseTypes"),
            ("{Queue: !GetAtt Q.Arn, FilterCriteria: {Filters: []}}", "the local stack doesn't know FilterCriteria"),
        ] {
            let refusal = read(yaml).unwrap_err().to_string();
            assert!(refusal.starts_with(place), "{refusal}");
        }
    }
}
