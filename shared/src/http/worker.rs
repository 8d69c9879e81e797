//! The frame around every worker: a function that the table's stream wakes. Each record is handled by itself, and one that fails
//! is reported, so that it comes again and what stands before it does not.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use lambda_http::{LambdaEvent, lambda_runtime, service_fn};
use serde_json::{Value, json};

use super::serve::start;
use crate::{
    app::App,
    config::Needs,
    log,
    store::{StoreError, StreamBatch, StreamRecord},
};

/// Runs a worker until Lambda stops it. `route` is what its log lines call it.
pub fn run(
    route: &'static str,
    handle: impl AsyncFn(&App, &StreamRecord) -> Result<(), StoreError>,
    needs: Needs,
) -> ExitCode {
    start(needs, async |app| {
        let (app, handle, cold) = (Arc::new(app), Arc::new(handle), Arc::new(AtomicBool::new(true)));
        lambda_runtime::run(service_fn(move |event: LambdaEvent<StreamBatch>| {
            let (app, handle, cold) = (app.clone(), handle.clone(), cold.swap(false, Ordering::Relaxed));
            async move { Ok::<_, lambda_runtime::Error>(work(&app, route, &*handle, event, cold).await) }
        }))
        .await
    })
}

/// The records that failed, as `ReportBatchItemFailures` wants them.
async fn work(
    app: &App,
    route: &'static str,
    handle: &impl AsyncFn(&App, &StreamRecord) -> Result<(), StoreError>,
    event: LambdaEvent<StreamBatch>,
    cold: bool,
) -> Value {
    let mut failures = Vec::new();
    for (place, record) in event.payload.records.iter().enumerate() {
        let started = Instant::now();
        let outcome = handle(app, record).await;
        log::request(&log::Line {
            request_id: &event.context.request_id,
            route,
            status: if outcome.is_ok() { 200 } else { 500 },
            latency: started.elapsed(),
            sums: app.tally.take(),
            cold_start: cold && place == 0,
            cause: outcome.as_ref().err().map(StoreError::to_string),
        });
        if outcome.is_err() {
            failures.push(json!({ "itemIdentifier": record.sequence_number() }));
        }
    }
    json!({ "batchItemFailures": failures })
}
