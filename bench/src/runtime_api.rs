//! A Lambda Runtime API for one process at a time, that notes when things happen.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
};

pub struct RuntimeApi {
    pub address: SocketAddr,
    /// When the process asked for work.
    pub asked: mpsc::UnboundedReceiver<Instant>,
    pub work: mpsc::UnboundedSender<String>,
    /// When and what it answered.
    pub answered: mpsc::UnboundedReceiver<(Instant, Bytes)>,
}

struct Shared {
    asked: mpsc::UnboundedSender<Instant>,
    work: Mutex<mpsc::UnboundedReceiver<String>>,
    answered: mpsc::UnboundedSender<(Instant, Bytes)>,
}

impl RuntimeApi {
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (asked_here, asked) = mpsc::unbounded_channel();
        let (work, work_here) = mpsc::unbounded_channel();
        let (answered_here, answered) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { asked: asked_here, work: Mutex::new(work_here), answered: answered_here });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let shared = shared.clone();
                let answer = service_fn(move |request| shared.clone().answer(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Ok(Self { address, asked, work, answered })
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let response = Response::builder();
        let response = if request.uri().path().ends_with("/next") {
            let _ = self.asked.send(Instant::now());
            let event = self.work.lock().await.recv().await.unwrap_or_default();
            response
                .header("Lambda-Runtime-Aws-Request-Id", "a-request")
                .header("Lambda-Runtime-Deadline-Ms", "9999999999999")
                .header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench")
                .body(Full::from(event))
        } else {
            let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let _ = self.answered.send((Instant::now(), body));
            response.status(202).body(Full::default())
        };
        Ok(response.expect("a response of fixed parts"))
    }
}
