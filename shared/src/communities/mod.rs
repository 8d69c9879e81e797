//! What several endpoints of communities do alike.

mod access;

pub use access::{CommunityAccess, MemberPair};
