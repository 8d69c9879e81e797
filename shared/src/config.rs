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
    /// The API's own address, without a slash at the end. `None` for a function that needs it nowhere.
    pub api_url: Option<String>,
    /// Where cards are served, without a slash at the end.
    pub cards_base_url: String,
    /// The keys of sessions; `None` for a function that has nothing to do with them.
    pub session_keys: Option<SessionKeys>,
    /// The secret that the VAPID key derives from, at least 32 characters. `None` for a function that does not need the key.
    pub vapid_secret: Option<String>,
    /// How mail is sent; `None` for a function that sends none.
    pub mail: Option<MailConfig>,
    /// How pushes are sent; `None` for a function that sends none.
    pub push: Option<PushConfig>,
    /// Where goes what can't be done; `None` for a function that gives nothing up.
    pub queue: Option<QueueConfig>,
    /// Where mails about messages are handed over; `None` for a function that does not.
    pub mails: Option<QueueConfig>,
    /// Where pushes are handed over; `None` for a function that does not.
    pub pushes: Option<QueueConfig>,
    /// Origins of web clients that may call with a cookie, besides our own.
    pub allowed_origins: Vec<String>,
    /// The dimension of the requests' metrics. Without it there are no metrics.
    pub stack: Option<String>,
    pub aws: Aws,
    /// One read during init, so that the first request finds an open connection. `SOTTO_PRIME=off` is for benchmarks.
    pub prime: bool,
}

/// At least 32 characters each.
pub struct SessionKeys {
    /// Signs and verifies.
    pub current: String,
    /// Still verifies what it signed before the last rotation.
    pub previous: Option<String>,
}

#[derive(Clone)]
pub struct MailConfig {
    /// An address that SES has verified.
    pub from: String,
    pub endpoint: Option<String>,
}

pub struct PushConfig {
    /// The secret that the VAPID key derives from, at least 32 characters.
    pub secret: String,
    /// Whom a push service may write to: a `mailto:` URL (RFC 8292, section 2.1).
    pub contact: String,
    /// What takes every push in the place of its service, `<stand-in>/<host>/<path>`: the local stack's recorder.
    pub stand_in: Option<String>,
    /// A PEM file of roots to trust besides the system's.
    pub ca_bundle: Option<String>,
}

pub struct QueueConfig {
    pub url: String,
    pub endpoint: Option<String>,
}

/// Parts of the configuration that only some functions need. A function that lacks one of its own does not start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requirements {
    pub sessions: bool,
    pub mail: bool,
    /// The key of pushes.
    pub vapid: bool,
    /// Push services, and what is sent to them.
    pub push: bool,
    /// The queue of what can't be done.
    pub queue: bool,
    /// The queue of mails about messages.
    pub mails: bool,
    /// The queue of pushes.
    pub pushes: bool,
    /// The keys that tell senders apart, read during init.
    pub senders: bool,
    /// The API's own address.
    pub api_url: bool,
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
    TooShort(&'static str),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the environment variable {name} is not set"),
            Self::TooShort(name) => write!(f, "the environment variable {name} has fewer than 32 characters"),
        }
    }
}

impl Config {
    /// [`Self::stack`], for a function that needs nothing else.
    pub fn stack_from_env() -> Option<String> {
        env::var("STACK_NAME").ok().filter(|name| !name.is_empty())
    }

    pub fn from_env(requirements: Requirements) -> Result<Self, ConfigError> {
        Self::read(requirements, |name| env::var(name).ok())
    }

    fn read(
        requirements: Requirements,
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let optional = |name| variable(name).filter(|value| !value.is_empty());
        let required = |name| optional(name).ok_or(ConfigError::Missing(name));
        let endpoint = |name| optional(name).or_else(|| optional("AWS_ENDPOINT_URL"));
        let key = |name| required(name).and_then(|key| long_enough(name, key));
        let session_keys = || {
            let previous = optional("SESSION_KEY_PREVIOUS").map(|key| long_enough("SESSION_KEY_PREVIOUS", key));
            Ok(SessionKeys { current: key("SESSION_KEY")?, previous: previous.transpose()? })
        };
        let mail = || Ok(MailConfig { from: required("MAIL_FROM")?, endpoint: endpoint("AWS_ENDPOINT_URL_SESV2") });
        let push = || {
            Ok(PushConfig {
                secret: key("VAPID_SECRET")?,
                contact: format!("mailto:{}", required("MAIL_FROM")?),
                stand_in: optional("SOTTO_PUSH_ENDPOINT_URL"),
                ca_bundle: optional("AWS_CA_BUNDLE"),
            })
        };
        let queue = |name| Ok(QueueConfig { url: required(name)?, endpoint: endpoint("AWS_ENDPOINT_URL_SQS") });
        Ok(Self {
            table: required("TABLE_NAME")?,
            bucket: required("BUCKET_NAME")?,
            secret_key: key("SECRET_KEY")?,
            public_base_url: optional("PUBLIC_BASE_URL").unwrap_or_default(),
            api_url: requirements.api_url.then(|| required("API_URL")).transpose()?,
            cards_base_url: required("CARDS_BASE_URL")?,
            session_keys: requirements.sessions.then(session_keys).transpose()?,
            vapid_secret: requirements.vapid.then(|| key("VAPID_SECRET")).transpose()?,
            mail: requirements.mail.then(mail).transpose()?,
            push: requirements.push.then(push).transpose()?,
            queue: requirements.queue.then(|| queue("QUEUE_URL")).transpose()?,
            mails: requirements.mails.then(|| queue("MAILS_URL")).transpose()?,
            pushes: requirements.pushes.then(|| queue("PUSHES_URL")).transpose()?,
            allowed_origins: optional("ALLOWED_ORIGINS")
                .map_or_else(Vec::new, |origins| origins.split(',').map(|origin| origin.trim().to_owned()).collect()),
            stack: optional("STACK_NAME"),
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
        })
    }
}

fn long_enough(name: &'static str, key: String) -> Result<String, ConfigError> {
    if key.chars().count() < 32 { Err(ConfigError::TooShort(name)) } else { Ok(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Requirements = Requirements {
        sessions: true,
        mail: true,
        vapid: true,
        push: true,
        queue: true,
        mails: true,
        pushes: true,
        senders: true,
        api_url: true,
    };

    fn read_with(changed: &str, to: Option<&str>, requirements: Requirements) -> Result<Config, ConfigError> {
        Config::read(requirements, |name| match name {
            name if name == changed => to.map(str::to_owned),
            "AWS_ENDPOINT_URL_DYNAMODB" | "AWS_ENDPOINT_URL_S3" | "AWS_ENDPOINT_URL_SESV2" | "AWS_ENDPOINT_URL" => None,
            name => Some(format!("{name} value that is long enough for a key")),
        })
    }

    #[test]
    fn a_missing_variable_stops_the_start_and_is_named() {
        for name in [
            "TABLE_NAME",
            "BUCKET_NAME",
            "SECRET_KEY",
            "CARDS_BASE_URL",
            "AWS_REGION",
            "SESSION_KEY",
            "MAIL_FROM",
            "VAPID_SECRET",
            "API_URL",
            "QUEUE_URL",
            "MAILS_URL",
            "PUSHES_URL",
        ] {
            for absent in [None, Some("")] {
                assert_eq!(read_with(name, absent, ALL).err(), Some(ConfigError::Missing(name)));
            }
        }
        assert!(read_with("PUBLIC_BASE_URL", None, ALL).is_ok_and(|config| config.public_base_url.is_empty()));
        assert!(read_with("SESSION_KEY_PREVIOUS", None, ALL).is_ok());
    }

    #[test]
    fn what_a_function_does_not_need_may_be_missing() {
        let config = read_with("SESSION_KEY", None, Requirements { mail: true, ..Requirements::default() });
        assert!(config.is_ok_and(|config| config.session_keys.is_none() && config.mail.is_some()));
        assert!(read_with("MAIL_FROM", None, Requirements::default()).is_ok_and(|config| config.mail.is_none()));
    }

    #[test]
    fn a_short_key_stops_the_start_without_being_shown() {
        for name in ["SECRET_KEY", "SESSION_KEY", "SESSION_KEY_PREVIOUS", "VAPID_SECRET"] {
            let error = read_with(name, Some("hunter2"), ALL).err();
            assert_eq!(error, Some(ConfigError::TooShort(name)));
            assert!(!error.is_some_and(|error| error.to_string().contains("hunter2")));
        }
    }

    /// The template declares them empty, so that `sam local` can set them.
    #[test]
    fn an_empty_endpoint_is_none_and_leaves_the_general_one_in_force() {
        let endpoints = |general: &'static str| {
            let config = Config::read(ALL, |name| match name {
                "AWS_ENDPOINT_URL" => Some(general.to_owned()),
                name if name.starts_with("AWS_ENDPOINT_URL_") => Some(String::new()),
                name => Some(format!("{name} value that is long enough for a key")),
            });
            let Ok(Config { aws, mail: Some(mail), queue: Some(queue), .. }) = config else { panic!("it must start") };
            [aws.dynamodb_endpoint, aws.s3_endpoint, mail.endpoint, queue.endpoint]
        };
        assert_eq!(endpoints(""), [None, None, None, None]);
        assert_eq!(endpoints("http://127.0.0.1:4566"), [(); 4].map(|()| Some("http://127.0.0.1:4566".to_owned())));
    }
}
