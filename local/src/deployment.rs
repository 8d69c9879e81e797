//! The values that a deployment gives to the template.

use crate::secrets::Secrets;
use crate::{Error, REGION, intrinsics};
use serde_yaml_ng::Value;
use std::collections::HashMap;

/// The values that a deployment gives to the template.
pub struct Deployment {
    /// `AWS::StackName`. The names of tables and buckets begin with it.
    pub name: String,
    /// The gateway's host and port.
    pub authority: String,
    /// The path under which the gateway serves the content network.
    pub cdn_path: &'static str,
    /// The API's own URL. It is also the parameter `PublicBaseUrl`, unless that is given.
    pub public_base_url: String,
    /// The origins of the product's own pages. Those that `PublicBaseUrl` doesn't name are added to `AllowedOrigins`.
    pub own_origins: Vec<String>,
    /// The URLs of queues begin with this.
    pub sqs_url: String,
    /// Generates and finds the template's secrets.
    pub secrets: Secrets,
    /// Values of parameters. The other parameters have their defaults.
    pub parameters: HashMap<String, String>,
}

impl Deployment {
    /// The text of a resolved value, with secrets filled in. URLs of the gateway itself are `http:`, as it has no TLS. This is also
    /// what becomes of the API's URL in AWS.
    pub fn text(&self, value: &Value) -> Result<String, Error> {
        let text = self.secrets.resolve(&intrinsics::text(value)?)?;
        let host = text.strip_prefix("https://").map(|url| url.split('/').next().unwrap_or_default());
        if let Some(host) = host.filter(|host| host.ends_with(&format!(".execute-api.{REGION}.amazonaws.com"))) {
            return Ok(text.replacen(&format!("https://{host}"), &self.public_base_url, 1));
        }
        let own = text.strip_prefix("https://").and_then(|url| url.strip_prefix(&self.authority));
        Ok(match own {
            Some(path) if path.is_empty() || path.starts_with('/') => format!("http://{}{path}", self.authority),
            _ => text,
        })
    }

    /// The deployment that unit tests read templates with.
    #[cfg(test)]
    pub fn for_tests() -> Self {
        Self {
            name: "local".into(),
            authority: "localhost:3000".into(),
            cdn_path: "/cdn/",
            public_base_url: "http://localhost:3000".into(),
            own_origins: vec!["http://localhost:3000".into(), "http://127.0.0.1:3000".into()],
            sqs_url: "http://127.0.0.1:9324".into(),
            secrets: Secrets::new(None),
            parameters: HashMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urls_of_the_api_and_the_content_network_lead_to_the_gateway() {
        for (in_aws, here) in [
            ("https://HttpApi.execute-api.us-east-1.amazonaws.com", "http://localhost:3000"),
            ("https://HttpApi.execute-api.us-east-1.amazonaws.com/x", "http://localhost:3000/x"),
            ("https://localhost:3000/cdn", "http://localhost:3000/cdn"),
            ("https://pages.example", "https://pages.example"),
            (
                "https://pages.example/.execute-api.us-east-1.amazonaws.com",
                "https://pages.example/.execute-api.us-east-1.amazonaws.com",
            ),
        ] {
            assert_eq!(Deployment::for_tests().text(&Value::from(in_aws)).unwrap(), here);
        }
    }
}
