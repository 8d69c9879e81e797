//! The addresses that the stack listens on, and the URLs under which callers reach them.

use crate::Error;
use hyper::Uri;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// A container's name for the machine that it runs on; its own loopback address is the container itself. Docker Desktop
/// and Podman define this name, Docker on Linux with `--add-host host.docker.internal:host-gateway`.
const CONTAINER_HOST: &str = "host.docker.internal";

/// How many free ports are tried until one is free on both loopback addresses.
const TRIED_PORTS: usize = 20;

/// Where the functions run that call the embedded services.
#[derive(Clone, Copy, Debug)]
pub enum Callers {
    /// In processes of this machine.
    Processes,
    /// In containers on this machine. The services listen at this address of the machine.
    Containers(IpAddr),
}

impl Callers {
    /// The address that the embedded services listen on.
    pub fn host(self) -> IpAddr {
        match self {
            Self::Processes => Ipv4Addr::LOCALHOST.into(),
            Self::Containers(host) => host,
        }
    }

    /// The callers' URL for what this process reaches at `url`.
    pub fn url(self, url: &str) -> String {
        let uri: Option<Uri> = url.parse().ok();
        match (self, uri.as_ref().and_then(Uri::host)) {
            (Self::Containers(_), Some(host)) if is_loopback(host) => url.replacen(host, CONTAINER_HOST, 1),
            _ => url.to_owned(),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// Listens on a free port of `host`. Returns the URL for processes of this machine, too.
pub async fn listen(host: IpAddr) -> Result<(TcpListener, String), Error> {
    let bound = async {
        let listener = TcpListener::bind((host, 0)).await?;
        let port = listener.local_addr()?.port();
        let reachable = match host {
            IpAddr::V4(all) if all.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(all) if all.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            one => one,
        };
        Ok::<_, io::Error>((listener, format!("http://{}", SocketAddr::new(reachable, port))))
    };
    bound.await.map_err(|error| Error::of(format!("listening on {host}"), &error))
}

/// The listeners of the gateway, all on one port of `localhost`.
pub struct Localhost {
    pub port: u16,
    pub listeners: Vec<TcpListener>,
}

impl Localhost {
    pub fn url(&self) -> String {
        format!("http://{}", authority(self.port))
    }

    /// Listens on `port` of 127.0.0.1 and ::1; 0 stands for a free port. A machine without ::1 has 127.0.0.1 alone.
    pub async fn listen(port: u16) -> Result<Self, Error> {
        let mut tries = if port == 0 { TRIED_PORTS } else { 1 };
        loop {
            tries -= 1;
            match Self::bind(port).await {
                Err((_, error)) if error.kind() == ErrorKind::AddrInUse && tries > 0 => {}
                bound => {
                    return bound.map_err(|(address, error)| Error::of(format!("listening on {address}"), &error));
                }
            }
        }
    }

    async fn bind(port: u16) -> Result<Self, (SocketAddr, io::Error)> {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let failed = |address| move |error| (address, error);
        let listener = TcpListener::bind(v4).await.map_err(failed(v4))?;
        let port = listener.local_addr().map_err(failed(v4))?.port();
        let mut listeners = vec![listener];
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        match TcpListener::bind(v6).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err((v6, error)),
            Err(_) => {} // this machine has no ::1
        }
        Ok(Self { port, listeners })
    }
}

/// The host and port by which people reach `port` of this machine.
pub fn authority(port: u16) -> String {
    format!("localhost:{port}")
}

/// The origins of pages that a browser of this machine loads from `port`.
pub fn origins(port: u16) -> [String; 3] {
    ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_has_another_name_in_containers() {
        let seen = |url| Callers::Containers(Ipv4Addr::LOCALHOST.into()).url(url);
        for (url, name) in [
            ("http://127.0.0.1:8000", "http://host.docker.internal:8000"),
            ("http://127.0.0.1:9324/000000000000/127.0.0.1", "http://host.docker.internal:9324/000000000000/127.0.0.1"),
            ("http://localhost:8000/", "http://host.docker.internal:8000/"),
            ("http://[::1]:8000", "http://host.docker.internal:8000"),
            ("http://172.17.0.1:8000", "http://172.17.0.1:8000"),
            ("https://dynamodb.eu-central-1.amazonaws.com", "https://dynamodb.eu-central-1.amazonaws.com"),
        ] {
            assert_eq!(seen(url), name);
            assert_eq!(Callers::Processes.url(url), url);
        }
    }

    #[tokio::test]
    async fn a_service_on_all_addresses_has_a_url_that_can_be_called() {
        let (_listener, url) = listen(Ipv4Addr::UNSPECIFIED.into()).await.unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        // RFC 5737 reserves this range for documentation, so no machine has the address.
        let refused = listen("203.0.113.1".parse().unwrap()).await.unwrap_err().to_string();
        assert!(refused.starts_with("listening on 203.0.113.1: "), "{refused}");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_on_one_loopback_address_is_refused() {
        let gateway = Localhost::listen(0).await.unwrap();
        let has_v6 = gateway.listeners.len() == 2;
        assert_eq!(has_v6, std::net::TcpListener::bind("[::1]:0").is_ok());
        let Localhost { port, mut listeners } = gateway;
        assert!(Localhost::listen(port).await.err().unwrap().to_string().contains(&format!("127.0.0.1:{port}")));
        drop(listeners.remove(0));
        if has_v6 {
            assert!(Localhost::listen(port).await.err().unwrap().to_string().contains(&format!("[::1]:{port}")));
        }
    }
}
