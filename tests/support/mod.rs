//! Shared by the tests: the stack and its clients, users, links, cards, time, and a proxy that makes stores fail.

mod answer;
mod blank;
mod browser;
mod cards;
mod client;
mod clock;
mod codes;
mod community;
mod conflicts;
mod cursor;
mod documented;
mod fault_proxy;
mod faulty_stack;
mod link;
mod logs;
mod private;
mod sent;
mod stack;
mod table;
mod user;

pub mod png;
pub mod template;

pub use answer::Answer;
pub use blank::BLANK_TEXTS;
pub use browser::Browser;
pub use cards::{Upload, upload};
pub use client::{Call, Client, all_at_once, wait_until_accepted};
pub use clock::{SOON, eventually, in_ms, now, time, whole_number};
pub use community::Community;
pub use cursor::forgeries;
pub use documented::DOCUMENT;
pub use fault_proxy::{ALWAYS, Call as StoreCall, Fault, FaultProxy, When};
pub use faulty_stack::FaultyStack;
pub use link::{Link, random_slug};
pub use logs::{line_of, lines, worker_lines};
pub use private::{Bucket, Pair, keys_of, media_of, padded_clip, put, sample, table_has_ttl, text};
pub use sent::{bodies, pushes_for};
pub use stack::{StackScope, base, options, stack_or_skip};
pub use table::{ask, everything_stored, store_old_messages, stored_in, texts};
pub use user::{PASSWORD, User, code_for, mail_for, mails_for, random_email, random_username, send_otp};
