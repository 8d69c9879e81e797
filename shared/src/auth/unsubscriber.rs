//! Whoever holds a notification mail may unsubscribe its recipient from such mails.

use crate::{
    app::App,
    http::{NotificationsError, Request},
    types::UserId,
};

/// Whoever holds the token of a mail, and of whose mail it is. No session is asked for: the token is all it takes (RFC 8058).
pub struct Unsubscriber {
    user: UserId,
}

impl Unsubscriber {
    pub fn of(app: &App, request: &Request) -> Result<Self, NotificationsError> {
        let user = request.query("token").and_then(|token| app.tokens.read_unsubscribe(&token));
        user.map(|user| Self { user }).ok_or(NotificationsError::BadToken)
    }

    pub fn user(&self) -> UserId {
        self.user
    }
}
