//! `POST /media/uploads`: a signed URL to which the caller uploads an image, a video or a file for a message. Nothing
//! is stored yet.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let now = request.now();
    let session = UnverifiedSession::by(app, request)?;
    let owner = session.user();
    let scope = owner.to_string();
    let targets = [scope.as_str()];

    let begin = async |_: &NewUpload| NewRequest::begin(app, request, Creation::Upload, &scope, &targets).await;
    let (_, announced, begun) = confirm_and_read(session.confirm_trusted(app), announced(request), begin).await?;
    let mut new = match begun {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };

    let NewUpload { kind, content_type, bytes, name } = announced;
    // The upload itself keeps the name until a message takes it.
    let disposition = name.map(|name| name.disposition(kind));
    let upload = Upload { owner, kind, id: UploadId::from_bytes(random()) };
    let answer = UploadBody {
        public_id: upload.public_id(),
        url: app.attachments.upload_url(&upload, &content_type, disposition.clone(), bytes.get()).await?,
        method: Put,
        headers: UploadHeadersBody {
            content_type: &content_type,
            content_length: bytes.get().to_string(),
            content_disposition: disposition,
        },
        expires_at: now.after(UPLOAD_WITHIN),
    };
    let written = app.store.keep_answer(&mut new.context, processed(&answer, now)).await;
    new.finish(app, written, |never| match never {}).await
}

fn announced(request: &Request) -> Result<NewUpload, PrivateError> {
    let announced: NewUpload = request.json()?;
    let NewUpload { kind, content_type, bytes, .. } = &announced;
    if kind.content_types().is_some_and(|types| !types.contains(&content_type.essence().as_str())) {
        return Err(PrivateError::UnfitUpload(*kind));
    }
    if !(1..=kind.most_bytes()).contains(&bytes.get()) {
        return Err(PrivateError::WrongUploadSize(*kind));
    }
    Ok(announced)
}

shared::lambda!(handle, sessions);
