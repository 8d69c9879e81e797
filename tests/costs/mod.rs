//! What a request costs: the table in ARCHITECTURE.md, measured. `SOTTO_WRITE_COSTS=1` writes it anew instead of comparing it.
//!
//! Each request's own log line says what it asked of the stores, on a stack where nothing else happens. What init asks is on no
//! request's account, so a cold start costs the same.

mod accounts;
mod communities;
mod inbox;
mod links;
mod notifications;
mod notify;
mod private;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Answer, FaultyStack, Visitor, line_of, now, template};

const BEGIN: &str =
    "<!-- costs: measured by tests/costs, written by SOTTO_WRITE_COSTS=1 cargo test --test http costs:: -->\n";
const END: &str = "<!-- end of costs -->";
const HEAD: &str =
    "| endpoint | sequential round trips | read units | write units | other calls |\n| --- | --- | --- | --- | --- |\n";

#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    round_trips: u64,
    read_units: f64,
    write_units: f64,
    /// IAM actions of stores other than the table, each once.
    others: Vec<String>,
}

pub struct Costs<'a> {
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
}

impl Costs<'_> {
    /// Another row: a function, perhaps with a comma and what is special, and what it answered.
    async fn add(&mut self, row: &str, answer: &Answer) -> Cost {
        let (function, line) = line_of(&self.stack.stack, answer).await;
        assert_eq!(Some(function.as_str()), row.split(',').next());
        self.add_line(row, &line)
    }

    fn add_line(&mut self, row: &str, line: &Value) -> Cost {
        assert_eq!(line["level"], "info", "{row}: {line}");
        let cost = Cost::of(line);
        assert!(self.rows.iter().all(|(other, _)| other != row), "{row} is there twice");
        self.rows.push((row.to_owned(), cost.clone()));
        cost
    }

    fn table(&self) -> String {
        let row = |(name, cost): &(String, Cost)| {
            let Cost { round_trips, read_units, write_units, others } = cost;
            let others = if others.is_empty() { String::new() } else { format!(" {}", others.join(", ")) };
            format!("| {name} | {round_trips} | {read_units} | {write_units} |{others} |\n")
        };
        HEAD.to_owned() + &self.rows.iter().map(row).collect::<String>()
    }
}

fn document() -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path).expect("ARCHITECTURE.md");
    (path, text)
}

fn without_units(row: &str) -> String {
    let cells: Vec<&str> = row.split('|').collect();
    [1, 2, 5].map(|place| cells.get(place).copied().unwrap_or_default()).join("|")
}

/// In the last hour before midnight UTC some hits count under tomorrow's names too, which costs more.
fn is_shortly_before_midnight() -> bool {
    let in_a_while = now() + time::Duration::minutes(65);
    in_a_while.date() != now().date()
}

#[tokio::test]
async fn requests_cost_what_architecture_md_says() {
    let Some(stack) = FaultyStack::start().await else { return };
    if is_shortly_before_midnight() {
        println!("skipped: in the last hour before midnight UTC hits cost more");
        return;
    }
    let mut costs = Costs { stack: &stack, rows: Vec::new() };
    notify::measure(&mut costs).await;
    accounts::measure(&mut costs).await;
    inbox::measure(&mut costs).await;
    links::measure(&mut costs).await;
    private::measure(&mut costs).await;
    communities::measure(&mut costs).await;
    notifications::measure(&mut costs).await;
    costs.add("get-openapi", &Visitor::new().get("/openapi.json").send().await).await;

    let measured: BTreeSet<_> = costs.rows.iter().filter_map(|(name, _)| name.split(',').next()).collect();
    let functions = template::functions();
    let functions: BTreeSet<_> = functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(measured, functions, "left: measured, right: all functions");

    // Amazon's DynamoDB Local rounds its units otherwise than the service bills them.
    let has_units = local::Endpoints::from_env().dynamodb.is_none();
    let (path, text) = document();
    let (before, rest) = text.split_once(BEGIN).expect("the beginning of the table");
    let (written, after) = rest.split_once(END).expect("the end of the table");
    let table = costs.table();
    if std::env::var_os("SOTTO_WRITE_COSTS").is_some() {
        assert!(has_units, "the table is written with the embedded store's units");
        fs::write(path, format!("{before}{BEGIN}\n{table}\n{END}{after}")).expect("ARCHITECTURE.md is written");
    } else {
        let compared = |table: &str| -> Vec<String> {
            let rows = table.trim().lines();
            rows.map(|row| if has_units { row.to_owned() } else { without_units(row) }).collect()
        };
        let (measured, written) = (compared(&table), compared(written));
        let new: Vec<&String> = measured.iter().filter(|row| !written.contains(row)).collect();
        assert!(measured == written, "new: {new:#?}\n\nthe whole table:\n{table}");
    }
    stack.stop().await;
}
