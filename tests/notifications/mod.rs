//! Preferences, push subscriptions and unsubscribing (section 5 of the contract).

mod link_owners;
mod preferences;
pub mod steps;
mod subscriptions;
mod twenty;
mod unsubscribe;
mod vapid;
