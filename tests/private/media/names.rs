//! Names of files: given with the upload, shown in the message, and kept by whoever saves the file.

use serde_json::{Value, json};

use crate::support::{Client, Pair, media_of, sample, text};

/// The header under which a message's only medium is served.
async fn disposition(message: &Value) -> Option<String> {
    let shown = Client::fetch(text(&media_of(message)[0], "url")).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    shown.header("content-disposition").map(str::to_owned)
}

#[tokio::test]
async fn a_name_comes_back_and_is_the_name_of_the_file_when_it_is_saved() {
    let pair = Pair::begin().await;
    let (photo, located) = (sample("photo.jpg"), sample("located.jpg"));
    for (kind, content_type, bytes, name, header) in [
        ("file", "application/pdf", &b"%PDF-1.4"[..], "minutes.pdf", "attachment; filename*=UTF-8''minutes.pdf"),
        (
            "file",
            "text/html",
            b"<html>",
            "Grüße; \"1\".html",
            "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe%3B%20%221%22.html",
        ),
        ("image", "image/jpeg", &photo, "Ann 😀.jpg", "inline; filename*=UTF-8''Ann%20%F0%9F%98%80.jpg"),
        ("image", "image/jpeg", &located, "at home.jpg", "inline; filename*=UTF-8''at%20home.jpg"),
    ] {
        let upload = pair.ann.upload_named(kind, content_type, name, bytes).await;
        let message = pair.send(kind, &[upload]).send().await.processed(200);
        assert_eq!(media_of(&message)[0]["name"], name);
        assert_eq!(disposition(&message).await.as_deref(), Some(header));
        for user in [&pair.ann, &pair.bob] {
            let listed = user.messages(&pair.conversation).await.remove(0);
            assert_eq!((&listed["_id"], &media_of(&listed)[0]["name"]), (&message["_id"], &json!(name)));
        }
    }
}

#[tokio::test]
async fn a_file_without_a_name_gets_its_extension_at_least() {
    let pair = Pair::begin().await;
    for (content_type, extension) in [
        ("application/pdf", "pdf"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("text/csv", "csv"),
        ("text/plain; charset=utf-8", "txt"),
        ("application/zip", "zip"),
    ] {
        let upload = pair.ann.upload("file", content_type, b"bytes").await;
        let message = pair.send("file", &[upload]).send().await.processed(200);
        let header = format!("attachment; filename=\"file.{extension}\"");
        assert_eq!((&media_of(&message)[0]["name"], disposition(&message).await), (&Value::Null, Some(header)));
    }
}

#[tokio::test]
async fn a_name_is_of_one_file_in_its_own_direction() {
    let pair = Pair::begin().await;
    let ask = async |name: Value| {
        let body = json!({ "type": "file", "contentType": "text/plain", "bytes": 5, "name": name });
        pair.ann.post("/media/uploads").json(&body).send().await
    };
    for name in ["a".to_owned(), "ä".repeat(255), "..".to_owned()] {
        ask(json!(name)).await.processed(201);
    }
    assert_eq!(ask(Value::Null).await.processed(201)["headers"].as_object().map(|headers| headers.len()), Some(2));
    for name in [json!(""), json!(" "), json!("a".repeat(256))] {
        assert_eq!(ask(name.clone()).await.status, 400, "{name}");
    }
    for name in ["a/b.txt", "a\\b.txt", "a\nb", "a\u{0}b", "exe.\u{202E}txt", "\u{2066}a", "\u{200F}a", "a\u{85}"] {
        let message = "name must not contain control or direction characters, / or \\";
        ask(json!(name)).await.rejects(400, message);
    }
    assert_eq!(ask(json!(5)).await.status, 400);
}
