//! The frame around every worker: a function that the table's stream wakes. Records are handled one after another. One that
//! fails holds up none behind it, but is reported: it comes again, and so do those behind it, which have to bear that.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use lambda_http::{LambdaEvent, lambda_runtime, service_fn};
use serde_json::{Value, json};

use super::serve::start;
use crate::{
    app::App,
    config::Requirements,
    log,
    store::{StoreError, StreamBatch, StreamRecord},
};

/// How much of its time a function must have left to begin with another record: more than one takes.
const NEEDED: Duration = Duration::from_secs(25);

/// When so much of a function's time is left, a record is given up. It is enough to write the log line.
const RESERVE: Duration = Duration::from_secs(2);

/// Runs a worker until Lambda stops it. `route` is what its log lines call it.
pub fn run(
    route: &'static str,
    handle: impl AsyncFn(&App, &StreamRecord) -> Result<(), StoreError>,
    requirements: Requirements,
) -> ExitCode {
    start(requirements, async |app| {
        let (app, handle, cold) = (Arc::new(app), Arc::new(handle), Arc::new(AtomicBool::new(true)));
        lambda_runtime::run(service_fn(move |event: LambdaEvent<StreamBatch>| {
            let (app, handle, cold) = (app.clone(), handle.clone(), cold.swap(false, Ordering::Relaxed));
            async move { Ok::<_, lambda_runtime::Error>(work(&app, route, &*handle, event, cold).await) }
        }))
        .await
    })
}

/// The records that failed, as `ReportBatchItemFailures` wants them; the first one that there was no time for is among them. Lambda
/// brings everything from the first of them on again (AWS, "Reporting batch item failures for a DynamoDB event source").
async fn work(
    app: &App,
    route: &'static str,
    handle: &impl AsyncFn(&App, &StreamRecord) -> Result<(), StoreError>,
    event: LambdaEvent<StreamBatch>,
    cold: bool,
) -> Value {
    let mut failures = Vec::new();
    for (place, record) in event.payload.records.iter().enumerate() {
        if place > 0 && event.context.deadline().duration_since(SystemTime::now()).is_ok_and(|left| left < NEEDED) {
            failures.push(json!({ "itemIdentifier": record.sequence_number() }));
            break;
        }
        let started = Instant::now();
        let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let outcome = match tokio::time::timeout(left.saturating_sub(RESERVE), handle(app, record)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::MoreToDo),
        };
        log::record(&log::Line {
            request_id: &event.context.request_id,
            route,
            status: if outcome.is_ok() { 200 } else { 500 },
            latency: started.elapsed(),
            totals: app.stats.take(),
            cold_start: cold && place == 0,
            cause: outcome.as_ref().err().map(StoreError::to_string),
        });
        if outcome.is_err() {
            failures.push(json!({ "itemIdentifier": record.sequence_number() }));
        }
    }
    json!({ "batchItemFailures": failures })
}
