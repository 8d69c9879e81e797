//! `POST /media/uploads`: a signed URL to which the caller uploads an image, a video or a file for a message. Nothing
//! is stored yet.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let now = request.now();
    let caller = TrustedCaller::of(app, request).await?;
    let NewUpload { kind, content_type, bytes } = request.json()?;
    if kind.content_types().is_some_and(|types| !types.contains(&content_type.as_str())) {
        return Err(PrivateError::UnfitUpload(kind));
    }
    if !(1..=kind.most_bytes()).contains(&bytes.get()) {
        return Err(PrivateError::WrongUploadSize(kind));
    }
    let once = request.once(app, "create-upload", &caller.user().to_string())?;

    let upload = Upload { owner: caller.user(), kind, id: UploadId::from_bytes(random()) };
    let answer = UploadBody {
        public_id: upload.public_id(),
        url: app.attachments.upload_url(&upload, &content_type, bytes.get()).await?,
        method: Put,
        headers: UploadHeadersBody { content_type: &content_type, content_length: bytes.get().to_string() },
        expires_at: now.after(UPLOAD_WITHIN),
    };
    let mut guards = Guards { meters: Vec::new(), once, answer: processed(&answer, now), now };
    match app.store.keep_answer(&mut guards).await? {
        None => Ok(Reply::created(guards.answer)),
        Some(repeat) => Ok(Reply::repeated(repeat)?),
    }
}

shared::lambda!(handle, sessions);
