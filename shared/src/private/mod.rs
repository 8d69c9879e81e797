//! What several endpoints of private messages do alike.

mod marks;

pub use marks::mark_upto;
