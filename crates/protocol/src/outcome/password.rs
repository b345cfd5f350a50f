//! The new password was refused, or the old one: what the person can choose differently.
//!
//! SPEC 5: 33007, 33008, and of 32003 what the person typed. Ours: 34030, 34031 (SPEC L-5), 34026, 34059.

macro_rules! password {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// What was wrong with what the person typed.
            Password = "The password that was typed" {
                /// Empty, too long, or not well-formed.
                PasswordMalformed = "password_malformed", "32003", Answer, Person, No,
                    "The password was empty, longer than 256 UTF-16 units, not well-formed, or had U+0000 in it, with which nobody could sign in.",
                    "The person types another one. From a program: send 1 to 256 UTF-16 units without a lone surrogate.";
                /// The old password of a change is wrong.
                WrongOldPassword = "wrong_old_password", "33007", Answer, Person, No,
                    "The old password that came with the change is not the account's (00000056, or sub-code 52e).",
                    "The person types it again, or resets the password. Many of these for one account are somebody who guesses: look in the audit trail.";
                /// The old password was wrong too often: it is not tried any more, so that nobody guesses it
                /// here, nor locks the account by guessing.
                TooManyWrongPasswords = "too_many_wrong_passwords", "34059", Answer, Person, No,
                    "Several changes for this account came with a wrong old password within the last hour (or the policy's lockout window, if that is longer), so this one was not sent. The directory itself may not count them, or would lock the account.",
                    "The person waits, or resets the password. If it was not the person, somebody guesses: the audit trail has the addresses that these changes came from (`passback audit export --since MOMENT`).";
                /// Shorter than the policy's least length.
                PolicyTooShort = "policy_too_short", "33008", Answer, Person, No,
                    "The password is shorter than the least length of the person's effective policy.",
                    "The person chooses a longer one. Which policy counts: `Get-ADUserResultantPasswordPolicy NAME`, and without a result the domain's.";
                /// Not enough kinds of characters.
                PolicyNotComplex = "policy_not_complex", "33008", Answer, Person, No,
                    "The effective policy asks for complexity, and the password has too few kinds of characters or contains a name of the account.",
                    "The person chooses another one.";
                /// It contains the person's account name or a part of their display name.
                PolicyContainsName = "policy_contains_name", "33008", Answer, Person, No,
                    "The effective policy asks for complexity, and the password contains the account name or a part of the display name.",
                    "The person chooses another one.";
                /// Among the remembered ones.
                PolicyHistory = "policy_history", "33008", Answer, Person, No,
                    "A Samba controller refused a password that breaks no other rule of the policy, so it is among those that it remembers. Windows refuses in the same way what a password filter refuses: there this is told as policy_other.",
                    "The person chooses one that was not used before. If it was not, look whether smb.conf has a `check password script`.";
                /// The present password is younger than the policy's least age.
                PolicyTooYoung = "policy_too_young", "33008", Answer, Person, No,
                    "The present password is younger than the minimum age of the person's effective policy.",
                    "The person waits; if the password is not known any more, tick “User must change password at next logon” on the account: then the age does not count.";
                /// The directory refused it, and which rule it was cannot be told.
                PolicyOther = "policy_other", "33008", Answer, Person, No,
                    "The directory refused the password (0000052D), and not by a rule that the agent can name for certain: it is among those that are remembered, a password filter on the controllers refused it (Microsoft Entra Password Protection, or another company's), or the rules are those of a fine-grained policy that the service account may not read. Windows answers all of these alike.",
                    "A password filter writes what it refused to a log of its own on the PDC emulator, Entra Password Protection under Applications and Services Logs, Microsoft, AzureADPasswordProtection, DCAgent, Admin; which filters there are stands in `Notification Packages` of HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa (Windows' own are scecli and rassfm). Tell people a filter's rules: no directory shows them. For a fine-grained policy: `passback-agent permissions grant --feature fine-grained-rules`.";
                /// The two entries differ.
                PasswordsDiffer = "passwords_differ", "34026", Page, Person, No,
                    "The password was typed differently the second time.",
                    "The person types it again.";
                /// On the tenant's or the global list of banned words (SPEC L-5).
                PasswordBanned = "password_banned", "34030", Answer, Person, No,
                    "The password contains a word of the organisation's list of banned passwords or of the global one, as it is or with usual replacements.",
                    "The person chooses another one. If too many are refused, look through the organisation's list.";
                /// Among the breached passwords that were imported on the agent (SPEC L-5).
                PasswordBreached = "password_breached", "34031", Answer, Person, No,
                    "The password is in the list of breached passwords that was imported on the agent.",
                    "The person chooses another one.";
            }
        } $($left)* }
    };
}
