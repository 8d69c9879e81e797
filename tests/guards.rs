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

#[test]
fn functions_binaries_template_and_events_are_the_same_set() {
    let names = |paths: Vec<PathBuf>| paths.iter().map(|path| stem(path)).collect::<BTreeSet<_>>();
    let functions = names(files("functions", "rs"));
    let in_template: BTreeSet<_> = template::functions().into_iter().map(|function| function.name).collect();
    assert_eq!(functions, in_template);
    assert_eq!(functions, names(files("events", "json")));

    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version=1", "--locked"])).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let sotto = packages.iter().find(|package| package["name"] == "sotto").expect("the root package");
    let targets = sotto["targets"].as_array().expect("targets").iter();
    let binaries: Vec<_> = targets.filter(|target| target["kind"][0] == "bin").collect();
    let named: BTreeSet<_> = binaries.iter().map(|bin| bin["name"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(functions, named);
    for binary in binaries {
        let source = Path::new(binary["src_path"].as_str().expect("a path"));
        assert_eq!(binary["name"], stem(source));
        assert!(source.starts_with(root().join("functions")), "{}", source.display());
    }
}

#[test]
fn each_function_says_first_which_route_it_answers() {
    let routes = template::functions();
    for file in files("functions", "rs") {
        let function = routes.iter().find(|function| function.name == stem(&file)).expect("a function");
        let text = read(&file);
        let (documented, _) = text.strip_prefix("//! ").and_then(|rest| rest.split_once(": ")).expect("a first line");
        // A worker has no route: it says its name.
        let expected = if function.routes.is_empty() { vec![function.name.clone()] } else { function.routes.clone() };
        let expected: Vec<String> = expected.iter().map(|route| format!("`{route}`")).collect();
        assert_eq!(documented, expected.join(", "), "{}", file.display());
    }
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
    for alarm in alarms {
        assert!(operations.contains(&format!("\n| `{alarm}` |")), "OPERATIONS.md does not say what {alarm} means");
    }
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
    for file in files("events", "json") {
        let event: Value = serde_json::from_str(&read(&file)).expect("JSON");
        let function = functions.iter().find(|function| function.name == stem(&file)).expect("a function");
        if function.routes.is_empty() {
            assert_eq!(event["Records"][0]["eventSource"], "aws:dynamodb", "{}", file.display());
            continue;
        }
        assert_eq!(event["version"], "2.0");
        let route = function.routes.iter().find(|route| event["routeKey"] == **route).expect("a route of the function");
        assert_eq!(event["requestContext"]["routeKey"], *route);
        let mut path = route.split_once(' ').expect("a route").1.to_owned();
        for (name, value) in event["pathParameters"].as_object().into_iter().flatten() {
            path = path.replace(&format!("{{{name}}}"), value.as_str().expect("text"));
        }
        assert_eq!((&event["rawPath"], &event["requestContext"]["http"]["path"]), (&path.clone().into(), &path.into()));
    }
}

#[test]
fn a_test_sends_each_event() {
    let tests: String = files("tests", "rs").iter().map(|file| read(file)).collect();
    // A worker's event is of no request.
    let workers: Vec<_> = template::functions().into_iter().filter(|function| function.routes.is_empty()).collect();
    let is_request = |file: &PathBuf| workers.iter().all(|worker| worker.name != stem(file));
    for file in files("events", "json").into_iter().filter(is_request) {
        assert!(tests.contains(&format!(".send(\"{}\")", stem(&file))), "{} is not sent", file.display());
    }
}

#[test]
fn an_endpoint_is_at_most_80_lines_and_no_file_is_over_320() {
    for (directory, most) in [("functions", 80), (".", 320)] {
        for file in files(directory, "rs") {
            let lines = read(&file).lines().count();
            assert!(lines <= most, "{} has {lines} lines", file.display());
        }
    }
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
    let found = offences(&["shared", "functions"], "shared/src/store", is_key);
    assert!(found.is_empty(), "keys outside the store:\n{}", found.join("\n"));
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let reads = |line: &str| {
        ["std::env", "env::var", "std::{env", "env!(", ", env,", ", env}"].iter().any(|way| line.contains(way))
    };
    assert!(reads("let x = std::env::var(\"X\");") && reads("use std::{env, fmt};"));
    let found = offences(&["shared", "functions"], "shared/src/config.rs", reads);
    assert!(found.is_empty(), "the environment is read outside config.rs:\n{}", found.join("\n"));
}

/// Each of these costs every cold start (ARCHITECTURE.md): aws-lc gathers entropy for 50 ms, the others are a second HTTP
/// and TLS stack.
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
