//! TLS in front of a plain store, as AWS has it: handshake and records are part of what a function costs.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

pub struct Tls {
    pub url: String,
    /// The certificate to trust, as a PEM file.
    pub ca: PathBuf,
}

impl Tls {
    pub async fn before(upstream: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        let ca = std::env::temp_dir().join(format!("sotto-bench-{}.pem", std::process::id()));
        std::fs::write(&ca, cert.pem())?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let upstream = upstream.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let Ok(mut plain) = TcpStream::connect(upstream).await else { return };
                    let _ = plain.set_nodelay(true);
                    if let Ok(mut secure) = acceptor.accept(stream).await {
                        let _ = copy_bidirectional(&mut secure, &mut plain).await;
                    }
                });
            }
        });
        Ok(Self { url, ca })
    }
}
