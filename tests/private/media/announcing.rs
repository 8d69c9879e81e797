//! `POST /media/uploads`: what may be uploaded, and where.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, User, now, text, time};

const MIB: u64 = 1024 * 1024;

const SIZES: [(&str, &str, u64); 3] =
    [("image", "image/png", 16 * MIB), ("video", "video/mp4", 200 * MIB), ("file", "application/zip", 50 * MIB)];

async fn request_upload(user: &User, body: Value) -> Answer {
    user.post("/media/uploads").json(&body).send().await
}

#[tokio::test]
async fn an_upload_is_answered_as_documented() {
    let user = User::sign_up().await;
    let answer = request_upload(&user, json!({ "type": "image", "contentType": "image/png", "bytes": 172 })).await;
    let upload = answer.processed(201);
    let fields: Vec<&String> = upload.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["publicId", "url", "method", "headers", "expiresAt"]);

    let name = text(&upload, "publicId").strip_prefix(&format!("temp/user_{}/", user.id)).expect("one's own place");
    assert!(!name.is_empty() && !name.contains('/'), "{name}");
    assert!(text(&upload, "url").contains(text(&upload, "publicId")), "{upload}");
    assert_eq!(upload["method"], "PUT");
    assert_eq!(upload["headers"], json!({ "Content-Type": "image/png", "Content-Length": "172" }));
    let lives = (time(&upload["expiresAt"]) - now()).whole_seconds();
    assert!((800..=900).contains(&lives), "{lives} seconds");
}

#[tokio::test]
async fn no_two_uploads_have_one_name() {
    let user = User::sign_up().await;
    let [one, other] =
        [user.request_upload("file", "text/plain", 5).await, user.request_upload("file", "text/plain", 5).await];
    assert_ne!(one["publicId"], other["publicId"]);
}

#[tokio::test]
async fn each_documented_type_may_be_uploaded_and_any_type_as_a_file() {
    let user = User::sign_up().await;
    let allowed = [
        ("image", &["image/png", "image/jpeg", "image/gif", "image/webp", "image/PNG", "image/png; x=y"][..]),
        (
            "video",
            &["video/mp4", "video/webm", "video/quicktime", "video/mp4;codecs=avc1", "Video/WebM;codecs=vp8,opus"],
        ),
        ("file", &["text/html", "image/svg+xml", "image/png", "application/octet-stream", "text/plain;charset=utf-8"]),
        ("file", &["text/plain; charset=utf-8", "application/vnd.oasis.opendocument.text", "multipart/mixed; a=b"]),
    ];
    for (kind, types) in allowed {
        for content_type in types {
            let upload = user.request_upload(kind, content_type, 1).await;
            assert_eq!(upload["headers"]["Content-Type"], *content_type);
        }
    }
}

#[tokio::test]
async fn other_types_are_no_images_and_no_videos() {
    const IMAGES: &str = "contentType must be one of image/png, image/jpeg, image/gif, image/webp for type image";
    const VIDEOS: &str = "contentType must be one of video/mp4, video/webm, video/quicktime for type video";
    let user = User::sign_up().await;
    let images = ["image/svg+xml", "image/heic", "video/mp4", "text/html", "image/jpg", "image/jpg;image/png"];
    for content_type in images {
        let body = json!({ "type": "image", "contentType": content_type, "bytes": 5 });
        request_upload(&user, body).await.rejects(400, IMAGES);
    }
    for content_type in ["image/png", "video/x-matroska", "audio/mp4", "audio/webm;codecs=opus"] {
        let body = json!({ "type": "video", "contentType": content_type, "bytes": 5 });
        request_upload(&user, body).await.rejects(400, VIDEOS);
    }
}

#[tokio::test]
async fn what_no_header_can_carry_is_no_content_type() {
    let user = User::sign_up().await;
    let long = format!("text/{}", "x".repeat(123));
    let junk =
        ["", "png", "image/", "/png", "*/*", "image/*", "a b/c", " text/plain", "text/plain ", "text/plain\0", &long];
    let more = ["text/plain\r\nx-amz-acl: public-read", "text/plain\n", "text/pläin", "text/plain; charset=ü", "text"];
    for kind in ["image", "video", "file"] {
        for content_type in junk.into_iter().chain(more) {
            println!("{content_type:?}");
            let answer = request_upload(&user, json!({ "type": kind, "contentType": content_type, "bytes": 5 })).await;
            answer.rejects(400, "contentType must be a media type such as image/png");
        }
    }
}

#[tokio::test]
async fn each_kind_has_its_largest_size_to_the_byte() {
    let user = User::sign_up().await;
    for (kind, content_type, most) in SIZES {
        let sized =
            |bytes: u64| request_upload(&user, json!({ "type": kind, "contentType": content_type, "bytes": bytes }));
        for bytes in [1, most] {
            let upload = sized(bytes).await.processed(201);
            assert_eq!(upload["headers"]["Content-Length"], bytes.to_string());
        }
        for bytes in [most + 1, 10 * most] {
            let message = format!("bytes must be a whole number from 1 to {most} for type {kind}");
            sized(bytes).await.rejects(400, &message);
        }
    }
}

#[tokio::test]
async fn a_size_is_a_whole_number_from_1() {
    let user = User::sign_up().await;
    for bytes in [json!(0), json!(-1), json!(1.5), json!("5"), json!(null), json!([5]), json!(true), json!(1e300)] {
        let answer =
            request_upload(&user, json!({ "type": "file", "contentType": "text/plain", "bytes": bytes })).await;
        assert_eq!(answer.status, 400, "{bytes}: {}", answer.text());
        let message = text(&answer.json(), "message").to_owned();
        assert!(message.starts_with("bytes must be a whole number from 1"), "{bytes}: {message}");
        answer.rejects(400, &message);
    }
}

#[tokio::test]
async fn a_body_has_these_three_fields_and_no_others() {
    let user = User::sign_up().await;
    let whole = json!({ "type": "file", "contentType": "text/plain", "bytes": 5 });
    for field in ["type", "contentType", "bytes"] {
        let mut body = whole.clone();
        body.as_object_mut().expect("an object").remove(field);
        request_upload(&user, body).await.rejects(400, &format!("{field} is required"));
    }
    for (field, message) in [
        ("publicId", "publicId is not a known field"),
        ("acl", "acl is not a known field"),
        ("content_type", "content_type is not known: it is spelled contentType"),
    ] {
        let mut body = whole.clone();
        body[field] = json!("x");
        request_upload(&user, body).await.rejects(400, message);
    }
    for kind in [json!("audio"), json!("text"), json!("Image"), json!(""), json!(5), json!(null)] {
        let answer = request_upload(&user, json!({ "type": kind, "contentType": "text/plain", "bytes": 5 })).await;
        assert_eq!(answer.status, 400, "{kind}");
        assert!(text(&answer.json(), "message").starts_with("type must be "), "{kind}: {}", answer.text());
    }
    request_upload(&user, json!([])).await.rejects(400, "The body must be a JSON object");
    let typeless = user.post("/media/uploads").bytes("text/plain", whole.to_string()).send().await;
    typeless.rejects(415, "Content-Type must be application/json");
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_again() {
    let (user, other, key) = (User::sign_up().await, User::sign_up().await, Uuid::new_v4().to_string());
    let body = json!({ "type": "file", "contentType": "text/plain", "bytes": 5 });
    let repeat = async |user: &User, body: &Value| user.post("/media/uploads").key(&key).json(body).send().await;
    let first = repeat(&user, &body).await;
    first.processed(201);
    for _ in 0..3 {
        let again = repeat(&user, &body).await;
        assert_eq!((again.status, again.text()), (201, first.text()));
    }
    let larger = json!({ "type": "file", "contentType": "text/plain", "bytes": 6 });
    repeat(&user, &larger).await.rejects(422, "This Idempotency-Key was already used for another request");

    let others = repeat(&other, &body).await.processed(201);
    assert!(text(&others, "publicId").starts_with(&format!("temp/user_{}/", other.id)), "{others}");
    repeat(&other, &larger).await.rejects(422, "This Idempotency-Key was already used for another request");
}
