//! Notifications: how people are told of messages (section 5 of the contract).

mod link_owners;
mod preferences;
pub mod steps;
mod subscriptions;
mod twenty;
mod unsubscribe;
mod vapid;
