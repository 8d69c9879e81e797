//! openapi.json is committed, and served; it has to be what the code makes.

#[test]
fn the_committed_document_is_what_the_code_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.json");
    let committed = std::fs::read_to_string(path).expect("openapi.json");
    assert!(committed == openapi::text(), "openapi.json is not what the code makes: cargo run -p openapi");
}
