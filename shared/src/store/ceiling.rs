//! Failures of a day, counted after the fact in hourly buckets of one item. The only limits that are not exact: of attempts that are
//! under way together, each sees the failures before them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::ReturnValue;

use super::{
    Reading, Store, StoreError,
    hits::{Quota, TooMany},
    keys::Key,
    number,
};
use crate::types::Timestamp;

const HOUR: i64 = 60 * 60 * 1000;
const HOURS: i64 = 24;

/// Whose failures are counted, and those that there are.
#[derive(Clone)]
pub(crate) struct Ceiling {
    quota: Quota,
    key: Key,
    /// By hour since the epoch, also those that are over.
    failures: BTreeMap<i64, u64>,
}

impl Ceiling {
    /// `Err`: there were too many failures in the last 24 hours.
    pub fn check(&self, now: Timestamp) -> Result<(), TooMany> {
        let (now, mut left) = (now.millis(), 0);
        // From the newest hour back: once an hour makes it too many, all up to it have to be over.
        for (hour, failures) in self.failures.range(now / HOUR - HOURS + 1..).rev() {
            left += failures;
            if left >= u64::from(self.quota.hits) {
                let ends = (hour + HOURS) * HOUR - now;
                return Err(TooMany { quota: self.quota, retry_after: ends.unsigned_abs().div_ceil(1000).max(1) });
            }
        }
        Ok(())
    }
}

impl Store {
    /// The failures so far, perhaps without those of the last moment.
    pub(crate) async fn ceiling(&self, quota: Quota, name: &str) -> Result<Ceiling, StoreError> {
        let key = Key::limit(quota.name, name);
        let item = self.read_item(key.clone(), Reading::Eventual).await?.unwrap_or_default();
        let bucket = |(name, value): (&String, &aws_sdk_dynamodb::types::AttributeValue)| {
            Some((name.strip_prefix('h')?.parse().ok()?, value.as_n().ok()?.parse().ok()?))
        };
        Ok(Ceiling { quota, key, failures: item.iter().filter_map(bucket).collect() })
    }

    /// Counts one more failure. Where this fails, it is not counted.
    pub(crate) async fn count_failure(&self, ceiling: &Ceiling, now: Timestamp) {
        let hour = now.millis() / HOUR;
        let stale: Vec<String> = ceiling.failures.range(..=hour - HOURS).map(|(hour, _)| format!("h{hour}")).collect();
        let counted = self.update(ceiling.key.clone(), |update| {
            let names: Vec<String> = (0..stale.len()).map(|n| format!("#s{n}")).collect();
            let removal = if stale.is_empty() { String::new() } else { format!(" REMOVE {}", names.join(", ")) };
            let update = update
                .update_expression(format!("SET #ttl = :ttl ADD #hour :one{removal}"))
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_names("#hour", format!("h{hour}"))
                .expression_attribute_values(":ttl", number(Timestamp::day_start(now.day() + 3).seconds()))
                .expression_attribute_values(":one", number(1))
                .return_values(ReturnValue::None);
            names
                .into_iter()
                .zip(stale)
                .fold(update, |update, (name, hour)| update.expression_attribute_names(name, hour))
        });
        if let Err(error) = counted.await {
            self.record_degradation(&error);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_hour_leaves_a_day_after_it_began() {
        let quota = Quota { name: "test", hits: 30, window: Duration::from_secs(24 * 60 * 60) };
        let ceiling = |failures: &[(i64, u64)]| Ceiling {
            quota,
            key: Key::limit("test", "name"),
            failures: failures.iter().copied().collect(),
        };
        let now = Timestamp::from_millis(500_000 * HOUR + HOUR / 2);
        assert!(ceiling(&[]).check(now).is_ok());
        assert!(ceiling(&[(500_000, 29)]).check(now).is_ok());
        assert!(ceiling(&[(499_976, 400), (500_000, 29)]).check(now).is_ok());
        let wait = |failures| ceiling(failures).check(now).unwrap_err().retry_after;
        assert_eq!(wait(&[(500_000, 30)]), 24 * 60 * 60 - 30 * 60);
        assert_eq!(wait(&[(499_977, 1), (500_000, 29)]), 30 * 60);
        assert_eq!(wait(&[(499_977, 100), (499_990, 5), (500_000, 28)]), 13 * 60 * 60 + 30 * 60);
    }
}
