//! Pages for who follows a link in a mail: one document without a script, with nothing from elsewhere, in nobody's frame.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::StatusCode;
use ring::digest;

use super::{FamilyError, NotificationsError, Problem, Reply, Request};
use crate::html::escape;

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}\
                     button{font:inherit;padding:.5rem 1rem}";

/// The one style is named by its hash (CSP Level 3, section 2.3.1); a form may post to us only.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
});

impl Reply {
    /// A page that says `text`.
    pub fn page(title: &str, text: &str) -> Self {
        document(StatusCode::OK, title, text, "")
    }

    /// A page that says `text` and has a button, which posts nothing to the page's own address.
    pub fn question(title: &str, text: &str, button: &str) -> Self {
        let form = format!("<form method=\"post\"><button>{}</button></form>", escape(button));
        document(StatusCode::OK, title, text, &form)
    }
}

fn document(status: StatusCode, title: &str, text: &str, form: &str) -> Reply {
    let (title, text) = (escape(title), escape(text));
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1><p>{text}</p>{form}</main></body></html>\n"
    );
    Reply::html(status, html, &POLICY)
}

/// An error of a request whose answer is a page.
pub struct PageError(Problem);

impl From<Problem> for PageError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<NotificationsError> for PageError {
    fn from(error: NotificationsError) -> Self {
        Self(error.into_problem())
    }
}

impl FamilyError for PageError {
    fn reply(self) -> (Reply, Option<String>) {
        let Problem { status, message, limited, cause, .. } = self.0;
        (document(status, "This did not work", &message, "").limited(limited), cause)
    }
}

/// An error of a request that a person or a program may send. A person gets a page, a program gets JSON.
pub enum PageOrJson {
    Page(PageError),
    Json(NotificationsError),
}

impl PageOrJson {
    /// As `request` wants its answer.
    pub fn of(request: &Request, error: NotificationsError) -> Self {
        if request.accepts_pages() { Self::Page(error.into()) } else { Self::Json(error) }
    }
}

impl FamilyError for PageOrJson {
    fn reply(self) -> (Reply, Option<String>) {
        match self {
            Self::Page(error) => error.reply(),
            Self::Json(error) => error.reply(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        let page = Reply::question("<b>", "a & \"b\"", "</button><script>");
        assert!(page.body().contains("<h1>&lt;b&gt;</h1><p>a &amp; &quot;b&quot;</p>"));
        assert!(!page.body().contains("<script"));
    }
}
