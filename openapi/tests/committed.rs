//! openapi.json is committed, and served; it has to be what the code makes. So have the tables of API.md.

fn committed(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))).expect(name)
}

#[test]
fn the_committed_document_is_what_the_code_makes() {
    let is_same = committed("openapi.json") == openapi::text();
    assert!(is_same, "openapi.json is not what the code makes: cargo run -p openapi");
}

#[test]
fn the_tables_of_api_md_are_what_the_document_says() {
    let text = committed("API.md");
    assert!(text == openapi::filled_in(&text), "API.md is not what the document says: cargo run -p openapi");
}
