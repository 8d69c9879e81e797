//! What several endpoints of private messages do alike.

mod marks;
mod outgoing;

pub use marks::mark_upto;
pub use outgoing::{Outgoing, Recipient};
