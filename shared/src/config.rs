//! The environment, read here and nowhere else, once per start.

use std::{env, fmt};

/// Everything that a deployment decides.
pub struct Config {
    pub table: String,
    pub bucket: String,
    /// At least 32 characters. Every other key is derived from it (tokens.rs).
    pub secret_key: String,
    /// Where people reach Sotto, without a slash at the end; empty when it is the address of the API itself.
    pub public_base_url: String,
    /// Where cards are served, without a slash at the end.
    pub cards_base_url: String,
    pub aws: Aws,
    /// One read during init, so that the first request finds an open connection. `SOTTO_PRIME=off` is for benchmarks.
    pub prime: bool,
}

/// How to reach AWS: what Lambda sets for every function, and what stands in for AWS elsewhere.
pub struct Aws {
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    pub dynamodb_endpoint: Option<String>,
    pub s3_endpoint: Option<String>,
    /// A PEM file of roots to trust besides Amazon's.
    pub ca_bundle: Option<String>,
}

/// Names the variable and never its value.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfigError {
    Missing(&'static str),
    SecretKeyTooShort,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the environment variable {name} is not set"),
            Self::SecretKeyTooShort => f.write_str("the environment variable SECRET_KEY has fewer than 32 characters"),
        }
    }
}

impl Config {
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| env::var(name).ok())
    }

    fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let optional = |name| variable(name).filter(|value| !value.is_empty());
        let required = |name| optional(name).ok_or(ConfigError::Missing(name));
        let endpoint = |name| optional(name).or_else(|| optional("AWS_ENDPOINT_URL"));
        let config = Self {
            table: required("TABLE_NAME")?,
            bucket: required("BUCKET_NAME")?,
            secret_key: required("SECRET_KEY")?,
            public_base_url: optional("PUBLIC_BASE_URL").unwrap_or_default(),
            cards_base_url: required("CARDS_BASE_URL")?,
            aws: Aws {
                region: required("AWS_REGION")?,
                access_key_id: required("AWS_ACCESS_KEY_ID")?,
                secret_access_key: required("AWS_SECRET_ACCESS_KEY")?,
                session_token: optional("AWS_SESSION_TOKEN"),
                dynamodb_endpoint: endpoint("AWS_ENDPOINT_URL_DYNAMODB"),
                s3_endpoint: endpoint("AWS_ENDPOINT_URL_S3"),
                ca_bundle: optional("AWS_CA_BUNDLE"),
            },
            prime: variable("SOTTO_PRIME").is_none_or(|value| value != "off"),
        };
        if config.secret_key.chars().count() < 32 {
            return Err(ConfigError::SecretKeyTooShort);
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_without(absent: &str, secret_key: &str) -> Result<Config, ConfigError> {
        Config::read(|name| match name {
            name if name == absent => None,
            "SECRET_KEY" => Some(secret_key.to_owned()),
            "AWS_ENDPOINT_URL_DYNAMODB" | "AWS_ENDPOINT_URL_S3" | "AWS_ENDPOINT_URL" => None,
            name => Some(format!("{name} value")),
        })
    }

    #[test]
    fn a_missing_variable_stops_the_start_and_is_named() {
        for name in ["TABLE_NAME", "BUCKET_NAME", "SECRET_KEY", "CARDS_BASE_URL", "AWS_REGION", "AWS_SECRET_ACCESS_KEY"]
        {
            let error = read_without(name, &"k".repeat(64)).err();
            assert_eq!(error, Some(ConfigError::Missing(name)));
        }
        assert!(read_without("PUBLIC_BASE_URL", &"k".repeat(64)).is_ok_and(|config| config.public_base_url.is_empty()));
    }

    #[test]
    fn a_short_secret_key_stops_the_start_without_being_shown() {
        let error = read_without("", "hunter2").err();
        assert_eq!(error, Some(ConfigError::SecretKeyTooShort));
        assert!(!ConfigError::SecretKeyTooShort.to_string().contains("hunter2"));
    }
}
