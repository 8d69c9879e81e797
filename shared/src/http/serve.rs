//! The frame around every endpoint: starts the process, answers each request, and writes its one line to the log.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use lambda_http::{
    LambdaEvent,
    aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    lambda_runtime, service_fn,
};

use super::{FamilyError, Reply, Request, document::Document};
use crate::{
    app::App,
    config::{Config, Requirements},
    log,
    stats::Totals,
    types::Timestamp,
};

/// Runs a function until Lambda stops it. Ends early only when it can't start, with the reason in the log.
pub fn run<E: FamilyError>(
    handle: impl AsyncFn(&App, &Request) -> Result<Reply, E>,
    requirements: Requirements,
) -> ExitCode {
    start(requirements, async |app| {
        let (app, handle, cold) = (Arc::new(app), Arc::new(handle), Arc::new(AtomicBool::new(true)));
        lambda_runtime::run(service_fn(move |event: LambdaEvent<ApiGatewayV2httpRequest>| {
            let (app, handle, cold) = (app.clone(), handle.clone(), cold.swap(false, Ordering::Relaxed));
            async move { Ok::<_, lambda_runtime::Error>(answer(&app, &*handle, event.payload, cold).await) }
        }))
        .await
    })
}

/// The same for a function that answers every request alike, with this JSON, also given compressed. It needs nothing: no table, no keys, no
/// rights.
pub fn run_document(json: &'static str, gzip: &'static [u8]) -> ExitCode {
    until_stopped(async {
        let (stack, cold) = (Arc::new(Config::stack_from_env()), AtomicBool::new(true));
        let document = Arc::new(Document::new(json, gzip));
        lambda_runtime::run(service_fn(move |event: LambdaEvent<ApiGatewayV2httpRequest>| {
            let (stack, document, cold) = (stack.clone(), document.clone(), cold.swap(false, Ordering::Relaxed));
            async move {
                let (request, started) = (Request::new(event.payload, Timestamp::now()), Instant::now());
                let reply = document.reply(&request);
                let line = line(&request, &reply, None, started, Totals::default(), cold);
                log::request(&line, stack.as_deref());
                Ok::<_, lambda_runtime::Error>(reply.into_response(request.request_id()))
            }
        }))
        .await
    })
}

/// What every function does before its first event.
pub(super) fn start(
    requirements: Requirements,
    serve: impl AsyncFnOnce(App) -> Result<(), lambda_runtime::Error>,
) -> ExitCode {
    until_stopped(async {
        let config = Config::from_env(requirements).map_err(|error| error.to_string())?;
        let app =
            App::start(config, requirements).await.map_err(|_| "the file that AWS_CA_BUNDLE names can't be read")?;
        serve(app).await
    })
}

fn until_stopped(begin: impl Future<Output = Result<(), lambda_runtime::Error>>) -> ExitCode {
    log::silence_panics();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(lambda_runtime::Error::from).and_then(|runtime| runtime.block_on(begin));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::stopped(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Always an answer: an error returned to Lambda would become the gateway's bare 500.
async fn answer<E: FamilyError>(
    app: &App,
    handle: &impl AsyncFn(&App, &Request) -> Result<Reply, E>,
    event: ApiGatewayV2httpRequest,
    cold: bool,
) -> ApiGatewayV2httpResponse {
    let started = Instant::now();
    let request = Request::new(event, Timestamp::now());
    app.limits.begin(request.client(), request.now());
    let (reply, cause) = handle(app, &request).await.map_or_else(E::reply, |reply| (reply, None));
    let is_good = reply.status.as_u16() < 400;
    let limits = app.limits.end(is_good && !reply.is_replay).await;
    // A refusal over a limit tells of that limit itself; other refusals tell of none.
    let reply = if is_good { reply.with_limits(limits) } else { reply };
    let line = line(&request, &reply, cause, started, app.stats.take(), cold);
    log::request(&line, app.stack.as_deref());
    reply.into_response(request.request_id())
}

fn line<'r>(
    request: &'r Request,
    reply: &Reply,
    cause: Option<String>,
    started: Instant,
    totals: Totals,
    cold_start: bool,
) -> log::Line<'r> {
    let (request_id, route, status) = (request.request_id(), request.route(), reply.status.as_u16());
    log::Line { request_id, route, status, latency: started.elapsed(), totals, cold_start, cause }
}
