//! Attempts at a secret. An attempt is written as under way before the secret is looked at. A wrong one becomes a failure, and a right
//! one is removed. If its function dies, it counts as a failure once it can't be under way any more
//! ([`ATTEMPT_LASTS`](super::window::ATTEMPT_LASTS)).

use std::collections::HashSet;

use futures_util::future::try_join_all;

use super::{
    Hit, HitLog, Removal,
    row::{StoredHit, new_slot},
    window::{Standing, standing},
};
use crate::{
    store::{Store, StoreError},
    types::Timestamp,
};

/// An attempt that is under way.
pub(crate) struct Underway {
    pub hit: Hit,
    /// Per item: the slots that it held when the attempt began.
    before: Vec<HashSet<String>>,
}

impl Underway {
    /// The worst standing under all names that the attempt counts under. `stored`: what the items hold.
    fn standing(&self, stored: &[Vec<StoredHit>], now: Timestamp) -> Standing {
        let Some(window) = self.hit.log.windows.first() else { return Standing::Waiting };
        let standings = stored
            .iter()
            .zip(&self.before)
            .map(|(hits, before)| standing(window.quota, hits, &self.hit.slot, before, now));
        let rank = |standing: &Standing| match standing {
            Standing::Admitted(_) => 0,
            Standing::Waiting => 1,
            Standing::Refused(_) => 2,
        };
        standings.max_by_key(rank).unwrap_or(Standing::Waiting)
    }
}

impl Store {
    /// Begins an attempt at a secret, before the secret is looked at.
    pub(crate) async fn start_attempt(&self, log: HitLog, now: Timestamp) -> Result<(Underway, Standing), StoreError> {
        let slot = new_slot();
        let stored = self.write_hit(&log, &slot, now, true).await?;
        let others =
            |hits: &Vec<StoredHit>| hits.iter().filter(|hit| hit.slot != slot).map(|hit| hit.slot.clone()).collect();
        let before = stored.iter().map(others).collect();
        let underway = Underway { hit: Hit::new(log, slot.clone(), now, &stored), before };
        let standing = underway.standing(&stored, now);
        Ok((underway, standing))
    }

    /// How an attempt that waits stands now.
    pub(crate) async fn attempt_standing(&self, underway: &Underway, now: Timestamp) -> Result<Standing, StoreError> {
        let log = &underway.hit.log;
        let stored = try_join_all(log.keys.iter().map(|key| async move {
            let item = self.get_item(key.clone()).await?;
            Ok::<_, StoreError>(item.map(|item| log.read(key, &item)).unwrap_or_default())
        }));
        Ok(underway.standing(&stored.await?, now))
    }

    /// Makes failures of attempts that were wrong. If this fails, they count as failures once they can't be under way any more.
    pub(crate) async fn fail_attempts(&self, hits: &[Hit]) {
        let failures = hits.iter().flat_map(|hit| hit.log.keys.iter().zip(&hit.stale).map(move |item| (hit, item)));
        let failed = failures.map(|(hit, (key, stale))| async move {
            let removal = Removal::of(stale);
            let updated = self.update(key.clone(), |update| {
                update
                    .update_expression(removal.behind("SET #slot = :hit"))
                    .set_expression_attribute_names(Some(removal.names))
                    .expression_attribute_names("#slot", &hit.slot)
                    .expression_attribute_values(":hit", hit.log.masked(key, &hit.slot, hit.at, false))
            });
            updated.await.map(drop)
        });
        if let Err(error) = try_join_all(failed).await {
            self.record_degradation(&error);
        }
    }
}
