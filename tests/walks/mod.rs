//! One walk through all functions, on a stack where nothing else happens. Two things come of it:
//!
//! - what a request costs, compared with docs/costs.md. `SOTTO_WRITE_COSTS=1` writes that file instead;
//! - what a function was seen to do, compared with what template.yaml allows it to do.
//!
//! Both stand on each request's own log line. A function's calls during init count for no request's costs, but their
//! actions are on its first request's line.
//!
//! A family's walk makes the rows that tell more than one request would, and takes the branches that need a right of their own. A
//! function without a row gets one by its event (tests/events).

mod accounts;
mod communities;
mod inbox;
mod links;
mod notifications;
mod notify;
mod private;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use local::Stack;
use serde_json::Value;

use crate::events;
use crate::support::{Answer, Client, FaultyStack, line_of, now, template};

const COMMAND: &str = "SOTTO_WRITE_COSTS=1 cargo test --test http -- walks::";
const ABOUT: &str = "\
# What requests cost

Calls and capacity units per request, from the log lines of the local stack. Users, links and messages are under 1 KB. Units are
as DynamoDB bills them: transactions cost twice as much. A limit counts under two names for the length of its window before midnight UTC, which
costs more then.

The tests in `tests/walks` measure this table and compare it. `SOTTO_WRITE_COSTS=1 cargo test --test http -- walks::` writes it.

| endpoint | sequential round trips | read units | write units | other calls |
| --- | --- | --- | --- | --- |
";

#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    round_trips: u64,
    read_units: f64,
    write_units: f64,
    /// IAM actions of stores other than the table, each once.
    others: Vec<String>,
}

pub struct Walk<'a> {
    stack: &'a FaultyStack,
    rows: Vec<(String, Cost)>,
}

impl Cost {
    #[track_caller]
    fn of(line: &Value) -> Cost {
        let units = |name: &str| line[name].as_f64().unwrap_or_else(|| panic!("{line}"));
        let actions = line["actions"].as_array().expect("actions").iter().filter_map(Value::as_str);
        Cost {
            round_trips: line["round_trips"].as_u64().expect("round trips"),
            read_units: units("read_units"),
            write_units: units("write_units"),
            others: actions.filter(|action| !action.starts_with("dynamodb:")).map(str::to_owned).collect(),
        }
    }

    fn row(&self, name: &str) -> String {
        let Cost { round_trips, read_units, write_units, others } = self;
        let others = if others.is_empty() { String::new() } else { format!(" {}", others.join(", ")) };
        format!("| {name} | {round_trips} | {read_units} | {write_units} |{others} |")
    }
}

impl Walk<'_> {
    /// Another row: a function, perhaps with a comma and what is special, and what it answered.
    async fn cost(&mut self, row: &str, answer: &Answer) -> Cost {
        let (function, line) = line_of(&self.stack.stack, answer).await;
        assert_eq!(Some(function.as_str()), row.split(',').next());
        self.cost_of_line(row, &line)
    }

    fn cost_of_line(&mut self, row: &str, line: &Value) -> Cost {
        assert_eq!(line["level"], "info", "{row}: {line}");
        let cost = Cost::of(line);
        assert!(self.rows.iter().all(|(other, _)| other != row), "{row} is there twice");
        self.rows.push((row.to_owned(), cost.clone()));
        cost
    }

    /// The functions that no family has measured, each by its event.
    async fn the_rest(&mut self) {
        for function in template::functions() {
            let is_measured = self.rows.iter().any(|(row, _)| row.split(',').next() == Some(&function.name));
            if !is_measured {
                let answer = events::send(&function.name).await;
                self.cost(&function.name, &answer).await;
            }
        }
    }

    /// How the rows differ from docs/costs.md, which is written instead if that is asked for.
    fn compared_costs(&self) -> Vec<String> {
        // Amazon's DynamoDB Local rounds its units otherwise than the service bills them.
        let has_units = local::Endpoints::from_env().dynamodb.is_none();
        let measured: Vec<String> = self.rows.iter().map(|(name, cost)| cost.row(name)).collect();
        if std::env::var_os("SOTTO_WRITE_COSTS").is_some() {
            assert!(has_units, "the table is written with the embedded store's units");
            let path = document();
            fs::create_dir_all(path.parent().expect("a directory")).expect("docs/");
            fs::write(path, format!("{ABOUT}{}\n", measured.join("\n"))).expect("docs/costs.md is written");
            return Vec::new();
        }
        // In the last hour before midnight UTC some hits count under tomorrow's names too, which costs more.
        if (now() + time::Duration::minutes(65)).date() != now().date() {
            println!("costs are not compared: in the last hour before midnight UTC hits cost more");
            return Vec::new();
        }
        let written = fs::read_to_string(document()).unwrap_or_default();
        let written = written.lines().filter(|line| line.starts_with("| ")).skip(2).map(str::to_owned);
        let compared = |rows: Vec<String>| -> Vec<String> {
            rows.into_iter().map(|row| if has_units { row } else { without_units(&row) }).collect()
        };
        let (measured, written) = (compared(measured), compared(written.collect()));
        let new = measured.iter().filter(|row| !written.contains(row)).map(|row| format!("+ {row}"));
        let gone = written.iter().filter(|row| !measured.contains(row)).map(|row| format!("- {row}"));
        let differences: Vec<String> = gone.chain(new).collect();
        if differences.is_empty() {
            return differences;
        }
        let told = format!("docs/costs.md is not what was measured. If that is right: {COMMAND}");
        [told].into_iter().chain(differences).collect()
    }
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/costs.md")
}

fn without_units(row: &str) -> String {
    let cells: Vec<&str> = row.split('|').collect();
    [1, 2, 5].map(|place| cells.get(place).copied().unwrap_or_default()).join("|")
}

/// The actions of each function, of all lines so far.
async fn seen(stack: &Stack) -> BTreeMap<String, BTreeSet<String>> {
    let last = Client::new().get("/api/links/the-last-request").send().await;
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

/// How the rights in template.yaml differ from the actions that were seen.
async fn compared_rights(stack: &Stack) -> Vec<String> {
    let seen = seen(stack).await;
    let mut differences = Vec::new();
    for function in template::functions() {
        let name = &function.name;
        let Some(seen) = seen.get(name) else {
            differences.push(format!("{name} was never called: give it a row in tests/events/mod.rs"));
            continue;
        };
        for action in seen.difference(&function.actions) {
            differences.push(format!("template.yaml: {name} uses {action}: add it to the actions of its Statement"));
        }
        for action in function.actions.difference(seen) {
            let way = format!("take it away, or show its use in tests/walks/{}.rs", function.family());
            differences.push(format!("template.yaml: {name} was not seen to use {action}: {way}"));
        }
    }
    differences
}

#[tokio::test]
async fn functions_cost_what_docs_costs_md_says_and_use_the_rights_that_they_have() {
    let Some(stack) = FaultyStack::start().await else { return };
    let mut walk = Walk { stack: &stack, rows: Vec::new() };
    notify::walk(&mut walk).await;
    accounts::walk(&mut walk).await;
    inbox::walk(&mut walk).await;
    links::walk(&mut walk).await;
    private::walk(&mut walk).await;
    communities::walk(&mut walk).await;
    notifications::walk(&mut walk).await;
    walk.the_rest().await;
    let mut differences = walk.compared_costs();
    differences.extend(compared_rights(&stack.stack).await);
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    stack.stop().await;
}
