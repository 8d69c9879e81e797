//! Builds the functions of a template.

use crate::Error;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// One of cargo's JSON messages.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The nearest `template.yaml`, from `directory` upwards.
pub fn find_template(directory: &Path) -> Result<PathBuf, Error> {
    let found = directory.ancestors().map(|one| one.join("template.yaml")).find(|path| path.is_file());
    found.ok_or_else(|| Error::new(format!("there is no template.yaml in {} or above it", directory.display())))
}

/// Builds the binaries of the workspace in `directory`, and returns their files by name. Compiler messages go to stderr.
pub async fn binaries(directory: &Path, release: bool) -> Result<HashMap<String, PathBuf>, Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--bins", "--message-format=json-render-diagnostics"]);
    // A debug build is of the whole workspace: so it shares every compiled crate with this program. A release build shares
    // none, so it builds the functions only.
    command.arg(if release { "--release" } else { "--workspace" });
    // `cargo run` sets variables of this package. Build scripts would see them, run again, and all crates that depend on
    // them would be compiled anew at each start.
    for (name, _) in std::env::vars_os() {
        let is_of_this_package =
            name.to_str().is_some_and(|name| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_"));
        if is_of_this_package {
            command.env_remove(name);
        }
    }
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut cargo = command.spawn().map_err(|error| Error::of("starting cargo", &error))?;
    let mut binaries = HashMap::new();
    if let Some(stdout) = cargo.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Ok(Message { reason, target: Some(target), executable: Some(file) }) = serde_json::from_str(&line)
                && reason == "compiler-artifact"
            {
                binaries.insert(target.name, file);
            }
        }
    }
    let status = cargo.wait().await.map_err(|error| Error::of("waiting for cargo", &error))?;
    match status.success() {
        true => Ok(binaries),
        false => Err(Error::new("the functions do not build; what the compiler says is above")),
    }
}
