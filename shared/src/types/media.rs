//! What private messages are made of besides text: kinds, content types, and names of uploads.

use std::collections::BTreeSet;

use data_url::mime::Mime;
use mime2ext::mime2ext;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::{
    ConversationId, Invalid, Object, Parse, UserId, deserialize_text,
    hex_ids::hex_type,
    text_type,
    texts::{within, written},
};

/// Gives an enum of words its two ways into serde; what is none of them is `$otherwise`.
macro_rules! word_type {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }, $otherwise:literal) => {
        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl Parse for $name {
            fn parse(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Invalid(concat!("must be ", $otherwise))),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_text(deserializer, $otherwise)
            }
        }
    };
}

/// The type of a private message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    Text,
    Image,
    Video,
    File,
}
word_type!(MessageKind { Text = "text", Image = "image", Video = "video", File = "file" }, "text, image, video or file");

impl MessageKind {
    /// Whether a message of this kind may carry media of that one: images and videos keep to themselves.
    pub fn may_carry(self, media: MediaKind) -> bool {
        match self {
            Self::Image => media == MediaKind::Image,
            Self::Video => media == MediaKind::Video,
            Self::Text | Self::File => true,
        }
    }
}

/// What an upload is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    Image,
    Video,
    File,
}
word_type!(MediaKind { Image = "image", Video = "video", File = "file" }, "image, video or file");

impl MediaKind {
    /// In bytes.
    pub const fn most_bytes(self) -> u64 {
        const MIB: u64 = 1024 * 1024;
        match self {
            Self::Image => 16 * MIB,
            Self::Video => 200 * MIB,
            Self::File => 50 * MIB,
        }
    }

    /// The content types that it may have; `None` when any will do.
    pub const fn content_types(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Image => Some(&["image/png", "image/jpeg", "image/gif", "image/webp"]),
            Self::Video => Some(&["video/mp4", "video/webm", "video/quicktime"]),
            Self::File => None,
        }
    }
}

/// A media type such as `image/png`, as a header carries it: up to 127 characters of ASCII. It is kept as it was sent: browsers name the
/// codecs of a recording in it (`video/webm;codecs=vp8,opus`), and the upload has to come with the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentType(String);
text_type!(ContentType, 3..=127);

impl Parse for ContentType {
    fn parse(text: &str) -> Result<Self, Invalid> {
        const INVALID: &str = "must be a media type such as image/png";
        within(text, Self::LENGTH, INVALID)?;
        let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        // S3 would trim blanks, and then the header would differ from the signed one. `image/*` is a range of types.
        let names_one = |media_type: Mime| media_type.type_ != "*" && media_type.subtype != "*";
        let is_whole = text.trim() == text && text.parse().is_ok_and(names_one);
        if is_printable && is_whole { Ok(Self(text.to_owned())) } else { Err(Invalid(INVALID)) }
    }
}

impl ContentType {
    /// Type and subtype in lower case, without parameters.
    pub fn essence(&self) -> String {
        essence(&self.0)
    }
}

/// Type and subtype of a media type, in lower case and without parameters. A text that is none stays as it is.
pub fn essence(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), |Mime { type_, subtype, .. }| format!("{type_}/{subtype}"))
}

/// The name that a sender gives a file: 1 to 255 characters, not blank, without control and direction characters and without slashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileName(String);
text_type!(FileName, 1..=255);

impl Parse for FileName {
    fn parse(text: &str) -> Result<Self, Invalid> {
        within(text, Self::LENGTH, "must be 1 to 255 characters")?;
        written(text)?;
        // Direction characters can make `gpj.exe` look like `exe.jpg`.
        let is_unfit = |c: char| {
            let steers =
                matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
            c.is_control() || steers || matches!(c, '\u{2028}' | '\u{2029}' | '/' | '\\')
        };
        if text.contains(is_unfit) {
            return Err(Invalid("must not contain control or direction characters, / or \\"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Characters of a name that a header can't carry as they are (RFC 8187, 3.2.1).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

impl FileName {
    /// The header `Content-Disposition` (RFC 6266) with this name.
    pub fn disposition(&self, kind: MediaKind) -> String {
        let encoded = utf8_percent_encode(&self.0, ENCODED);
        format!("{}; {FILE_NAME}{encoded}", kind.disposition())
    }

    /// The name in such a header.
    pub fn of_disposition(header: &str) -> Option<Self> {
        let (_, encoded) = header.split_once(FILE_NAME)?;
        Self::parse(&percent_decode_str(encoded).decode_utf8().ok()?).ok()
    }
}

const FILE_NAME: &str = "filename*=UTF-8''";

impl MediaKind {
    /// A file may be a page: browsers must download it, not show it.
    const fn disposition(self) -> &'static str {
        match self {
            Self::Image | Self::Video => "inline",
            Self::File => "attachment",
        }
    }

    /// The header `Content-Disposition` of an object without a name. A file gets an extension at least, by its content type. Browsers
    /// know that of images, and none is given to pages: a double click would open a stranger's script.
    pub fn nameless_disposition(self, content_type: &str) -> Option<String> {
        if self != Self::File {
            return None;
        }
        let essence = essence(content_type);
        let is_left_out = essence.starts_with("image/")
            || matches!(essence.as_str(), "text/html" | "application/xhtml+xml" | "application/octet-stream");
        let extension = mime2ext(&essence).filter(|_| !is_left_out);
        Some(match extension {
            Some(extension) => format!("attachment; filename=\"file.{extension}\""),
            None => "attachment".to_owned(),
        })
    }
}

hex_type!(
    /// One upload: all random, so that nobody finds another's.
    UploadId, 16, "an id of 32 hex digits", as_written
);

hex_type!(
    /// An object in the bucket that is, or is to be, a message's.
    AssetId, 16, "an id of 32 hex digits", as_written
);
hex_type!(
    /// All the objects of one message.
    AssetSet, 15, "an id of 30 hex digits", as_written
);

impl AssetId {
    /// `media/<conversation>/<id>`, which is its key in the bucket, too.
    pub fn public_id(self, conversation: ConversationId) -> String {
        format!("{}{self}", Self::prefix(conversation))
    }

    /// Prefix of the keys of a conversation's objects.
    pub fn prefix(conversation: ConversationId) -> String {
        format!("media/{conversation}/")
    }

    pub fn set(self) -> AssetSet {
        let [set @ .., _] = self.0;
        AssetSet(set)
    }
}

impl AssetSet {
    /// As many as a message can have.
    pub fn assets(self) -> impl Iterator<Item = AssetId> {
        (0..PublicIds::MOST as u8).map(move |place| {
            let mut id = [place; 16];
            id[..15].copy_from_slice(&self.0);
            AssetId(id)
        })
    }
}

/// An upload of a user, under the name that we gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    pub owner: UserId,
    pub kind: MediaKind,
    pub id: UploadId,
}

/// A text that names no upload of the user who says it.
#[derive(Debug, PartialEq, Eq)]
pub struct NotOwn;

impl Upload {
    /// `temp/user_<id>/<kind>-<id>`, which is its key in the bucket, too.
    pub fn public_id(&self) -> String {
        format!("{}{}-{}", Self::prefix(self.owner), self.kind.as_str(), self.id)
    }

    /// Prefix of the keys of a user's uploads.
    pub fn prefix(owner: UserId) -> String {
        format!("temp/user_{owner}/")
    }

    /// The upload of `owner` with that name; `None` for a name of the owner's that we never gave.
    pub fn named(public_id: &str, owner: UserId) -> Result<Option<Self>, NotOwn> {
        let name = public_id.strip_prefix(&Self::prefix(owner)).ok_or(NotOwn)?;
        if name.contains('/') || matches!(name, "" | "." | "..") {
            return Err(NotOwn);
        }
        let parts =
            name.split_once('-').and_then(|(kind, id)| MediaKind::parse(kind).ok().zip(UploadId::parse(id).ok()));
        Ok(parts.map(|(kind, id)| Self { owner, kind, id }))
    }
}

/// The names of a message's media: up to ten, each of them once.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Vec<Object<UploadReference>>")]
pub struct PublicIds(Vec<Object<UploadReference>>);

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadReference {
    #[schema(value_type = super::schema::UploadName)]
    public_id: String,
}

impl PublicIds {
    pub const MOST: usize = 10;

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|Object(reference)| reference.public_id.as_str())
    }
}

impl TryFrom<Vec<Object<UploadReference>>> for PublicIds {
    type Error = &'static str;

    fn try_from(references: Vec<Object<UploadReference>>) -> Result<Self, Self::Error> {
        if references.len() > Self::MOST {
            return Err("must have at most 10 entries");
        }
        let names: BTreeSet<&str> = references.iter().map(|Object(reference)| reference.public_id.as_str()).collect();
        if names.len() < references.len() { Err("must name each upload once") } else { Ok(Self(references)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owner() -> UserId {
        UserId::from_bytes([1; 12])
    }

    #[test]
    fn an_upload_is_found_by_its_own_name_only() {
        let upload = Upload { owner: owner(), kind: MediaKind::Image, id: UploadId::from_bytes([7; 16]) };
        let name = upload.public_id();
        assert_eq!(Upload::named(&name, owner()), Ok(Some(upload)));
        let other = UserId::from_bytes([2; 12]);
        assert_eq!(Upload::named(&name, other), Err(NotOwn));
        for foreign in [
            "",
            "x",
            "https://example.com/x.png",
            &format!("/{name}"),
            &format!("temp/user_{}", owner()),
            &format!("temp/user_{}/", owner()),
            &format!("temp/user_{}/..", owner()),
            &format!("temp/user_{}/../user_{other}/x", owner()),
            &format!("temp/user_{}x/y", owner()),
            &name.replace("temp/", "media/"),
        ] {
            assert_eq!(Upload::named(foreign, owner()), Err(NotOwn), "{foreign}");
        }
        for unknown in ["x.png", "image-7", "audio-07070707070707070707070707070707", "%2e%2e"] {
            assert_eq!(Upload::named(&format!("temp/user_{}/{unknown}", owner()), owner()), Ok(None), "{unknown}");
        }
    }

    #[test]
    fn the_objects_of_a_message_are_a_set() {
        let set = AssetSet::from_bytes([7; 15]);
        let assets: Vec<AssetId> = set.assets().collect();
        assert_eq!((assets.len(), assets[9].to_string()), (10, format!("{}09", "07".repeat(15))));
        assert!(assets.iter().all(|asset| asset.set() == set));
    }

    #[test]
    fn a_content_type_is_what_a_header_carries() {
        for (text, essence) in [
            ("image/png", "image/png"),
            ("text/plain; charset=utf-8", "text/plain"),
            ("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
            ("video/webm;codecs=vp8,opus", "video/webm"),
            ("video/webm; codecs=\"vp8, opus\"", "video/webm"),
            ("video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/mp4"),
            ("Image/JPEG ; x=y", "image/jpeg"),
            ("image/png;", "image/png"),
        ] {
            assert_eq!(
                ContentType::parse(text).map(|is| (is.as_str().to_owned(), is.essence())).unwrap(),
                (text.to_owned(), essence.to_owned())
            );
        }
        for text in [
            "",
            "png",
            "image/",
            "*/*",
            "image/*",
            "/png",
            "image/png\r\nx: y",
            " image/png",
            "image/png ",
            "ïmage/png",
            "a b/c",
        ] {
            assert!(ContentType::parse(text).is_err(), "{text}");
        }
        assert!(ContentType::parse(&format!("a/{}", "b".repeat(126))).is_err());
    }

    #[test]
    fn a_file_keeps_its_name_or_gets_an_extension() {
        let name = FileName::parse("Grüße \u{1F600} 100% \"a\"; b.pdf").unwrap();
        let header = name.disposition(MediaKind::File);
        assert_eq!(header, "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%F0%9F%98%80%20100%25%20%22a%22%3B%20b.pdf");
        assert_eq!(FileName::of_disposition(&header), Some(name));
        assert!(FileName::parse(&"ä".repeat(255)).is_ok());
        for text in
            ["", " ", "a/b", "a\\b", "a\nb", "a\u{0}", "a\u{202E}gpj.exe", "a\u{2066}b", "\u{85}a", &"a".repeat(256)]
        {
            assert!(FileName::parse(text).is_err(), "{text:?}");
        }

        let of = |content_type| MediaKind::File.nameless_disposition(content_type);
        for (content_type, extension) in [
            ("application/pdf", "pdf"),
            ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
            ("text/csv; charset=utf-8", "csv"),
            ("TEXT/plain", "txt"),
            ("application/zip", "zip"),
        ] {
            assert_eq!(of(content_type), Some(format!("attachment; filename=\"file.{extension}\"")));
        }
        for content_type in ["text/html", "image/svg+xml", "application/octet-stream", "x/unknown"] {
            assert_eq!(of(content_type).as_deref(), Some("attachment"));
        }
        assert_eq!(MediaKind::Image.nameless_disposition("image/png"), None);
    }

    proptest! {
        #[test]
        fn a_name_survives_its_header(name in "\\PC{1,40}") {
            if let Ok(name) = FileName::parse(&name) {
                let header = name.disposition(MediaKind::Image);
                prop_assert!(header.is_ascii());
                prop_assert_eq!(FileName::of_disposition(&header), Some(name));
            }
        }

        #[test]
        fn what_is_read_as_an_upload_is_written_as_it_was(name in "[a-z0-9./-]{0,50}|image-[0-9a-f]{32}") {
            let public_id = format!("temp/user_{}/{name}", owner());
            if let Ok(Some(upload)) = Upload::named(&public_id, owner()) {
                prop_assert_eq!(upload.public_id(), public_id);
            }
        }
    }
}
