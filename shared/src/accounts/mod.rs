//! What several endpoints of accounts do alike, and what the worker that ends accounts shares with them.

mod codes;
mod erasure;

pub use codes::{BadAddress, MAIL_PATIENCE, codes_to, mail_code, mail_counted_code, may_mail_code};
pub use erasure::erase_some;
