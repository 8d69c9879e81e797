//! `cargo run -p local` builds the functions and serves them until Ctrl-C. With `--store-only` it serves only DynamoDB, S3, SES
//! and SQS, for functions that `sam local` runs.

use clap::Parser;
use local::{Endpoints, Error, Options, Reader, Stack, State, StoreOnly, StoreOptions, builds};
use std::collections::HashMap;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Builds the functions of template.yaml and serves them on this machine, as AWS would.
#[derive(Parser)]
struct Arguments {
    /// The port on localhost; 0 for a free port [default: 3000, with --store-only 3100]
    #[arg(long)]
    port: Option<u16>,
    /// Keep tables, objects, queues and secrets in memory; they are gone when this stops
    #[arg(long)]
    memory: bool,
    /// The directory for tables, objects, queues and secrets [default: .sotto beside the template]
    #[arg(long, conflicts_with = "memory")]
    data_dir: Option<PathBuf>,
    /// A value for one of the template's parameters; can be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Build the functions in release mode
    #[arg(long)]
    release: bool,
    /// The most instances of each function
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Start only DynamoDB, S3, SES and SQS, and write the file that `sam local` needs to run functions with them
    #[arg(long, conflicts_with_all = ["release", "concurrency"])]
    store_only: bool,
    /// The address of this machine under which containers reach the services: with Docker Desktop the default, otherwise the
    /// address of Docker's bridge, usually 172.17.0.1
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", requires = "store_only")]
    store_host: IpAddr,
}

/// The default data directory, beside the template.
const DATA_DIRECTORY: &str = ".sotto";

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
    // From here on, a signal doesn't end the process: it may have child processes to stop first.
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
        print_services(&stores, &arguments);
        asked_to_stop().await;
        stores.stop().await;
        return Ok(());
    }
    let stack = tokio::select! {
        stack = start(&arguments) => stack?,
        () = asked_to_stop() => return Ok(()),
    };
    let mut logs = stack.logs().reader();
    print_stack(&stack, &arguments);
    loop {
        tokio::select! {
            lines = logs.next() => print(lines),
            () = asked_to_stop() => break,
        }
    }
    // Lines that functions print while they are stopped are of no interest.
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
    // `sam local` uses 3000 for the API and 3001 for start-lambda.
    let (port, host) = (arguments.port.unwrap_or(3100), arguments.store_host);
    let (state, endpoints, parameters) = (arguments.state(home), Endpoints::from_env(), arguments.parameters());
    let env_file = arguments.data_dir.clone().unwrap_or_else(|| home.join(DATA_DIRECTORY)).join("env.json");
    StoreOnly::start(StoreOptions { template, port, state, endpoints, parameters, host, env_file }).await
}

/// The template for the current directory.
fn template() -> Result<PathBuf, Error> {
    let here = std::env::current_dir().map_err(|error| Error::new(format!("no current directory: {error}")))?;
    builds::find_template(&here)
}

impl Arguments {
    fn state(&self, home: &Path) -> State {
        match (&self.data_dir, self.memory) {
            (_, true) => State::Memory,
            (Some(directory), _) => State::Directory(directory.clone()),
            (None, _) => State::Directory(home.join(DATA_DIRECTORY)),
        }
    }

    fn parameters(&self) -> HashMap<String, String> {
        self.parameters.iter().cloned().collect()
    }
}

/// Prints the ready line on stdout, for programs, and the rest on stderr, for people.
fn print_stack(stack: &Stack, arguments: &Arguments) {
    let url = stack.url();
    eprintln!("\nRoutes:");
    for route in stack.routes() {
        eprintln!("  {route}");
    }
    print_state(arguments);
    eprintln!("DynamoDB: {}  S3: {}", stack.dynamodb_url(), stack.s3_url());
    eprintln!("SES: {}  SQS: {}  push services: {}", stack.ses_url(), stack.sqs_url(), stack.push_url());
    eprintln!(
        "Mails and push messages: {url}/_local/outbox  stream records that functions failed to process: {url}/_local/queues"
    );
    eprintln!("Try: the exchange in README.md, on {url}");
    ready(url);
}

/// The same for `--store-only`.
fn print_services(stores: &StoreOnly, arguments: &Arguments) {
    let url = stores.url();
    for (name, url) in stores.urls() {
        eprintln!("{name}: {url}");
    }
    print_state(arguments);
    eprintln!("Mails: {url}/_local/outbox  queues: {url}/_local/queues");
    eprintln!("Give `sam local` --env-vars {}", stores.env_file().display());
    if let Some(pair) = stores.own_key() {
        let (id, secret) = (pair.access_key_id(), pair.secret_access_key());
        eprintln!("and in its environment AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={secret}");
    }
    ready(url);
}

fn print_state(arguments: &Arguments) {
    match arguments.memory {
        true => eprintln!("Tables, objects, queues and secrets are in memory. They are gone when this stops."),
        false => eprintln!("Tables, objects, queues and secrets are in the data directory. --memory keeps nothing."),
    }
}

fn ready(url: &str) {
    // A closed stdout is no reason to stop serving.
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "ready {url}").and_then(|()| stdout.flush());
}

fn print(lines: Vec<local::Line>) {
    for line in lines {
        eprintln!("[{}] {}", line.function, line.text);
    }
}
