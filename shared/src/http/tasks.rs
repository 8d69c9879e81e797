//! The frame around every function that a queue of tasks wakes. The tasks of a batch are done side by side, so none waits for another.
//!
//! A task that can't be done now comes again later. For up to 15 minutes it goes through the queue once more, as a delayed message. For
//! longer, it stays in the queue, hidden. If neither succeeds, the queue delivers it again after its visibility timeout.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use futures_util::future::join_all;
use lambda_http::{LambdaEvent, lambda_runtime, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::serve::start;
use crate::{
    app::App,
    config::Requirements,
    log,
    queue::{Envelope, LONGEST_DELAY, Queue, Task},
    store::StoreError,
    tokens::random,
    types::Timestamp,
};

/// When so much of a function's time is left, a task is put off. It is enough to say so.
const RESERVE: Duration = Duration::from_secs(10);

/// How long a task is tried that keeps failing.
const PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);

/// What became of a task.
pub enum Outcome {
    Done,
    /// It has to wait.
    PutOff(Duration),
}

/// Why a task was not done.
pub enum NotDone {
    /// Another try may succeed.
    ForNow(StoreError),
    ForGood(StoreError),
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        if error.is_final() { Self::ForGood(error) } else { Self::ForNow(error) }
    }
}

/// An event of Lambda's mapping of a queue (AWS, "Using Lambda with Amazon SQS").
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    receipt_handle: String,
    body: String,
}

/// A message that was handled: whether the queue keeps it, how long it took, and why it was not done.
struct Handled {
    is_kept: bool,
    latency: Duration,
    cause: Option<String>,
}

/// Runs a function until Lambda stops it. `route` is what its log lines call it, `queue` where its tasks come from.
pub fn run<T: Task>(
    route: &'static str,
    handle: impl AsyncFn(&App, &T) -> Result<Outcome, NotDone>,
    queue: fn(&App) -> &Queue,
    requirements: Requirements,
) -> ExitCode {
    start(requirements, async |app| {
        let (app, handle, cold) = (Arc::new(app), Arc::new(handle), Arc::new(AtomicBool::new(true)));
        lambda_runtime::run(service_fn(move |event: LambdaEvent<Batch>| {
            let (app, handle, cold) = (app.clone(), handle.clone(), cold.swap(false, Ordering::Relaxed));
            async move { Ok::<_, lambda_runtime::Error>(work(&app, route, &*handle, queue, event, cold).await) }
        }))
        .await
    })
}

/// The messages that the queue has to keep, as `ReportBatchItemFailures` wants them. The calls and units of the whole batch are on its
/// first line.
async fn work<T: Task>(
    app: &App,
    route: &'static str,
    handle: &impl AsyncFn(&App, &T) -> Result<Outcome, NotDone>,
    queue: fn(&App) -> &Queue,
    event: LambdaEvent<Batch>,
    cold: bool,
) -> Value {
    let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(RESERVE);
    let messages = &event.payload.messages;
    let all = join_all(messages.iter().map(|message| take(app, handle, queue(app), message, left))).await;
    let mut totals = app.stats.take();
    let mut kept = Vec::new();
    for (place, (message, handled)) in messages.iter().zip(all).enumerate() {
        log::record(&log::Line {
            request_id: &event.context.request_id,
            route,
            status: if handled.cause.is_none() { 200 } else { 500 },
            latency: handled.latency,
            totals: std::mem::take(&mut totals),
            cold_start: cold && place == 0,
            cause: handled.cause,
        });
        if handled.is_kept {
            kept.push(json!({ "itemIdentifier": message.message_id }));
        }
    }
    json!({ "batchItemFailures": kept })
}

async fn take<T: Task>(
    app: &App,
    handle: &impl AsyncFn(&App, &T) -> Result<Outcome, NotDone>,
    queue: &Queue,
    message: &Message,
    left: Duration,
) -> Handled {
    let started = Instant::now();
    let (is_kept, cause) = match serde_json::from_str::<Envelope<T>>(&message.body) {
        Err(_) => {
            let error = StoreError::Unexpected("a task can't be read");
            let told = json!({ "messageId": message.message_id, "reason": error.to_string() });
            give_up(app, told, &error).await
        }
        Ok(envelope) => {
            let handled = tokio::time::timeout(left, handle(app, &envelope.task)).await;
            match handled.unwrap_or(Err(NotDone::ForNow(StoreError::MoreToDo))) {
                Ok(Outcome::Done) => (false, None),
                Ok(Outcome::PutOff(wait)) => put_off(queue, message, envelope, wait, None).await,
                Err(NotDone::ForNow(error)) if envelope.since.after(PATIENCE) > Timestamp::now() => {
                    let wait = pause(envelope.put_off);
                    put_off(queue, message, envelope, wait, Some(error)).await
                }
                Err(NotDone::ForNow(error) | NotDone::ForGood(error)) => {
                    give_up(app, envelope.task.given_up(&error), &error).await
                }
            }
        }
    };
    Handled { is_kept, latency: started.elapsed(), cause }
}

/// Whether the queue keeps the message, and what went wrong.
async fn put_off<T: Task>(
    queue: &Queue,
    message: &Message,
    envelope: Envelope<T>,
    wait: Duration,
    why: Option<StoreError>,
) -> (bool, Option<String>) {
    let next = Envelope { put_off: envelope.put_off.saturating_add(1), ..envelope };
    let (is_kept, done) = match wait <= LONGEST_DELAY {
        true => {
            let handed_over = queue.hand_over_again(&next, wait).await;
            (handed_over.is_err(), handed_over)
        }
        false => (true, queue.hide(&message.receipt_handle, wait).await),
    };
    (is_kept, why.or(done.err()).map(|error| error.to_string()))
}

/// Tells people of what can never be done.
async fn give_up(app: &App, told: Value, why: &StoreError) -> (bool, Option<String>) {
    match app.queue().put(told.to_string()).await {
        Ok(()) => {
            app.store.record_degradation(why);
            (false, None)
        }
        Err(error) => (true, Some(error.to_string())),
    }
}

/// Between two tries: a second, doubled each time up to the longest delay. Jitter spreads tasks that failed together.
fn pause(put_off: u32) -> Duration {
    let pause = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(put_off));
    let jitter = 1.0 + f64::from(random::<1>()[0]) / 1024.0;
    pause.mul_f64(jitter).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_delay() {
        let pauses: Vec<_> = (0..12).map(pause).collect();
        assert!(pauses.is_sorted() && pauses[0] < Duration::from_millis(1500));
        assert_eq!([pauses[11], pause(u32::MAX)], [LONGEST_DELAY; 2]);
    }
}
