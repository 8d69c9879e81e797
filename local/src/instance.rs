//! One process of a function, from its start to its end.

use crate::logs::Logs;
use crate::runtime::{Job, Outcome, RuntimeApi};
use crate::tasks::Tasks;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// How long an instance may take to come for its first job, as in Lambda.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// How long to wait for the last lines of a process that has exited.
const LAST_LINES_WITHIN: Duration = Duration::from_secs(1);

/// A function's program and settings.
pub struct Program {
    /// The name of the function's binary.
    pub name: Arc<str>,
    pub file: PathBuf,
    /// The template's variables, and those that Lambda sets: region, credentials and endpoints.
    pub environment: BTreeMap<String, String>,
    pub memory_mb: u32,
    pub timeout: Duration,
}

/// A process that is probably alive. Dropping it kills the process.
pub struct Instance {
    jobs: mpsc::Sender<Job>,
    kill: oneshot::Sender<Infallible>,
    pub status: Status,
}

/// Tells whether a process is alive, and how it ended.
#[derive(Clone)]
pub struct Status {
    pub pid: u32,
    /// How the process ended. `None`: it has not ended.
    exit: watch::Receiver<Option<String>>,
}

impl Status {
    pub fn is_alive(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Waits until the process has ended. Returns how it ended.
    async fn exit(&mut self) -> String {
        match self.exit.wait_for(Option::is_some).await {
            Ok(status) => status.clone().unwrap_or_default(),
            Err(_) => "it is gone".into(), // the stack's runtime has ended
        }
    }
}

/// Why an invocation has no answer.
#[derive(Debug)]
pub enum Failure {
    /// The process could not be started, or ended before it took the job, or did not come for it in time.
    NotTaken(String),
    /// The process ended while it had the job.
    Exited(String),
    /// The function took longer than its timeout.
    TimedOut(Duration),
    /// The function returned an error.
    Returned,
}

impl Instance {
    /// Starts a process of `program`.
    pub fn start(
        program: &Program,
        number: u64,
        api: &Arc<RuntimeApi>,
        logs: &Logs,
        tasks: &Tasks,
    ) -> Result<Self, Failure> {
        let (address, jobs) = api.open(&program.name, number);
        let child = command(program, &address, number).spawn();
        let mut child = child.map_err(|error| {
            api.close(&program.name, number);
            Failure::NotTaken(format!("starting {}: {error}", program.file.display()))
        })?;
        let readers = [
            child.stdout.take().map(|pipe| log_lines(pipe, program.name.clone(), logs.clone())),
            child.stderr.take().map(|pipe| log_lines(pipe, program.name.clone(), logs.clone())),
        ];
        let pid = child.id().unwrap_or_default();
        let (kill, killed) = oneshot::channel();
        let (ended, exit) = watch::channel(None);
        let (api, name, tasks) = (api.clone(), program.name.clone(), tasks.clone());
        tokio::spawn(async move {
            let status = end(&mut child, killed, &tasks).await;
            for reader in readers.into_iter().flatten() {
                let _ = tokio::time::timeout(LAST_LINES_WITHIN, reader).await;
            }
            api.close(&name, number);
            ended.send_replace(Some(status));
        });
        Ok(Self { jobs, kill, status: Status { pid, exit } })
    }

    /// Gives the instance a job and waits for its outcome.
    pub async fn run(&mut self, request_id: &Arc<str>, event: Bytes, timeout: Duration) -> Result<Bytes, Failure> {
        let (taken, is_taken) = oneshot::channel();
        let (done, is_done) = oneshot::channel();
        let job = Job { request_id: request_id.clone(), event, timeout, taken, done };
        let taken = async { self.jobs.send(job).await.is_ok() && is_taken.await.is_ok() };
        tokio::select! {
            biased;
            true = taken => {}
            status = self.status.exit() => return Err(Failure::NotTaken(status)),
            () = tokio::time::sleep(INIT_LIMIT) => {
                return Err(Failure::NotTaken(format!("it did not come for an event within {INIT_LIMIT:?}")));
            }
        }
        tokio::select! {
            biased;
            Ok(outcome) = is_done => match outcome {
                Outcome::Answer(answer) => Ok(answer),
                Outcome::Failed => Err(Failure::Returned),
            },
            status = self.status.exit() => Err(Failure::Exited(status)),
            () = tokio::time::sleep(timeout) => Err(Failure::TimedOut(timeout)),
        }
    }

    /// Kills the process and returns when it has ended.
    pub async fn stop(mut self) {
        drop(self.kill);
        self.status.exit().await;
    }
}

/// Waits until the process ends. Kills it when the instance is dropped or the stack stops.
async fn end(child: &mut Child, killed: oneshot::Receiver<Infallible>, tasks: &Tasks) -> String {
    let status = tokio::select! {
        status = child.wait() => status,
        _ = killed => child.kill().await.and(child.wait().await),
        () = tasks.cancelled() => child.kill().await.and(child.wait().await),
    };
    match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

/// The process as Lambda starts it, without the developer's environment variables.
fn command(program: &Program, address: &str, number: u64) -> Command {
    let mut command = Command::new(&program.file);
    let memory = program.memory_mb.to_string();
    command
        .env_clear()
        .envs(&program.environment)
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", &*program.name)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", program.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[$LATEST]{number}"))
        .env("_HANDLER", "bootstrap")
        .env("LANG", "en_US.UTF-8")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TZ", ":UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0) // Ctrl-C reaches the stack only, which then stops its children
        .kill_on_drop(true);
    if let Some(directory) = program.file.parent().filter(|path| path.is_absolute()) {
        command.current_dir(directory).env("LAMBDA_TASK_ROOT", directory);
    }
    command
}

/// Copies a process's lines to the logs.
fn log_lines(pipe: impl AsyncRead + Unpin + Send + 'static, function: Arc<str>, logs: Logs) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            logs.push(&function, String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
        }
    })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTaken(why) => write!(f, "Error: the runtime did not start: {why}"),
            Self::Exited(status) => write!(f, "Error: the runtime exited with {status}"),
            Self::TimedOut(timeout) => write!(f, "Task timed out after {:.2} seconds", timeout.as_secs_f64()),
            Self::Returned => write!(f, "Error: the function failed"),
        }
    }
}
