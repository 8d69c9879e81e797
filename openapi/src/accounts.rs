//! Accounts and sessions.

use shared::{
    http::{AccountsError, NotSent, Problem},
    types,
};
use utoipa::ToSchema;

use crate::{
    constants::{False, NoMessages, True},
    operation::{Documented, Operation},
    shape::Shape,
    types::*,
};

type Error = AccountsError;

/// What went wrong, in words for a person.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Failure {
    #[schema(inline)]
    success: False,
    #[schema(examples("User not found"))]
    message: String,
}

impl Documented for AccountsError {
    fn shape(_: u16) -> Shape {
        Shape::of::<Failure>()
    }
}

impl Documented for NotSent {
    fn shape(_: u16) -> Shape {
        Shape::of::<Failure>()
    }
}

#[derive(ToSchema)]
struct Address {
    email: EmailGiven,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignUp {
    username: Username,
    email: EmailGiven,
    password: Password,
    otp: CodeTry,
    device_name: Option<DeviceName>,
}

/// A user as the user sees himself.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    #[serde(rename = "_id")]
    id: UserId,
    username: Username,
    email: Email,
    #[schema(inline)]
    is_verified: True,
    is_accepting_messages: bool,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Device {
    /// To be given when signing in again on it.
    id: DeviceId,
    name: DeviceName,
    trusted: bool,
}

/// A new user, who is signed in.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewUser {
    id: UserId,
    username: Username,
    email: Email,
    #[schema(inline)]
    is_verified: True,
    is_accepting_messages: bool,
    #[schema(inline)]
    messages: NoMessages,
    token: SessionToken,
    expires_at: End,
    device: Device,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignIn {
    identifier: Identifier,
    password: PasswordTry,
    device_id: Option<DeviceIdTry>,
    device_name: Option<DeviceName>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignedIn {
    user: User,
    token: SessionToken,
    expires_at: End,
    device: Device,
}

#[derive(ToSchema)]
struct MailedCode {
    code: CodeTry,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifiedDevice {
    device: Device,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListedDevice {
    id: DeviceId,
    name: DeviceName,
    trusted: bool,
    /// It is the one that asks.
    current: bool,
    signed_in: bool,
    created_at: Timestamp,
    last_sign_in_at: Timestamp,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Devices {
    #[schema(inline)]
    success: True,
    devices: Vec<ListedDevice>,
    #[schema(required)]
    next_cursor: Option<Cursor>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Session {
    user: User,
    expires: End,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasswordChange {
    current_password: PasswordTry,
    new_password: Password,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasswordReset {
    email: EmailGiven,
    code: CodeTry,
    new_password: Password,
}

#[derive(ToSchema)]
struct Proof {
    password: PasswordTry,
}

fn said(message: &str) -> Shape {
    Shape::said(message, [])
}

pub fn send_otp() -> Operation<NotSent> {
    Operation::of("send-otp")
        .takes::<Address>()
        .idempotent()
        .gives_shape(200, said("OTP sent successfully"))
        .fails([Error::AlreadyRegistered, Error::BadAddress])
}

pub fn operations() -> [Operation<Error>; 12] {
    [
        Operation::of("sign-up")
            .takes::<SignUp>()
            .idempotent()
            .gives_shape(201, Shape::said("User Registered Successfully", [("data", Shape::of::<NewUser>())]))
            .with_header("Set-Cookie")
            .fails([Error::AllFieldsRequired, Error::WrongCode, Error::EmailTaken, Error::UsernameTaken]),
        check_username(),
        Operation::of("sign-in")
            .takes::<SignIn>()
            .idempotent()
            .gives_shape(200, Shape::said("Signed in", [("data", Shape::of::<SignedIn>())]))
            .with_header("Set-Cookie")
            .fails([Error::WrongCredentials, Error::NotActive, Error::DeviceNotFound]),
        Operation::of("verify-device")
            .session()
            .takes::<MailedCode>()
            .gives_shape(200, Shape::said("Device verified", [("data", Shape::of::<VerifiedDevice>())]))
            .fails([Error::WrongCode]),
        Operation::of("list-devices").session().paged().gives::<Devices>(200),
        Operation::of("remove-device")
            .session()
            .path::<DeviceId>("deviceId")
            .gives_shape(200, said("Device removed"))
            .with_header("Set-Cookie")
            .fails([Error::DeviceNotFound]),
        Operation::of("get-session")
            .perhaps_session()
            .gives_shape(200, Shape::one_of([Shape::of::<Session>(), Shape::object([])])),
        Operation::of("sign-out").session().gives_shape(200, said("Signed out")).with_header("Set-Cookie"),
        Operation::of("change-password")
            .session()
            .takes::<PasswordChange>()
            .gives_shape(200, said("Password changed. Every other session has ended"))
            .fails([Error::WrongPassword, Error::NotTrusted, Error::UserNotFound]),
        Operation::of("forgot-password")
            .takes::<Address>()
            .gives_shape(200, said("If there is an account with this address, a code is on its way to it")),
        Operation::of("reset-password")
            .takes::<PasswordReset>()
            .gives_shape(200, said("Password set. Every session has ended: sign in with it"))
            .fails([Error::WrongCode]),
        Operation::of("delete-account")
            .session()
            .takes::<Proof>()
            .gives_shape(200, said("Account deleted"))
            .with_header("Set-Cookie")
            .fails([Error::WrongPassword, Error::NotTrusted, Error::UserNotFound]),
    ]
}

fn check_username() -> Operation<Error> {
    let answer =
        |success, message| Shape::object([("success", Shape::truth(success)), ("message", Shape::text(message))]);
    Operation::of("check-username")
        .required_query::<UsernameTry>("username")
        .gives_shape(200, Shape::one_of([answer(true, "Username available"), answer(false, "Username already exists")]))
        .fails(["", "a user whose name is long", "ann lee"].map(broken_rule))
}

fn broken_rule(username: &str) -> Problem {
    let broken = <types::Username as types::Parse>::parse(username).expect_err("a rule is broken");
    Problem::bad_request(broken.0)
}
