//! The costs of a very long conversation are those of a new one.

use std::ops::Range;

use local::Stack;
use serde_json::{Value, json};

use super::steps::{conversation, delete, id, ids, mark, pair, say};
use crate::inbox::table::{id_at, two_days_ago};
use crate::support::{Answer, FaultyStack, User, line_of};

/// Stores messages in a conversation, with ids of two days ago.
async fn store(stack: &FaultyStack, conversation: &str, sender: &User, messages: Range<usize>) {
    let begin = two_days_ago();
    let put = |n: usize| {
        let id = id_at(begin + n as i64, n);
        json!({ "PutRequest": { "Item": {
            "pk": { "S": format!("CONV#{conversation}") }, "sk": { "S": format!("MSG#{id}") }, "id": { "S": id },
            "conversation": { "S": conversation }, "sender": { "S": sender.id }, "kind": { "S": "text" },
            "content": { "S": format!("The message {n:06}") },
            "updated_at": { "S": "2026-02-06T12:37:51.523Z" },
            "by_sender": { "N": "0" }, "by_partner": { "N": "0" },
        } } })
    };
    let write = async |messages: Range<usize>| {
        for start in messages.clone().step_by(25) {
            let puts: Vec<Value> = (start..messages.end.min(start + 25)).map(put).collect();
            stack.write(&puts).await;
        }
    };
    let middle = messages.start.midpoint(messages.end);
    tokio::join!(write(messages.start..middle), write(middle..messages.end));
}

/// The costs on a request's log line.
async fn cost(stack: &Stack, answer: &Answer) -> [Value; 4] {
    let (_, line) = line_of(stack, answer).await;
    ["round_trips", "read_units", "write_units", "actions"].map(|name| line[name].clone())
}

#[tokio::test]
async fn a_page_of_a_conversation_of_100000_messages_costs_what_a_page_costs() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    // Amazon's DynamoDB Local takes minutes for as many.
    let count = if local::Endpoints::from_env().dynamodb.is_none() { 100_000 } else { 5_000 };
    let ([ann, bob], sent) = pair(["The newest one"]).await;
    let long = conversation(&sent[0]).to_owned();
    let path = format!("/conversations/{long}/messages");
    let page = |query: &str| bob.get(&format!("{path}?limit=20{query}")).send();

    store(&stack, &long, &ann, 0..200).await;
    let newest_of_few = page("").await;
    let data = newest_of_few.processed(200);
    let cursor = format!("&cursor={}", data["nextCursor"].as_str().expect("a cursor"));
    let next_of_few = page(&cursor).await;
    let few = [cost(&stack.stack, &newest_of_few).await, cost(&stack.stack, &next_of_few).await];
    let said = say(&ann, &bob, "One more").await;
    let message = said.processed(200);
    let seen = mark(&bob, "seen", &long, id(&message)).await;
    let listed = bob.get("/conversations").send().await;
    let deleted = delete(&ann, &message).await;
    let others = [&said, &seen, &listed, &deleted];

    store(&stack, &long, &ann, 200..count).await;
    let newest_of_many = page("").await;
    let data = newest_of_many.processed(200);
    let messages = data["messages"].as_array().expect("messages");
    assert_eq!(messages[2]["content"], format!("The message {:06}", count - 1));
    assert_eq!(ids(messages).len(), 20);
    // The same page as before, now far from the newest messages.
    let deep = page(&cursor).await;
    let [deeper, before] = [&deep, &next_of_few].map(|page| page.processed(200)["messages"].clone());
    assert_eq!(ids(deeper.as_array().expect("messages")), ids(before.as_array().expect("messages")));
    assert_eq!([cost(&stack.stack, &newest_of_many).await, cost(&stack.stack, &deep).await], few);

    let said = say(&ann, &bob, "One more").await;
    let message = said.processed(200);
    let seen = mark(&bob, "seen", &long, id(&message)).await;
    let listed = bob.get("/conversations").send().await;
    let deleted = delete(&ann, &message).await;
    for (now, before) in [&said, &seen, &listed, &deleted].into_iter().zip(others) {
        assert_eq!(cost(&stack.stack, now).await, cost(&stack.stack, before).await, "{}", now.text());
    }
    stack.stop().await;
}
