//! `cargo run -p local`: builds the functions and serves them until Ctrl-C.

use clap::Parser;
use local::{Endpoints, Error, Options, Reader, Stack, State, builds};
use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// The product on this machine: the functions that template.yaml declares, built and served as API Gateway would.
#[derive(Parser)]
struct Arguments {
    /// Where to listen on 127.0.0.1; 0 picks a free port
    #[arg(long, default_value_t = 3000)]
    port: u16,
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
}

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
    let here = std::env::current_dir().map_err(|error| Error::new(format!("no current directory: {error}")))?;
    let template = builds::find_template(&here)?;
    let home = template.parent().unwrap_or(&here);
    let binaries = builds::binaries(home, arguments.release).await?;
    let state = match (&arguments.data_dir, arguments.memory) {
        (_, true) => State::Memory,
        (Some(directory), _) => State::Directory(directory.clone()),
        (None, _) => State::Directory(home.join(".sotto")),
    };
    let (port, concurrency) = (arguments.port, arguments.concurrency.into());
    let endpoints = Endpoints::from_env();
    let parameters: HashMap<_, _> = arguments.parameters.iter().cloned().collect();
    Stack::start(Options { template, port, state, endpoints, concurrency, binaries, parameters }).await
}

/// The ready line on stdout, for programs; the rest on stderr, for people.
fn tell(stack: &Stack, arguments: &Arguments) {
    let url = stack.url();
    eprintln!("\nRoutes:");
    for route in stack.routes() {
        eprintln!("  {route}");
    }
    match arguments.memory {
        true => eprintln!("Tables, objects, queues and secrets are in memory, and gone when this stops."),
        false => eprintln!(
            "Tables, objects, queues and secrets are kept in the data directory; --memory starts without any."
        ),
    }
    eprintln!("DynamoDB: {}  S3: {}", stack.dynamodb_url(), stack.s3_url());
    eprintln!("SES: {}  SQS: {}  push services: {}", stack.ses_url(), stack.sqs_url(), stack.push_url());
    eprintln!(
        "What the functions mail and push is at {url}/_local/outbox, what failed for good at {url}/_local/queues"
    );
    eprintln!("Try: the exchange in README.md, on {url}");
    // Whoever started this may have stopped listening, which is no reason to stop serving.
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "ready {url}").and_then(|()| stdout.flush());
}

fn print(lines: Vec<local::Line>) {
    for line in lines {
        eprintln!("[{}] {}", line.function, line.text);
    }
}
