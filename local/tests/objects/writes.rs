//! Writes that race, and writes on condition.

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::task::JoinSet;

use crate::support::{BUCKET, code, in_both_modes};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_one_of_32_concurrent_creators_wins() {
    in_both_modes(async |store| {
        for round in 0..5 {
            let mut creators = JoinSet::new();
            for n in 0..32 {
                let body = ByteStream::from(format!("creator {n}").into_bytes());
                let put =
                    store.s3.put_object().bucket(BUCKET).key(format!("race/{round}")).body(body).if_none_match("*");
                creators.spawn(async move { put.send().await.map(|_| n).map_err(code) });
            }
            let (winners, losers): (Vec<_>, Vec<_>) = creators.join_all().await.into_iter().partition(Result::is_ok);
            assert_eq!(winners.len(), 1);
            assert!(losers.iter().all(|loser| loser == &Err("PreconditionFailed".to_owned())), "{losers:?}");
            let winner = winners[0].as_ref().expect("a winner");
            assert_eq!(store.get(&format!("race/{round}")).await, Ok(Bytes::from(format!("creator {winner}"))));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_concurrent_replacements_of_one_version_exactly_one_happens() {
    in_both_modes(async |store| {
        let tag = store.put("k", b"first").send().await.expect("a put").e_tag.expect("a tag");
        let mut writers = JoinSet::new();
        for n in 0..32 {
            let body = ByteStream::from(format!("writer {n}").into_bytes());
            let put = store.s3.put_object().bucket(BUCKET).key("k").body(body).if_match(&tag);
            writers.spawn(async move { put.send().await.is_ok() });
        }
        assert_eq!(writers.join_all().await.into_iter().filter(|won| *won).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_write_on_condition_leaves_any_other_version_alone() {
    in_both_modes(async |store| {
        let refused = Some("PreconditionFailed");
        let new = store.put("k", b"x").if_match("\"other\"").send().await;
        assert_eq!(new.map_err(code).err().as_deref(), Some("NoSuchKey"), "nothing to replace");
        let tag = store.put("k", b"one").if_none_match("*").send().await.expect("a put").e_tag.expect("a tag");
        assert_eq!(store.put("k", b"x").if_match("\"other\"").send().await.map_err(code).err().as_deref(), refused);
        assert_eq!(store.put("k", b"x").if_none_match("*").send().await.map_err(code).err().as_deref(), refused);
        let delete = || store.s3.delete_object().bucket(BUCKET).key("k");
        assert_eq!(delete().if_match("\"other\"").send().await.map_err(code).err().as_deref(), refused);
        store.put("k", b"two").if_match(&tag).send().await.expect("the version that was expected");
        assert_eq!(delete().if_match(&tag).send().await.map_err(code).err().as_deref(), refused);
        assert_eq!(store.get("k").await.as_deref(), Ok(&b"two"[..]));
        delete().if_match("*").send().await.expect("any version");
        assert_eq!(store.keys().await, Vec::<String>::new());
    })
    .await;
}
