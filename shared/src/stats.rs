//! The calls and capacity units of one request. They are counted here and written on its log line.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The sums of one request. An instance serves one request at a time, so a process has one of these.
#[derive(Default)]
pub struct RequestStats(Mutex<Totals>);

#[derive(Default, Clone)]
pub struct Totals {
    /// The longest chain of calls in which each began after another had ended. Calls that run at the same time count once,
    /// however long each takes.
    pub round_trips: u32,
    pub read_units: f64,
    pub write_units: f64,
    /// IAM actions that the calls needed, each once.
    pub actions: Vec<&'static str>,
    /// Why an optional part of the request was left out.
    pub degraded: Option<String>,
    /// The longest chain among the calls that have ended.
    ended: u32,
}

impl RequestStats {
    /// Counts one call: `actions` are the rights that it uses.
    pub async fn call<T>(&self, actions: &[&'static str], call: impl Future<Output = T>) -> T {
        let _in_flight = InFlight::start(self, actions);
        call.await
    }

    /// Notes rights that are used without a call of ours, by whoever gets a signed URL.
    pub fn note(&self, actions: &[&'static str]) {
        self.totals().note(actions);
    }

    pub fn spend(&self, read_units: f64, write_units: f64) {
        let mut totals = self.totals();
        totals.read_units += read_units;
        totals.write_units += write_units;
    }

    pub fn record_degradation(&self, cause: String) {
        self.totals().degraded = Some(cause);
    }

    /// Calls during init cost no request anything. But they need rights, so their actions stay for the first request's line.
    pub fn forget_costs(&self) {
        let mut totals = self.totals();
        *totals = Totals { actions: std::mem::take(&mut totals.actions), ..Totals::default() };
    }

    /// The sums so far; counting starts anew.
    pub fn take(&self) -> Totals {
        std::mem::take(&mut self.totals())
    }

    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Totals {
    fn note(&mut self, actions: &[&'static str]) {
        for action in actions {
            if !self.actions.contains(action) {
                self.actions.push(action);
            }
        }
    }
}

/// A call under way. It ends with the call, also when the call is dropped half-way.
struct InFlight<'a> {
    stats: &'a RequestStats,
    /// The length of the longest chain that ends with this call.
    depth: u32,
}

impl<'a> InFlight<'a> {
    fn start(stats: &'a RequestStats, actions: &[&'static str]) -> Self {
        let mut totals = stats.totals();
        let depth = totals.ended + 1;
        totals.round_trips = totals.round_trips.max(depth);
        totals.note(actions);
        Self { stats, depth }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut totals = self.stats.totals();
        totals.ended = totals.ended.max(self.depth);
    }
}
