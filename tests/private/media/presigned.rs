//! The rights that URLs of uploads and of media give, and the rights that they don't give.

use serde_json::Value;

use crate::support::{Answer, Bucket, Client, Pair, User, put, sample, template, text};

/// A requested upload of five bytes of text, without its bytes.
async fn upload() -> (User, Value) {
    let user = User::sign_up().await;
    let upload = user.request_upload("file", "text/plain", 5).await;
    (user, upload)
}

async fn put_as(url: &str, content_type: &str, bytes: &[u8]) -> Answer {
    let length = bytes.len().to_string();
    let headers = [("content-type", content_type), ("content-length", &length)];
    Client::put(url, headers.into_iter(), bytes).await
}

#[tokio::test]
async fn an_upload_arrives_where_its_answer_said() {
    let (_, upload) = upload().await;
    let answer = put(&upload, b"hello").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let Some(bucket) = Bucket::shared() else { return };
    assert!(bucket.has(text(&upload, "publicId")).await);
}

#[tokio::test]
async fn an_upload_of_another_size_or_type_or_none_is_refused() {
    let (_, upload) = upload().await;
    let url = text(&upload, "url");
    for (content_type, bytes) in [
        ("text/plain", &b"hell"[..]),
        ("text/plain", b"hello!"),
        ("text/plain", b""),
        ("text/plain", &[b'x'; 5000]),
        ("text/html", b"hello"),
        ("TEXT/PLAIN", b"hello"),
        ("text/plain; charset=utf-8", b"hello"),
    ] {
        assert_eq!(put_as(url, content_type, bytes).await.status, 403, "{content_type}, {} bytes", bytes.len());
    }
    let typeless = Client::put(url, [("content-length", "5")].into_iter(), b"hello").await;
    assert_eq!(typeless.status, 403, "{}", typeless.text());
    let Some(bucket) = Bucket::shared() else { return };
    assert!(!bucket.has(text(&upload, "publicId")).await);
    assert_eq!(put_as(url, "text/plain", b"hello").await.status, 200);
}

#[tokio::test]
async fn an_upload_goes_nowhere_else() {
    let ([(ann, hers), (bob, his)], pair) = ([upload().await, upload().await], Pair::begin().await);
    let (url, name) = (text(&hers, "url"), text(&hers, "publicId"));
    let places = [
        text(&his, "publicId").to_owned(),
        name.replace(&ann.id, &bob.id),
        format!("{name}x"),
        format!("media/{}/{}", pair.conversation, "0".repeat(32)),
        "cards/x.png".to_owned(),
        name.replace("temp/", "media/"),
    ];
    for place in &places {
        let answer = put_as(&url.replace(name, place), "text/plain", b"hello").await;
        assert_eq!(answer.status, 403, "{place}: {}", answer.text());
    }
    for part in ["X-Amz-Expires=900", "X-Amz-SignedHeaders=content-length%3B"] {
        assert!(url.contains(part), "{part} is not in {url}");
        let longer = url.replace(part, &part.replace("=900", "=604800").replace("=content-length%3B", "="));
        assert_eq!(put_as(&longer, "text/plain", b"hello").await.status, 403, "without {part}");
    }
    let Some(bucket) = Bucket::shared() else { return };
    for place in &places {
        assert!(!bucket.has(place).await, "{place}");
    }
}

#[tokio::test]
async fn the_url_of_an_upload_reads_and_removes_nothing() {
    let (_, upload) = upload().await;
    assert_eq!(put(&upload, b"hello").await.status, 200);
    let (url, name) = (text(&upload, "url"), text(&upload, "publicId"));
    let bare = url.split('?').next().expect("an address");
    for address in [url, bare] {
        for method in ["GET", "HEAD", "DELETE"] {
            let answer = Client::request(method, address).await;
            assert_eq!(answer.status, 403, "{method} {address}: {}", answer.text());
        }
    }
    assert_eq!(put_as(bare, "text/plain", b"other").await.status, 403);
    let Some(bucket) = Bucket::shared() else { return };
    assert!(bucket.has(name).await);
}

#[tokio::test]
async fn the_url_of_a_message_reads_its_object_and_nothing_else() {
    let pair = Pair::begin().await;
    let [one, other] = [
        pair.show("image", "image/png", "plain.png").await["media"][0].take(),
        pair.show("image", "image/gif", "animated.gif").await["media"][0].take(),
    ];
    let url = text(&one, "url");
    assert_eq!(Client::fetch(url).await.body, sample("plain.png"));
    let elsewhere = url.replace(text(&one, "publicId"), text(&other, "publicId"));
    assert_eq!(Client::fetch(&elsewhere).await.status, 403);
    let as_page = format!("{url}&response-content-type=text%2Fhtml");
    assert_eq!(Client::fetch(&as_page).await.status, 403);
    assert_eq!(Client::fetch(url.split('?').next().expect("an address")).await.status, 403);
    for method in ["PUT", "DELETE"] {
        assert_eq!(Client::request(method, url).await.status, 403, "{method}");
    }
    assert_eq!(Client::fetch(url).await.body, sample("plain.png"));
}

#[tokio::test]
async fn pages_of_allowed_origins_can_fetch_media_and_others_can_not() {
    let pair = Pair::begin().await;
    let url = pair.show("image", "image/jpeg", "photo.jpg").await["media"][0]["url"].take();
    let url = url.as_str().expect("a URL");
    let own = template::allowed_origin();
    for (origin, allowed) in [(own.as_str(), Some(own.as_str())), ("https://evil.example", None)] {
        let answer = Client::fetch_from(url, origin).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, allowed));
    }
    let exposed = Client::fetch_from(url, &own).await;
    let exposed = exposed.header("access-control-expose-headers").expect("headers").to_owned();
    assert!(["content-disposition", "content-range", "etag"].iter().all(|name| exposed.contains(name)), "{exposed}");
}
