//! How much memory a large object takes.

#![cfg(target_os = "linux")]

use std::fs;

use aws_sdk_s3::primitives::ByteStream;

use crate::support::{BUCKET, Scratch, Served, pattern};

#[test]
fn a_large_object_is_never_whole_in_memory() {
    // The test runs alone in a process, as other tests need memory, too.
    let alone = ["--exact", "memory::the_peak_of_a_large_object", "--ignored", "--nocapture"];
    let this = std::env::current_exe().expect("this test");
    let measured = std::process::Command::new(this).args(alone).output().expect("a process");
    let said = String::from_utf8_lossy(&measured.stdout);
    assert!(measured.status.success() && said.contains("1 passed"), "{measured:?}");
}

#[tokio::test]
#[ignore = "run by a_large_object_is_never_whole_in_memory"]
async fn the_peak_of_a_large_object() {
    fn peak() -> usize {
        let status = fs::read_to_string("/proc/self/status").expect("our status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        peak.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }
    let scratch = Scratch::new();
    let store = Served::start(scratch.store()).await;
    let (piece, pieces) = (pattern(0, 251 * 4096), 96);
    let path = scratch.0.join("upload");
    fs::write(&path, piece.repeat(pieces)).expect("a file");
    let size = piece.len() * pieces;

    // The test itself has used memory. The peak is measured from here on.
    fs::write("/proc/self/clear_refs", "5").expect("a new peak");
    let before = peak();
    let body = ByteStream::from_path(&path).await.expect("a stream");
    store.s3.put_object().bucket(BUCKET).key("k").body(body).send().await.expect("a put");
    let mut body = store.s3.get_object().bucket(BUCKET).key("k").send().await.expect("a get").body;
    let mut read = 0;
    while let Some(chunk) = body.try_next().await.expect("a chunk") {
        read += chunk.len();
    }
    let grown = peak() - before;
    assert_eq!(read, size);
    println!("{grown} bytes of memory for an object of {size}");
    assert!(grown < size / 3, "{grown} bytes for an object of {size}");
    store.stop().await;
}
