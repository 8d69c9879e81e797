//! The attributes of a queue.

use super::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The attributes that have an effect here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// How long a message is kept.
    pub retention: Duration,
    /// How long a received message is hidden from others.
    pub visibility: Duration,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

/// `RedrivePolicy`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Redrive {
    dead_letter_target_arn: String,
    /// How often a message can be received.
    #[serde(deserialize_with = "whole_number")]
    pub max_receive_count: u32,
}

impl Redrive {
    /// The name of the dead-letter queue.
    pub fn target(&self) -> &str {
        self.dead_letter_target_arn.rsplit(':').next().unwrap_or_default()
    }
}

/// SQS takes the number as text, too.
fn whole_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Number(u32),
        Text(String),
    }
    let number = match Given::deserialize(deserializer)? {
        Given::Number(number) => Some(number),
        Given::Text(text) => text.parse().ok(),
    };
    number
        .filter(|number| (1..=1000).contains(number))
        .ok_or_else(|| serde::de::Error::custom("maxReceiveCount: a number from 1 to 1000 is expected"))
}

impl Default for Attributes {
    /// The defaults of SQS: four days, 30 seconds.
    fn default() -> Self {
        Self { retention: Duration::from_secs(345_600), visibility: Duration::from_secs(30), redrive: None }
    }
}

impl Attributes {
    /// Reads attributes by name. The others have their defaults.
    pub fn read(given: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let mut attributes = Self::default();
        for (name, value) in given {
            match name.as_str() {
                "MessageRetentionPeriod" => attributes.retention = seconds(name, value, 60..=1_209_600)?,
                "VisibilityTimeout" => attributes.visibility = seconds(name, value, 0..=43_200)?,
                "RedrivePolicy" => {
                    let redrive = serde_json::from_str(value);
                    attributes.redrive = Some(redrive.map_err(|error| Refusal::value(name, &error.to_string()))?);
                }
                "SqsManagedSseEnabled" if matches!(value.as_str(), "true" | "false") => {}
                "SqsManagedSseEnabled" => return Err(Refusal::value(name, "true or false is expected")),
                "KmsMasterKeyId" => {} // nothing is encrypted here
                _ => return Err(Refusal::attribute(name)),
            }
        }
        Ok(attributes)
    }

    /// The attributes by name, as SQS returns them.
    pub fn to_map(&self) -> Vec<(&'static str, String)> {
        let mut attributes = vec![
            ("MessageRetentionPeriod", self.retention.as_secs().to_string()),
            ("VisibilityTimeout", self.visibility.as_secs().to_string()),
        ];
        let redrive = self.redrive.as_ref().and_then(|redrive| serde_json::to_string(redrive).ok());
        attributes.extend(redrive.map(|redrive| ("RedrivePolicy", redrive)));
        attributes
    }
}

fn seconds(name: &str, value: &str, within: RangeInclusive<u64>) -> Result<Duration, Refusal> {
    let number = value.parse().ok().filter(|number| within.contains(number));
    let expected = || format!("a number from {} to {} is expected", within.start(), within.end());
    number.map(Duration::from_secs).ok_or_else(|| Refusal::value(name, &expected()))
}
