//! A function may do what it was seen to do, no more and no less. What it asks during init stands on its first request's line.

mod accounts;
mod communities;
mod inbox;
mod links;
mod notifications;
mod notify;
mod private;

use std::collections::{BTreeMap, BTreeSet};

use local::Stack;
use serde_json::Value;

use crate::support::{FaultyStack, Visitor, line_of, template};

/// The actions of each function, of all lines so far.
async fn seen(stack: &Stack) -> BTreeMap<String, BTreeSet<String>> {
    let last = Visitor::new().get("/api/links/the-last-request").send().await;
    line_of(stack, &last).await;
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in stack.logs().lines() {
        let Ok(parsed) = serde_json::from_str::<Value>(&line.text) else { continue };
        let actions = parsed["actions"].as_array().cloned().unwrap_or_default();
        let actions = actions.iter().map(|action| action.as_str().expect("an action").to_owned());
        seen.entry(line.function.to_string()).or_default().extend(actions);
    }
    seen
}

#[tokio::test]
async fn a_functions_rights_are_the_actions_that_it_was_seen_to_use() {
    let Some(own) = FaultyStack::start().await else { return };
    // On a stack where nothing else happens.
    links::scenario().await;
    links::meetings(&own).await;
    accounts::scenario(&own).await;
    inbox::scenario().await;
    accounts::end(&own).await;
    private::scenario(&own).await;
    notifications::scenario().await;
    notify::scenario(&own).await;
    communities::scenario(&own).await;
    Visitor::new().get("/openapi.json").send().await.ok(200);
    let seen = seen(&own.stack).await;
    let allowed: BTreeMap<_, _> =
        template::functions().into_iter().map(|function| (function.name, function.actions)).collect();
    assert_eq!(seen, allowed, "left: seen, right: allowed by template.yaml");
    own.stop().await;
}
