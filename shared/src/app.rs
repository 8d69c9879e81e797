//! Everything that a function has, made once per cold start.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    aws::AwsClients,
    bucket::{Bucket, attachments::Attachments, cards::Cards},
    config::{Config, Requirements},
    limits::RateLimiter,
    mail::Mailer,
    push::Pusher,
    queue::Queue,
    sessions::Sessions,
    stats::RequestStats,
    store::{SenderKeys, Store, StoreError},
    tokens::Tokens,
    types::Timestamp,
    vapid::VapidKey,
};

pub struct App {
    pub store: Store,
    pub cards: Cards,
    pub attachments: Attachments,
    pub limits: RateLimiter,
    pub tokens: Tokens,
    pub public_base_url: String,
    api_url: Option<String>,
    pub(crate) allowed_origins: Vec<String>,
    /// The dimension of the metrics of its requests. Without it there are no metrics.
    pub(crate) stack: Option<String>,
    sessions: Option<Sessions>,
    mailer: Option<Mailer>,
    pusher: Option<Pusher>,
    queue: Option<Queue>,
    mails: Option<Queue>,
    pushes: Option<Queue>,
    vapid: Option<VapidKey>,
    sender_keys: Mutex<Option<Arc<SenderKeys>>>,
    pub(crate) stats: Arc<RequestStats>,
}

impl App {
    /// Fails only when the CA bundle that the configuration names can't be read.
    pub async fn start(config: Config, requirements: Requirements) -> io::Result<Self> {
        let stats = Arc::new(RequestStats::default());
        let clients = AwsClients::new(&config.aws)?;
        let dynamodb = clients.dynamodb(config.aws.dynamodb_endpoint.clone());
        let bucket = Arc::new(Bucket::new(clients.clone(), &config, stats.clone()));
        let mailer = config.mail.map(|mail| Mailer::new(clients.clone(), mail, stats.clone()));
        let pusher = config.push.map(|push| Pusher::new(push, stats.clone()));
        let queue = |queue: Option<_>| queue.map(|queue| Queue::new(clients.clone(), queue, stats.clone()));
        let (mails, pushes, queue) = (queue(config.mails), queue(config.pushes), queue(config.queue));
        let store = Store::new(dynamodb, config.table, stats.clone());
        let tokens = Tokens::new(&config.secret_key);
        let app = Self {
            limits: RateLimiter::new(store.clone(), tokens.clone()),
            store,
            cards: Cards::new(bucket.clone(), config.cards_base_url),
            attachments: Attachments::new(bucket),
            tokens,
            sender_keys: Mutex::default(),
            public_base_url: config.public_base_url,
            api_url: config.api_url,
            allowed_origins: config.allowed_origins,
            stack: config.stack,
            sessions: config.session_keys.map(|keys| Sessions::new(&keys.current, keys.previous.as_deref())),
            mailer,
            pusher,
            queue,
            mails,
            pushes,
            vapid: config.vapid_secret.map(|secret| VapidKey::from_secret(&secret)),
            stats,
        };
        if config.prime {
            app.prime(requirements).await;
            app.stats.forget_costs();
        }
        Ok(app)
    }

    /// Opens the connection and signs once, so that the first request need not. A failure is ignored here: the first
    /// request meets it again.
    async fn prime(&self, requirements: Requirements) {
        if requirements.senders {
            let _ = self.sender_keys(Timestamp::now()).await;
        } else {
            self.store.prime().await;
        }
    }

    /// The keys that tell senders apart at `now`. An instance asks the store for them once in 30 days.
    pub async fn sender_keys(&self, now: Timestamp) -> Result<Arc<SenderKeys>, StoreError> {
        let known = self.sender_keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(keys) = known.filter(|keys| keys.are_of(now)) {
            return Ok(keys);
        }
        let keys = Arc::new(self.store.sender_keys(&self.tokens, now).await?);
        *self.sender_keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys.clone());
        Ok(keys)
    }

    /// Of a function that says that it needs them (`lambda!(handle, sessions)`).
    pub fn sessions(&self) -> &Sessions {
        self.sessions.as_ref().expect("this function says that it needs sessions")
    }

    /// Of a function that says that it needs it (`lambda!(handle, mail)`).
    pub fn mailer(&self) -> &Mailer {
        self.mailer.as_ref().expect("this function says that it needs mail")
    }

    /// Of a function that says that it needs it (`worker!("name", handle, push)`).
    pub fn pusher(&self) -> &Pusher {
        self.pusher.as_ref().expect("this function says that it pushes")
    }

    /// Of a function that says that it needs it (`worker!("name", handle, queue)`).
    pub fn queue(&self) -> &Queue {
        self.queue.as_ref().expect("this function says that it has a queue")
    }

    /// The queue of mails about messages. Of a function that says that it needs it (`worker!("name", handle, mails)`).
    pub fn mails(&self) -> &Queue {
        self.mails.as_ref().expect("this function says that it needs the queue of mails")
    }

    /// The queue of pushes. Of a function that says that it needs it (`worker!("name", handle, pushes)`).
    pub fn pushes(&self) -> &Queue {
        self.pushes.as_ref().expect("this function says that it needs the queue of pushes")
    }

    /// The API's own address. Of a function that says that it needs it (`worker!("name", handle, api_url)`).
    pub fn api_url(&self) -> &str {
        self.api_url.as_deref().expect("this function says that it needs the API's address")
    }

    /// Of a function that says that it needs it (`lambda!(handle, vapid)`).
    pub fn vapid(&self) -> &VapidKey {
        self.vapid.as_ref().expect("this function says that it needs the key of pushes")
    }
}
