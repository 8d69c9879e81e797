//! The event of the document.

use super::Seeds;

#[tokio::test]
async fn the_event_of_get_openapi_shows_the_document() {
    let document = Seeds::default().send("get-openapi").await.ok(200);
    assert_eq!(document["openapi"], "3.1.0");
}
