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
use aws_smithy_types::{DateTime, body::SdkBody, date_time::Format};

use addresses::PublicAddresses;
use encryption::encrypt;

use crate::{
    config::PushConfig,
    stats::RequestStats,
    store::{PushSubscription, StoreError},
    types::Timestamp,
    vapid::VapidKey,
};

/// How long a push service may take.
const TIME_OUT: Duration = Duration::from_secs(5);
/// How long a host is left alone that did not answer: whatever is behind that push waits for it once and not each time.
const REST: Duration = Duration::from_secs(30);
/// How many hosts are remembered as resting.
const RESTING: usize = 1_000;
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
    /// The service may take it later: after so long, if it said so.
    Later(StoreError, Option<Duration>),
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

    /// Tries once. Returns when the push service has taken `message`, or has not. Of undelivered messages with one `topic` a service
    /// keeps the newest only.
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
        let rests_until = self.resting().get(host).copied();
        if let Some(rest) = rests_until.and_then(|until| until.checked_duration_since(Instant::now())) {
            return Ok(Pushed::Later(
                StoreError::Busy("a push service was not asked, as it has just failed"),
                Some(rest),
            ));
        }
        let request = self.request(to, &body, &authorization, topic, urgency)?;
        let connector = self.connector.get_or_init(|| connector(self.config.ca_bundle.as_deref())).as_ref();
        let connector = connector.ok_or(StoreError::Unexpected("the roots for push services can't be read"))?;
        let call = self.stats.call(&[], connector.call(request));
        let Ok(Ok(response)) = tokio::time::timeout(TIME_OUT, call).await else {
            let mut resting = self.resting();
            if resting.len() >= RESTING {
                resting.clear();
            }
            resting.insert(host.to_owned(), Instant::now() + REST);
            return Ok(Pushed::Later(StoreError::Late("a push service did not answer"), Some(REST)));
        };
        let status = response.status().as_u16();
        let refused = StoreError::PushRefused(status);
        Ok(match status {
            200..300 => Pushed::Taken,
            404 | 410 => Pushed::Gone,
            // A service that answers is up, even if it refuses this one browser.
            429 | 500.. => {
                Pushed::Later(refused, response.headers().get("retry-after").and_then(|text| retry_after(text, now)))
            }
            // Redirections, too: a push is sent to no address that a service names.
            _ => Pushed::Refused(refused),
        })
    }

    fn resting(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The time that a `Retry-After` field names: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::from_str(text, Format::HttpDate).ok()?;
    Some(Timestamp::from_millis(date.to_millis().ok()?).since(now))
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
    use proptest::prelude::*;

    use super::*;

    /// Fri, 06 Feb 2026 12:00:00 GMT.
    const NOON: Timestamp = Timestamp::from_millis(1_770_379_200_000);

    #[test]
    fn a_service_may_say_in_seconds_or_by_a_date_when_to_come_again() {
        for (text, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Fri, 06 Feb 2026 12:01:30 GMT", Some(90)),
            ("Fri, 06 Feb 2026 11:00:00 GMT", Some(0)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
        ] {
            assert_eq!(retry_after(text, NOON), seconds.map(Duration::from_secs), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_of_a_service_breaks_anything(text in any::<String>()) {
            let _ = retry_after(&text, NOON);
        }
    }
}
