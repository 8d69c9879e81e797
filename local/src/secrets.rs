//! Secrets Manager: generates the template's secrets and resolves references to them.

use crate::Error;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

/// `GenerateSecretString` of a secret.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Generate {
    #[serde(default = "usual_length")]
    password_length: usize,
    #[serde(default)]
    exclude_punctuation: bool,
    #[serde(default)]
    exclude_characters: String,
    /// A JSON object that the password is put into, under `generate_string_key`.
    secret_string_template: Option<String>,
    generate_string_key: Option<String>,
}

fn usual_length() -> usize {
    32
}

/// The stack's secrets by ARN. With a data directory, each is generated once and then kept.
pub struct Secrets {
    directory: Option<PathBuf>,
    values: HashMap<String, String>,
}

impl Secrets {
    /// Secrets that are files in `directory`, or in memory only.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, values: HashMap::new() }
    }

    /// Finds or generates the secret `id`, which the template refers to as `arn`.
    pub fn make(&mut self, id: &str, arn: &str, generate: &Generate) -> Result<(), Error> {
        let value = match &self.directory {
            None => generate.value()?,
            Some(directory) => {
                let path = directory.join(id);
                match std::fs::read_to_string(&path) {
                    Ok(value) if generate.could_have_made(&value) => value,
                    // The template has changed: the secret needs other members. AWS would generate it anew, too.
                    Ok(_) => generate.kept(&path)?,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => generate.kept(&path)?,
                    Err(error) => return Err(Error::of(format!("reading {}", path.display()), &error)),
                }
            }
        };
        self.values.insert(arn.to_owned(), value);
        Ok(())
    }

    /// `text` with each `{{resolve:secretsmanager:<arn>[:SecretString[:<key>]]}}` replaced by its value.
    pub fn resolve(&self, text: &str) -> Result<String, Error> {
        const START: &str = "{{resolve:";
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(START) {
            let unknown = || Error::new(format!("the local stack can't resolve {START}{after}"));
            let (reference, after) = after.split_once("}}").ok_or_else(unknown)?;
            let reference = reference.strip_prefix("secretsmanager:").ok_or_else(unknown)?;
            let value_and_rest = |(arn, value)| Some((value, reference.strip_prefix(arn)?));
            let mut named = self.values.iter().filter_map(|(arn, value)| value_and_rest((arn.as_str(), value)));
            let whole = |(_, rest): &(&String, &str)| rest.is_empty() || rest.starts_with(':');
            let (value, path) = named.find(whole).ok_or_else(unknown)?;
            let path: Vec<&str> = path.split(':').collect();
            result.push_str(before);
            match path[..] {
                [""] | ["", "SecretString"] | ["", "SecretString", ""] => result.push_str(value),
                ["", "SecretString", key] => {
                    let object: HashMap<String, String> = serde_json::from_str(value).map_err(|_| unknown())?;
                    result.push_str(object.get(key).ok_or_else(unknown)?);
                }
                _ => return Err(unknown()),
            }
            rest = after;
        }
        Ok(result + rest)
    }
}

impl Generate {
    /// A new value, written to `path`.
    fn kept(&self, path: &std::path::Path) -> Result<String, Error> {
        let value = self.value()?;
        keep(path, &value).map_err(|error| Error::of(format!("writing {}", path.display()), &error))?;
        Ok(value)
    }

    /// Whether `value` has the members that a generated value has.
    fn could_have_made(&self, value: &str) -> bool {
        let members = |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).ok();
        let (Some(template), Some(key)) = (&self.secret_string_template, &self.generate_string_key) else {
            return true;
        };
        let wanted = members(template).unwrap_or_default();
        members(value).is_some_and(|has| wanted.keys().chain([key]).all(|key| has.contains_key(key)))
    }

    fn value(&self) -> Result<String, Error> {
        let password = self.password()?;
        let (Some(template), Some(key)) = (&self.secret_string_template, &self.generate_string_key) else {
            return Ok(password);
        };
        let mut object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(template).map_err(|error| Error::of("SecretStringTemplate", &error))?;
        object.insert(key.clone(), password.into());
        Ok(serde_json::Value::Object(object).to_string())
    }

    /// Characters drawn evenly with the operating system's randomness.
    fn password(&self) -> Result<String, Error> {
        let alphabet: Vec<char> = ('!'..='~')
            .filter(|c| c.is_ascii_alphanumeric() || !self.exclude_punctuation)
            .filter(|c| !self.exclude_characters.contains(*c))
            .collect();
        if alphabet.is_empty() {
            return Err(Error::new("no character is left to make a secret of"));
        }
        // Bytes over the largest multiple of the alphabet's length are dropped: they would favour its first characters.
        let even = 256 - 256 % alphabet.len();
        let mut password = String::new();
        while password.len() < self.password_length {
            let mut random = [0; 64];
            getrandom::fill(&mut random).map_err(|error| Error::of("the operating system's random numbers", &error))?;
            let wanted = self.password_length - password.len();
            let drawn = random.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < even);
            password.extend(drawn.take(wanted).map(|byte| alphabet[byte % alphabet.len()]));
        }
        Ok(password)
    }
}

/// Writes a file that only its owner can read. The file is complete, or it doesn't exist.
fn keep(path: &std::path::Path, value: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let unfinished = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(value.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate(yaml: &str) -> Generate {
        serde_yaml_ng::from_str(yaml).unwrap()
    }

    #[test]
    fn a_secret_has_the_length_and_the_characters_asked_for() {
        let value = generate("{PasswordLength: 64, ExcludePunctuation: true}").value().unwrap();
        assert_eq!(value.len(), 64);
        assert!(value.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(generate("{}").value().unwrap().len(), 32);
        assert_ne!(generate("{}").value().unwrap(), generate("{}").value().unwrap());
    }

    #[test]
    fn references_are_replaced_whole_or_by_key() {
        let mut secrets = Secrets::new(None);
        let json = generate("{SecretStringTemplate: '{\"user\":\"sotto\"}', GenerateStringKey: password}");
        secrets.make("Json", "arn:a:json", &json).unwrap();
        assert_eq!(secrets.resolve("<{{resolve:secretsmanager:arn:a:json:SecretString:user}}>").unwrap(), "<sotto>");
        assert!(secrets.resolve("{{resolve:secretsmanager:arn:a:json}}").unwrap().contains("password"));
        let rotated = generate("{SecretStringTemplate: '{\"previous\":\"\"}', GenerateStringKey: current}");
        secrets.make("Rotated", "arn:a:rotated", &rotated).unwrap();
        assert_eq!(secrets.resolve("{{resolve:secretsmanager:arn:a:rotated:SecretString:previous}}").unwrap(), "");
        let current = secrets.resolve("{{resolve:secretsmanager:arn:a:rotated:SecretString:current}}").unwrap();
        assert_eq!(current.len(), 32);
        assert_eq!(secrets.resolve("no reference").unwrap(), "no reference");
        assert!(secrets.resolve("{{resolve:ssm:x}}").is_err());
        assert!(secrets.resolve("{{resolve:secretsmanager:arn:other}}").is_err());
    }
}
