//! Compresses openapi.json for the function that serves it: once, and not at each cold start.

use std::{env, error::Error, fs, io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=openapi.json");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&fs::read("openapi.json")?)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("openapi.json.gz"), gzip.finish()?)?;
    Ok(())
}
