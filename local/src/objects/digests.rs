//! Verifies the length and the digests that an upload declares.
//!
//! s3s verifies signatures, also those of chunks and trailers, and `x-amz-content-sha256`. It doesn't verify `Content-MD5`
//! and `x-amz-checksum-*`. It doesn't notice either that a declared trailer, the last chunk, or bytes of the decoded length
//! are missing. This module does.

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{HeaderMap, header::CONTENT_LENGTH};
use s3s::{
    S3Result, TrailingHeaders,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256},
    dto, s3_error,
};

use super::upload::Uploaded;

const CRC32: &str = "x-amz-checksum-crc32";
const CRC32C: &str = "x-amz-checksum-crc32c";
const CRC64NVME: &str = "x-amz-checksum-crc64nvme";
const SHA1: &str = "x-amz-checksum-sha1";
const SHA256: &str = "x-amz-checksum-sha256";

/// The length and the digests that the headers of an upload declare.
pub(super) struct Digests {
    /// The length of the object, not of the encoded body.
    size: u64,
    md5: Option<[u8; 16]>,
    checksums: Vec<Checksum>,
}

/// One checksum, by the name of its header. Without a value, it comes in a trailer after the body.
struct Checksum {
    header: &'static str,
    value: Option<String>,
}

impl Digests {
    /// Errors: `MissingContentLength`, `InvalidDigest`.
    pub fn of(headers: &HeaderMap) -> S3Result<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(size) = text("x-amz-decoded-content-length")
            .or_else(|| text(CONTENT_LENGTH.as_str()))
            .and_then(|size| size.parse().ok())
        else {
            return Err(s3_error!(MissingContentLength, "You must provide the Content-Length HTTP header"));
        };
        let md5 = match headers.get("content-md5").map(|value| BASE64_STANDARD.decode(value)) {
            None => None,
            Some(Ok(bytes)) if bytes.len() == 16 => bytes.try_into().ok(),
            Some(_) => return Err(s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid")),
        };
        let trailers = text("x-amz-trailer").unwrap_or_default();
        let in_trailer = |header: &str| trailers.split(',').any(|name| name.trim().eq_ignore_ascii_case(header));
        let checksums = [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]
            .into_iter()
            .map(|header| Checksum { header, value: text(header).map(str::to_owned) })
            .filter(|checksum| checksum.value.is_some() || in_trailer(checksum.header))
            .collect();
        Ok(Self { size, md5, checksums })
    }

    /// Computes the checksums that [`Digests::verify`] needs.
    pub fn hasher(&self) -> ChecksumHasher {
        let has = |header| self.checksums.iter().any(|checksum| checksum.header == header);
        ChecksumHasher {
            crc32: has(CRC32).then(Crc32::new),
            crc32c: has(CRC32C).then(Crc32c::new),
            crc64nvme: has(CRC64NVME).then(Crc64Nvme::new),
            sha1: has(SHA1).then(Sha1::new),
            sha256: has(SHA256).then(Sha256::new),
        }
    }

    /// Compares the declared length and digests with the uploaded bytes. Errors: `IncompleteBody`, `BadDigest`.
    pub fn verify(&self, uploaded: &Uploaded, trailers: Option<&TrailingHeaders>) -> S3Result<()> {
        if uploaded.size != self.size {
            return Err(s3_error!(IncompleteBody, "{} bytes were declared, {} came", self.size, uploaded.size));
        }
        if self.md5.is_some_and(|declared| declared != uploaded.md5) {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received"));
        }
        for Checksum { header, value } in &self.checksums {
            let declared = value.clone().or_else(|| trailer(trailers?, header));
            if declared.as_deref() != computed(&uploaded.checksums, header) {
                return Err(s3_error!(BadDigest, "The {header} you specified did not match the calculated checksum"));
            }
        }
        Ok(())
    }
}

fn trailer(trailers: &TrailingHeaders, header: &str) -> Option<String> {
    trailers.read(|all| Some(all.get(header)?.to_str().ok()?.to_owned())).flatten()
}

fn computed<'a>(checksums: &'a dto::Checksum, header: &str) -> Option<&'a str> {
    match header {
        CRC32 => checksums.checksum_crc32.as_deref(),
        CRC32C => checksums.checksum_crc32c.as_deref(),
        CRC64NVME => checksums.checksum_crc64nvme.as_deref(),
        SHA1 => checksums.checksum_sha1.as_deref(),
        SHA256 => checksums.checksum_sha256.as_deref(),
        _ => None,
    }
}
