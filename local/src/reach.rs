//! Where the stores listen, and by what name those who use them reach them there.

use crate::Error;
use hyper::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// What a container calls the machine that it runs on: its own loopback device is another. Docker Desktop and Podman know the name by
/// themselves, Docker on Linux by `--add-host host.docker.internal:host-gateway`.
const MACHINE: &str = "host.docker.internal";

/// Who uses the stores.
#[derive(Clone, Copy, Debug)]
pub enum Users {
    /// Processes of this machine.
    Processes,
    /// Containers on this machine, for which the stores listen at an address of it.
    Containers(IpAddr),
}

impl Users {
    /// Where the embedded stores listen.
    pub fn host(self) -> IpAddr {
        match self {
            Self::Processes => Ipv4Addr::LOCALHOST.into(),
            Self::Containers(host) => host,
        }
    }

    /// What they call what this process calls `url`.
    pub fn url(self, url: &str) -> String {
        let uri: Option<Uri> = url.parse().ok();
        match (self, uri.as_ref().and_then(Uri::host)) {
            (Self::Containers(_), Some(host)) if is_loopback(host) => url.replacen(host, MACHINE, 1),
            _ => url.to_owned(),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// A free port of `host`, and its URL for processes of this machine.
pub async fn listen(host: IpAddr) -> Result<(TcpListener, String), Error> {
    let bound = async {
        let listener = TcpListener::bind((host, 0)).await?;
        let port = listener.local_addr()?.port();
        let named = match host {
            IpAddr::V4(all) if all.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(all) if all.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            one => one,
        };
        Ok::<_, std::io::Error>((listener, format!("http://{}", SocketAddr::new(named, port))))
    };
    bound.await.map_err(|error| Error::of(format!("listening on {host}"), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_reach_by_another_name_only_what_is_on_loopback() {
        let seen = |url| Users::Containers(Ipv4Addr::LOCALHOST.into()).url(url);
        for (url, name) in [
            ("http://127.0.0.1:8000", "http://host.docker.internal:8000"),
            ("http://127.0.0.1:9324/000000000000/127.0.0.1", "http://host.docker.internal:9324/000000000000/127.0.0.1"),
            ("http://localhost:8000/", "http://host.docker.internal:8000/"),
            ("http://[::1]:8000", "http://host.docker.internal:8000"),
            ("http://172.17.0.1:8000", "http://172.17.0.1:8000"),
            ("https://dynamodb.eu-central-1.amazonaws.com", "https://dynamodb.eu-central-1.amazonaws.com"),
        ] {
            assert_eq!(seen(url), name);
            assert_eq!(Users::Processes.url(url), url);
        }
    }

    #[tokio::test]
    async fn what_listens_everywhere_is_called_by_an_address_that_can_be_called() {
        let (_listener, url) = listen(Ipv4Addr::UNSPECIFIED.into()).await.unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        // Of a range for documentation, so no address of this machine (RFC 5737).
        let refused = listen("203.0.113.1".parse().unwrap()).await.unwrap_err().to_string();
        assert!(refused.starts_with("listening on 203.0.113.1: "), "{refused}");
    }
}
