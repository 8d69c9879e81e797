//! What one request asked of the stores: counted here, written on its log line.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The sums of one request. An instance serves one request at a time, so there is one tally in a process.
#[derive(Default)]
pub struct Tally(Mutex<Sums>);

#[derive(Default, Clone)]
pub struct Sums {
    /// Calls that had to wait for each other; calls that went out together count once.
    pub round_trips: u32,
    pub read_units: f64,
    pub write_units: f64,
    /// IAM actions that the calls needed, each once.
    pub actions: Vec<&'static str>,
    /// Why something that the request could do without was left out.
    pub degraded: Option<String>,
    in_flight: u32,
}

impl Tally {
    /// Counts one call: `actions` are the rights that it uses.
    pub async fn call<T>(&self, actions: &[&'static str], call: impl Future<Output = T>) -> T {
        let _in_flight = InFlight::start(self, actions);
        call.await
    }

    /// Notes rights that are used without a call of ours: those of whoever gets a URL.
    pub fn note(&self, actions: &[&'static str]) {
        self.sums().note(actions);
    }

    pub fn spend(&self, read_units: f64, write_units: f64) {
        let mut sums = self.sums();
        sums.read_units += read_units;
        sums.write_units += write_units;
    }

    pub fn degrade(&self, cause: String) {
        self.sums().degraded = Some(cause);
    }

    /// What was asked during init costs no request anything, but needs its rights: they stand on the first request's line.
    pub fn forget_costs(&self) {
        let mut sums = self.sums();
        *sums = Sums { actions: std::mem::take(&mut sums.actions), ..Sums::default() };
    }

    /// The sums so far; counting starts anew.
    pub fn take(&self) -> Sums {
        std::mem::take(&mut self.sums())
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    fn note(&mut self, actions: &[&'static str]) {
        for action in actions {
            if !self.actions.contains(action) {
                self.actions.push(action);
            }
        }
    }
}

/// Ends with the call, also when the call is dropped half-way.
struct InFlight<'a>(&'a Tally);

impl<'a> InFlight<'a> {
    fn start(tally: &'a Tally, actions: &[&'static str]) -> Self {
        let mut sums = tally.sums();
        if sums.in_flight == 0 {
            sums.round_trips += 1;
        }
        sums.in_flight += 1;
        sums.note(actions);
        Self(tally)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut sums = self.0.sums();
        sums.in_flight = sums.in_flight.saturating_sub(1);
    }
}
