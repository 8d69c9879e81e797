//! `POST /api/cards/upload`: stored cards, and the right to replace them.

use serde_json::{Value, json};

use crate::support::png::{self, BitDepth, ColorType, chunk, other_picture, picture};
use crate::support::{Client, Link, Upload, all_at_once, upload};

/// A link with a message that has no card yet, and the message's share token.
async fn message() -> (Link, String) {
    let link = Link::open().await;
    let token = link.sent("For a card").await["share_token"].as_str().expect("a share token").to_owned();
    (link, token)
}

async fn card_of(share_token: &str) -> Value {
    let answer = Client::new().get(&format!("/api/messages/{share_token}")).send().await;
    answer.ok(200)["message"]["card_url"].take()
}

/// The stored picture, as the public gets it.
async fn stored(share_token: &str) -> Vec<u8> {
    let url = card_of(share_token).await;
    let answer = Client::fetch(url.as_str().expect("a card")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("image/png"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    answer.body
}

#[tokio::test]
async fn a_card_is_stored_and_the_world_can_fetch_it() {
    let (_, token) = message().await;
    assert_eq!(card_of(&token).await, Value::Null);
    let answer = upload(&picture(), &token).await;
    let url = answer.ok(201)["url"].take();
    answer.is(201, json!({ "url": url, "filename": format!("cards/{token}.png") }));
    assert_eq!(card_of(&token).await, url);
    assert_eq!(png::shown(&stored(&token).await), png::shown(&picture()));
}

#[tokio::test]
async fn a_form_as_other_clients_write_it_is_understood() {
    let (_, token) = message().await;
    let part = reqwest::multipart::Part::bytes(picture()).file_name("Bildschirmfoto ä \"1\".png");
    let form = reqwest::multipart::Form::new().text("note", "ignored").text("shareToken", token.clone());
    let answer = Client::new().post("/api/cards/upload").form(form.part("file", part)).send().await;
    assert_eq!(answer.ok(201)["filename"], format!("cards/{token}.png"));
    assert_eq!(png::shown(&stored(&token).await), png::shown(&picture()));
}

#[tokio::test]
async fn a_boundary_may_be_quoted_and_its_name_may_have_any_case() {
    for (content_type, boundary) in [
        ("multipart/form-data ; boundary=b0und", "b0und"),
        ("Multipart/Form-Data;Boundary=b0und ; charset=utf-8", "b0und"),
        ("multipart/form-data; boundary=\"b 0;und\"", "b 0;und"),
        ("multipart/form-data; boundary=\"----=_Part_1_2.3\"", "----=_Part_1_2.3"),
        ("multipart/form-data; Boundary=\"aa/bb\"", "aa/bb"),
    ] {
        println!("{content_type}");
        let (_, token) = message().await;
        let part = |name: &str| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        let file = [format!("{}; filename=\"c.png\"\r\n\r\n", part("file")).as_bytes(), &picture()].concat();
        let text = format!("\r\n{}\r\n\r\n{token}\r\n--{boundary}--\r\n", part("shareToken"));
        let body = [file, text.into_bytes()].concat();
        Client::new().post("/api/cards/upload").bytes(content_type, body).send().await.ok(201);
    }
}

#[tokio::test]
async fn a_byte_order_mark_in_front_of_a_field_is_passed_over() {
    let (_, token) = message().await;
    upload(&picture(), &format!("\u{FEFF}{token}")).await.ok(201);
}

/// Each piece of metadata contains `SECRET`, perhaps compressed.
fn with_metadata(picture: &[u8]) -> Vec<u8> {
    let exif = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x0e\0\x02\0\0\0\x0d\0\0\0\x1a\0\0\0\0".as_slice(), b"SECRET 52.5N\0"];
    let exif = exif.concat();
    let ztxt = [b"Comment\0\0".as_slice(), &png::stored(b"SECRET author")].concat();
    let itxt = b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta>SECRET serial number</x:xmpmeta>";
    let before = [
        chunk(b"eXIf", &exif),
        chunk(b"tEXt", b"Author\0SECRET name"),
        chunk(b"zTXt", &ztxt),
        chunk(b"iTXt", itxt),
        chunk(b"tIME", &[7, 234, 2, 6, 12, 37, 51]),
        chunk(b"prVt", b"SECRET of a vendor"),
    ];
    let after = [chunk(b"tEXt", b"Comment\0SECRET again"), chunk(b"tIME", &[7, 234, 2, 6, 12, 37, 52])];
    let (head, rest) = picture.split_at(8 + 25);
    let (body, end) = rest.split_at(rest.len() - 12);
    let trailing = [&b"SECRET after the end"[..], picture].concat();
    [head, &before.concat(), body, &after.concat(), end, &trailing].concat()
}

#[track_caller]
fn assert_clean(stored: &[u8]) {
    let (chunks, trailing) = png::parts(stored);
    assert_eq!(trailing, b"", "bytes after the end");
    for (name, data) in chunks {
        let picture = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND", "gAMA", "cHRM", "sRGB", "sBIT", "iCCP"];
        assert!(picture.contains(&name.as_str()), "a chunk {name} of {} bytes is stored", data.len());
    }
    assert!(!stored.windows(6).any(|window| window == b"SECRET"));
}

#[tokio::test]
async fn metadata_is_not_stored_and_every_pixel_is() {
    let noise = |bytes: usize| (0..bytes).map(|n| (n * 37 % 251) as u8).collect::<Vec<_>>();
    let wide = |color, depth, bytes| png::encoded(8, 8, color, depth, &noise(bytes));
    let palette = png::assembled(&[
        png::header(3, 1, 8, 3, false),
        chunk(b"PLTE", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        chunk(b"tRNS", &[0, 128]),
        chunk(b"IDAT", &png::stored(&[0, 2, 0, 1])),
    ]);
    let interlaced =
        png::assembled(&[png::header(2, 2, 8, 0, true), chunk(b"IDAT", &png::stored(&[0, 10, 0, 20, 0, 30, 40]))]);
    let in_two_pieces = {
        let data = png::stored(&[0, 1, 2, 3]);
        let (one, two) = data.split_at(5);
        png::assembled(&[png::header(1, 1, 8, 2, false), chunk(b"IDAT", one), chunk(b"IDAT", two)])
    };
    let pictures = [
        picture(),
        wide(ColorType::Grayscale, BitDepth::One, 8),
        wide(ColorType::GrayscaleAlpha, BitDepth::Eight, 128),
        wide(ColorType::Rgb, BitDepth::Sixteen, 384),
        wide(ColorType::Rgba, BitDepth::Sixteen, 512),
        palette,
        interlaced,
        in_two_pieces,
    ];
    for original in pictures {
        let (_, token) = message().await;
        let sent = with_metadata(&original);
        assert_eq!(png::shown(&sent), png::shown(&original));
        upload(&sent, &token).await.ok(201);
        let stored = stored(&token).await;
        assert_clean(&stored);
        assert_eq!(png::shown(&stored), png::shown(&original));
    }
}

#[tokio::test]
async fn a_card_of_4096_pixels_a_side_and_of_4_mib_is_stored() {
    let (_, token) = message().await;
    let largest = png::plain(4096, 4096, ColorType::Rgb, BitDepth::Eight);
    upload(&largest, &token).await.ok(201);
    let stored_picture = stored(&token).await;
    let (chunks, _) = png::parts(&stored_picture);
    assert_eq!(chunks[0].1[..8], [0, 0, 16, 0, 0, 0, 16, 0]);

    let (_, token) = message().await;
    let mut heaviest = picture();
    heaviest.resize(4 * 1024 * 1024, b'.');
    upload(&heaviest, &token).await.ok(201);
    assert_eq!(png::shown(&stored(&token).await), png::shown(&picture()));
}

#[tokio::test]
async fn a_second_card_needs_the_links_admin_token() {
    let (link, token) = message().await;
    upload(&picture(), &token).await.ok(201);
    upload(&other_picture(), &token).await.refused(409, "This message already has a card");

    let (somebody, other) = (Client::new(), Link::open().await);
    let form = Upload::of(&other_picture(), &token);
    let wrong = [format!("?token={}", other.token), format!("?token={}", "0".repeat(64)), "?token=x".to_owned()];
    for query in wrong {
        form.call(&somebody, &query).send().await.refused(403, "Wrong admin token");
    }
    form.call(&somebody, "").bearer(&other.token).send().await.refused(403, "Wrong admin token");
    let own = format!("?token={}", link.token);
    form.call(&somebody, &own).bearer(&other.token).send().await.refused(403, "Wrong admin token");
    assert_eq!(png::shown(&stored(&token).await), png::shown(&picture()));

    let replaced = form.call(&somebody, &own).send().await.ok(201);
    assert_eq!(replaced["filename"], format!("cards/{token}.png"));
    assert_eq!(png::shown(&stored(&token).await), png::shown(&other_picture()));
    Upload::of(&picture(), &token).call(&somebody, "").bearer(&link.token).send().await.ok(201);
    assert_eq!(png::shown(&stored(&token).await), png::shown(&picture()));
}

#[tokio::test]
async fn a_wrong_admin_token_is_refused_for_the_first_card_too() {
    let (link, token) = message().await;
    let form = Upload::of(&picture(), &token);
    form.call(&Client::new(), "?token=wrong").send().await.refused(403, "Wrong admin token");
    assert_eq!(card_of(&token).await, Value::Null);
    form.call(&Client::new(), &format!("?token={}", link.token)).send().await.ok(201);
}

#[tokio::test]
async fn of_cards_that_race_for_a_message_exactly_one_is_stored() {
    for _ in 0..8 {
        let (_, token) = message().await;
        let pictures = (0..6).map(|n| png::encoded(1, 1, ColorType::Grayscale, BitDepth::Eight, &[n]));
        let uploads = pictures.map(|picture| {
            let token = token.clone();
            async move { (upload(&picture, &token).await, picture) }
        });
        let answers = all_at_once(uploads).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|(answer, _)| answer.status == 201);
        assert_eq!((won.len(), lost.len()), (1, 5));
        lost.iter().for_each(|(answer, _)| answer.refused(409, "This message already has a card"));
        assert_eq!(png::shown(&stored(&token).await), png::shown(&won[0].1));
    }
}

#[tokio::test]
async fn a_card_that_arrives_while_its_message_is_deleted_is_not_left_behind() {
    for _ in 0..5 {
        let (link, token) = message().await;
        let id = link.newest().await["id"].as_str().expect("an id").to_owned();
        let deleting = tokio::spawn(Client::new().delete(&link.message(&id)).send());
        let answer = upload(&picture(), &token).await;
        deleting.await.expect("an answer").is(200, json!({ "success": true }));
        match answer.status {
            201 => {
                let url = answer.json()["url"].as_str().expect("an address").to_owned();
                let fetched = Client::fetch(&url).await;
                assert!([403, 404].contains(&fetched.status), "the card is still there: {}", fetched.status);
            }
            _ => answer.refused(404, "Message not found"),
        }
    }
}
