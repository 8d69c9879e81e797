//! Lists, page by page.

use crate::support::{BUCKET, code, in_both_modes};

#[tokio::test]
async fn pages_of_a_list_have_every_key_with_the_prefix_once_and_in_order() {
    in_both_modes(async |store| {
        let mut expected: Vec<_> = (0..23).map(|n| format!("cards/{n}")).collect();
        expected.sort();
        for key in expected.iter().map(String::as_str).chain(["card", "cards!", "cardz/1"]) {
            store.put(key, b"x").send().await.expect("a put");
        }
        let pages = store.s3.list_objects_v2().bucket(BUCKET).prefix("cards/").max_keys(5).into_paginator().send();
        let pages = pages.try_collect().await.expect("pages");
        assert_eq!(pages.iter().map(|page| page.contents().len()).collect::<Vec<_>>(), [5, 5, 5, 5, 3]);
        let keys: Vec<_> = pages.iter().flat_map(|page| page.contents()).filter_map(|object| object.key()).collect();
        assert_eq!(keys, expected);
        let first = &pages[0].contents()[0];
        assert_eq!((first.size(), first.e_tag()), (Some(1), Some("\"9dd4e461268c8034f5c8564e155c67a6\"")));

        let list = || store.s3.list_objects_v2().bucket(BUCKET);
        let rest = list().start_after("cards/9").send().await.expect("a list");
        assert_eq!(rest.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["cardz/1"]);
        let none = list().max_keys(0).send().await.expect("a list");
        assert_eq!((none.contents().len(), none.is_truncated()), (0, Some(false)));
        assert_eq!(
            list().continuation_token("??").send().await.map_err(code).err().as_deref(),
            Some("InvalidArgument")
        );
        assert_eq!(list().delimiter("/").send().await.map_err(code).err().as_deref(), Some("NotImplemented"));
    })
    .await;
}
