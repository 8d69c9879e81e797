//! Writes openapi.json: `cargo run -p openapi`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.json"), openapi::text())
}
