//! Multipart forms (RFC 7578) of which every field is known, bounded, and given exactly once.

use bytes::Bytes;
use futures_util::stream;
use multer::{Constraints, Multipart, SizeLimit};

use super::{Problem, Request};

/// Bytes of a form's text fields, at most.
const MAX_TEXT: u64 = 1024;

/// A file and the text fields beside it.
pub struct Form<const N: usize> {
    pub file: Bytes,
    pub texts: [String; N],
}

impl Request {
    /// The form's `file`, up to `max_file` bytes, and its text fields `names`; other fields are passed over.
    pub async fn form<const N: usize>(
        &self,
        names: [&'static str; N],
        max_file: usize,
        too_large: &'static str,
    ) -> Result<Form<N>, Problem> {
        let media_type = self.media_type().filter(|media_type| media_type.matches("multipart", "form-data"));
        let media_type = media_type.ok_or_else(Problem::no_form)?;
        let boundary = media_type.get_parameter("boundary").filter(|boundary| !boundary.is_empty());
        let boundary = boundary.ok_or_else(Problem::no_boundary)?;
        if !is_token(boundary) && !has_quoted_boundary(self.header("content-type").unwrap_or_default()) {
            return Err(Problem::bare_boundary());
        }
        let body = Bytes::from(self.body()?.into_owned());
        let body = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
        let sizes = names
            .iter()
            .fold(SizeLimit::new().for_field("file", max_file as u64), |sizes, name| sizes.for_field(*name, MAX_TEXT));
        let mut form = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(sizes));

        let mut file = None;
        let mut texts = [const { None }; N];
        let refuse = |error| match error {
            multer::Error::FieldSizeExceeded { field_name: Some(name), .. } if name == "file" => {
                Problem::too_large(too_large)
            }
            multer::Error::FieldSizeExceeded { field_name, .. } => {
                Problem::bad_request(format!("{} is too long", field_name.unwrap_or_default()))
            }
            _ => Problem::bad_request("The body is not a valid multipart form"),
        };
        while let Some(field) = form.next_field().await.map_err(refuse)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" {
                let bytes = field.bytes().await.map_err(refuse)?;
                once(&mut file, bytes, "file")?;
            } else if let Some(position) = names.iter().position(|known| *known == name) {
                let text = field.text().await.map_err(refuse)?;
                once(&mut texts[position], text, names[position])?;
            }
        }
        let missing = |name: &str| Problem::bad_request(format!("{name} is required"));
        let file = file.ok_or_else(|| missing("file"))?;
        if let Some(position) = texts.iter().position(Option::is_none) {
            return Err(missing(names[position]));
        }
        Ok(Form { file, texts: texts.map(Option::unwrap_or_default) })
    }
}

/// Whether a parameter may have this value without quotes (RFC 9110, section 5.6.2).
fn is_token(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn has_quoted_boundary(content_type: &str) -> bool {
    content_type.to_ascii_lowercase().contains("boundary=\"")
}

impl Problem {
    pub fn no_form() -> Self {
        Self::wrong_type("Content-Type must be multipart/form-data")
    }

    pub fn no_boundary() -> Self {
        Self::wrong_type("Content-Type must name the boundary, as in multipart/form-data; boundary=x")
    }

    pub fn bare_boundary() -> Self {
        Self::wrong_type("Content-Type must have its boundary in quotes, as in multipart/form-data; boundary=\"a/b\"")
    }
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), Problem> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Problem::bad_request(format!("{name} must be given once"))),
    }
}
