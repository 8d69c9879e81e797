//! Who may act. The types here have private fields and can be made only here: an endpoint that holds one has checked.

mod caller;
mod known;
mod links;
mod unsubscriber;

pub use caller::{COOKIE, Caller, NotACaller, Presented, SECURE_COOKIE, TrustedCaller, end_session, signed_in};
pub use known::{Known, SigningIn};
pub use links::{Admitted, LinkOwner, notified};
pub use unsubscriber::Unsubscriber;
