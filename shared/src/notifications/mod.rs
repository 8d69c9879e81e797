//! Telling people of what was written to them. A notification names the place and, if that is no secret, the sender. It never quotes the
//! message.
//!
//! The worker on the table's stream decides who is to be told, and by what (`tell`). It hands that over to two queues: one of mails
//! (`mails`), one of pushes (`pushes`). So neither waits for the other, and no message waits for another one's mail or push.
//!
//! A notification is sent at least once. It is sent twice only if a function dies between sending and noting it, or if SES takes a mail
//! and its answer is lost.

mod mails;
mod news;
mod pushes;
mod tell;

pub use mails::{MailTask, send_mail};
pub use pushes::{PushTask, send_pushes};
pub use tell::tell;
