//! What an upload says of its own bytes, and whether that is so.
//!
//! s3s verifies the signatures, of chunks and trailers too, and `x-amz-content-sha256`. It does not look at
//! `Content-MD5` or `x-amz-checksum-*`, nor does it miss a trailer that was announced, the last chunk, or a byte of the
//! decoded length: those are verified here.

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{HeaderMap, header::CONTENT_LENGTH};
use s3s::{
    S3Result, TrailingHeaders,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256},
    dto, s3_error,
};

use super::draft::Written;

const CRC32: &str = "x-amz-checksum-crc32";
const CRC32C: &str = "x-amz-checksum-crc32c";
const CRC64NVME: &str = "x-amz-checksum-crc64nvme";
const SHA1: &str = "x-amz-checksum-sha1";
const SHA256: &str = "x-amz-checksum-sha256";

/// Of one upload, from the head of its request.
pub(super) struct Claims {
    /// Of the object itself, however the body is encoded.
    size: u64,
    md5: Option<[u8; 16]>,
    checksums: Vec<Claimed>,
}

/// One checksum, by the name of its header. No value: it is announced to come after the body.
struct Claimed {
    header: &'static str,
    value: Option<String>,
}

impl Claims {
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
        let announced = |header: &str| trailers.split(',').any(|name| name.trim().eq_ignore_ascii_case(header));
        let checksums = [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]
            .into_iter()
            .map(|header| Claimed { header, value: text(header).map(str::to_owned) })
            .filter(|claimed| claimed.value.is_some() || announced(claimed.header))
            .collect();
        Ok(Self { size, md5, checksums })
    }

    /// Computes what [`Claims::verify`] will need.
    pub fn hasher(&self) -> ChecksumHasher {
        let claims = |header| self.checksums.iter().any(|claimed| claimed.header == header);
        ChecksumHasher {
            crc32: claims(CRC32).then(Crc32::new),
            crc32c: claims(CRC32C).then(Crc32c::new),
            crc64nvme: claims(CRC64NVME).then(Crc64Nvme::new),
            sha1: claims(SHA1).then(Sha1::new),
            sha256: claims(SHA256).then(Sha256::new),
        }
    }

    /// Whether all of it was so. Errors: `IncompleteBody`, `BadDigest`.
    pub fn verify(&self, written: &Written, trailers: Option<&TrailingHeaders>) -> S3Result<()> {
        if written.size != self.size {
            return Err(s3_error!(IncompleteBody, "{} bytes were announced, {} came", self.size, written.size));
        }
        if self.md5.is_some_and(|claimed| claimed != written.md5) {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received"));
        }
        for Claimed { header, value } in &self.checksums {
            let claimed = value.clone().or_else(|| trailer(trailers?, header));
            if claimed.as_deref() != computed(&written.checksums, header) {
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
