//! Web Push (RFC 8030): encrypted for one browser (RFC 8291), signed as ours (RFC 8292), given to the browser's push service.
//!
//! A caller chooses the endpoint's URL. types/push.rs accepts only https URLs of known push services. This module follows no
//! redirect, calls no private address, and waits for no service longer than its time-out.

mod addresses;
mod encryption;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::{http::HttpConnector, orchestrator::HttpRequest};
use aws_smithy_types::body::SdkBody;

use addresses::PublicAddresses;
use encryption::encrypt;

use crate::{
    config::PushConfig,
    stats::RequestStats,
    store::{PushSubscription, StoreError},
    tokens::random,
    types::Timestamp,
    vapid::VapidKey,
};

/// How long a push service may take for one try.
const TIME_OUT: Duration = Duration::from_secs(5);
/// How long all tries may take, their pauses included.
const PATIENCE: Duration = Duration::from_secs(12);
const TRIES: u32 = 3;
/// How long a host is left alone that did not answer: whatever is behind that push waits for it once and not each time.
const REST: Duration = Duration::from_secs(30);
/// How many hosts are remembered as resting.
const RESTING: usize = 1_000;
/// The longest pause, also where the service asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a push service keeps what a browser that is off has not fetched: a day. After that, the mail has told of it.
const KEPT: &str = "86400";

/// How soon a device should wake up for a push (RFC 8030, section 5.3). On a device with little power, `Normal` waits.
#[derive(Clone, Copy)]
pub enum Urgency {
    Normal,
    High,
}

impl Urgency {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

pub struct Pusher {
    /// Made at the first push.
    connector: OnceLock<Option<Connector>>,
    key: VapidKey,
    config: PushConfig,
    stats: Arc<RequestStats>,
    /// Hosts that have just failed, and until when they are left alone.
    resting: Mutex<HashMap<String, Instant>>,
}

/// The outcome of a push.
pub enum Pushed {
    Taken,
    /// The browser takes no more of them.
    Gone,
    /// The service does not take this one.
    Refused(StoreError),
}

/// Why one try failed.
enum NotTaken {
    Gone,
    /// May be taken a while later; after so many seconds, if the service said so.
    Later(StoreError, Option<u64>),
    NoAnswer,
    Never(StoreError),
}

impl Pusher {
    pub fn new(config: PushConfig, stats: Arc<RequestStats>) -> Self {
        Self {
            connector: OnceLock::new(),
            key: VapidKey::from_secret(&config.secret),
            config,
            stats,
            resting: Mutex::default(),
        }
    }

    /// Returns when the push service has taken `message`, or will not. Of undelivered messages with one `topic` a service keeps
    /// the newest only.
    pub async fn push(
        &self,
        to: &PushSubscription,
        message: &str,
        topic: &str,
        urgency: Urgency,
        now: Timestamp,
    ) -> Result<Pushed, StoreError> {
        let body = encrypt(message.as_bytes(), &to.p256dh, &to.auth)
            .ok_or_else(|| StoreError::Unwritable("a push for the keys of this browser", None))?;
        let authorization = self.key.authorization(&to.endpoint.origin(), &self.config.contact, now)?;
        let host = to.endpoint.host();
        if self.resting().get(host).is_some_and(|until| Instant::now() < *until) {
            return Err(StoreError::Busy("a push service was not asked, as it has just failed"));
        }
        let tries = async {
            for number in 0.. {
                let is_last = number + 1 == TRIES;
                let wanted = match self.try_once(to, &body, &authorization, topic, urgency).await {
                    Ok(()) => return Ok(Pushed::Taken),
                    Err(NotTaken::Gone) => return Ok(Pushed::Gone),
                    Err(NotTaken::Never(error)) => return Ok(Pushed::Refused(error)),
                    // A service that answers is up, even if it refuses this one browser.
                    Err(NotTaken::Later(error, _)) if is_last => return Ok(Pushed::Refused(error)),
                    Err(NotTaken::NoAnswer) if is_last => return Err(no_answer()),
                    Err(NotTaken::Later(_, wanted)) => wanted,
                    Err(NotTaken::NoAnswer) => None,
                };
                tokio::time::sleep(pause(number, wanted)).await;
            }
            Err(no_answer())
        };
        let pushed = tokio::time::timeout(PATIENCE, tries).await.unwrap_or_else(|_| Err(no_answer()));
        if pushed.is_err() {
            let mut resting = self.resting();
            if resting.len() >= RESTING {
                resting.clear();
            }
            resting.insert(host.to_owned(), Instant::now() + REST);
        }
        pushed
    }

    fn resting(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn try_once(
        &self,
        to: &PushSubscription,
        body: &[u8],
        authorization: &str,
        topic: &str,
        urgency: Urgency,
    ) -> Result<(), NotTaken> {
        let request = self.request(to, body, authorization, topic, urgency).map_err(NotTaken::Never)?;
        let connector = self.connector.get_or_init(|| connector(self.config.ca_bundle.as_deref())).as_ref();
        let connector = connector
            .ok_or_else(|| NotTaken::Never(StoreError::Unexpected("the roots for push services can't be read")))?;
        let call = self.stats.call(&[], connector.call(request));
        let response = match tokio::time::timeout(TIME_OUT, call).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) | Err(_) => return Err(NotTaken::NoAnswer),
        };
        let status = response.status().as_u16();
        let refused = || StoreError::PushRefused(status);
        match status {
            200..300 => Ok(()),
            404 | 410 => Err(NotTaken::Gone),
            429 | 500.. => {
                let wanted = response.headers().get("retry-after").and_then(|seconds| seconds.parse().ok());
                Err(NotTaken::Later(refused(), wanted))
            }
            // Redirections, too: a push is sent to no address that a service names.
            _ => Err(NotTaken::Never(refused())),
        }
    }

    fn request(
        &self,
        to: &PushSubscription,
        body: &[u8],
        authorization: &str,
        topic: &str,
        urgency: Urgency,
    ) -> Result<HttpRequest, StoreError> {
        let endpoint = to.endpoint.as_str();
        let url = match &self.config.stand_in {
            Some(stand_in) => format!("{stand_in}/{}", endpoint.trim_start_matches("https://")),
            None => endpoint.to_owned(),
        };
        let mut request = HttpRequest::new(SdkBody::from(body));
        let made = request.set_method("POST").is_ok() && request.set_uri(url).is_ok();
        let headers = [
            ("authorization", authorization),
            ("content-encoding", "aes128gcm"),
            ("content-length", &body.len().to_string()),
            ("content-type", "application/octet-stream"),
            ("topic", topic),
            ("ttl", KEPT),
            ("urgency", urgency.as_str()),
        ];
        let set =
            |(name, value): (&'static str, &str)| request.headers_mut().try_insert(name, value.to_owned()).is_ok();
        if made && headers.into_iter().all(set) { Ok(request) } else { Err(StoreError::Unwritable("a push", None)) }
    }
}

fn no_answer() -> StoreError {
    StoreError::Late("a push service did not answer")
}

/// The pause after the attempt with this number: the time that the service asks for, or else half a second, doubled with each
/// attempt. Jitter spreads requests that were refused together.
fn pause(number: u32, wanted: Option<u64>) -> Duration {
    let pause = wanted.map_or(Duration::from_millis(500) * 2_u32.pow(number), Duration::from_secs);
    let jitter = Duration::from_millis(u64::from(random::<1>()[0]));
    (pause + jitter).min(LONGEST_PAUSE)
}

/// Trusts what the system does: Mozilla's roots, on Amazon Linux. None where the CA bundle can't be read.
fn connector(ca_bundle: Option<&str>) -> Option<Connector> {
    let mut roots = tls::TrustStore::empty().with_native_roots(true);
    if let Some(path) = ca_bundle {
        roots.add_pem_certificate(std::fs::read(path).ok()?);
    }
    let context = tls::TlsContext::builder().with_trust_store(roots).build().ok()?;
    let builder = Connector::builder().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring));
    Some(builder.tls_context(context).build_with_resolver(PublicAddresses))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let pauses: Vec<_> = (0..3).map(|number| pause(number, None)).collect();
        assert!(pauses.is_sorted() && pauses[0] >= Duration::from_millis(500));
        assert!(pause(0, Some(2)) >= Duration::from_secs(2));
        assert_eq!(pause(0, Some(3600)), LONGEST_PAUSE);
        assert_eq!(pause(9, None), LONGEST_PAUSE);
    }
}
