//! Promises about the source that the build keeps: no stack is needed for these.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::template;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under `directory` with that extension, `target` left out.
fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
                directories.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no .{extension} in {directory}");
    found
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Each line of code that `is_wrong`, with where it stands. Comments may say anything.
fn offences(directories: &[&str], except: &str, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let files = directories.iter().flat_map(|directory| files(directory, "rs"));
    files
        .filter(|file| !file.starts_with(root().join(except)))
        .flat_map(|file| {
            let text = read(&file);
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
            let wrong = lines.filter(|(_, line)| is_wrong(line));
            wrong.map(|(n, line)| format!("{}:{}: {line}", file.display(), n + 1)).collect::<Vec<_>>()
        })
        .collect()
}

/// Fails with all problems at once, each of which says where to mend it.
#[track_caller]
fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// For each function that `place` lacks, and each that it has too many, what to do about it.
fn differences(place: &str, found: &BTreeSet<String>, add: impl Fn(&str) -> String) -> Vec<String> {
    let functions = functions();
    let missing = functions.keys().filter(|name| !found.contains(*name));
    let missing = missing.map(|name| format!("{name} is missing in {place}. Add: {}", add(name)));
    let extra = found.iter().filter(|name| !functions.contains_key(*name));
    let extra = extra.map(|name| format!("{name} is in {place}, but there is no functions/<family>/{name}.rs"));
    missing.chain(extra).collect()
}

/// Each function's name, with the path of its file.
fn functions() -> BTreeMap<String, String> {
    let files = files("functions", "rs").into_iter();
    let path = |file: &Path| file.strip_prefix(root()).expect("a file of ours").display().to_string();
    files.map(|file| (stem(&file), path(&file))).collect()
}

/// `cargo test --test http -- guards::` says what a new function still lacks (CONTRIBUTING.md).
#[test]
fn each_function_is_in_the_template_and_has_an_event_that_is_sent() {
    let declared = template::functions();
    let names: BTreeSet<String> = declared.iter().map(|function| function.name.clone()).collect();
    let block = |name: &str| format!("a function with `CodeUri: target/lambda/{name}/`, its rights and its route");
    let mut problems = differences("template.yaml", &names, block);

    let events: BTreeSet<String> = files("events", "json").iter().map(|file| stem(file)).collect();
    let event = |name: &str| format!("the file events/{name}.json, an event of its route");
    problems.extend(differences("events/", &events, event));
    none(problems);
}

/// The list is written by this test when it is not as it should be. The test fails then, so that the change is seen.
#[test]
fn cargo_toml_lists_each_function() {
    let line =
        |(name, path): (&String, &String)| format!("  {{ name = \"{name}\", path = \"{path}\", test = false }},\n");
    let mut listed: Vec<_> = functions().iter().map(|(name, path)| (path.clone(), line((name, path)))).collect();
    listed.sort();
    let wanted: String = listed.into_iter().map(|(_, line)| line).collect();
    let path = root().join("Cargo.toml");
    let text = read(&path);
    let (before, rest) = text.split_once("\nbin = [\n").expect("the list of functions");
    let (list, after) = rest.split_once("]\n").expect("the end of the list");
    if list != wanted {
        fs::write(&path, format!("{before}\nbin = [\n{wanted}]\n{after}")).expect("Cargo.toml is written");
        panic!("Cargo.toml did not list the functions that there are. It was written anew: run the test again");
    }
}

#[test]
fn each_function_says_first_which_route_it_answers() {
    let routes = template::functions();
    let mut problems = Vec::new();
    for (name, path) in functions() {
        // Another guard says that it has to be declared.
        let Some(function) = routes.iter().find(|function| function.name == name) else { continue };
        // A worker has no route: it says its name.
        let expected = if function.routes.is_empty() { vec![name] } else { function.routes.clone() };
        let expected: Vec<String> = expected.iter().map(|route| format!("`{route}`")).collect();
        let start = format!("//! {}: ", expected.join(", "));
        if !read(&root().join(&path)).starts_with(&start) {
            problems.push(format!("{path}: as template.yaml declares it, its first line has to begin with: {start}"));
        }
    }
    none(problems);
}

/// AWS allows no more than two readers of a shard at the same time; with a third, reads are throttled ("Using AWS Lambda with
/// Amazon DynamoDB", simultaneous readers of a shard). The local stack has no such limit: only here it would show.
#[test]
fn at_most_two_mappings_read_one_stream() {
    let mut readers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for function in template::functions() {
        for stream in function.streams {
            readers.entry(stream).or_default().push(function.name.clone());
        }
    }
    assert!(!readers.is_empty(), "no stream wakes a function");
    for (stream, readers) in readers {
        assert!(readers.len() <= 2, "{stream} is read by {readers:?}");
    }
}

/// AWS allows no more than five filters ("Using event filtering with a DynamoDB event source"). The local stack has no such limit.
#[test]
fn a_mapping_has_at_most_five_filters() {
    for function in template::functions() {
        assert!(function.filters.iter().all(|filters| *filters <= 5), "{}: {:?}", function.name, function.filters);
    }
}

/// A task that fails would take the whole batch with it, and a function without a bound would take the account's instances.
#[test]
fn a_function_that_a_queue_wakes_reports_single_failures_and_is_bounded() {
    let mappings = template::queue_mappings();
    assert!(!mappings.is_empty(), "no queue wakes a function");
    for (function, mapping) in mappings {
        assert_eq!(mapping["FunctionResponseTypes"][0], "ReportBatchItemFailures", "{function}");
        assert!(mapping["ScalingConfig"]["MaximumConcurrency"].is_u64(), "{function} has no MaximumConcurrency");
    }
    for (queue, properties) in template::task_queues() {
        assert!(properties["RedrivePolicy"].is_mapping(), "{queue} has no dead-letter queue");
        assert!(properties["VisibilityTimeout"].is_u64(), "{queue} has no VisibilityTimeout");
    }
}

/// AWS refuses to deploy settings of a route that is not there.
#[test]
fn what_has_a_throttle_of_its_own_is_a_route() {
    let routes: Vec<_> = template::functions().into_iter().flat_map(|function| function.routes).collect();
    for route in template::throttled() {
        assert!(routes.contains(&route), "{route} has a throttle, but is no route");
    }
}

/// An account's limit has to be as much and 100 more.
#[test]
fn as_many_instances_are_reserved_as_the_template_says() {
    let (reserved, says) = template::reserved();
    let expected = format!("{reserved} in all. The account's limit in this region must be {} or more.", reserved + 100);
    assert!(says.ends_with(&expected), "{says}");
}

#[test]
fn each_alarm_is_explained() {
    let operations = read(&root().join("OPERATIONS.md"));
    let alarms = template::resources("AWS::CloudWatch::Alarm");
    assert!(!alarms.is_empty());
    let missing = alarms.iter().filter(|alarm| !operations.contains(&format!("\n| `{alarm}` |")));
    none(
        missing.map(|alarm| format!("OPERATIONS.md: add a row to the table of alarms: | `{alarm}` | ... |")).collect(),
    );
}

/// API Gateway refuses a route whose variable has another name than that of a route at the same place ("has a conflicting
/// variable on the same hierarchical level as"), and so does OpenAPI.
#[test]
fn the_variables_at_one_place_of_the_paths_have_one_name() {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for route in template::functions().iter().flat_map(|function| &function.routes) {
        let (_, path) = route.split_once(' ').expect("a route");
        let mut place = String::new();
        for part in path.split('/') {
            if part.starts_with('{') {
                let name = names.entry(place.clone()).or_insert_with(|| part.to_owned());
                assert_eq!(name, part, "{route}");
                place.push_str("/{}");
            } else {
                place = format!("{place}/{part}");
            }
        }
    }
    assert!(names.len() > 5, "{names:?}");
}

#[test]
fn each_event_is_one_of_its_functions_route() {
    let functions = template::functions();
    let mut problems = Vec::new();
    for file in files("events", "json") {
        let event: Value = serde_json::from_str(&read(&file)).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let Some(function) = functions.iter().find(|function| function.name == stem(&file)) else { continue };
        let mut must_be = |field: &str, wanted: &str| {
            let found = &event.pointer(field).and_then(Value::as_str);
            if *found != Some(wanted) {
                problems.push(format!("{}: {field} has to be {wanted:?}, not {found:?}", file.display()));
            }
        };
        if function.routes.is_empty() {
            must_be("/Records/0/eventSource", if function.queues.is_empty() { "aws:dynamodb" } else { "aws:sqs" });
            continue;
        }
        let is_its_route = |route: &&String| event["routeKey"] == ***route;
        let route = function.routes.iter().find(is_its_route).unwrap_or(&function.routes[0]);
        let (method, path) = route.split_once(' ').expect("a route");
        let mut path = path.to_owned();
        for (name, value) in event["pathParameters"].as_object().into_iter().flatten() {
            path = path.replace(&format!("{{{name}}}"), value.as_str().expect("text"));
        }
        must_be("/version", "2.0");
        must_be("/routeKey", route);
        must_be("/requestContext/routeKey", route);
        must_be("/requestContext/http/method", method);
        must_be("/requestContext/http/path", &path);
        must_be("/rawPath", &path);
    }
    none(problems);
}

/// A far safety net: a long file is not wrong, but nobody finds their way in this much.
#[test]
fn no_file_is_over_800_lines() {
    let lines = |file: &PathBuf| read(file).lines().count();
    let long = files(".", "rs").into_iter().filter(|file| lines(file) > 800);
    none(long.map(|file| format!("{} has {} lines: split it", file.display(), lines(&file))).collect());
}

#[test]
fn only_the_store_knows_keys() {
    let is_key = |line: &str| {
        let attribute = ["pk", "sk", "gsi1pk", "gsi1sk"].iter().any(|name| line.contains(&format!("\"{name}\"")));
        let upper = |text: &str| text.bytes().rev().take_while(u8::is_ascii_uppercase).count() >= 2;
        let prefix = line.match_indices('#').any(|(at, _)| upper(&line[..at]));
        attribute || prefix
    };
    assert!(is_key("item.get(\"pk\")") && is_key("format!(\"LINK#{slug}\")") && !is_key("#[derive(Debug)] // PK"));
    let found = offences(&["shared/src", "functions"], "shared/src/store", is_key);
    assert!(found.is_empty(), "keys outside the store:\n{}", found.join("\n"));
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let reads = |line: &str| {
        // Where a build script puts its files is known when the function is built.
        let line = line.replace("env!(\"OUT_DIR\")", "");
        ["std::env", "env::var", "std::{env", "env!(", ", env,", ", env}"].iter().any(|way| line.contains(way))
    };
    assert!(reads("let x = std::env::var(\"X\");") && reads("use std::{env, fmt};"));
    let found = offences(&["shared/src", "functions"], "shared/src/config.rs", reads);
    assert!(found.is_empty(), "the environment is read outside config.rs:\n{}", found.join("\n"));
}

/// Each of these slows every cold start. aws-lc gathers entropy for 50 ms, the others are a second HTTP and TLS stack.
#[test]
fn nothing_slow_is_linked_into_a_function() {
    let tree = cargo(&["tree", "-e", "normal", "-p", "sotto", "--prefix", "none", "--locked"]);
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.strip_suffix(" (*)").or(Some(line))).collect();
    let has = |start: &str| crates.iter().find(|name| name.starts_with(start)).copied();
    assert!(has("aws-sdk-dynamodb v1").is_some() && has("ring v").is_some(), "this is not the tree of a function");
    for slow in ["aws-lc-sys v", "aws-lc-rs v", "hyper v0.", "rustls v0.21", "rustls v0.20", "h2 v0.3", "aws-config v"]
    {
        assert_eq!(has(slow), None);
    }
}

/// Work without a limit is an invitation: each operation that writes, and each that the table of limits names, refuses what is too much.
#[test]
fn each_operation_that_writes_has_a_rate_limit() {
    // They read only, whatever their methods say.
    const READ_ONLY: [&str; 0] = [];
    let document: Value = serde_json::from_str(&read(&root().join("openapi.json"))).expect("JSON");
    let mut missing = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let name = operation["operationId"].as_str().expect("a name");
            let writes = method != "get" && !READ_ONLY.contains(&name);
            if writes && operation["responses"].get("429").is_none() {
                missing.push(format!("{} {path} ({name})", method.to_uppercase()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no rate limit for {missing:#?}. Take one in the function (`app.limits.take`, `Caller::within` or a row of `Creation`), give it a row \
         in shared/src/limits/mod.rs, and name it in openapi/src/limits.rs"
    );
}

/// A row that nobody takes from limits nothing.
#[test]
fn each_row_of_the_table_of_limits_is_taken_from() {
    let table = read(&root().join("shared/src/limits/mod.rs"));
    let (_, rows) = table.split_once("\nlimits! {").expect("the table");
    let (rows, _) = rows.split_once("\n}").expect("its end");
    let rows = rows.lines().filter_map(|line| line.trim().split_once(" = ").map(|(row, _)| row.trim_end()));
    let is_other = |file: &PathBuf| !file.starts_with(root().join("shared/src/limits/mod.rs"));
    let sources = files("functions", "rs").into_iter().chain(files("shared/src", "rs")).filter(is_other);
    let sources: String = sources.map(|file| read(&file)).collect();
    // It is counted with the messages to one inbox.
    let rows: Vec<&str> = rows.collect();
    assert!(rows.contains(&"AllInboxes"), "this is not the table");
    let is_unused = |row: &&str| *row != "AllInboxes" && !sources.contains(&format!("Limit::{row}"));
    let unused: Vec<&str> = rows.into_iter().filter(is_unused).collect();
    assert!(
        unused.is_empty(),
        "nothing takes from {unused:?}: take them, or remove them from shared/src/limits/mod.rs"
    );
}
