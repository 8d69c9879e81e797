//! The instances of one function: started on demand, reused, never more at once than allowed.

use crate::instance::{Failure, Instance, Program, Status};
use crate::logs::Logs;
use crate::runtime::RuntimeApi;
use crate::tasks::Tasks;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A function's instances. An invocation needs a permit, so there are never more instances than permits.
pub struct Pool {
    program: Program,
    permits: Arc<Semaphore>,
    /// The most recently used one is the last, and the first to be used again. So a low load uses few instances.
    idle: Mutex<Vec<Instance>>,
    /// Every instance that was alive when the last one was started.
    known: Mutex<Vec<Status>>,
    started: AtomicU64,
    api: Arc<RuntimeApi>,
    logs: Logs,
    tasks: Tasks,
}

/// The right to one invocation.
pub struct Permit {
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool of at most `most` instances, none of them started yet.
    pub fn new(program: Program, most: usize, api: Arc<RuntimeApi>, logs: Logs, tasks: Tasks) -> Arc<Self> {
        Arc::new(Self {
            program,
            permits: Arc::new(Semaphore::new(most.max(1))),
            idle: Mutex::default(),
            known: Mutex::default(),
            started: AtomicU64::new(0),
            api,
            logs,
            tasks,
        })
    }

    /// The function's binary.
    pub fn name(&self) -> &str {
        &self.program.name
    }

    /// Process ids of the instances that are alive.
    pub fn pids(&self) -> Vec<u32> {
        self.known.lock().iter().filter(|status| status.is_alive()).map(|status| status.pid).collect()
    }

    /// Waits for a permit; first come, first served.
    pub async fn permit(self: &Arc<Self>) -> Permit {
        match self.permits.clone().acquire_owned().await {
            Ok(permit) => Permit { pool: self.clone(), _permit: permit },
            Err(_) => unreachable!("nothing closes the semaphore"),
        }
    }

    fn start(&self) -> Result<Instance, Failure> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let instance = Instance::start(&self.program, number, &self.api, &self.logs, &self.tasks)?;
        let mut known = self.known.lock();
        known.retain(Status::is_alive);
        known.push(instance.status.clone());
        Ok(instance)
    }

    fn take_idle(&self) -> Option<Instance> {
        let mut idle = self.idle.lock();
        std::iter::from_fn(|| idle.pop()).find(|instance| instance.status.is_alive())
    }
}

impl Permit {
    /// Invokes the function with `event`. A failure is logged, too.
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
                Ok(_) | Err(Failure::Returned) => pool.idle.lock().push(instance),
                Err(_) => instance.stop().await,
            }
            match answer {
                // The instance had died while it was idle and never saw the event: another one takes it.
                Err(Failure::NotTaken(_)) if was_idle => continue,
                answer => return answer,
            }
        }
    }
}
