//! Digests, chunks and trailing checksums of uploads.

use std::fs;

use aws_sdk_s3::{
    Client,
    config::Intercept,
    primitives::{ByteStream, SdkBody},
    types::ChecksumAlgorithm,
};
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::BodyExt;

use crate::support::{BUCKET, Scratch, client, code, in_both_modes, pattern};

#[tokio::test]
async fn an_upload_with_a_wrong_digest_leaves_what_was_there() {
    in_both_modes(async |store| {
        store.put("k", b"before").send().await.expect("a put");
        for key in ["k", "new"] {
            let put = || store.put(key, b"hello");
            for (name, wrong) in [
                ("Content-MD5", put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==")),
                ("CRC32", put().checksum_crc32("AAAAAA==")),
                ("CRC32C", put().checksum_crc32_c("AAAAAA==")),
                ("CRC64NVME", put().checksum_crc64_nvme("AAAAAAAAAAA=")),
                ("SHA-1", put().checksum_sha1("2jmj7l5rSw0yVb/vlWAYkK/YBwk=")),
                ("SHA-256", put().checksum_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")),
            ] {
                assert_eq!(wrong.send().await.map_err(code).err().as_deref(), Some("BadDigest"), "{name}");
            }
            let malformed = put().content_md5("short").send().await;
            assert_eq!(malformed.map_err(code).err().as_deref(), Some("InvalidDigest"));
        }
        assert_eq!(store.get("k").await.as_deref(), Ok(&b"before"[..]));
        assert_eq!(store.keys().await, ["k"]);
    })
    .await;
}

#[tokio::test]
async fn an_upload_with_a_right_digest_is_taken() {
    in_both_modes(async |store| {
        let md5 = store.put("k", b"hello").content_md5("XUFAKrxLKna5cZ2REBfFkg==");
        md5.send().await.expect("the right MD5");
        for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
            let put = store.put("k", b"hello").checksum_algorithm(ChecksumAlgorithm::from(algorithm)).send().await;
            put.unwrap_or_else(|error| panic!("{algorithm}: {error:?}"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_streamed_upload_comes_in_chunks_and_its_encoding_is_not_kept() {
    let scratch = Scratch::new();
    let file = scratch.file(300_000);
    in_both_modes(async |store| {
        let body = async || ByteStream::from_path(&file).await.expect("a stream");
        let put = store.s3.put_object().bucket(BUCKET).key("plain").body(body().await).send().await.expect("a put");
        assert!(put.e_tag().is_some());
        let put = store.s3.put_object().bucket(BUCKET).key("gzip").content_encoding("gzip").body(body().await);
        put.send().await.expect("a put");
        for (key, encoding) in [("plain", None), ("gzip", Some("gzip"))] {
            let get = store.s3.get_object().bucket(BUCKET).key(key).send().await.expect("a get");
            assert_eq!(get.content_encoding(), encoding);
            assert!(get.body.collect().await.expect("a body").to_vec() == pattern(0, 300_000));
        }
    })
    .await;
}

/// Changes bytes of a streamed body after the client has made it. For an https endpoint, the client doesn't sign chunks and
/// trailers. The request is then sent over http, so only its checksum shows the change.
#[derive(Debug)]
struct Tamper(&'static str, &'static str);

impl Intercept for Tamper {
    fn name(&self) -> &'static str {
        "Tamper"
    }

    fn modify_before_transmit(
        &self,
        context: &mut aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut<'_>,
        _: &aws_sdk_s3::config::RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_sdk_s3::error::BoxError> {
        let plain = context.request().uri().replace("https:", "http:");
        context.request_mut().set_uri(plain)?;
        let body = std::mem::replace(context.request_mut().body_mut(), SdkBody::taken());
        let sent = futures_executor(body.collect())?.to_bytes();
        let tampered = String::from_utf8(sent.to_vec())?.replace(self.0, self.1);
        assert_eq!(tampered.len(), sent.len());
        assert_ne!(tampered.as_bytes(), &sent[..], "{} is in the body", self.0);
        *context.request_mut().body_mut() = SdkBody::from(tampered);
        Ok(())
    }
}

/// Runs a future inside a function that is not async but runs in the multi-thread runtime.
fn futures_executor<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trailing_checksum_is_verified_and_can_not_be_left_out() {
    let scratch = Scratch::new();
    let file = scratch.0.join("upload");
    fs::write(&file, "hello").expect("a file");
    in_both_modes(async |store| {
        let unsigning = client(&store.endpoint.replace("http:", "https:"), "a-secret");
        let put = async |s3: &Client, tamper: Tamper| {
            let body = ByteStream::from_path(&file).await.expect("a stream");
            s3.put_object().bucket(BUCKET).key("k").body(body).customize().interceptor(tamper)
        };
        // "hello" has the CRC32 3610a686, NhCmhg== in base64.
        for (from, to, expected) in [
            ("x-amz-checksum-crc32:NhCmhg==", "x-amz-checksum-crc32:NhCmhQ==", "BadDigest"),
            ("hello", "hallo", "BadDigest"),
            ("x-amz-checksum-crc32:", "x-amz-checksum-crcxx:", "BadDigest"),
            ("5\r\nhello\r\n", "4\r\nhell\r\n0", "IncompleteBody"),
        ] {
            let unsigned = put(&unsigning, Tamper(from, to)).await.send().await;
            assert_eq!(unsigned.map_err(code).err().as_deref(), Some(expected), "{from} to {to}, unsigned");
        }
        for (from, to) in [("NhCmhg==", "NhCmhQ=="), ("hello", "hallo")] {
            let signed = put(&store.s3, Tamper(from, to)).await.send().await;
            assert_eq!(signed.map_err(code).err().as_deref(), Some("SignatureDoesNotMatch"), "{from} to {to}, signed");
        }
        assert_eq!(store.keys().await, Vec::<String>::new());
    })
    .await;
}
