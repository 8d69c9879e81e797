//! The attributes of a queue.

use super::Refusal;
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
}

impl Default for Attributes {
    /// The defaults of SQS: four days, 30 seconds.
    fn default() -> Self {
        Self { retention: Duration::from_secs(345_600), visibility: Duration::from_secs(30) }
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
                "SqsManagedSseEnabled" if matches!(value.as_str(), "true" | "false") => {}
                "SqsManagedSseEnabled" => return Err(Refusal::value(name, "true or false is expected")),
                "KmsMasterKeyId" => {} // nothing is encrypted here
                _ => return Err(Refusal::attribute(name)),
            }
        }
        Ok(attributes)
    }

    /// The attributes by name, as SQS returns them.
    pub fn to_map(&self) -> [(&'static str, String); 2] {
        [
            ("MessageRetentionPeriod", self.retention.as_secs().to_string()),
            ("VisibilityTimeout", self.visibility.as_secs().to_string()),
        ]
    }
}

fn seconds(name: &str, value: &str, within: RangeInclusive<u64>) -> Result<Duration, Refusal> {
    let number = value.parse().ok().filter(|number| within.contains(number));
    let expected = || format!("a number from {} to {} is expected", within.start(), within.end());
    number.map(Duration::from_secs).ok_or_else(|| Refusal::value(name, &expected()))
}
