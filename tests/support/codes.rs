//! Finds one-time codes on AWS, where the tests can't read mails. The table stores only a hash, so this tries all million codes.
//! That takes the right to read the table and the deployment's secret.

use std::env;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use shared::store::CodeFor;
use shared::tokens::{Purpose, Tokens};
use shared::types::{Email, Parse};

/// Whether `SOTTO_TABLE` names the table. `SOTTO_SECRET_KEY` has the secret then.
pub fn codes_are_in_table() -> bool {
    env::var_os("SOTTO_TABLE").is_some()
}

/// The sign-up code of an address.
pub async fn code_from_table(email: &str) -> String {
    let tokens = Tokens::new(&variable("SOTTO_SECRET_KEY"));
    let Ok(email) = Email::parse(email) else { panic!("{email} is no address") };
    let address = tokens.email_hash(&email);
    let purpose = CodeFor::SignUp(&address).purpose();
    let get = client().get_item().table_name(variable("SOTTO_TABLE")).consistent_read(true);
    let get = get.key("pk", text(format!("OTP#{purpose}#{}", address.as_str()))).key("sk", text("OTP".to_owned()));
    let item = get.send().await.expect("an answer of DynamoDB").item.expect("a code in the table");
    let wanted = bytes(item["code_hash"].as_s().expect("a hash"));
    let is_wanted = |code: &String| {
        let parts = [purpose.as_bytes(), address.as_str().as_bytes(), code.as_bytes()];
        tokens.keyed_hash(Purpose::OneTimeCode, &parts) == wanted[..]
    };
    (0..1_000_000).map(|code| format!("{code:06}")).find(is_wanted).expect("the code of that hash")
}

fn client() -> Client {
    let token = env::var("AWS_SESSION_TOKEN").ok();
    let credentials = Credentials::from_keys(variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), token);
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variable("AWS_REGION")))
        .credentials_provider(credentials)
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https());
    config.set_endpoint_url(env::var("AWS_ENDPOINT_URL").ok());
    Client::from_conf(config.build())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn text(text: String) -> AttributeValue {
    AttributeValue::S(text)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|two| str::from_utf8(two).expect("hex"));
    digits.map(|two| u8::from_str_radix(two, 16).expect("hex")).collect()
}
