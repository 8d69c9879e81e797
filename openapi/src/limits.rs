//! Which limits of the table (shared/src/limits) each operation counts in.

use shared::limits::Limit::{self, *};

/// The limits of a function: those that its answers tell what is left of, and those that only refuse.
pub fn of(function: &str) -> (&'static [Limit], &'static [Limit]) {
    match function {
        "send-otp" => (&[Codes, CodesToAddress], &[]),
        "sign-up" => (&[SignUps], &[SignUpCodes]),
        "check-username" => (&[Usernames], &[]),
        "sign-in" => (&[Passwords, PasswordsByClient, PasswordsOnDevice], &[NewDevices]),
        "verify-device" => (&[], &[DeviceCodes]),
        "sign-out" | "remove-device" => (&[Sessions], &[]),
        "change-password" | "delete-account" => (&[Proofs], &[]),
        "forgot-password" => (&[Codes], &[]),
        "reset-password" => (&[], &[ResetCodes]),
        "send-inbox-message" => (&[InboxMessages, AllInboxes], &[]),
        "set-acceptance" | "set-preferences" => (&[Settings], &[]),
        "delete-inbox-message" | "block-inbox-sender" => (&[InboxChanges], &[]),
        "report-inbox-message" => (&[Reports], &[]),
        "create-link" => (&[Links], &[]),
        "send-link-message" => (&[LinkMessages], &[Pins, LinkPins]),
        "update-link" | "delete-link" | "delete-link-message" => (&[LinkChanges], &[]),
        "upload-card" => (&[Cards], &[]),
        "send-to-user" | "send-to-conversation" => (&[PrivateMessages], &[]),
        "create-upload" => (&[Uploads], &[]),
        "mark-delivered" | "mark-seen" => (&[Marks], &[]),
        "delete-private-message" => (&[PrivateDeletions], &[]),
        "block-user" | "unblock-user" => (&[UserBlocks], &[]),
        "create-community" => (&[Communities], &[]),
        "update-community" | "join-community" | "leave-community" | "block-member" | "unblock-member" => {
            (&[CommunityChanges], &[])
        }
        "send-community-message" | "delete-community-message" => (&[CommunityMessages], &[]),
        "create-push-subscription" | "delete-push-subscription" => (&[PushSubscriptions], &[]),
        "unsubscribe" => (&[Unsubscriptions], &[]),
        _ => (&[], &[]),
    }
}
