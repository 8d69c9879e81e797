//! Mail, sent by SES. What letters say stands here too: in text and in HTML, and never anything that a stranger wrote.

use std::sync::{Arc, OnceLock};

use aws_sdk_sesv2::{
    Client,
    types::{Body, Content, Destination, EmailContent, Message},
};

use crate::{
    aws::{AwsClients, describe},
    config::MailConfig,
    store::StoreError,
    tally::Tally,
    types::{Code, Email},
};

/// One letter to one person.
pub struct Letter {
    subject: &'static str,
    /// Before the code.
    says: &'static str,
    code: Code,
}

impl Letter {
    pub fn sign_up(code: Code) -> Self {
        Self { subject: "Your code for Sotto", says: "Your code to sign up for Sotto is:", code }
    }

    pub fn new_device(code: Code) -> Self {
        Self {
            subject: "A new device signed in to Sotto",
            says: "Someone signed in to your account on a new device. If it was you, this code makes the device a trusted one. \
                   If it was not you, change your password. The code is:",
            code,
        }
    }

    pub fn new_password(code: Code) -> Self {
        Self {
            subject: "A new password for Sotto",
            says: "Someone, probably you, asked for a new password. If it was not you, do nothing. Your code to set it is:",
            code,
        }
    }

    fn text(&self) -> String {
        format!("{}\n\n    {}\n\nIt is good for 5 minutes. Give it to nobody.\n", self.says, self.code.as_str())
    }

    fn html(&self) -> String {
        format!(
            "<!doctype html><html lang=\"en\"><body style=\"font-family:sans-serif\"><p>{}</p>\
             <p style=\"font-size:2em;letter-spacing:.2em\"><strong>{}</strong></p>\
             <p>It is good for 5 minutes. Give it to nobody.</p></body></html>",
            self.says,
            self.code.as_str()
        )
    }
}

pub struct Mailer {
    /// Made at the first use: most requests send nothing.
    client: OnceLock<Client>,
    clients: AwsClients,
    config: MailConfig,
    tally: Arc<Tally>,
}

impl Mailer {
    pub fn new(clients: AwsClients, config: MailConfig, tally: Arc<Tally>) -> Self {
        Self { client: OnceLock::new(), clients, config, tally }
    }

    /// Returns when SES has taken the letter.
    pub async fn send(&self, to: &Email, letter: &Letter) -> Result<(), StoreError> {
        let part = |text: String| Content::builder().data(text).charset("UTF-8").build();
        let made = part(letter.subject.to_owned()).and_then(|subject| {
            let body = Body::builder().text(part(letter.text())?).html(part(letter.html())?).build();
            Ok(Message::builder().subject(subject).body(body).build())
        });
        let message = made.map_err(|_| StoreError::new("a letter can't be written".to_owned()))?;
        let call = self
            .client
            .get_or_init(|| self.clients.ses(self.config.endpoint.clone()))
            .send_email()
            .from_email_address(&self.config.from)
            .destination(Destination::builder().to_addresses(to.as_str()).build())
            .content(EmailContent::builder().simple(message).build());
        let sent = self.tally.call(&["ses:SendEmail"], call.send()).await;
        sent.map(drop).map_err(|error| StoreError::new(describe("SendEmail", &error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_a_letter_say_the_code() {
        for letter in [Letter::sign_up, Letter::new_device, Letter::new_password] {
            let letter = letter(Code::generate([0, 0, 0, 0, 0, 0, 48, 57]));
            assert!(letter.text().contains("012345") && letter.html().contains("012345"));
            assert!(letter.subject.is_ascii());
        }
    }
}
