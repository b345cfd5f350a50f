//! Resets, changes and unlocks: started, succeeded, failed.
//!
//! SPEC 5: 31001–31003, 31006–31011, and "on-premises done, cloud not yet". Ours: 34004,
//! 34011–34015, 34019, 34038, 34039, 34054, 34055.

macro_rules! operations {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// How a reset, a change or an unlock began and ended.
            Operations = "Resets, changes and unlocks" {
                /// A person began to reset their password.
                ResetStarted = "reset_started", "31001", Event, Nobody, No,
                    "A reset by the person was handed to an agent.";
                /// AD has taken the new password.
                PasswordChanged = "password_changed", "31002", Answer, Nobody, Yes,
                    "The password was set and the account unlocked.";
                /// A reset by the person ended without a new password.
                ResetFailed = "reset_failed", "31003", Event, Nobody, No,
                    "A reset by the person ended without a new password; the outcome beside it says why.",
                    "Look up the outcome that stands in the same entry.";
                /// A person began to change a password that they know.
                ChangeStarted = "change_started", "31006", Event, Nobody, No,
                    "A change by the person, with the old password, was handed to an agent.";
                /// AD has taken the new password in place of the old one.
                ChangedByPerson = "changed_by_person", "31007", Answer, Nobody, Yes,
                    "The person changed the password with the old one; the directory's own rules for a change were applied.";
                /// A change by the person ended without a new password.
                ChangeFailed = "change_failed", "31008", Event, Nobody, No,
                    "A change by the person ended without a new password; the outcome beside it says why.",
                    "Look up the outcome that stands in the same entry.";
                /// An administrator, the helpdesk or a program began to reset somebody's password.
                AdminResetStarted = "admin_reset_started", "31009", Event, Nobody, No,
                    "A reset of somebody else's password was handed to an agent.";
                /// AD has taken the password that an administrator chose; the person must change it.
                ResetByAdministrator = "reset_by_administrator", "31010", Answer, Nobody, Yes,
                    "An administrator set the password, the account was unlocked, and the person must choose another one at the next sign-in.";
                /// The same for an account whose password never expires: no change is asked for.
                ResetChangeNotAsked = "reset_change_not_asked", "31010", Answer, Operator, Yes,
                    "An administrator set the password of an account whose password never expires, so Active Directory asks for no other one at sign-in.",
                    "Ask the person to change it, or clear “Password never expires” on the account and reset it again.";
                /// A reset by an administrator ended without a new password.
                AdminResetFailed = "admin_reset_failed", "31011", Event, Nobody, No,
                    "A reset by an administrator ended without a new password; the outcome beside it says why.",
                    "Look up the outcome that stands in the same entry.";
                /// Changed, must-change not set (SPEC D-4), or, where it is inferred, not confirmed: never a
                /// failure.
                MustChangeNotSet = "must_change_not_set", "34004", Answer, Operator, Yes,
                    "The password was set, but writing pwdLastSet = 0 after it failed: the person is not asked to choose another one at sign-in. Where the answer is inferred nobody has refused it: the controller did not answer, and it may have been written; the agent asks on by itself for a quarter of an hour. Or another agent looked, because the one that was asked did not come back.",
                    "If it was refused, give the service account the right to write pwdLastSet on the OU, inherited to user objects (`passback-agent permissions grant`). If the controller was silent, the agent's audit trail says later how it ended (`writeback.change_asked_later`); look there why it did not answer. For this account, tick “User must change password at next logon” by hand.";
                /// The account was unlocked; the password is as it was.
                Unlocked = "unlocked", "34011", Answer, Nobody, No,
                    "lockoutTime was set to 0; the password was not touched.";
                /// There was nothing to unlock.
                NotLocked = "not_locked", "34012", Answer, Person, No,
                    "The account was not locked out when the agent looked, so nothing was written.",
                    "If the person still cannot sign in, the password is wrong or something else stops the account: `passback-agent explain USER` shows it.";
                /// AD lets the new password expire at once: the right Unexpire Password is missing.
                SetButExpired = "set_but_expired", "34013", Answer, Operator, Yes,
                    "The password was set, but the service account lacks Unexpire Password, so Active Directory counts the new password as expired (pwdLastSet is 0; MS-SAMR 3.1.1.8.7).",
                    "Grant it on the root of the domain: `passback-agent permissions grant`, or, as an administrator by hand, `dsacls DC=corp,DC=example /G \"CORP\\ACCOUNT:CA;Unexpire Password\"`.";
                /// On-premises done, cloud not yet.
                CloudNotYet = "cloud_not_yet", "34014", Page, Passback, Yes,
                    "The directory has the new password; the cloud's copy of its hash could not be written yet, and is written as soon as it can be.",
                    "If it stays so for more than some minutes, look for the cause in the cloud service's log under the request id.";
                /// The PDC emulator has the new password, not every other controller yet.
                ReplicasNotYet = "replicas_not_yet", "34015", Answer, Nobody, Yes,
                    "The PDC emulator has the new password; other controllers have not replicated it yet.",
                    "If it takes longer than replication between the sites should, look at `repadmin /replsummary`.";
                /// The tenant does not offer to unlock without a reset.
                UnlockNotAllowed = "unlock_not_allowed", "34019", Page, Person, No,
                    "The organisation's policy does not allow to unlock an account without a reset.",
                    "Allow it in the organisation's policy if people should be able to.";
                /// A reset of one's own password by API or command line (SPEC O-1).
                OwnResetRefused = "own_reset_refused", "34038", Page, Person, No,
                    "Somebody tried to reset their own password by the API or the command line, which would pass every gate by.",
                    "They change it with the old password, or use the reset page.";
                /// The role of whoever asks does not reach this person.
                NotPermitted = "not_permitted", "34039", Page, Person, No,
                    "The role or the scopes of whoever asked do not allow this operation on this person.",
                    "Give them a role that does, or let somebody do it who has one.";
                /// A person began to unlock their account.
                UnlockStarted = "unlock_started", "34054", Event, Nobody, No,
                    "An unlock was handed to an agent.";
                /// An unlock ended, and the account is as it was.
                UnlockFailed = "unlock_failed", "34055", Event, Nobody, No,
                    "An unlock ended and the account is as it was; the outcome beside it says why.",
                    "Look up the outcome that stands in the same entry.";
            }
        } $($left)* }
    };
}
