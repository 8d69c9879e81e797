//! Objects in a directory: kept over a restart, and never half-written.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use aws_sdk_s3::{Client, primitives::ByteStream};
use local::objects::Objects;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{BUCKET, Scratch, Served, code, for_a_minute, pattern};

#[tokio::test]
async fn objects_survive_a_restart_with_everything_that_was_said_of_them() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.store()).await;
    let put = store.put("cards/x", b"hello").content_type("image/png").cache_control("max-age=60");
    let put = put.content_disposition("inline").content_encoding("gzip").metadata("owner", "u1");
    let tag = put.send().await.expect("a put").e_tag.expect("a tag");
    store.put("gone", b"x").send().await.expect("a put");
    store.s3.delete_object().bucket(BUCKET).key("gone").send().await.expect("a deletion");
    let head = |s3: &Client| s3.head_object().bucket(BUCKET).key("cards/x").send();
    let before = head(&store.s3).await.expect("a head");
    store.stop().await;

    let store = Served::start(scratch.store()).await;
    let after = head(&store.s3).await.expect("a head");
    assert_eq!(after.e_tag(), Some(tag.as_str()));
    assert_eq!(after.last_modified(), before.last_modified());
    assert_eq!((after.content_type(), after.content_encoding()), (Some("image/png"), Some("gzip")));
    assert_eq!((after.cache_control(), after.content_disposition()), (Some("max-age=60"), Some("inline")));
    assert_eq!(after.metadata(), before.metadata());
    assert_eq!(store.keys().await, ["cards/x"]);
    assert_eq!(store.get("cards/x").await.as_deref(), Ok(&b"hello"[..]));
    let again = store.put("cards/x", b"x").if_none_match("*").send().await;
    assert_eq!(again.map_err(code).err().as_deref(), Some("PreconditionFailed"));
    store.stop().await;
}

#[tokio::test]
async fn only_what_is_current_has_files() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.store()).await;
    for body in [&b"one"[..], b"two", b"three"] {
        store.put("k", body).send().await.expect("a put");
    }
    assert_eq!(scratch.files().len(), 2, "a row and the bytes");
    store.put("k", b"x").checksum_crc32("AAAAAA==").send().await.expect_err("a wrong digest");
    store.put("k", b"x").if_none_match("*").send().await.expect_err("a condition");
    assert_eq!(scratch.files().len(), 2);
    assert!(scratch.files().iter().all(|name| name.len() > 64 && hex::decode(&name[..64]).is_ok()), "named by hash");
    store.s3.delete_object().bucket(BUCKET).key("k").send().await.expect("a deletion");
    assert_eq!(scratch.files(), BTreeSet::new());
    store.stop().await;
}

#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_nothing() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.store()).await;
    let put = store.s3.put_object().bucket(BUCKET).key("k").presigned(for_a_minute()).await.expect("a URL");
    let address = store.endpoint.trim_start_matches("http://");
    let path = put.uri().trim_start_matches(store.endpoint.as_str());
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000\r\n\r\nonly this");
    connection.write_all(head.as_bytes()).await.expect("a beginning");
    until(|| scratch.files().len() == 1).await;
    drop(connection);
    until(|| scratch.files().is_empty()).await;
    assert_eq!(store.get("k").await, Err("NoSuchKey".into()));
    store.stop().await;
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it to happen");
}

#[tokio::test]
async fn a_reader_is_not_overtaken_by_a_write_or_a_deletion() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.store()).await;
    let size = 8_000_000;
    let body = ByteStream::from_path(scratch.file(size)).await.expect("a stream");
    store.s3.put_object().bucket(BUCKET).key("k").body(body).send().await.expect("a put");
    let reader = store.s3.get_object().bucket(BUCKET).key("k").send().await.expect("a get");
    store.put("k", b"another").send().await.expect("a put");
    store.s3.delete_object().bucket(BUCKET).key("k").send().await.expect("a deletion");
    let mut read = Vec::new();
    reader.body.into_async_read().read_to_end(&mut read).await.expect("the whole body");
    assert!(read == pattern(0, size));
    store.stop().await;
}

#[tokio::test]
async fn what_a_killed_process_left_goes_and_what_others_put_there_stays() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.store()).await;
    store.put("k", b"x").send().await.expect("a put");
    store.stop().await;
    let kept = scratch.files();
    let bucket = scratch.0.join("store").join(BUCKET);
    let hash = "ab".repeat(32);
    for name in [format!("{hash}.0123"), format!("{hash}.new"), "README.md".to_owned()] {
        fs::write(bucket.join(name), "x").expect("a file");
    }
    let store = Served::start(scratch.store()).await;
    let mut expected = kept;
    expected.insert("README.md".to_owned());
    assert_eq!(scratch.files(), expected);
    assert_eq!(store.get("k").await.as_deref(), Ok(&b"x"[..]));
    store.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_in_use_or_damaged_is_refused_by_name() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.store()).await;
    let in_use = Objects::open(scratch.store()).err().expect("a refusal").to_string();
    assert!(in_use.contains("in use"), "{in_use}");
    store.put("k", b"x").send().await.expect("a put");
    store.stop().await;

    let files = scratch.files();
    let row = files.iter().find(|name| Path::new(name).extension().is_some_and(|e| e == "json")).expect("a row");
    fs::write(scratch.0.join("store").join(BUCKET).join(row), "{").expect("damage");
    let damaged = Objects::open(scratch.store()).err().expect("a refusal").to_string();
    assert!(damaged.contains(row.as_str()), "{damaged}");
    assert_eq!(scratch.files().len(), 2, "nothing is removed");
}
