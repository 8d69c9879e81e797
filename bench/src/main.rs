//! Cold and warm timings of `send-link-message` beside the smallest function there is, in one run, over TLS.
//! `cargo run --release -p bench` prints a table for docs/performance.md. `cargo run -p bench -- 1` starts each variant once, to
//! show that the benchmark still runs: the functions have the profile of the benchmark itself.

mod runtime_api;
mod tls;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use local::{Endpoints, Options, Stack, State};
use runtime_api::RuntimeApi;
use serde_json::{Value, json};
use tls::Tls;
use tokio::process::{Child, Command};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Starts of each variant, taken in turn, unless the first argument is another number.
const STARTS: usize = 30;
/// Requests to one warm process.
const WARM: usize = 200;

struct Variant {
    name: &'static str,
    binary: PathBuf,
    variables: Vec<(&'static str, String)>,
}

#[derive(Default)]
struct Figures {
    init: Vec<f64>,
    first: Vec<f64>,
    warm: Vec<f64>,
    memory_mib: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace")?;
    let starts = std::env::args().nth(1).map_or(Ok(STARTS), |starts| starts.parse())?;
    // The functions are built beside this program.
    let program = std::env::current_exe()?;
    let built = program.parent().ok_or("the directory of the program")?;
    build(root)?;
    let stack = stack(root, built).await?;
    let slug = "bench-link";
    create_link(&stack, slug).await?;
    let tls = Tls::before(stack.dynamodb_url()).await?;

    let store = |prime: &str| {
        vec![
            ("TABLE_NAME", stack.table().to_owned()),
            ("BUCKET_NAME", "unused".to_owned()),
            ("CARDS_BASE_URL", "http://unused".to_owned()),
            ("SECRET_KEY", "k".repeat(64)),
            ("AWS_REGION", local::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", local::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", local::SECRET_KEY.to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", tls.url.clone()),
            ("AWS_CA_BUNDLE", tls.ca.display().to_string()),
            ("SOTTO_PRIME", prime.to_owned()),
        ]
    };
    let send = built.join("send-link-message");
    let variants = [
        Variant { name: "`lambda_http` hello", binary: built.join("hello"), variables: Vec::new() },
        Variant { name: "send-link-message, unprimed", binary: send.clone(), variables: store("off") },
        Variant { name: "send-link-message, as deployed", binary: send, variables: store("on") },
    ];
    let mut api = RuntimeApi::start().await?;
    let mut figures: [Figures; 3] = Default::default();
    let mut sender = 0;
    for round in 0..=starts {
        for (variant, figures) in variants.iter().zip(&mut figures) {
            let requests = if round == starts { WARM } else { 1 };
            let mut run = Run::start(&mut api, variant).await?;
            for request in 0..requests {
                sender += 1;
                let took = run.request(&mut api, &event(slug, sender)).await?;
                if round < starts {
                    figures.first.push(took);
                } else if request > 0 {
                    figures.warm.push(took);
                }
            }
            if round < starts {
                figures.init.push(run.init);
            } else {
                figures.memory_mib = peak_memory(&run.child)?;
            }
            run.child.kill().await?;
            while api.asked.try_recv().is_ok() {}
        }
    }
    report(&variants, &mut figures)?;
    let _ = std::fs::remove_file(tls.ca);
    stack.stop().await;
    Ok(())
}

/// One process of a function, from its start.
struct Run {
    child: Child,
    /// Milliseconds from the start of the process to its asking for work.
    init: f64,
}

impl Run {
    async fn start(api: &mut RuntimeApi, variant: &Variant) -> Result<Self> {
        let started = Instant::now();
        let child = Command::new(&variant.binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .envs(variant.variables.iter().cloned())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let asked = tokio::time::timeout(Duration::from_secs(10), api.asked.recv()).await?.ok_or("no runtime")?;
        Ok(Self { child, init: millis(asked - started) })
    }

    /// Milliseconds from the event's going out to the answer's coming in.
    async fn request(&mut self, api: &mut RuntimeApi, event: &Value) -> Result<f64> {
        let event = event.to_string();
        let sent = Instant::now();
        api.work.send(event)?;
        let answer = tokio::time::timeout(Duration::from_secs(10), api.answered.recv()).await?;
        let (answered, body) = answer.ok_or("no answer")?;
        let body: Value = serde_json::from_slice(&body)?;
        if !matches!(body["statusCode"].as_u64(), Some(200 | 201)) {
            return Err(format!("a request failed: {body}").into());
        }
        api.asked.recv().await;
        Ok(millis(answered - sent))
    }
}

/// Builds the called functions in one build, so that all have the same crates.
fn build(root: &Path) -> Result<()> {
    let mut cargo = std::process::Command::new("cargo");
    cargo.args(["build", "--locked", "--package", "sotto", "--package", "hello"]);
    cargo.args(["--bin", "create-link", "--bin", "send-link-message", "--bin", "hello"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    if cargo.current_dir(root).status()?.success() { Ok(()) } else { Err("the build failed".into()) }
}

async fn stack(root: &Path, built: &Path) -> Result<Stack> {
    // Every function of the template needs a place. Only those that are called have to be there.
    let files = std::fs::read_dir(root.join("functions"))?.map(|family| std::fs::read_dir(family?.path()));
    let files = files.collect::<std::io::Result<Vec<_>>>()?.into_iter().flatten();
    let names = files.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let binaries: HashMap<String, PathBuf> = names.map(|name| (name.clone(), built.join(name))).collect();
    let template = root.join("template.yaml");
    let endpoints = Endpoints::from_env();
    let parameters = HashMap::new();
    let options = Options { template, port: 0, state: State::Memory, endpoints, concurrency: 1, binaries, parameters };
    Ok(Stack::start(options).await?)
}

async fn create_link(stack: &Stack, slug: &str) -> Result<()> {
    let body = json!({ "title": "A link of a benchmark", "slug": slug }).to_string();
    let created = Command::new("curl")
        .args(["-sf", "-H", "Content-Type: application/json", "-d", &body, &format!("{}/api/links", stack.url())])
        .stdout(Stdio::null())
        .status()
        .await?;
    if created.success() { Ok(()) } else { Err("the link could not be made".into()) }
}

/// A send from an address that has not sent before.
fn event(slug: &str, sender: u32) -> Value {
    let [_, b, c, d] = sender.to_be_bytes();
    json!({
        "version": "2.0",
        "routeKey": "POST /api/links/{slug}/messages",
        "rawPath": format!("/api/links/{slug}/messages"),
        "rawQueryString": "",
        "headers": { "content-type": "application/json", "host": "localhost" },
        "pathParameters": { "slug": slug },
        "requestContext": {
            "accountId": "000000000000", "apiId": "bench", "domainName": "localhost", "domainPrefix": "localhost",
            "http": {
                "method": "POST", "path": format!("/api/links/{slug}/messages"), "protocol": "HTTP/1.1",
                "sourceIp": format!("10.{b}.{c}.{d}"), "userAgent": "bench",
            },
            "requestId": "bench", "routeKey": "POST /api/links/{slug}/messages", "stage": "$default",
            "time": "06/Feb/2026:12:37:51 +0000", "timeEpoch": 1770381471523_u64,
        },
        "body": "{\"content\":\"A message of a benchmark\"}",
        "isBase64Encoded": false,
    })
}

fn report(variants: &[Variant], figures: &mut [Figures]) -> Result<()> {
    println!("| variant | init ms | first request ms | warm ms | binary MiB | peak memory MiB |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (variant, figures) in variants.iter().zip(figures) {
        let (init, first, warm) = (median(&mut figures.init), median(&mut figures.first), median(&mut figures.warm));
        let size = std::fs::metadata(&variant.binary)?.len() as f64 / 1024.0 / 1024.0;
        let (name, memory) = (variant.name, figures.memory_mib);
        println!("| {name} | {init:.2} | {first:.2} | {warm:.3} | {size:.1} | {memory:.0} |");
    }
    Ok(())
}

fn peak_memory(child: &Child) -> Result<f64> {
    let pid = child.id().ok_or("a running process")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("a peak")?;
    Ok(peak.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
