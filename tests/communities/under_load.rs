//! A member is removed while both sides send: no message that begins after the answer is accepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::steps::UNREACHABLE;
use crate::support::{Answer, Community, SOON, User, all_at_once, eventually};

/// Sends the same message until `over` is set, and then three times more. Returns each start time and status.
async fn hammer(
    community: Community,
    [from, to]: [User; 2],
    is_over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
) -> Vec<(Instant, Answer)> {
    let (mut attempts, mut more) = (Vec::new(), 3);
    while more > 0 && attempts.len() < 100 {
        if is_over.load(Ordering::SeqCst) {
            more -= 1;
        }
        let started = Instant::now();
        attempts.push((started, community.say(&from, &to, "Again and again").await));
        done.fetch_add(1, Ordering::SeqCst);
    }
    attempts
}

#[tokio::test]
async fn no_message_that_begins_after_a_member_was_removed_is_sent() {
    for round in 0..6 {
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = community.creator.clone();
        let (is_over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let ways = [[&ann, &bob], [&bob, &ann], [&ann, &bob], [&bob, &ann]];
        let senders =
            ways.map(|[from, to]| hammer(community.clone(), [from.clone(), to.clone()], is_over.clone(), done.clone()));
        let senders = tokio::spawn(all_at_once(senders));
        eventually("some messages", SOON, async || (done.load(Ordering::SeqCst) > 4 + round).then_some(())).await;
        match round % 2 {
            0 => community.block(&bob).await.ok(200),
            _ => community.leave(&bob).await.ok(200),
        };
        let answered = Instant::now();
        is_over.store(true, Ordering::SeqCst);
        let attempts = senders.await.expect("senders who do not panic").into_iter().flatten();
        let (after, before): (Vec<_>, Vec<_>) = attempts.partition(|(started, _)| *started > answered);
        assert!(after.len() >= 8 && before.len() > 4, "{} before, {} after", before.len(), after.len());
        after.iter().for_each(|(_, answer)| answer.denies_message(403, UNREACHABLE));
        let mut passed = 0;
        for (_, answer) in &before {
            match answer.status {
                201 => passed += 1,
                _ => answer.denies_message(403, UNREACHABLE),
            }
        }
        assert!(passed > 0, "nothing was sent before");
        let page = community.messages(&ann, &bob, "?per_page=1").await.ok(200);
        assert_eq!(page["total"], passed);
        assert_eq!(community.listed(&ann).await.0, u64::from(round % 2 == 1));
    }
}
