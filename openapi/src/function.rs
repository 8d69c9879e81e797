//! Reads what a function's files say about it.

use std::{fs, path::PathBuf};

use serde_json::Value;

/// Directories of functions, with the names of their families and what those are for.
pub const FAMILIES: [(&str, &str, &str); 7] = [
    ("accounts", "Accounts and sessions", "Sign up, sign in, trust devices, set passwords."),
    ("inbox", "Anonymous inbox", "Write to a user by name without telling who you are; read one's own inbox."),
    ("links", "Anonymous links", "Make a link, have anyone write to it, read and share what they wrote."),
    ("private", "Private messages", "Messages with media between two users. All need a session on a trusted device."),
    ("communities", "Communities", "Messages between the creator of a community and its members."),
    ("notifications", "Notifications", "How a user is told of messages: by mail, by push, or not at all."),
    ("docs", "Documents", "What the API says of itself."),
];

/// A file `functions/<family>/<name>.rs`, and its event.
pub struct Function {
    pub name: &'static str,
    pub tag: &'static str,
    /// Method and path, as the template declares them.
    pub routes: Vec<(String, String)>,
    pub summary: String,
    pub description: Option<String>,
}

impl Function {
    /// A function that there is. What it is for, and on which routes, its first lines say.
    pub fn named(name: &'static str) -> Self {
        let family = FAMILIES.iter().find(|(directory, ..)| path_of(directory, name).exists());
        let (directory, tag, _) = family.unwrap_or_else(|| panic!("there is no function {name}"));
        let text = read(path_of(directory, name));
        let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
        let words = lines.map(str::trim).collect::<Vec<_>>().join(" ");
        let (routes, purpose) = words.split_once(": ").expect("routes, and what they are for");
        let routes = routes.split(", ").filter_map(|route| route.trim_matches('`').split_once(' '));
        let (summary, description) = purpose.split_once(". ").unwrap_or((purpose.trim_end_matches('.'), ""));
        Self {
            name,
            tag,
            routes: routes.map(|(method, path)| (method.to_owned(), path.to_owned())).collect(),
            summary: capitalised(summary),
            description: Some(description.to_owned()).filter(|description| !description.is_empty()),
        }
    }

    /// The body of its event.
    pub fn example(&self) -> Value {
        let event: Value =
            serde_json::from_str(&read(root().join(format!("events/{}.json", self.name)))).expect("JSON");
        serde_json::from_str(event["body"].as_str().expect("a body")).expect("a body of JSON")
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn path_of(directory: &str, name: &str) -> PathBuf {
    root().join("functions").join(directory).join(name).with_extension("rs")
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}
