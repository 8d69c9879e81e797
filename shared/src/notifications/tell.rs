//! Decides whether a message causes a mail, pushes, or neither. This reads little and calls no service but the queues, so no message waits
//! long for the ones in front of it.

use std::time::Duration;

use futures_util::try_join;

use super::{MailTask, PushTask};
use crate::{
    app::App,
    limits::Limit,
    store::{NotificationEvent, StoreError, StreamRecord},
    types::Timestamp,
};

/// Hands the notifications about a record of the stream over to the queues. A record that can never be read goes to the dead-letter
/// queue and blocks nothing.
pub async fn tell(app: &App, record: &StreamRecord) -> Result<(), StoreError> {
    let told = match NotificationEvent::of(record) {
        Ok(event) => tell_of(app, event).await,
        Err(error) => return give_up(app, record, &error).await,
    };
    match told {
        Err(error) if error.is_final() => give_up(app, record, &error).await,
        told => told,
    }
}

async fn give_up(app: &App, record: &StreamRecord, why: &StoreError) -> Result<(), StoreError> {
    app.queue().put(record.failed(why).to_string()).await?;
    app.store.record_degradation(why);
    Ok(())
}

async fn tell_of(app: &App, event: NotificationEvent) -> Result<(), StoreError> {
    let now = Timestamp::now();
    if event.is_old(now) {
        return Ok(());
    }
    let ways = app.store.ways(event.to).await?;
    // One sender causes no more pushes than this, as a sender has a place of its own. All anonymous senders share one.
    let sender = format!("{} {}", event.to, event.place.name());
    let pushes = ways.push() && app.limits.admits(Limit::Pushes, sender, now).await;
    let mail = async {
        match ways.email {
            true => app.mails().hand_over(&MailTask { event: event.clone(), waited: false }, Duration::ZERO).await,
            false => Ok(()),
        }
    };
    let push = async {
        match pushes {
            true => app.pushes().hand_over(&PushTask { event: event.clone(), only_to: None }, Duration::ZERO).await,
            false => Ok(()),
        }
    };
    try_join!(mail, push).map(drop)
}
