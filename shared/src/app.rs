//! Everything that a function has, made once per cold start.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    attachments::Attachments,
    aws::AwsClients,
    bucket::Bucket,
    cards::Cards,
    config::{Config, Needs},
    limits::Limits,
    mail::Mailer,
    sessions::Sessions,
    store::{SenderKeys, Store, StoreError},
    tally::Tally,
    tokens::Tokens,
    types::Timestamp,
};

pub struct App {
    pub store: Store,
    pub cards: Cards,
    pub attachments: Attachments,
    pub limits: Limits,
    pub tokens: Tokens,
    pub public_base_url: String,
    pub(crate) allowed_origins: Vec<String>,
    sessions: Option<Sessions>,
    mailer: Option<Mailer>,
    sender_keys: Mutex<Option<Arc<SenderKeys>>>,
    pub(crate) tally: Arc<Tally>,
}

impl App {
    /// Fails only when the CA bundle that the configuration names can't be read.
    pub async fn start(config: Config, needs: Needs) -> io::Result<Self> {
        let tally = Arc::new(Tally::default());
        let clients = AwsClients::new(&config.aws)?;
        let dynamodb = clients.dynamodb(config.aws.dynamodb_endpoint.clone());
        let bucket = Arc::new(Bucket::new(clients.clone(), &config, tally.clone()));
        let mailer = config.mail.map(|mail| Mailer::new(clients, mail, tally.clone()));
        let store = Store::new(dynamodb, config.table, tally.clone());
        let app = Self {
            store,
            cards: Cards::new(bucket.clone(), config.cards_base_url),
            attachments: Attachments::new(bucket),
            limits: Limits::default(),
            tokens: Tokens::new(&config.secret_key),
            sender_keys: Mutex::default(),
            public_base_url: config.public_base_url,
            allowed_origins: config.allowed_origins,
            sessions: config.session_keys.map(|keys| Sessions::new(&keys.current, keys.previous.as_deref())),
            mailer,
            tally,
        };
        if config.prime {
            app.prime(needs).await;
            app.tally.forget_costs();
        }
        Ok(app)
    }

    /// Opens the connection and signs once, so that the first request need not. Whether it succeeds is that request's to find out.
    async fn prime(&self, needs: Needs) {
        if needs.senders {
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
}
