//! The error type of the local stack: a message that a person can act on.

use std::fmt;

/// Why the stack could not start.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// An error with the action that failed, and its cause with all deeper causes.
    pub fn of(doing: impl fmt::Display, cause: &dyn std::error::Error) -> Self {
        let mut message = format!("{doing}: {cause}");
        let mut cause = cause.source();
        while let Some(deeper) = cause {
            message.push_str(&format!(": {deeper}"));
            cause = deeper.source();
        }
        Self(message)
    }

    /// The same error, with the place of the failure before the message.
    pub fn within(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
