//! Writes openapi.json, and the tables of API.md: `cargo run -p openapi`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::write(root.join("openapi.json"), openapi::text())?;
    let tables = root.join("API.md");
    fs::write(&tables, openapi::filled_in(&fs::read_to_string(&tables)?))
}
