//! The form that uploads a card. Tests build it by hand, so that any part of it can be wrong.

use super::{Answer, Call, Client};

const BOUNDARY: &str = "----a-boundary-of-the-tests";

pub const UPLOAD: &str = "/api/cards/upload";

#[derive(Default, Clone)]
pub struct Upload(Vec<u8>);

impl Upload {
    pub fn of(picture: &[u8], share_token: &str) -> Upload {
        Upload::default().file(picture).field("shareToken", share_token)
    }

    pub fn file(self, picture: &[u8]) -> Upload {
        self.part("name=\"file\"; filename=\"card.png\"\r\nContent-Type: image/png", picture)
    }

    pub fn field(self, name: &str, value: &str) -> Upload {
        self.part(&format!("name=\"{name}\""), value.as_bytes())
    }

    fn part(mut self, head: &str, body: &[u8]) -> Upload {
        self.0.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
        self.0.extend([body, b"\r\n"].concat());
        self
    }

    /// As a request that more headers can be added to; `query` is empty or begins with `?`.
    pub fn call(&self, from: &Client, query: &str) -> Call {
        let body = [&self.0[..], format!("--{BOUNDARY}--\r\n").as_bytes()].concat();
        from.post(&format!("{UPLOAD}{query}")).bytes(&format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }

    pub async fn send(&self) -> Answer {
        self.call(&Client::new(), "").send().await
    }
}

/// Uploads a card for a message, from a client that does not own the link.
pub async fn upload(picture: &[u8], share_token: &str) -> Answer {
    Upload::of(picture, share_token).send().await
}
