//! `GET /api/v1/notifications/unsubscribe`: asks whoever follows the link of a mail whether to end such mail. This
//! changes nothing, as programs that check mail follow its links, too.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PageError> {
    Unsubscriber::of(app, request)?;
    let text = "Do you want no more mail about new messages?";
    Ok(Reply::question("Unsubscribe", text, "Send me no more mail"))
}

shared::lambda!(handle);
