//! Answers that many operations give, each described once.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Fewer are not worth a name.
const MANY: usize = 3;

/// Takes the failures that are many operations' out of `paths`: named after their schema and status, the most frequent of each.
pub fn taken_out(paths: &mut Map<String, Value>) -> Map<String, Value> {
    let mut counts: BTreeMap<String, Vec<(Value, usize)>> = BTreeMap::new();
    each_failure(paths, |name, answer| {
        let known = counts.entry(name).or_default();
        match known.iter_mut().find(|(other, _)| other == answer) {
            Some((_, count)) => *count += 1,
            None => known.push((answer.clone(), 1)),
        }
    });
    let most = |(name, answers): (String, Vec<(Value, usize)>)| {
        let (answer, count) = answers.into_iter().max_by_key(|(_, count)| *count)?;
        (count >= MANY).then_some((name, answer))
    };
    let named: Map<String, Value> = counts.into_iter().filter_map(most).collect();
    each_failure(paths, |name, answer| {
        if named.get(&name) == Some(answer) {
            *answer = json!({ "$ref": format!("#/components/responses/{name}") });
        }
    });
    named
}

fn each_failure(paths: &mut Map<String, Value>, mut see: impl FnMut(String, &mut Value)) {
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for answers in operations.filter_map(|operation| operation["responses"].as_object_mut()) {
        for (status, answer) in answers.iter_mut() {
            let schema = &answer["content"]["application/json"]["schema"];
            let schema = schema["$ref"].as_str().or_else(|| schema["anyOf"][0]["$ref"].as_str());
            let name = schema.and_then(|schema| schema.rsplit('/').next()).map(|name| format!("{name}{status}"));
            if let Some(name) = name.filter(|_| status.as_str() >= "400") {
                see(name, answer);
            }
        }
    }
}
