//! `GET /api/links/{slug}`: a link as everyone may see it.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let slug = request.slug().ok_or(LinksError::LinkNotFound)?;
    let link = app.store.link(&slug).await?.ok_or(LinksError::LinkNotFound)?;
    Ok(Reply::ok(&FoundLinkBody { link: LinkBody::of(&link, request.now()) }))
}

shared::lambda!(handle);
