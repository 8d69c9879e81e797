//! Accounts and sessions.

use shared::{
    bodies::*,
    http::{AccountsError, NotSent, Problem},
    types::{DeviceId, Parse, Username},
};

use crate::{
    operation::{Documented, Operation},
    shape::Shape,
};

type Error = AccountsError;

impl Documented for AccountsError {
    fn shape(_: u16) -> Shape {
        Shape::answer::<AccountsFailure>()
    }
}

impl Documented for NotSent {
    fn shape(_: u16) -> Shape {
        Shape::answer::<AccountsFailure>()
    }
}

pub fn send_otp() -> Operation<NotSent> {
    Operation::of("send-otp")
        .takes::<Address>()
        .idempotent()
        .gives::<Done<CodeSent>>(200)
        .fails([Error::AlreadyRegistered, Error::BadAddress])
}

pub fn operations() -> [Operation<Error>; 12] {
    [
        Operation::of("sign-up")
            .takes::<SignUp>()
            .idempotent()
            .gives::<DoneWith<SignedUpText, NewUserBody>>(201)
            .with_header("Set-Cookie")
            .fails([Error::AllFieldsRequired, Error::WrongCode, Error::EmailTaken, Error::UsernameTaken]),
        Operation::of("check-username")
            .required_query::<Username>("username")
            .gives::<UsernameCheck>(200)
            .fails(["", "a user whose name is long", "ann lee"].map(broken_rule)),
        Operation::of("sign-in")
            .takes::<SignIn>()
            .idempotent()
            .gives::<DoneWith<SignedInText, SignedInBody>>(200)
            .with_header("Set-Cookie")
            .fails([Error::WrongCredentials, Error::NotActive, Error::DeviceNotFound]),
        Operation::of("verify-device")
            .session()
            .takes::<MailedCode>()
            .gives::<DoneWith<DeviceVerified, VerifiedDeviceBody>>(200)
            .fails([Error::WrongCode]),
        Operation::of("list-devices").session().paged().gives::<DevicesBody>(200),
        Operation::of("remove-device")
            .session()
            .path::<DeviceId>("deviceId")
            .gives::<Done<DeviceRemoved>>(200)
            .with_header("Set-Cookie")
            .fails([Error::DeviceNotFound]),
        Operation::of("get-session").perhaps_session().gives::<SessionBody>(200),
        Operation::of("sign-out").session().gives::<Done<SignedOut>>(200).with_header("Set-Cookie"),
        Operation::of("change-password")
            .session()
            .takes::<PasswordChange>()
            .gives::<Done<PasswordChanged>>(200)
            .fails([Error::WrongPassword, Error::NotTrusted, Error::UserNotFound]),
        Operation::of("forgot-password").takes::<Address>().gives::<Done<CodeSentIfKnown>>(200),
        Operation::of("reset-password")
            .takes::<NewPassword>()
            .gives::<Done<PasswordReset>>(200)
            .fails([Error::WrongCode]),
        Operation::of("delete-account")
            .session()
            .takes::<Proof>()
            .gives::<Done<AccountDeleted>>(200)
            .with_header("Set-Cookie")
            .fails([Error::WrongPassword, Error::NotTrusted, Error::UserNotFound]),
    ]
}

fn broken_rule(username: &str) -> Problem {
    Problem::bad_request(Username::parse(username).expect_err("a rule is broken").0)
}
