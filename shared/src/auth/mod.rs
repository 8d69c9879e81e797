//! Authentication and authorisation. The types here have private fields and can be made only here. An endpoint that
//! holds one has checked.

mod caller;
mod links;
mod login;
mod unsubscriber;

pub use caller::{
    COOKIE, Caller, NotACaller, SECURE_COOKIE, TrustedCaller, UnverifiedSession, confirm_and_read, end_session,
    signed_in,
};
pub use links::{LinkOwner, PinAttempt, PinPassed, slug_claim};
pub use login::{Authenticated, LoginTarget, check_code};
pub use unsubscriber::Unsubscriber;
