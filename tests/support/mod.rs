//! What the tests share: the stack, visitors who talk to it, links to talk about, cards, and time.

mod answer;
mod cards;
mod clock;
mod link;
mod logs;
mod stack;
mod table;
mod visitor;

pub mod png;
pub mod template;

pub use answer::Answer;
pub use cards::{Upload, upload};
pub use clock::{eventually, in_ms, now, time, whole};
pub use link::{Link, random_slug};
pub use logs::{line_of, lines};
pub use stack::{Elsewhere, base, options, own_stack};
pub use table::{everything_stored, texts};
pub use visitor::{Call, Visitor, all_at_once};
