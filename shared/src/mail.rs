//! Mail, sent by SES. The texts of mails are here too, as text and HTML. No mail has text that a stranger wrote, except the name
//! of a community that the recipient is in (notices.rs).

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_sesv2::{
    Client,
    config::{self, Config, retry::RetryConfig, timeout::TimeoutConfig},
    error::SdkError,
    operation::send_email::{SendEmailError, builders::SendEmailFluentBuilder},
    types::{Body, Content, Destination, EmailContent, Message, MessageHeader},
};

use crate::{
    aws::AwsClients,
    config::MailConfig,
    error::StoreError,
    html::escape,
    stats::RequestStats,
    types::{Code, Email},
};

/// How long one mail of many may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a worker with many mails leaves SES alone after a failure.
const REST: Duration = Duration::from_secs(3);

/// How long a reading of SES's quota is good for. SES answers one such question a second.
const QUOTA_LASTS: Duration = Duration::from_secs(60);

/// The share of the daily quota that mails about messages may use. The rest is for codes, so that people can always sign up.
const SHARE_OF_NEWS: f64 = 0.8;

/// One mail to one person.
pub struct EmailMessage {
    subject: String,
    text: String,
    html: String,
    headers: Vec<(&'static str, String)>,
}

/// A mail that SES did not take.
pub struct NotMailed {
    pub cause: StoreError,
    /// SES will never take it, so another try is useless.
    pub is_final: bool,
    /// SES may have taken it although we got no answer.
    pub may_be_sent: bool,
    /// SES says that there can't be such an address.
    pub is_bad_address: bool,
}

impl NotMailed {
    fn unwritable(cause: StoreError) -> Self {
        Self { cause, is_final: true, may_be_sent: false, is_bad_address: false }
    }

    fn of(error: SdkError<SendEmailError>) -> Self {
        Self {
            is_final: error.as_service_error().is_some_and(is_final),
            may_be_sent: error.as_service_error().is_none(),
            is_bad_address: error.as_service_error().is_some_and(SendEmailError::is_bad_request_exception),
            cause: StoreError::call("SendEmail", error),
        }
    }
}

impl EmailMessage {
    pub fn sign_up(code: Code) -> Self {
        Self::with_code("Your code for Sotto", "Your code to sign up for Sotto is:", &code)
    }

    pub fn new_device(code: Code) -> Self {
        let says = "Someone signed in to your account on a new device. If it was you, this code makes the device a trusted one. \
                    If it was not you, change your password. The code is:";
        Self::with_code("A new device signed in to Sotto", says, &code)
    }

    pub fn new_password(code: Code) -> Self {
        let says =
            "Someone, probably you, asked for a new password. If it was not you, do nothing. Your code to set it is:";
        Self::with_code("A new password for Sotto", says, &code)
    }

    fn with_code(subject: &str, says: &str, code: &Code) -> Self {
        let code = code.as_str();
        Self {
            subject: subject.to_owned(),
            text: format!("{says}\n\n    {code}\n\nIt is good for 5 minutes. Give it to nobody.\n"),
            html: page(&format!(
                "<p>{says}</p><p style=\"font-size:2em;letter-spacing:.2em\"><strong>{code}</strong></p>\
                 <p>It is good for 5 minutes. Give it to nobody.</p>"
            )),
            headers: Vec::new(),
        }
    }

    /// A notification that something was written to somebody. `says` names the sender and the place, `url` is where to
    /// read it. A POST to `unsubscribe` ends such mail, from the mail program itself (RFC 8058).
    pub fn notification(says: &str, url: &str, unsubscribe: &str) -> Self {
        let why = "You get this mail as you have an account at Sotto. To get no more of them, open:";
        let [says_html, url_html, unsubscribe_html] = [says, url, unsubscribe].map(escape);
        Self {
            subject: "Something was written to you on Sotto".to_owned(),
            text: format!("{says}.\n\n    {url}\n\n{why}\n\n    {unsubscribe}\n"),
            html: page(&format!(
                "<p>{says_html}.</p><p><a href=\"{url_html}\">Read it on Sotto</a></p>\
                 <p style=\"font-size:.8em\">{why} <a href=\"{unsubscribe_html}\">unsubscribe</a></p>"
            )),
            headers: vec![
                ("List-Unsubscribe", format!("<{unsubscribe}>")),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
            ],
        }
    }

    /// As SES takes it. Every mail says that a program sent it, so that no program answers it (RFC 3834).
    fn message(&self) -> Result<Message, StoreError> {
        let part = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let header = |(name, value): &(&str, String)| MessageHeader::builder().name(*name).value(value).build();
        let made = part(&self.subject).and_then(|subject| {
            let body = Body::builder().text(part(&self.text)?).html(part(&self.html)?).build();
            let automatic = ("Auto-Submitted", "auto-generated".to_owned());
            let headers = self.headers.iter().chain([&automatic]).map(header).collect::<Result<Vec<_>, _>>()?;
            Ok(Message::builder().subject(subject).body(body).set_headers(Some(headers)).build())
        });
        made.map_err(|error| StoreError::unwritable("a mail", error))
    }
}

fn page(body: &str) -> String {
    format!("<!doctype html><html lang=\"en\"><body style=\"font-family:sans-serif\">{body}</body></html>")
}

pub struct Mailer {
    /// Made at the first use: most requests send nothing.
    client: OnceLock<Client>,
    clients: AwsClients,
    config: MailConfig,
    stats: Arc<RequestStats>,
    /// Until then, notifications are not even tried.
    rests_until: Mutex<Option<Instant>>,
    /// As last read. Locked while it is read, so that it is read once.
    quota: tokio::sync::Mutex<Option<DailyQuota>>,
}

/// SES's quota of mails in 24 hours.
struct DailyQuota {
    /// Negative if there is none.
    most: f64,
    sent: f64,
    read_at: Instant,
}

impl DailyQuota {
    fn has_room_for_news(&self) -> bool {
        self.most < 0.0 || self.sent < SHARE_OF_NEWS * self.most
    }
}

impl Mailer {
    pub fn new(clients: AwsClients, config: MailConfig, stats: Arc<RequestStats>) -> Self {
        Self {
            client: OnceLock::new(),
            clients,
            config,
            stats,
            rests_until: Mutex::default(),
            quota: tokio::sync::Mutex::default(),
        }
    }

    /// Fails while mails about messages have used up their share of the daily quota.
    pub async fn has_quota_for_news(&self) -> Result<(), StoreError> {
        let mut known = self.quota.lock().await;
        if known.as_ref().is_none_or(|quota| quota.read_at.elapsed() > QUOTA_LASTS) {
            match self.read_quota().await {
                Ok(quota) => *known = Some(quota),
                // An older reading is better than none.
                Err(error) if known.is_none() => return Err(error),
                Err(_) => {}
            }
        }
        let Some(quota) = known.as_mut().filter(|quota| quota.has_room_for_news()) else {
            return Err(StoreError::Busy("mails about messages have used up their share of SES's daily quota"));
        };
        quota.sent += 1.0;
        Ok(())
    }

    async fn read_quota(&self) -> Result<DailyQuota, StoreError> {
        let call = self.client().get_account().customize().config_override(once());
        let account = self.stats.call(&["ses:GetAccount"], call.send()).await;
        let account = account.map_err(|error| StoreError::call("GetAccount", error))?;
        let quota = account.send_quota.ok_or(StoreError::Unexpected("SES says nothing of its quota"))?;
        Ok(DailyQuota { most: quota.max24_hour_send, sent: quota.sent_last24_hours, read_at: Instant::now() })
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| self.clients.ses(self.config.endpoint.clone()))
    }

    /// The same as [`Self::send`], for a caller that sends many mails and retries by itself. It tries once, so that few mails are
    /// sent twice. After a failure, all calls fail at once for a moment, so that nobody waits for each mail while SES is down.
    pub async fn send_one_of_many(&self, to: &Email, email: &EmailMessage) -> Result<(), NotMailed> {
        let rests_until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        if rests_until.is_some_and(|until| Instant::now() < until) {
            let cause = StoreError::Busy("SendEmail: not tried, as it has just failed");
            return Err(NotMailed { cause, is_final: false, may_be_sent: false, is_bad_address: false });
        }
        let call = self.call(to, email)?.customize().config_override(once());
        let sent = self.stats.call(&["ses:SendEmail"], call.send()).await.map_err(NotMailed::of);
        if sent.as_ref().is_err_and(|error| !error.is_final) {
            *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
        }
        sent.map(drop)
    }

    /// Returns when SES has taken the mail.
    pub async fn send(&self, to: &Email, email: &EmailMessage) -> Result<(), NotMailed> {
        let call = self.call(to, email)?;
        let sent = self.stats.call(&["ses:SendEmail"], call.send()).await;
        sent.map(drop).map_err(NotMailed::of)
    }

    fn call(&self, to: &Email, email: &EmailMessage) -> Result<SendEmailFluentBuilder, NotMailed> {
        let message = email.message().map_err(NotMailed::unwritable)?;
        let call = self
            .client()
            .send_email()
            .from_email_address(&self.config.from)
            .destination(Destination::builder().to_addresses(to.as_str()).build())
            .content(EmailContent::builder().simple(message).build());
        Ok(call)
    }
}

/// One try, with a longer time-out than each of several tries has.
fn once() -> config::Builder {
    let time_outs = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).operation_timeout(PATIENCE).build();
    Config::builder().retry_config(RetryConfig::disabled()).timeout_config(time_outs)
}

/// Whether SES refuses this mail for good, and not all mails for a while.
fn is_final(error: &SendEmailError) -> bool {
    error.is_bad_request_exception() || error.is_message_rejected()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_a_letter_say_the_code() {
        for email in [EmailMessage::sign_up, EmailMessage::new_device, EmailMessage::new_password] {
            let email = email(Code::generate([0, 0, 0, 0, 0, 0, 48, 57]));
            assert!(email.text.contains("012345") && email.html.contains("012345"));
            assert!(email.subject.is_ascii() && email.headers.is_empty());
        }
    }

    #[test]
    fn news_leave_a_fifth_of_the_quota_to_codes() {
        let has_room = |most, sent| DailyQuota { most, sent, read_at: Instant::now() }.has_room_for_news();
        assert!(has_room(200.0, 159.0) && !has_room(200.0, 160.0) && !has_room(0.0, 0.0) && has_room(-1.0, 1e9));
    }

    #[test]
    fn news_can_be_ended_by_one_click_and_break_no_html() {
        let email = EmailMessage::notification(
            "Ann wrote to you in <b>\"R&D\"</b>",
            "https://s.example/x",
            "https://s.example/u?token=t",
        );
        assert_eq!(email.headers[0], ("List-Unsubscribe", "<https://s.example/u?token=t>".to_owned()));
        assert_eq!(email.headers[1], ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        assert!(email.html.contains("&lt;b&gt;&quot;R&amp;D&quot;&lt;/b&gt;") && !email.html.contains("<b>"));
        assert!(email.text.contains("<b>\"R&D\"</b>"));
    }
}
