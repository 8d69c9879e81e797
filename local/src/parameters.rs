//! The template's parameters. The local stack gives some of them a value that a deployer would give otherwise.

use crate::deployment::Deployment;
use crate::{Error, intrinsics};
use serde::Deserialize;
use serde_yaml_ng::Value;
use std::collections::HashMap;

/// A parameter as the template declares it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parameter {
    r#type: String,
    default: Option<Value>,
}

/// The value of each declared parameter; a list for list types.
pub fn values(declared: &HashMap<String, Parameter>, deployment: &Deployment) -> Result<HashMap<String, Value>, Error> {
    if let Some(unknown) = deployment.parameters.keys().find(|name| !declared.contains_key(*name)) {
        return Err(Error::new(format!("the template has no parameter {unknown}")));
    }
    let value = |(name, parameter): (&String, &Parameter)| {
        let value = parameter.value(name, deployment).map_err(|error| error.within(format!("parameter {name}")))?;
        Ok((name.clone(), value))
    };
    declared.iter().map(value).collect()
}

impl Parameter {
    fn value(&self, name: &str, deployment: &Deployment) -> Result<Value, Error> {
        let text = match (deployment.parameters.get(name), name, &self.default) {
            (Some(given), ..) => given.clone(),
            // Its default is for AWS.
            (None, "PublicBaseUrl", _) => deployment.public_base_url.clone(),
            (None, _, Some(default)) => intrinsics::text(default)?,
            // No mail leaves this machine, so the sender can be any address.
            (None, "MailFrom", None) => "sotto@example.com".into(),
            (None, _, None) => {
                return Err(Error::new(format!("it has no default: give it a value, with --parameter {name}=...")));
            }
        };
        if !matches!(self.r#type.as_str(), "CommaDelimitedList" | "List<Number>") {
            return Ok(Value::String(text));
        }
        let mut items: Vec<String> = text.split(',').map(|item| item.trim().to_owned()).collect();
        if name == "AllowedOrigins" {
            // A browser may have loaded our own pages under another name of this machine than that in PublicBaseUrl.
            let public = deployment.parameters.get("PublicBaseUrl").unwrap_or(&deployment.public_base_url);
            items.extend(deployment.own_origins.iter().filter(|own| *own != public).cloned());
        }
        Ok(items.into_iter().map(Value::String).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valued(declared: &str, given: &[(&str, &str)]) -> Result<HashMap<String, Value>, Error> {
        let parameters = given.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let deployment = Deployment { parameters, ..Deployment::for_tests() };
        values(&serde_yaml_ng::from_str(declared).unwrap(), &deployment)
    }

    #[test]
    fn a_value_is_given_or_the_default_or_known_to_the_stack() {
        let declared =
            "{A: {Type: String, Default: a}, B: {Type: String}, L: {Type: CommaDelimitedList, Default: 'x, y'},
            MailFrom: {Type: String}, PublicBaseUrl: {Type: String, Default: ''}}";
        let values = valued(declared, &[("B", ""), ("A", "own")]).unwrap();
        assert_eq!((&values["A"], &values["B"]), (&"own".into(), &"".into()));
        assert_eq!(values["L"], serde_yaml_ng::from_str::<Value>("[x, y]").unwrap());
        assert_eq!(values["MailFrom"], "sotto@example.com");
        assert_eq!(values["PublicBaseUrl"], "http://localhost:3000");
        assert_eq!(
            valued("{MailFrom: {Type: String}}", &[("MailFrom", "me@a.test")]).unwrap()["MailFrom"],
            "me@a.test"
        );
    }

    #[test]
    fn other_names_of_this_machine_are_allowed_origins() {
        let declared = "{AllowedOrigins: {Type: CommaDelimitedList, Default: a}, PublicBaseUrl: {Type: String}}";
        let allowed = |given: &[_]| valued(declared, given).unwrap()["AllowedOrigins"].clone();
        let list = |origins: &[&str]| Value::from(origins.iter().copied().map(Value::from).collect::<Vec<_>>());
        assert_eq!(allowed(&[]), list(&["a", "http://127.0.0.1:3000"]), "localhost is the public base URL");
        let elsewhere = allowed(&[("PublicBaseUrl", "https://b"), ("AllowedOrigins", "c, d")]);
        assert_eq!(elsewhere, list(&["c", "d", "http://localhost:3000", "http://127.0.0.1:3000"]));
    }

    #[test]
    fn a_parameter_without_a_value_and_an_unknown_parameter_stop_the_start() {
        let missing = valued("{P: {Type: String}}", &[]).unwrap_err().to_string();
        assert_eq!(missing, "parameter P: it has no default: give it a value, with --parameter P=...");
        let unknown = valued("{P: {Type: String}}", &[("P", "1"), ("Q", "2")]).unwrap_err().to_string();
        assert_eq!(unknown, "the template has no parameter Q");
    }
}
