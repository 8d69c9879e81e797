//! The parts of template.yaml that the tests read.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_yaml_ng::Value;

pub struct Function {
    /// The last directory of its `CodeUri`: the name of its binary.
    pub name: String,
    /// `POST /api/links`; none for a worker, several for a function that answers all of them alike.
    pub routes: Vec<String>,
    /// `Table.StreamArn`, once for each mapping from that stream to the function.
    pub streams: Vec<String>,
    /// `Mails.Arn`, for the queue that wakes it.
    pub queues: Vec<String>,
    /// How many filters each of its mappings has.
    pub filters: Vec<usize>,
    /// The actions that its policies allow.
    pub actions: BTreeSet<String>,
}

impl Function {
    /// The folder of its file: functions/<family>/<name>.rs.
    pub fn family(&self) -> String {
        let functions = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("functions");
        let folders = std::fs::read_dir(functions).expect("functions/").map(|folder| folder.expect("a folder").path());
        let folder = folders.into_iter().find(|folder| folder.join(&self.name).with_extension("rs").exists());
        let folder = folder.unwrap_or_else(|| panic!("functions/ has no {}.rs", self.name));
        folder.file_name().expect("a name").to_string_lossy().into_owned()
    }
}

pub fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("template.yaml")
}

/// Parsed once for all tests, as that takes a while.
fn read() -> &'static Value {
    static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
        let text = std::fs::read_to_string(path()).expect("template.yaml");
        serde_yaml_ng::from_str(&text).expect("YAML")
    });
    &TEMPLATE
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value:?} is no text")).to_owned()
}

/// Every function that the template deploys.
pub fn functions() -> Vec<Function> {
    let template = read();
    let resources = template["Resources"].as_mapping().expect("resources").values();
    resources.filter(|resource| resource["Type"] == "AWS::Serverless::Function").map(function).collect()
}

/// The names of the resources of one type.
pub fn resources(kind: &str) -> Vec<String> {
    let template = read();
    let resources = template["Resources"].as_mapping().expect("resources").iter();
    resources.filter(|(_, resource)| resource["Type"] == kind).map(|(name, _)| text(name)).collect()
}

/// The mappings of queues to functions: the function's resource, and the mapping's properties.
pub fn queue_mappings() -> Vec<(String, &'static Value)> {
    let resources = read()["Resources"].as_mapping().expect("resources").iter();
    let events = resources.flat_map(|(name, resource)| {
        let events = resource["Properties"]["Events"].as_mapping().into_iter().flat_map(|events| events.values());
        events.map(move |event| (text(name), event))
    });
    let of_queues = events.filter(|(_, event)| event["Type"] == "SQS");
    of_queues.map(|(name, event)| (name, &event["Properties"])).collect()
}

/// The queues that wake functions, with their properties.
pub fn task_queues() -> Vec<(String, &'static Value)> {
    let names = queue_mappings().into_iter().map(|(_, mapping)| match &mapping["Queue"] {
        Value::Tagged(arn) => text(&arn.value).trim_end_matches(".Arn").to_owned(),
        other => panic!("{other:?} is no ARN of a queue"),
    });
    names.map(|name| (name.clone(), &read()["Resources"][name.as_str()]["Properties"])).collect()
}

/// The routes that have a throttle of their own.
pub fn throttled() -> Vec<String> {
    let template = read();
    let settings = template["Resources"]["HttpApi"]["Properties"]["RouteSettings"].as_mapping();
    settings.expect("settings of routes").keys().map(text).collect()
}

/// The total of reserved instances, and the description of the parameter that turns reservation on.
pub fn reserved() -> (u64, String) {
    let template = read();
    let functions = template["Resources"].as_mapping().expect("resources").values();
    let reserved = functions.filter_map(|function| match &function["Properties"]["ReservedConcurrentExecutions"] {
        Value::Tagged(condition) => condition.value[1].as_u64(),
        _ => None,
    });
    (reserved.sum(), text(&template["Parameters"]["ReserveConcurrency"]["Description"]))
}

fn function(resource: &Value) -> Function {
    let properties = &resource["Properties"];
    let name = text(&properties["CodeUri"]).trim_end_matches('/').rsplit('/').next().expect("a directory").to_owned();
    let events = properties["Events"].as_mapping().expect("events");
    let of = |kind: &'static str| {
        events.values().filter(move |event| event["Type"] == kind).map(|event| &event["Properties"])
    };
    let routes = of("HttpApi").map(|route| format!("{} {}", text(&route["Method"]), text(&route["Path"]))).collect();
    let streams = of("DynamoDB").map(|mapping| text(&mapping["Stream"])).collect();
    let queues = of("SQS").map(|mapping| text(&mapping["Queue"])).collect();
    let count = |mapping: &Value| mapping["FilterCriteria"]["Filters"].as_sequence().map_or(0, Vec::len);
    let filters = of("DynamoDB").chain(of("SQS")).map(count).collect();
    let policies = properties["Policies"].as_sequence().expect("policies");
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_sequence().expect("statements"));
    let actions = statements.flat_map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        statement["Action"].as_sequence().expect("a list of actions").iter().map(text)
    });
    Function { name, routes, streams, queues, filters, actions: actions.collect() }
}

/// The default of the allowed origins of web clients.
pub fn allowed_origin() -> String {
    text(&read()["Parameters"]["AllowedOrigins"]["Default"]).split(',').next().expect("an origin").to_owned()
}
