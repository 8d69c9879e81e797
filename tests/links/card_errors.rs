//! `POST /api/cards/upload`: files that are not cards are refused quickly and with little memory.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::png::{self, BitDepth, ColorType, chunk, picture};
use crate::support::{Answer, Client, Link, SOON, Upload, eventually, stack_or_skip, upload, whole_number};

const UNREADABLE: &str = "file is not a PNG that can be read";
const TOO_LARGE: &str = "The card must not be larger than 4 MiB";
const TOO_WIDE: &str = "The card must not be larger than 4096 pixels a side";
const MEBIBYTE: usize = 1024 * 1024;

/// A message without a card. After each refusal it must still have none.
struct Message {
    token: String,
}

impl Message {
    async fn new() -> Message {
        let sent = Link::open().await.sent("For a card").await;
        Message { token: sent["share_token"].as_str().expect("a share token").to_owned() }
    }

    async fn refused(&self, form: &Upload, status: u16, message: &str) {
        let answer = self.quickly(form).await;
        answer.refused(status, message);
    }

    /// An answer within a second. Other tests use the processor too, so slower answers are tried again.
    async fn quickly(&self, form: &Upload) -> Answer {
        let answer = eventually("an answer within a second", SOON, async || {
            let answer = form.call(&Client::new(), "").raw().await;
            (answer.took < Duration::from_secs(1)).then_some(answer)
        });
        let answer = answer.await;
        let shared = Client::new().get(&format!("/api/messages/{}", self.token)).send().await;
        assert_eq!(shared.ok(200)["message"]["card_url"], Value::Null);
        answer
    }

    fn form(&self, file: &[u8]) -> Upload {
        Upload::of(file, &self.token)
    }
}

/// Asserts that no process of the function has ever used 128 MB at once.
fn assert_little_memory() {
    let Some(stack) = stack_or_skip("reads the memory of processes") else { return };
    for pid in stack.instances("upload-card") {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        let kilobytes = whole_number(peak.trim().trim_end_matches(" kB"));
        assert!(kilobytes > 1_000 && kilobytes < 128_000, "{pid} has used {kilobytes} kB");
    }
}

#[tokio::test]
async fn what_is_no_png_is_refused() {
    let message = Message::new().await;
    let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xdb\0\x43\0\x08\x06\x06\x07\xff\xd9";
    let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    for file in [&jpeg[..], gif, svg, b"", b"\x89", png::SIGNATURE, &[0; 1000]] {
        message.refused(&message.form(file), 400, UNREADABLE).await;
    }
}

#[tokio::test]
async fn a_png_that_is_cut_short_is_refused() {
    let (message, whole) = (Message::new().await, picture());
    for length in [20, 33, 40, whole.len() / 2, whole.len() - 12, whole.len() - 4, whole.len() - 1] {
        println!("{length} of {} bytes", whole.len());
        message.refused(&message.form(&whole[..length]), 400, UNREADABLE).await;
    }
}

#[tokio::test]
async fn a_png_that_is_broken_is_refused() {
    let message = Message::new().await;
    let mut flipped = picture();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let header = || png::header(2, 2, 8, 0, false);
    let pixels = |bytes: &[u8]| chunk(b"IDAT", &png::stored(bytes));
    let broken = [
        flipped,
        png::assembled(&[header()]),
        png::assembled(&[pixels(&[0, 1, 2, 0, 3, 4])]),
        png::assembled(&[header(), pixels(&[0, 1, 2])]),
        png::assembled(&[header(), chunk(b"IDAT", b"not a zlib stream")]),
        png::assembled(&[header(), pixels(&[9, 1, 2, 9, 3, 4])]),
        png::assembled(&[png::header(0, 2, 8, 0, false), pixels(&[0, 0])]),
        png::assembled(&[png::header(2, 2, 7, 0, false), pixels(&[0, 1, 2, 0, 3, 4])]),
        png::assembled(&[header(), chunk(b"CRIT", b"?"), pixels(&[0, 1, 2, 0, 3, 4])]),
        png::assembled(&[png::header(2, 2, 8, 3, false), pixels(&[0, 1, 2, 0, 3, 4])]),
    ];
    for (n, file) in broken.iter().enumerate() {
        println!("{n}");
        message.refused(&message.form(file), 400, UNREADABLE).await;
    }
}

#[tokio::test]
async fn a_picture_that_is_too_wide_or_too_high_is_refused() {
    let message = Message::new().await;
    for (width, height) in [(4097, 1), (1, 4097), (20_000, 20_000), (u32::MAX >> 1, 1), (1, u32::MAX >> 1)] {
        let header_alone =
            png::assembled(&[png::header(width, height, 8, 6, false), chunk(b"IDAT", &png::stored(&[0]))]);
        message.refused(&message.form(&header_alone), 400, TOO_WIDE).await;
    }
    assert_little_memory();
}

#[tokio::test]
async fn a_bomb_of_20000_pixels_a_side_is_refused_before_it_goes_off() {
    let message = Message::new().await;
    let bomb = png::plain(20_000, 20_000, ColorType::Grayscale, BitDepth::Eight);
    assert!(bomb.len() < 4 * MEBIBYTE);
    message.refused(&message.form(&bomb), 400, TOO_WIDE).await;
    assert_little_memory();
}

/// The largest allowed picture has 128 MiB of pixels, and compressed text can contain any amount.
#[tokio::test]
async fn what_inflates_beyond_the_memory_of_a_function_does_no_harm() {
    let zeros = png::plain(16_384, 16_384, ColorType::Grayscale, BitDepth::Eight);
    let (chunks, _) = png::parts(&zeros);
    let data: Vec<u8> = chunks.iter().filter(|(name, _)| name == "IDAT").flat_map(|(_, data)| *data).copied().collect();
    let hidden = |name: &[u8; 4], head: &[u8]| {
        let small = picture();
        let (head_of_file, rest) = small.split_at(33);
        [head_of_file, &chunk(name, &[head, &data].concat()), rest].concat()
    };
    let largest = png::plain(4096, 4096, ColorType::Rgba, BitDepth::Sixteen);
    for file in [hidden(b"zTXt", b"Comment\0\0"), hidden(b"iTXt", b"Comment\0\x01\0\0\0"), largest] {
        let message = Message::new().await;
        upload(&file, &message.token).await.ok(201);
        assert_little_memory();
    }
    let message = Message::new().await;
    let answer = upload(&hidden(b"iCCP", b"Profile\0\0"), &message.token).await;
    assert!([201, 400].contains(&answer.status), "{}", answer.text());
    assert_little_memory();
}

#[tokio::test]
async fn a_file_over_4_mib_is_refused() {
    let message = Message::new().await;
    let mut file = picture();
    file.resize(4 * MEBIBYTE + 1, b'.');
    message.refused(&message.form(&file), 413, TOO_LARGE).await;
    assert_little_memory();
}

/// In base64 it exceeds the 6 MB that API Gateway passes to a function, so the gateway itself answers.
#[tokio::test]
async fn a_file_of_5_mib_is_refused() {
    let message = Message::new().await;
    let mut file = picture();
    file.resize(5 * MEBIBYTE, b'.');
    let answer = message.quickly(&message.form(&file)).await;
    answer.is(413, json!({ "message": "Request Entity Too Large" }));
    assert_little_memory();
}

#[tokio::test]
async fn a_form_that_lacks_something_or_has_it_twice_is_refused() {
    let message = Message::new().await;
    let (token, file) = (&message.token, picture());
    let cases = [
        (Upload::default(), "file is required"),
        (Upload::default().field("shareToken", token), "file is required"),
        (Upload::default().file(&file), "shareToken is required"),
        (Upload::default().file(&file).field("share_token", token), "shareToken is required"),
        (Upload::of(&file, token).file(&file), "file must be given once"),
        (Upload::default().file(&file).file(&file).field("shareToken", token), "file must be given once"),
        (Upload::of(&file, token).field("shareToken", token), "shareToken must be given once"),
    ];
    for (form, problem) in cases {
        message.refused(&form, 400, problem).await;
    }
}

#[tokio::test]
async fn a_share_token_that_is_not_there_is_not_found() {
    let message = Message::new().await;
    let last = message.token.chars().last().expect("a character");
    let changed = format!("{}{}", &message.token[..message.token.len() - 1], if last == 'A' { 'B' } else { 'A' });
    for token in [changed.as_str(), "../../etc/passwd", "cards/x", "🦀", &"A".repeat(300)] {
        println!("{token}");
        message.refused(&Upload::of(&picture(), token), 404, "Message not found").await;
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let wrong = "Content-Type must be multipart/form-data";
    let call = || Client::new().post("/api/cards/upload");
    call().json(&json!({ "shareToken": "x" })).send().await.refused(415, wrong);
    call().bytes("image/png", picture()).send().await.refused(415, wrong);
    call().bytes("application/x-www-form-urlencoded", "file=x&shareToken=y").send().await.refused(415, wrong);
    call().body("x").send().await.refused(415, wrong);
    call().bytes("multipart/mixed; boundary=x", "x").send().await.refused(415, wrong);
}

#[tokio::test]
async fn a_form_without_a_boundary_is_told_what_it_lacks() {
    let lacks = "Content-Type must name the boundary, as in multipart/form-data; boundary=x";
    for content_type in ["multipart/form-data", "Multipart/Form-Data; charset=utf-8", "multipart/form-data; boundary="]
    {
        println!("{content_type}");
        Client::new().post("/api/cards/upload").bytes(content_type, "--x--").send().await.refused(415, lacks);
    }
    let bare = "Content-Type must have its boundary in quotes, as in multipart/form-data; boundary=\"a/b\"";
    for boundary in ["aa/bb", "----=_Part_1_2.3", "a:b", "(x)"] {
        println!("{boundary}");
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let body = format!("--{boundary}--");
        Client::new().post("/api/cards/upload").bytes(&content_type, body).send().await.refused(415, bare);
    }
}
