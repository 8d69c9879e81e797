//! The command: builds, says that it is ready, and leaves nothing behind however it ends.

use crate::functions::kill;
use crate::support::{Http, Meeting, SOON, gone};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A workspace with the test's template and the probe as every function's binary.
struct Workspace(PathBuf);

impl Workspace {
    fn new() -> Self {
        let root = std::env::temp_dir().join(format!("sotto-cli-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(root.join("deeper")).unwrap();
        let of = |path: &str| format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(of("tests/stack/template.yaml"), root.join("template.yaml")).unwrap();
        let mut manifest = "[workspace]\n[package]\nname = \"functions\"\nedition = \"2024\"\nautobins = false\n".to_owned();
        for binary in ["probe", "brief", "impatient", "broken"] {
            manifest += &format!("[[bin]]\nname = \"{binary}\"\npath = \"{}\"\n", of("examples/probe.rs"));
        }
        manifest += "[dependencies]\nserde_json = \"1\"\n";
        std::fs::write(root.join("Cargo.toml"), manifest).unwrap();
        // The versions that this workspace uses, so that nothing has to be looked up.
        std::fs::copy(of("../Cargo.lock"), root.join("Cargo.lock")).unwrap();
        Self(root)
    }

    /// Runs the command in a directory under the template's.
    async fn run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(["--port", "0"]).args(arguments).env("CARGO_NET_OFFLINE", "true");
        command.current_dir(self.0.join("deeper")).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(6 * SOON, stdout.next_line()).await.expect("a line in time").unwrap();
        let url = line.as_deref().and_then(|line| line.strip_prefix("ready ")).expect("the ready line").to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        Run { child, stdout, url }
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Run {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Run {
    /// Ends the command by a signal; how it ended, and what it printed after the ready line.
    async fn end(mut self, signal: &str) -> (ExitStatus, String) {
        kill(signal, &self.child.id().unwrap().to_string());
        let status = tokio::time::timeout(SOON, self.child.wait()).await.expect("an end in time").unwrap();
        let mut rest = String::new();
        self.stdout.into_inner().read_to_string(&mut rest).await.unwrap();
        (status, rest)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_serves_and_however_it_ends_no_function_outlives_it() {
    let workspace = Workspace::new();
    for signal in ["-TERM", "-INT", "-KILL"] {
        let run = workspace.run(&["--memory"]).await;
        let http = Http::new(&run.url);
        assert_eq!(http.get("/echo/x").await.json()["rawPath"], "/echo/x");
        let meeting = Meeting::open().await;
        http.get(&meeting.at("/hold")).await;
        let idle = meeting.next().await;
        let (status, rest) = run.end(signal).await;
        assert_eq!(status.success(), signal != "-KILL", "{signal}: {status}");
        assert_eq!(rest, "", "{signal}");
        gone(idle).await;
    }
    assert!(!workspace.0.join(".sotto").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_kept_beside_the_template_unless_told_otherwise() {
    let workspace = Workspace::new();
    workspace.run(&[]).await.end("-TERM").await;
    assert!(workspace.0.join(".sotto/dynamodb.sqlite").is_file());
    assert!(workspace.0.join(".sotto/secrets/SecretKey").is_file());
    workspace.run(&["--data-dir", "own"]).await.end("-TERM").await;
    assert!(workspace.0.join("deeper/own/dynamodb.sqlite").is_file());
}
