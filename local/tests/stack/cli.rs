//! The command line: it builds the functions, prints the ready line, and stops all processes however it ends.

use crate::functions::kill;
use crate::stores::dynamodb;
use crate::support::{FUNCTIONS, Http, Meeting, SOON, gone, stack};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Once;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

/// A directory of a cargo workspace, with the tests' template. In the workspace, every function is the probe. All tests use
/// the same workspace in cargo's target directory, so it is built once.
pub struct Workspace(PathBuf);

impl Workspace {
    pub fn new() -> Self {
        static MADE: Once = Once::new();
        let root = PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/functions"));
        MADE.call_once(|| make(&root).unwrap());
        let directory = root.join(uuid::Uuid::new_v4().to_string());
        std::fs::create_dir_all(directory.join("deeper")).unwrap();
        std::fs::copy(own("tests/stack/template.yaml"), directory.join("template.yaml")).unwrap();
        Self(directory)
    }

    /// Where the template is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The command in a directory under the template's.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(arguments);
        command.env("CARGO_NET_OFFLINE", "true");
        for service in ["DYNAMODB", "DYNAMODB_STREAMS", "S3", "SESV2", "SQS"] {
            command.env_remove(format!("AWS_ENDPOINT_URL_{service}"));
        }
        command.env_remove("SOTTO_PUSH_ENDPOINT_URL");
        command.current_dir(self.0.join("deeper")).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// The error of a command that doesn't start.
    pub async fn fails(&self, arguments: &[&str]) -> String {
        let output = tokio::time::timeout(6 * SOON, self.command(arguments).output()).await;
        let output = output.expect("an end in time").unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Runs the command until it is ready.
    pub async fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        let mut command = self.command(arguments);
        command.args(["--port", "0"]).envs(environment.iter().copied());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stderr.take().unwrap();
        let stderr = tokio::spawn(async move {
            let mut said = Vec::new();
            pipe.read_to_end(&mut said).await.unwrap();
            String::from_utf8_lossy(&said).into_owned()
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(6 * SOON, stdout.next_line()).await.expect("a line in time").unwrap();
        let url = line.as_deref().and_then(|line| line.strip_prefix("ready ")).expect("the ready line").to_owned();
        assert!(url.starts_with("http://localhost:"), "{url}");
        Run { child, stdout, stderr, url }
    }
}

fn make(root: &Path) -> std::io::Result<()> {
    let mut manifest = "[workspace]\n[package]\nname = \"functions\"\nedition = \"2024\"\n".to_owned();
    for binary in FUNCTIONS {
        manifest += &format!("[[bin]]\nname = {binary:?}\npath = {:?}\n", own("examples/probe.rs"));
    }
    manifest += "[dependencies]\nserde_json = \"1\"\n";
    std::fs::create_dir_all(root)?;
    std::fs::write(root.join("Cargo.toml"), manifest)?;
    // The same versions as this workspace's, so that cargo needs no registry.
    std::fs::copy(own("../Cargo.lock"), root.join("Cargo.lock")).map(drop)
}

/// A file of this package.
fn own(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub struct Run {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: JoinHandle<String>,
    pub url: String,
}

impl Run {
    /// Ends the command with a signal. Returns its status, stdout after the ready line, and stderr.
    pub async fn end(mut self, signal: &str) -> (ExitStatus, String, String) {
        kill(signal, &self.child.id().unwrap().to_string());
        let status = tokio::time::timeout(SOON, self.child.wait()).await.expect("an end in time").unwrap();
        let mut rest = String::new();
        self.stdout.into_inner().read_to_string(&mut rest).await.unwrap();
        (status, rest, self.stderr.await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_serves_and_however_it_ends_no_function_outlives_it() {
    let workspace = Workspace::new();
    for signal in ["-TERM", "-INT", "-KILL"] {
        let run = workspace.run(&["--memory"], &[]).await;
        let http = Http::new(&run.url);
        assert_eq!(http.get("/echo/x").await.json()["rawPath"], "/echo/x");
        let meeting = Meeting::open().await;
        http.get(&meeting.at("/hold")).await;
        let idle = meeting.next().await;
        let (status, rest, said) = run.end(signal).await;
        assert_eq!(status.success(), signal != "-KILL", "{signal}: {status}");
        assert_eq!(rest, "", "{signal}");
        assert!(said.contains("[probe] echoes /echo/x\n"), "{said}");
        assert!(said.contains("  GET /echo/fixed\n"), "{said}");
        gone(idle).await;
    }
    assert!(!workspace.0.join(".sotto").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_kept_beside_the_template_unless_told_otherwise() {
    let workspace = Workspace::new();
    workspace.run(&[], &[]).await.end("-TERM").await;
    assert!(workspace.0.join(".sotto/dynamodb.sqlite").is_file());
    assert!(workspace.0.join(".sotto/secrets/SecretKey").is_file());
    let run = workspace.run(&["--data-dir", "own", "--parameter", "MailFrom=me=you@a.test"], &[]).await;
    let variables = Http::new(&run.url).get("/environment").await.json()["variables"].clone();
    assert_eq!(variables["MAIL_FROM"], "me=you@a.test");
    run.end("-TERM").await;
    assert!(workspace.0.join("deeper/own/dynamodb.sqlite").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_dynamodb_takes_the_embedded_ones_place_and_is_left_as_it_was() {
    let workspace = Workspace::new();
    let other = stack().await;
    let run = workspace.run(&["--memory"], &[("AWS_ENDPOINT_URL_DYNAMODB", other.dynamodb_url())]).await;
    let variables = Http::new(&run.url).get("/environment").await.json()["variables"].clone();
    assert_eq!(variables["AWS_ENDPOINT_URL_DYNAMODB"], other.dynamodb_url());
    let dynamodb = dynamodb(&other);
    let tables = async || dynamodb.list_tables().send().await.unwrap().table_names.unwrap_or_default();
    let own = variables["TABLE_NAME"].as_str().unwrap();
    assert_ne!(own, other.table());
    assert!(tables().await.iter().any(|name| name == own));
    run.end("-TERM").await;
    let left = tables().await;
    assert!(!left.iter().any(|name| name == own) && left.iter().any(|name| name == other.table()), "{left:?}");
    other.stop().await;
}
