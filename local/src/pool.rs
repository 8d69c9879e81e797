//! The instances of one function: started on demand, reused, never more at once than allowed.

use crate::instance::{Failure, Instance, Pulse};
use crate::life::Life;
use crate::logs::Logs;
use crate::runtime::RuntimeApi;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the instances of a function are processes of.
pub struct Program {
    /// The function's binary, as it is called everywhere.
    pub name: Arc<str>,
    pub file: PathBuf,
    /// The template's variables, and those that Lambda sets for the region, the credentials and the endpoints.
    pub environment: BTreeMap<String, String>,
    pub memory_mb: u32,
    pub timeout: Duration,
}

/// A function's instances. A free turn stands for each that is idle or may be started, so that there are never more
/// instances than turns.
pub struct Pool {
    program: Program,
    turns: Arc<Semaphore>,
    /// The most recently used last: it goes first, so that what a burst started can be told from what is needed.
    idle: Mutex<Vec<Instance>>,
    /// Every instance that was alive when the last one was started.
    known: Mutex<Vec<Pulse>>,
    started: AtomicU64,
    api: Arc<RuntimeApi>,
    logs: Logs,
    life: Life,
}

/// The right to one instance, for one invocation.
pub struct Turn {
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool of at most `most` instances, none of them started yet.
    pub fn new(program: Program, most: usize, api: Arc<RuntimeApi>, logs: Logs, life: Life) -> Arc<Self> {
        Arc::new(Self {
            program,
            turns: Arc::new(Semaphore::new(most.max(1))),
            idle: Mutex::default(),
            known: Mutex::default(),
            started: AtomicU64::new(0),
            api,
            logs,
            life,
        })
    }

    /// The function's binary.
    pub fn name(&self) -> &str {
        &self.program.name
    }

    /// Process ids of the instances that are alive.
    pub fn pids(&self) -> Vec<u32> {
        lock(&self.known).iter().filter(|pulse| pulse.is_alive()).map(|pulse| pulse.pid).collect()
    }

    /// Waits for a turn; first come, first served.
    pub async fn turn(self: &Arc<Self>) -> Turn {
        match self.turns.clone().acquire_owned().await {
            Ok(permit) => Turn { pool: self.clone(), _permit: permit },
            Err(_) => unreachable!("nothing closes the semaphore"),
        }
    }

    fn start(&self) -> Result<Instance, Failure> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let instance = Instance::start(&self.program, number, &self.api, &self.logs, &self.life)?;
        let mut known = lock(&self.known);
        known.retain(Pulse::is_alive);
        known.push(instance.pulse.clone());
        Ok(instance)
    }

    fn take_idle(&self) -> Option<Instance> {
        let mut idle = lock(&self.idle);
        std::iter::from_fn(|| idle.pop()).find(|instance| instance.pulse.is_alive())
    }
}

impl Turn {
    /// Has an instance answer `event`. Why it did not is in the log as well.
    pub async fn invoke(self, request_id: &Arc<str>, event: Bytes) -> Result<Bytes, Failure> {
        let answer = self.run(request_id, event).await;
        if let Err(failure) = &answer {
            self.pool.logs.push(&self.pool.program.name, format!("RequestId: {request_id} {failure}"));
        }
        answer
    }

    async fn run(&self, request_id: &Arc<str>, event: Bytes) -> Result<Bytes, Failure> {
        let pool = &self.pool;
        loop {
            let idle = pool.take_idle();
            let was_idle = idle.is_some();
            let mut instance = idle.map_or_else(|| pool.start(), Ok)?;
            let answer = instance.run(request_id, event.clone(), pool.program.timeout).await;
            match answer {
                Ok(_) | Err(Failure::Returned) => lock(&pool.idle).push(instance),
                Err(_) => instance.stop().await,
            }
            match answer {
                // It had died while it was idle and never saw the event: another one may have it.
                Err(Failure::NotTaken(_)) if was_idle => continue,
                answer => return answer,
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
