//! Mails about messages. After a mail, there is no other one about the same place for ten minutes. What comes within them is mailed as one
//! digest at their end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::news::{News, news};
use crate::{
    app::App,
    http::{NotDone, Outcome},
    mail::EmailMessage,
    queue::Task,
    store::{NotificationEvent, NotificationState, StoreError, Turn},
    types::Timestamp,
};

/// Two instances' clocks may differ by this. A task that comes too early would wait again.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

/// The shortest time to wait for another mail of the same place.
const A_MOMENT: Duration = Duration::from_secs(1);

/// A mail about a message.
#[derive(Serialize, Deserialize)]
pub struct MailTask {
    pub event: NotificationEvent,
    /// It has waited for the end of ten minutes without a mail, on behalf of everything that came within them.
    pub waited: bool,
}

impl Task for MailTask {
    fn given_up(&self, why: &StoreError) -> Value {
        self.event.given_up(why)
    }
}

pub async fn send_mail(app: &App, task: &MailTask) -> Result<Outcome, NotDone> {
    let (event, now) = (&task.event, Timestamp::now());
    let state = app.store.notification_state(event).await?;
    if event.is_old(now) || state.was_mailed(event) {
        return Ok(Outcome::Done);
    }
    if let Some(until) = state.quiet_until(now) {
        return wait(app, task, &state, until, now).await;
    }
    // A digest stands for everything that came. So it goes out if one of its messages is still news.
    let lease = state.lease();
    let newest = state.newer_than(event);
    let (news, upto) = match (news(app, event).await?, newest) {
        (Some(found), newest) => (found, newest.unwrap_or_else(|| event.clone())),
        (None, Some(newest)) => match news(app, &newest).await? {
            Some(found) => (found, newest),
            None => return Ok(Outcome::Done),
        },
        (None, None) => return Ok(Outcome::Done),
    };
    if !news.preferences.email {
        return Ok(Outcome::Done);
    }
    app.mailer().has_quota_for_news().await?;
    match app.store.begin_mail(event, lease, Timestamp::now()).await? {
        Turn::Ours => mail(app, task, &news, &upto).await,
        Turn::Done => Ok(Outcome::Done),
        Turn::Busy(until) => Ok(Outcome::PutOff(until.since(now).max(A_MOMENT))),
    }
}

/// Waits for the end of the time without a mail, unless another task does.
async fn wait(
    app: &App,
    task: &MailTask,
    state: &NotificationState,
    until: Timestamp,
    now: Timestamp,
) -> Result<Outcome, NotDone> {
    let event = &task.event;
    let left = until.since(now) + CLOCKS_DIFFER;
    if task.waited {
        return Ok(Outcome::PutOff(left));
    }
    if !state.has_waiting_task(event) && app.store.claim_wait(event, until).await? {
        app.mails().hand_over(&MailTask { event: event.clone(), waited: true }, left).await?;
    } else {
        app.store.note_waiting(event).await?;
    }
    Ok(Outcome::Done)
}

/// Sends the mail. It stands for everything up to the message `upto`.
async fn mail(app: &App, task: &MailTask, news: &News, upto: &NotificationEvent) -> Result<Outcome, NotDone> {
    let event = &task.event;
    let token = app.tokens.unsubscribe(event.to);
    let unsubscribe = format!("{}/api/v1/notifications/unsubscribe?token={token}", app.api_url());
    let says = match task.waited {
        true => format!("{} since our last mail", news.says),
        false => news.says.clone(),
    };
    let email = EmailMessage::notification(&says, &news.url, &unsubscribe);
    match app.mailer().send_one_of_many(&news.account.email, &email).await {
        Ok(()) => {
            app.store.end_mail(upto, Timestamp::now()).await?;
            Ok(Outcome::Done)
        }
        Err(refused) => {
            if !refused.may_be_sent {
                app.store.put_mail_back(event).await?;
            }
            Err(if refused.is_final { NotDone::ForGood(refused.cause) } else { NotDone::ForNow(refused.cause) })
        }
    }
}
