//! Everything that a function has, made once per cold start.

use std::{io, sync::Arc};

use crate::{
    aws::AwsClients, cards::Cards, config::Config, limits::Limits, store::Store, tally::Tally, tokens::Tokens,
};

pub struct App {
    pub store: Store,
    pub cards: Cards,
    pub limits: Limits,
    pub tokens: Tokens,
    pub public_base_url: String,
    pub(crate) tally: Arc<Tally>,
}

impl App {
    /// Fails only when the CA bundle that the configuration names can't be read.
    pub async fn start(config: Config) -> io::Result<Self> {
        let tally = Arc::new(Tally::default());
        let clients = AwsClients::new(&config.aws)?;
        let dynamodb = clients.dynamodb(config.aws.dynamodb_endpoint.clone());
        let cards = Cards::new(clients, &config, tally.clone());
        let store = Store::new(dynamodb, config.table, tally.clone());
        if config.prime {
            store.prime().await;
            tally.take();
        }
        Ok(Self {
            store,
            cards,
            limits: Limits::default(),
            tokens: Tokens::new(&config.secret_key),
            public_base_url: config.public_base_url,
            tally,
        })
    }
}
