//! Failures of the services that we call. It lives below all of them, and they all return it.

use std::{borrow::Cow, error::Error, fmt};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

type Source = Box<dyn Error + Send + Sync>;

/// A failure that nothing in the request is to blame for.
///
/// Its text goes to the log: it names no content, address or token. The source may quote what people wrote. Therefore `Debug` leaves it
/// out, too.
pub enum StoreError {
    /// A service refused a call, or did not answer it.
    Call { operation: &'static str, reason: Cow<'static, str>, source: Option<Source> },
    /// An item is not what it should be. No other try will end otherwise.
    Unreadable(serde_dynamo::Error),
    /// Something can't be brought into the form in which it is stored or sent.
    Unwritable(&'static str, Option<Source>),
    /// Other writes, or a service that is overloaded, were in the way until the time was over. A later try may succeed.
    Busy(&'static str),
    /// A time-out of our own.
    Late(&'static str),
    /// The status with which a push service refused a push.
    PushRefused(u16),
    /// Something that our own writes and our configuration should rule out.
    Unexpected(&'static str),
    /// Not a failure but the end of a function's time: the next try goes on.
    MoreToDo,
}

impl StoreError {
    pub fn call<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let reason = reason(&error);
        Self::Call { operation, reason, source: Some(Box::new(error)) }
    }

    pub fn unwritable(what: &'static str, source: impl Into<Source>) -> Self {
        Self::Unwritable(what, Some(source.into()))
    }

    /// Whether no other try will end otherwise.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Unreadable(_))
    }
}

/// Why a call failed, in words for the log: AWS's error code, or where the call ended. Never a message or a response, which could
/// quote what people wrote.
fn reason<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Cow<'static, str> {
    Cow::Borrowed(match error {
        SdkError::ServiceError(failure) => match failure.err().code() {
            Some(code) => return Cow::Owned(code.to_owned()),
            None => "unknown service error",
        },
        SdkError::ConstructionFailure(_) => "the request could not be made",
        SdkError::TimeoutError(_) => "timed out",
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "connecting timed out",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "the response could not be read",
        _ => "unknown",
    })
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { operation, reason, .. } => write!(f, "{operation}: {reason}"),
            Self::Unreadable(_) => f.write_str("an item can't be read"),
            Self::Unwritable(what, _) => write!(f, "{what} can't be written"),
            Self::Busy(what) | Self::Late(what) | Self::Unexpected(what) => f.write_str(what),
            Self::PushRefused(status) => write!(f, "a push service answered {status}"),
            Self::MoreToDo => f.write_str("there is more to do than one try has time for"),
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreError({self})")
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Call { source, .. } | Self::Unwritable(_, source) => source.as_deref().map(|source| source as _),
            Self::Unreadable(source) => Some(source),
            Self::Busy(_) | Self::Late(_) | Self::PushRefused(_) | Self::Unexpected(_) | Self::MoreToDo => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_in_the_source_only() {
        let read = serde_dynamo::from_item::<_, u32>(std::collections::HashMap::<
            String,
            aws_sdk_dynamodb::types::AttributeValue,
        >::from([(
            "secret".to_owned(),
            aws_sdk_dynamodb::types::AttributeValue::S("words".to_owned()),
        )]));
        let error = StoreError::Unreadable(read.unwrap_err());
        assert!(error.source().is_some() && error.is_final());
        assert_eq!(format!("{error} {error:?}"), "an item can't be read StoreError(an item can't be read)");
    }
}
