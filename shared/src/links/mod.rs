//! What several endpoints of anonymous links do alike.

mod shared_message;

pub use shared_message::SharedMessage;
