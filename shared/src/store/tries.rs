//! What is counted before it is tried, so that tries that race can't outrun a limit: passwords, PINs.

use futures_util::future::try_join_all;

use super::{
    Store, StoreError,
    limits::{Hit, Meter, TooMany},
};
use crate::types::Timestamp;

/// Tries that were counted before they were made.
pub struct Tries<'a>(Vec<(Meter<'a>, Hit)>);

impl<'a> Tries<'a> {
    /// Counts one try on each of `meters`, or on none. The inner error: too many tries.
    pub async fn count(
        store: &Store,
        meters: Vec<Meter<'a>>,
        now: Timestamp,
    ) -> Result<Result<Self, TooMany>, StoreError> {
        let counts = meters.into_iter().map(|mut meter| async {
            let hit = store.take(&mut meter, now).await?;
            Ok::<_, StoreError>(hit.map(|hit| (meter, hit)))
        });
        let (mut counted, mut refused) = (Vec::new(), Vec::new());
        for count in try_join_all(counts).await? {
            match count {
                Ok(one) => counted.push(one),
                Err(too_many) => refused.push(too_many),
            }
        }
        let mut tries = Self(counted);
        match refused.into_iter().max_by_key(|too_many: &TooMany| too_many.retry_after) {
            None => Ok(Ok(tries)),
            Some(too_many) => {
                tries.uncount(store).await;
                Ok(Err(too_many))
            }
        }
    }

    /// How full the windows are, for the answer.
    pub fn meters(&self) -> impl Iterator<Item = &Meter<'a>> {
        self.0.iter().map(|(meter, _)| meter)
    }

    /// What succeeded is no try: takes it back. Where that fails the try is forgotten with its window.
    pub async fn uncount(&mut self, store: &Store) {
        let releases = self.0.iter_mut().map(|(meter, hit)| async {
            store.release(meter, hit).await?;
            meter.forget(hit);
            Ok(())
        });
        if let Err(error) = try_join_all(releases).await {
            store.record_degradation(&error);
        }
    }
}
