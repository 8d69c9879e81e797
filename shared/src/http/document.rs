//! A document that every request gets alike: compressed for whoever takes it so, and not again for whoever has it.

use ring::digest;

use super::{Reply, Request};

pub(super) struct Document {
    json: &'static str,
    gzip: &'static [u8],
    /// Of the content: another deployment with the same document has the same.
    hash: String,
}

impl Document {
    pub(super) fn new(json: &'static str, gzip: &'static [u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, json.as_bytes());
        Self { json, gzip, hash: hex::encode(&hash.as_ref()[..16]) }
    }

    pub(super) fn reply(&self, request: &Request) -> Reply {
        let is_compressed = accepts_gzip(request.header("accept-encoding").unwrap_or_default());
        // Each form has a strong tag of its own (RFC 9110, section 8.8.3.3).
        let tag = format!("\"{}{}\"", self.hash, if is_compressed { "-gzip" } else { "" });
        if request.header("if-none-match").is_some_and(|known| is_known(&tag, known)) {
            return Reply::not_modified(&tag);
        }
        match is_compressed {
            true => Reply::compressed(self.gzip, &tag),
            false => Reply::document(self.json, &tag),
        }
    }
}

/// Whether gzip may be sent, and is not less welcome than no coding (RFC 9110, section 12.5.3).
fn accepts_gzip(accepted: &str) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for member in accepted.split(',') {
        let mut parts = member.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().unwrap_or(0.0))
        });
        let weight = weight.unwrap_or(1.0);
        match coding.as_str() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "*" => any = Some(weight),
            "identity" => identity = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && identity.is_none_or(|identity| gzip >= identity)
}

/// Whether an `If-None-Match` names the tag. Proxies that change a form mark its tag as weak, which makes no difference here.
fn is_known(tag: &str, known: &str) -> bool {
    known.split(',').map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        for accepted in [
            "gzip",
            "gzip, deflate, br, zstd",
            "br;q=1.0, gzip;q=0.8, *;q=0.1",
            "GZIP",
            "x-gzip",
            "*",
            "gzip;q=0.001",
            "deflate;q=0.5 , gzip ; Q=0.5",
            "identity;q=0.5, gzip;q=0.5",
            "identity;q=0, *",
        ] {
            assert!(accepts_gzip(accepted), "{accepted}");
        }
        for accepted in [
            "",
            "identity",
            "br",
            "gzip;q=0",
            "gzip;q=0.000, *",
            "*;q=0",
            "deflate, gzip;q=x",
            "identity, gzip;q=0.5",
            "gzipped",
        ] {
            assert!(!accepts_gzip(accepted), "{accepted}");
        }
    }

    #[test]
    fn a_tag_is_known_in_a_list_and_as_a_weak_one() {
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", " \"a\" ", "*"] {
            assert!(is_known("\"a\"", known), "{known}");
        }
        for known in ["", "a", "\"b\"", "\"a-gzip\"", "w/\"a\"", "\"a"] {
            assert!(!is_known("\"a\"", known), "{known}");
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_it(text in any::<String>()) {
            let _ = (accepts_gzip(&text), is_known("\"a\"", &text));
        }
    }
}
