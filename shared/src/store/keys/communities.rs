//! The keys of communities.

use super::{Key, user_partition};
use crate::types::{CommunityId, CommunityMessageId, ConversationTag, UserId};

/// Items that the number of a community's conversations is spread over, by its members' ids: thousands of first messages at once
/// don't meet on one item.
const COUNT_SHARDS: u8 = 8;

impl Key {
    pub fn community(community: CommunityId) -> Self {
        Self { pk: community_partition(community), sk: "META".to_owned() }
    }

    pub fn member(community: CommunityId, user: UserId) -> Self {
        Self { pk: community_partition(community), sk: member_sort(user) }
    }

    pub fn membership(user: UserId, community: CommunityId) -> Self {
        Self { pk: user_partition(user), sk: format!("{MEMBERSHIPS}{community}") }
    }

    pub fn community_thread(community: CommunityId, tag: ConversationTag) -> Self {
        Self { pk: community_messages(community, tag), sk: "HEAD".to_owned() }
    }

    pub fn community_message(community: CommunityId, tag: ConversationTag, number: u64) -> Self {
        Self { pk: community_messages(community, tag), sk: community_message_sort(number) }
    }

    pub fn conversation_count(community: CommunityId, member: UserId) -> Self {
        // The last byte of a user's id is random.
        Self::count_shard(community, member.as_bytes()[11] % COUNT_SHARDS)
    }

    /// All of a community's.
    pub fn conversation_counts(community: CommunityId) -> impl Iterator<Item = Self> {
        (0..COUNT_SHARDS).map(move |shard| Self::count_shard(community, shard))
    }

    fn count_shard(community: CommunityId, shard: u8) -> Self {
        Self { pk: community_partition(community), sk: format!("{COUNTS}{shard}") }
    }
}

pub fn community_partition(community: CommunityId) -> String {
    format!("COMMUNITY#{community}")
}

pub fn member_sort(user: UserId) -> String {
    format!("{MEMBERS}{user}")
}

pub fn community_messages(community: CommunityId, tag: ConversationTag) -> String {
    format!("COMMUNITY#{community}#CONV#{tag}")
}

/// Twelve digits, so that numbers sort as texts.
pub fn community_message_sort(number: u64) -> String {
    format!("MSG#{number:012}")
}

/// The index key of a community's conversations.
pub fn community_conversations(community: CommunityId) -> String {
    format!("COMMUNITY#{community}#CONVS")
}

/// The index's sort key of a conversation.
pub fn activity(last: CommunityMessageId) -> String {
    last.to_string()
}

/// The sort keys of members begin with this.
pub const MEMBERS: &str = "MEMBER#";

/// The sort keys of the counts of conversations begin with this.
pub const COUNTS: &str = "COUNT#";

/// The sort keys of a user's memberships begin with this.
pub const MEMBERSHIPS: &str = "COMMUNITY#";
