//! Accounts and sessions.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{False, True, constant};
use crate::types::schema;
use crate::{
    store::{Account, Device, UsernameClaim},
    types::{CodeTry, DeviceId, DeviceName, Email, Identifier, Password, PasswordTry, Timestamp, UserId, Username},
};

/// What went wrong, in words for a person.
#[derive(Serialize, ToSchema)]
pub struct AccountsFailure {
    pub success: False,
    pub message: Cow<'static, str>,
}

/// A success, in words for a person.
#[derive(Serialize, ToSchema)]
pub struct Done<M> {
    success: True,
    #[schema(inline)]
    message: M,
}

impl<M> Done<M> {
    pub fn because(message: M) -> Self {
        Self { success: True, message }
    }
}

/// The same, with the data of the answer.
#[derive(Serialize, ToSchema)]
pub struct DoneWith<M, T> {
    success: True,
    #[schema(inline)]
    message: M,
    #[schema(inline)]
    data: T,
}

impl<M, T> DoneWith<M, T> {
    pub fn new(message: M, data: T) -> Self {
        Self { success: True, message, data }
    }
}

constant!(CodeSent: String = "OTP sent successfully");
constant!(SignedUpText: String = "User Registered Successfully");
constant!(SignedInText: String = "Signed in");
constant!(SignedOut: String = "Signed out");
constant!(DeviceVerified: String = "Device verified");
constant!(DeviceRemoved: String = "Device removed");
constant!(PasswordChanged: String = "Password changed. Every other session has ended");
constant!(CodeSentIfKnown: String = "If there is an account with this address, a code is on its way to it");
constant!(PasswordReset: String = "Password set. Every session has ended: sign in with it");
constant!(AccountDeleted: String = "Account deleted");
constant!(UsernameAvailable: String = "Username available");
constant!(UsernameExists: String = "Username already exists");

/// Whether somebody who signs up can have a username.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum UsernameCheck {
    Available { success: True, message: UsernameAvailable },
    Taken { success: False, message: UsernameExists },
}

impl UsernameCheck {
    pub fn of(is_free: bool) -> Self {
        match is_free {
            true => Self::Available { success: True, message: UsernameAvailable },
            false => Self::Taken { success: False, message: UsernameExists },
        }
    }
}

/// Where a code is to be mailed.
#[derive(Deserialize, ToSchema)]
pub struct Address {
    pub email: Email,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignUp {
    pub username: Username,
    pub email: Email,
    pub password: Password,
    pub otp: CodeTry,
    pub device_name: Option<DeviceName>,
}

impl SignUp {
    /// The fields that a sign-up must have.
    pub const FIELDS: [&str; 4] = ["username", "email", "password", "otp"];
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    pub identifier: Identifier,
    pub password: PasswordTry,
    /// The id of a device, as a sign-up or sign-in said. Any other text stands for a new device.
    pub device_id: Option<String>,
    pub device_name: Option<DeviceName>,
}

#[derive(Deserialize, ToSchema)]
pub struct MailedCode {
    pub code: CodeTry,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordChange {
    pub current_password: PasswordTry,
    pub new_password: Password,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewPassword {
    pub email: Email,
    pub code: CodeTry,
    pub new_password: Password,
}

#[derive(Deserialize, ToSchema)]
pub struct Proof {
    pub password: PasswordTry,
}

/// A user as the user sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserBody<'a> {
    #[serde(rename = "_id")]
    id: UserId,
    username: &'a Username,
    email: &'a Email,
    /// Always: nobody signs up without a code.
    is_verified: True,
    is_accepting_messages: bool,
}

impl<'a> UserBody<'a> {
    pub fn of(account: &'a Account, claim: &UsernameClaim) -> Self {
        Self {
            id: account.id,
            username: &account.username,
            email: &account.email,
            is_verified: True,
            is_accepting_messages: claim.is_accepting,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct DeviceBody<'a> {
    /// Give it when signing in again on the device.
    id: DeviceId,
    name: &'a DeviceName,
    trusted: bool,
}

impl<'a> DeviceBody<'a> {
    pub fn of(device: &'a Device) -> Self {
        Self { id: device.id, name: &device.device_name, trusted: device.trusted }
    }
}

/// A new user, who is signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewUserBody<'a> {
    id: UserId,
    username: &'a Username,
    email: &'a Email,
    is_verified: True,
    is_accepting_messages: bool,
    messages: NoMessages,
    #[schema(value_type = schema::SessionToken)]
    token: String,
    expires_at: Timestamp,
    device: DeviceBody<'a>,
}

constant!(
    /// The inbox of a new user.
    NoMessages: Array = [(); 0]
);

impl<'a> NewUserBody<'a> {
    pub fn of(
        account: &'a Account,
        claim: &UsernameClaim,
        token: String,
        expires_at: Timestamp,
        device: &'a Device,
    ) -> Self {
        Self {
            id: account.id,
            username: &account.username,
            email: &account.email,
            is_verified: True,
            is_accepting_messages: claim.is_accepting,
            messages: NoMessages,
            token,
            expires_at,
            device: DeviceBody::of(device),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedInBody<'a> {
    pub user: UserBody<'a>,
    #[schema(value_type = schema::SessionToken)]
    pub token: String,
    pub expires_at: Timestamp,
    pub device: DeviceBody<'a>,
}

#[derive(Serialize, ToSchema)]
pub struct VerifiedDeviceBody<'a> {
    pub device: DeviceBody<'a>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedDeviceBody<'a> {
    #[serde(flatten)]
    pub device: DeviceBody<'a>,
    /// Whether it is the device of this request.
    pub current: bool,
    pub signed_in: bool,
    pub created_at: Timestamp,
    pub last_sign_in_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DevicesBody<'a> {
    pub success: True,
    pub devices: Vec<ListedDeviceBody<'a>>,
    #[schema(value_type = Option<schema::Cursor>)]
    pub next_cursor: Option<String>,
}

/// The session of the request; an empty object without one.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SessionBody<'a> {
    SignedIn { user: UserBody<'a>, expires: Timestamp },
    SignedOut {},
}
