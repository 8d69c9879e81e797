//! `DELETE /api/auth/account`: the account, its inbox, its devices and its blocks are gone. If that is too much for
//! one request, the worker `clean-up` does the rest.

use std::time::{Duration, Instant};

use shared::{accounts::erase_some, prelude::*};

/// After this time the worker does the rest. It ends well before the function's own time-out.
const PATIENCE: Duration = Duration::from_secs(5);

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let started = Instant::now();
    let caller = Caller::of(app, request).await?.on_trusted_device()?;
    let Proof { password } = request.json()?;
    let (account, attempt) = caller.prove(app, &password).await?;

    let address = app.tokens.email_hash(&account.email);
    let (closed, ()) = join!(app.store.close_account(&account, &address, request.now()), attempt.succeeded());
    let erasure = closed?.ok_or(AccountsError::WrongPassword)?;
    while started.elapsed() < PATIENCE {
        match erase_some(app, &erasure).await {
            Ok(true) => {}
            Ok(false) => {
                free_name(app, &erasure).await;
                break;
            }
            Err(error) => {
                app.store.record_degradation(&error);
                break;
            }
        }
    }
    Ok(end_session(app, request, Reply::ok(&Done::because(AccountDeleted))))
}

/// If this fails, the name is free in an hour.
async fn free_name(app: &App, erasure: &store::Erasure) {
    if erasure.frees_name
        && let Err(error) = app.store.free_name(erasure).await
    {
        app.store.record_degradation(&error);
    }
}

shared::lambda!(handle, sessions);
