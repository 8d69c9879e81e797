//! `cargo run -p local`: builds the functions and serves them until Ctrl-C. With `--store-only`: serves the stores for `sam local`.

use clap::Parser;
use local::{Endpoints, Error, Options, Reader, Stack, State, StoreOnly, StoreOptions, builds};
use std::collections::HashMap;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// The product on this machine: the functions that template.yaml declares, built and served as API Gateway would.
#[derive(Parser)]
struct Arguments {
    /// Where to listen on 127.0.0.1; 0 picks a free port [default: 3000, with --store-only 3100]
    #[arg(long)]
    port: Option<u16>,
    /// Keep nothing: tables, objects, queues and secrets are gone when this stops
    #[arg(long)]
    memory: bool,
    /// Where tables, objects, queues and secrets are kept [default: .sotto beside the template]
    #[arg(long, conflicts_with = "memory")]
    data_dir: Option<PathBuf>,
    /// A value for one of the template's parameters; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Build the functions as they are deployed
    #[arg(long)]
    release: bool,
    /// The most instances of each function
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Start only the stores, and write what `sam local` needs to run functions on them
    #[arg(long, conflicts_with_all = ["release", "concurrency"])]
    store_only: bool,
    /// An address of this machine where containers reach the stores: with Docker Desktop the default, elsewhere that of Docker's
    /// bridge, 172.17.0.1 as a rule
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", requires = "store_only")]
    store_host: IpAddr,
}

/// Where state is kept beside the template.
const KEPT: &str = ".sotto";

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("a name, an equals sign and a value are expected")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    // From here on neither signal ends the process by itself: there may be children to stop.
    let handler = |kind| signal(kind).map_err(|error| Error::new(format!("signals can't be handled: {error}")));
    let (mut interrupt, mut terminate) = (handler(SignalKind::interrupt())?, handler(SignalKind::terminate())?);
    let mut asked_to_stop = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    if arguments.store_only {
        let stores = tokio::select! {
            stores = start_stores(&arguments) => stores?,
            () = asked_to_stop() => return Ok(()),
        };
        tell_of_stores(&stores, &arguments);
        asked_to_stop().await;
        stores.stop().await;
        return Ok(());
    }
    let stack = tokio::select! {
        stack = start(&arguments) => stack?,
        () = asked_to_stop() => return Ok(()),
    };
    let mut logs = stack.logs().reader();
    tell(&stack, &arguments);
    loop {
        tokio::select! {
            lines = logs.next() => print(lines),
            () = asked_to_stop() => break,
        }
    }
    // What a function says while it is being stopped tells of nothing but that.
    print(Reader::unread(&mut logs));
    stack.stop().await;
    Ok(())
}

async fn start(arguments: &Arguments) -> Result<Stack, Error> {
    let template = template()?;
    let home = template.parent().unwrap_or(&template);
    let binaries = builds::binaries(home, arguments.release).await?;
    let (port, concurrency) = (arguments.port.unwrap_or(3000), arguments.concurrency.into());
    let (state, endpoints, parameters) = (arguments.state(home), Endpoints::from_env(), arguments.parameters());
    Stack::start(Options { template, port, state, endpoints, concurrency, binaries, parameters }).await
}

async fn start_stores(arguments: &Arguments) -> Result<StoreOnly, Error> {
    let template = template()?;
    let home = template.parent().unwrap_or(&template);
    // `sam local` has 3000 for the API and 3001 for start-lambda.
    let (port, host) = (arguments.port.unwrap_or(3100), arguments.store_host);
    let (state, endpoints, parameters) = (arguments.state(home), Endpoints::from_env(), arguments.parameters());
    let env_file = arguments.data_dir.clone().unwrap_or_else(|| home.join(KEPT)).join("env.json");
    StoreOnly::start(StoreOptions { template, port, state, endpoints, parameters, host, env_file }).await
}

/// The template of the directory that this was started in.
fn template() -> Result<PathBuf, Error> {
    let here = std::env::current_dir().map_err(|error| Error::new(format!("no current directory: {error}")))?;
    builds::find_template(&here)
}

impl Arguments {
    /// Where state is kept by what is told, and by where the template is.
    fn state(&self, home: &Path) -> State {
        match (&self.data_dir, self.memory) {
            (_, true) => State::Memory,
            (Some(directory), _) => State::Directory(directory.clone()),
            (None, _) => State::Directory(home.join(KEPT)),
        }
    }

    fn parameters(&self) -> HashMap<String, String> {
        self.parameters.iter().cloned().collect()
    }
}

/// The ready line on stdout, for programs; the rest on stderr, for people.
fn tell(stack: &Stack, arguments: &Arguments) {
    let url = stack.url();
    eprintln!("\nRoutes:");
    for route in stack.routes() {
        eprintln!("  {route}");
    }
    tell_of_state(arguments);
    eprintln!("DynamoDB: {}  S3: {}", stack.dynamodb_url(), stack.s3_url());
    eprintln!("SES: {}  SQS: {}  push services: {}", stack.ses_url(), stack.sqs_url(), stack.push_url());
    eprintln!(
        "What the functions mail and push is at {url}/_local/outbox, what failed for good at {url}/_local/queues"
    );
    eprintln!("Try: the exchange in README.md, on {url}");
    ready(url);
}

/// The same, of the stores alone.
fn tell_of_stores(stores: &StoreOnly, arguments: &Arguments) {
    let url = stores.url();
    for (name, url) in stores.urls() {
        eprintln!("{name}: {url}");
    }
    tell_of_state(arguments);
    eprintln!("What functions mail is at {url}/_local/outbox, what they give up at {url}/_local/queues");
    eprintln!("Give `sam local` --env-vars {}", stores.env_file().display());
    if let Some(pair) = stores.own_key() {
        let (id, secret) = (pair.access_key_id(), pair.secret_access_key());
        eprintln!("and in its environment AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={secret}");
    }
    ready(url);
}

fn tell_of_state(arguments: &Arguments) {
    match arguments.memory {
        true => eprintln!("Tables, objects, queues and secrets are in memory, and gone when this stops."),
        false => eprintln!(
            "Tables, objects, queues and secrets are kept in the data directory; --memory starts without any."
        ),
    }
}

fn ready(url: &str) {
    // Whoever started this may have stopped listening, which is no reason to stop serving.
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "ready {url}").and_then(|()| stdout.flush());
}

fn print(lines: Vec<local::Line>) {
    for line in lines {
        eprintln!("[{}] {}", line.function, line.text);
    }
}
