//! `POST /media/uploads`: a signed URL to which the caller uploads an image, a video or a file for a message. Nothing
//! is stored yet.

use shared::prelude::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Announced {
    #[serde(rename = "type")]
    kind: MediaKind,
    content_type: ContentType,
    bytes: ByteCount,
    name: Option<FileName>,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let now = request.now();
    let session = UnverifiedSession::by(app, request)?;
    let owner = session.user();
    let scope = owner.to_string();
    let targets = [scope.as_str()];

    let caller = session.confirm_trusted(app).map_err(PrivateError::from);
    let begin = NewRequest::begin(app, request, Creation::Upload, &scope, &targets);
    let (_, announced, begun) = NewRequest::begin_as(caller, announced(request), begin).await?;
    let mut new = match begun {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };

    let Announced { kind, content_type, bytes, name } = announced;
    let mut headers = json!({ "Content-Type": content_type, "Content-Length": bytes.get().to_string() });
    // The upload itself keeps the name until a message takes it.
    let disposition = name.map(|name| name.disposition(kind));
    if let Some(disposition) = &disposition {
        headers["Content-Disposition"] = json!(disposition);
    }
    let upload = Upload { owner, kind, id: UploadId::from_bytes(random()) };
    let answer = json!({
        "publicId": upload.public_id(),
        "url": app.attachments.upload_url(&upload, &content_type, disposition, bytes.get()).await?,
        "method": "PUT",
        "headers": headers,
        "expiresAt": now.after(UPLOAD_WITHIN),
    });
    let written = app.store.keep_answer(&mut new.context, processed(&answer, now)).await;
    new.finish(app, written, |never| match never {}).await
}

fn announced(request: &Request) -> Result<Announced, PrivateError> {
    let announced: Announced = request.json()?;
    let Announced { kind, content_type, bytes, .. } = &announced;
    if kind.content_types().is_some_and(|types| !types.contains(&content_type.as_str())) {
        return Err(PrivateError::UnfitUpload(*kind));
    }
    if !(1..=kind.most_bytes()).contains(&bytes.get()) {
        return Err(PrivateError::WrongUploadSize(*kind));
    }
    Ok(announced)
}

shared::lambda!(handle, sessions);
