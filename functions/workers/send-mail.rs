//! `send-mail`: mails somebody that something was written to them. The queue of mails wakes it.

use shared::{
    http::{NotDone, Outcome},
    notifications::{MailTask, send_mail},
    prelude::*,
};

async fn handle(app: &App, task: &MailTask) -> Result<Outcome, NotDone> {
    send_mail(app, task).await
}

shared::task_worker!("send-mail", handle, mails, mail, api_url);
