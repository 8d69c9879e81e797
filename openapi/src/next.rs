//! Links from an operation to those that take what it answers: a tool can walk from a sign-in to every operation.

use serde_json::{Map, Value, json};

/// What `from` answers goes to the operations `to`, as these parameters.
struct Next {
    from: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    to: &'static [&'static str],
}

const SLUG: (&str, &str) = ("path.slug", "$response.body#/link/slug");
const SAME_SLUG: (&str, &str) = ("path.slug", "$request.path.slug");
const SAME_COMMUNITY: (&str, &str) = ("path.community_id", "$request.path.community_id");
const CONVERSATION: (&str, &str) = ("path.conversationId", "$response.body#/data/conversationId");

const ALL: [Next; 19] = [
    next("create-link", &[SLUG], &["get-link", "send-link-message"]),
    next(
        "create-link",
        &[SLUG, ("query.token", "$response.body#/adminToken")],
        &["update-link", "list-link-messages", "delete-link"],
    ),
    next("list-link-messages", &[SAME_SLUG, ("path.id", "$response.body#/messages/0/id")], &["delete-link-message"]),
    next("list-link-messages", &[("path.id", "$response.body#/messages/0/share_token")], &["get-shared-message"]),
    next(
        "list-inbox-messages",
        &[("query.messageId", "$response.body#/messages/0/_id")],
        &["delete-inbox-message-patch", "delete-inbox-message-delete"],
    ),
    next(
        "list-inbox-messages",
        &[("path.id", "$response.body#/messages/0/_id")],
        &["report-inbox-message", "block-inbox-sender"],
    ),
    next("list-devices", &[("path.deviceId", "$response.body#/devices/0/id")], &["remove-device"]),
    next("send-to-user", &[("path.id", "$response.body#/data/conversationId")], &["send-to-conversation"]),
    next("send-to-user", &[CONVERSATION], &["list-private-messages", "mark-delivered", "mark-seen"]),
    next("send-to-user", &[CONVERSATION, ("path.messageId", "$response.body#/data/_id")], &["delete-private-message"]),
    next(
        "list-conversations",
        &[("path.conversationId", "$response.body#/data/conversations/0/_id")],
        &["list-private-messages"],
    ),
    next("list-conversations", &[("path.id", "$response.body#/data/conversations/0/partner/_id")], &["send-to-user"]),
    next("list-conversations", &[("path.userId", "$response.body#/data/conversations/0/partner/_id")], &["block-user"]),
    next("list-blocked-users", &[("path.userId", "$response.body#/data/users/0/_id")], &["unblock-user"]),
    next(
        "create-community",
        &[("path.community_id", "$response.body#/id")],
        &[
            "get-community",
            "update-community",
            "join-community",
            "leave-community",
            "list-members",
            "list-community-conversations",
            "send-community-message",
        ],
    ),
    next(
        "list-members",
        &[SAME_COMMUNITY, ("path.user_id", "$response.body#/members/0/user/id")],
        &["block-member", "unblock-member"],
    ),
    next(
        "list-members",
        &[SAME_COMMUNITY, ("path.id", "$response.body#/members/0/user/id")],
        &["list-community-messages"],
    ),
    next("send-community-message", &[SAME_COMMUNITY, ("path.id", "$response.body#/id")], &["delete-community-message"]),
    next("create-push-subscription", &[("path.id", "$response.body#/id")], &["delete-push-subscription"]),
];

const fn next(
    from: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    to: &'static [&'static str],
) -> Next {
    Next { from, parameters, to }
}

/// The operations that begin a session.
const BEGIN: [&str; 2] = ["sign-up", "sign-in"];

pub fn link(paths: &mut Map<String, Value>) {
    let with_session: Vec<String> = operations(paths).filter(|one| needs_session(one)).map(id).collect();
    let known: Vec<String> = operations(paths).map(id).collect();
    for Next { from, to, .. } in &ALL {
        for name in to.iter().chain([from]) {
            assert!(known.iter().any(|known| known == name), "there is no operation {name} to link");
        }
    }
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let from = id(operation);
        let mut links = Map::new();
        if BEGIN.contains(&from.as_str()) {
            for to in &with_session {
                let parameters = json!({ "header.Authorization": "Bearer {$response.body#/data/token}" });
                links.insert(to.clone(), json!({ "operationId": to, "parameters": parameters }));
            }
        }
        for Next { parameters, to, .. } in ALL.iter().filter(|next| next.from == from) {
            let parameters: Map<_, _> =
                parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            for to in *to {
                links.insert((*to).to_owned(), json!({ "operationId": to, "parameters": parameters }));
            }
        }
        if links.is_empty() {
            continue;
        }
        let answers = operation["responses"].as_object_mut().expect("answers");
        let success = answers.iter_mut().find(|(status, _)| status.starts_with('2')).expect("a success");
        success.1["links"] = Value::from(links);
    }
}

fn operations(paths: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    paths.values().filter_map(Value::as_object).flat_map(Map::values)
}

fn id(operation: &Value) -> String {
    operation["operationId"].as_str().expect("an id").to_owned()
}

/// Not those that anyone may ask, too.
fn needs_session(operation: &Value) -> bool {
    operation["security"][0].get("session").is_some()
}
