//! The frame around every worker: a function that the table's stream wakes. Records are handled one after another, or some at once if the
//! worker says so. A failed record does not stop the batch. Lambda delivers it and all later records again, so handlers must be
//! idempotent.

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

/// Runs a worker until Lambda stops it. `route` is what its log lines call it, `at_once` how many records it handles side by side.
pub fn run(
    route: &'static str,
    at_once: usize,
    handle: impl AsyncFn(&App, &StreamRecord) -> Result<(), StoreError>,
    requirements: Requirements,
) -> ExitCode {
    start(requirements, async |app| {
        let (app, handle, cold) = (Arc::new(app), Arc::new(handle), Arc::new(AtomicBool::new(true)));
        lambda_runtime::run(service_fn(move |event: LambdaEvent<StreamBatch>| {
            let (app, handle, cold) = (app.clone(), handle.clone(), cold.swap(false, Ordering::Relaxed));
            async move { Ok::<_, lambda_runtime::Error>(work(&app, (route, at_once), &*handle, event, cold).await) }
        }))
        .await
    })
}

/// The records that failed, as `ReportBatchItemFailures` wants them. The first one that there was no time for is among them. Lambda
/// delivers everything from the first of them on again (AWS, "Reporting batch item failures for a DynamoDB event source"). Of records
/// that are handled at once, the first one's log line has the calls and units.
async fn work(
    app: &App,
    (route, at_once): (&'static str, usize),
    handle: &impl AsyncFn(&App, &StreamRecord) -> Result<(), StoreError>,
    event: LambdaEvent<StreamBatch>,
    cold: bool,
) -> Value {
    let mut failures = Vec::new();
    let left = || event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    for (place, records) in event.payload.records.chunks(at_once).enumerate() {
        if place > 0 && left() < NEEDED {
            failures.extend(records.first().map(|record| json!({ "itemIdentifier": record.sequence_number() })));
            break;
        }
        let patience = left().saturating_sub(RESERVE);
        let outcomes = join_all(records.iter().map(|record| async {
            let started = Instant::now();
            let outcome = tokio::time::timeout(patience, handle(app, record)).await;
            (outcome.unwrap_or(Err(StoreError::MoreToDo)), started.elapsed())
        }));
        let outcomes = outcomes.await;
        let mut totals = app.stats.take();
        for (number, (record, (outcome, latency))) in records.iter().zip(outcomes).enumerate() {
            log::record(&log::Line {
                request_id: &event.context.request_id,
                route,
                status: if outcome.is_ok() { 200 } else { 500 },
                latency,
                totals: std::mem::take(&mut totals),
                cold_start: cold && place == 0 && number == 0,
                cause: outcome.as_ref().err().map(StoreError::to_string),
            });
            if outcome.is_err() {
                failures.push(json!({ "itemIdentifier": record.sequence_number() }));
            }
        }
    }
    json!({ "batchItemFailures": failures })
}
