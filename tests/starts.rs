//! A function that lacks a setting does not start. Its log names the missing setting, and no value of another one.

use std::process::Command;

const VARIABLES: [(&str, &str); 11] = [
    ("TABLE_NAME", "table"),
    ("BUCKET_NAME", "bucket"),
    ("CARDS_BASE_URL", "https://cards.example"),
    ("SECRET_KEY", "a-secret-key-that-is-long-enough-for-it"),
    ("SESSION_KEY", "a-session-key-that-is-long-enough-for-it"),
    ("MAIL_FROM", "sotto@example.com"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "an-access-key"),
    ("AWS_SECRET_ACCESS_KEY", "a-secret-access-key"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
];

/// The output of `sign-in`, which needs every setting, when `variable` has this value or is missing.
#[track_caller]
fn does_not_start(variable: &str, value: Option<&str>) -> String {
    let given = VARIABLES.iter().filter(|(name, _)| *name != variable).copied();
    let given = given.chain(value.map(|value| (variable, value)));
    let ended = Command::new(env!("CARGO_BIN_EXE_sign-in")).env_clear().envs(given).output().expect("a process");
    assert_eq!(ended.status.code(), Some(1), "{variable}");
    let said = String::from_utf8([ended.stdout, ended.stderr].concat()).expect("UTF-8");
    for (name, value) in VARIABLES.iter().filter(|(name, _)| !name.contains("URL") && !name.ends_with("API")) {
        assert!(!said.contains(value), "the value of {name} was told: {said}");
    }
    said
}

#[test]
fn a_missing_variable_is_named() {
    for variable in ["SECRET_KEY", "SESSION_KEY", "MAIL_FROM", "TABLE_NAME"] {
        for value in [None, Some("")] {
            let expected =
                format!("{{\"level\":\"fatal\",\"message\":\"the environment variable {variable} is not set\"}}\n");
            assert_eq!(does_not_start(variable, value), expected);
        }
    }
}

#[test]
fn a_key_that_is_too_short_is_named_and_not_shown() {
    for variable in ["SECRET_KEY", "SESSION_KEY", "SESSION_KEY_PREVIOUS"] {
        let said = does_not_start(variable, Some("hunter2"));
        assert!(
            said.contains(&format!("{variable} has fewer than 32 characters")) && !said.contains("hunter2"),
            "{said}"
        );
    }
}
