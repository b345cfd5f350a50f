//! What can come out of an operation, from the directory's code to the page (SPEC 5).
//!
//! One enumeration serves the wire, the journal, audit, the API and the pages. A variant has a
//! stable name, a number, who must act, whether the password changed, and a text for the operator
//! with the cause and the fix. The sentence for the person stands, per language, in the cloud
//! service's `locales`, under the stable name.

use crate::Changed;

/// Who can do something about an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody needs to: it went well, or settles by itself.
    Nobody,
    /// The person in front of the page.
    Person,
    /// Whoever runs the organisation's directory, agent or cloud service.
    Operator,
    /// The makers of Passback.
    Passback,
}

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $number:literal, $actor:ident, $changed:ident, $operator:literal;)+) => {
        /// An outcome of SPEC 5, or what a page of a flow says before there is one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Outcome {
            $($(#[$doc])* $variant,)+
        }

        impl Outcome {
            /// Every outcome, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name: on the wire, in audit, on the page's `data-outcome`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The event number, or the code of a page (`SSPR_…`), of SPEC 5.
            pub const fn number(self) -> &'static str {
                match self { $(Self::$variant => $number,)+ }
            }

            /// Who must act.
            pub const fn actor(self) -> Actor {
                match self { $(Self::$variant => Actor::$actor,)+ }
            }

            /// Whether the password in the directory changed.
            pub const fn changed(self) -> Changed {
                match self { $(Self::$variant => Changed::$changed,)+ }
            }

            /// The cause and the fix, for the operator. Never shown to the person.
            pub const fn operator_text(self) -> &'static str {
                match self { $(Self::$variant => $operator,)+ }
            }
        }
    };
}

outcomes! {
    /// AD has taken the new password.
    PasswordChanged = "password_changed", "31002", Nobody, Yes,
        "The password was set and the account unlocked.";
    /// Settled after a crash, cut or silence: it did go through.
    SettledChanged = "settled_changed", "34005", Nobody, Yes,
        "The operation was interrupted; the directory shows that the password was set.";
    /// Settled after a crash, cut or silence: it did not go through.
    SettledUnchanged = "settled_unchanged", "34006", Person, No,
        "The operation was interrupted; the directory shows that the password was not set.";
    /// Not known yet: a crash, cut or silence in the middle.
    InDoubt = "in_doubt", "34007", Operator, Unknown,
        "The agent did not answer after the message was sent. It settles the operation when it is back.";
    /// Not delivered before the message expired.
    Expired = "expired", "34008", Person, No,
        "The message expired before the agent took it; nothing was applied. Is the agent running and connected?";
    /// Another operation for the same person has not ended.
    AlreadyInFlight = "already_in_flight", "34009", Person, No,
        "A person has one operation at a time; the earlier one has not ended.";
    /// The agent's journal does not reach back to the request.
    CannotBeKnown = "cannot_be_known", "34010", Operator, Unknown,
        "The agent's journal does not reach back to this request: it was made anew since, or has forgotten entries of that age. The directory shows when the password was last set (pwdLastSet).";

    /// Shorter than the policy's least length.
    PolicyTooShort = "policy_too_short", "33008", Person, No,
        "The directory refused the password as too short.";
    /// Not enough kinds of characters, or it contains the person's name.
    PolicyNotComplex = "policy_not_complex", "33008", Person, No,
        "The directory refused the password as not complex enough.";
    /// Among the remembered ones.
    PolicyHistory = "policy_history", "33008", Person, No,
        "The directory refused the password because it was used before.";
    /// The present password is younger than the policy's least age.
    PolicyTooYoung = "policy_too_young", "33008", Person, No,
        "The present password is younger than the minimum age of the policy.";
    /// The directory refused it and none of the known rules explains it.
    PolicyOther = "policy_other", "33008", Person, No,
        "The directory refused the password by a rule that the agent cannot see: a password filter, or a fine-grained policy that the service account may not read.";

    /// W-7 (a): there is no AD connector space object.
    UserNotFoundNoObject = "user_not_found_no_object", "33002", Operator, No,
        "W-7 (a): no object in the AD connector space has the person's sourceAnchor. Is the person in the synchronised OUs? Run a synchronisation.";
    /// W-7 (b): the AD connector space object is not joined to a metaverse object.
    UserNotFoundNotJoined = "user_not_found_not_joined", "33002", Operator, No,
        "W-7 (b): the AD connector space object is a disconnector. See why the join rule does not apply; run a synchronisation.";
    /// W-7 (c): no metaverse object is joined to the cloud connector space object.
    UserNotFoundNoCloudLink = "user_not_found_no_cloud_link", "33002", Operator, No,
        "W-7 (c): no metaverse object is joined to the cloud connector space object of this cloudAnchor. Run a synchronisation.";
    /// W-7 (d): the link does not carry the account-enabled rule.
    UserNotFoundNoRule = "user_not_found_no_rule", "33002", Operator, No,
        "W-7 (d): the link of the AD object does not carry Microsoft.InfromADUserAccountEnabled. Is the account in the rule's scope? Run a synchronisation.";
    /// The object was found in the connector space and is gone from the directory.
    UserGone = "user_gone", "33002", Operator, No,
        "The connector space points to an object that the directory no longer has. Run a synchronisation.";
    /// More than one AD account matches.
    SeveralMatches = "several_matches", "33003", Operator, No,
        "Several AD accounts are joined to this person by the account-enabled rule. Disconnect all but one.";
    /// A protected account (SPEC D-6).
    Protected = "protected", "33004", Person, No,
        "The account is protected: adminCount is 1, or it is a nested member of a protected group. It is never reset from the cloud.";
    /// adminCount is left over from a membership that has ended.
    AdminCountLeftBehind = "admin_count_left_behind", "33004", Operator, No,
        "adminCount is 1 although the account is in no protected group any more. Clear adminCount and enable inheritance on the object, if it is no privileged account.";
    /// A right that the service account needs is missing.
    PermissionMissing = "permission_missing", "33004", Operator, No,
        "The service account lacks a right of SPEC D-12 on this account (Reset Password, or write lockoutTime). Is inheritance broken on the object?";
    /// Only the organisation's administrators may change this password.
    CannotChange = "cannot_change", "33004", Person, No,
        "User cannot change password is set on the account: its DACL denies the right Change Password to Self or Everyone, or grants it to neither. Clear it if the person is meant to.";
    /// The account is switched off; it stays so.
    Disabled = "disabled", "33005", Person, No,
        "The account is disabled. It is never enabled by a reset.";
    /// The account's end date has passed.
    AccountExpired = "account_expired", "33005", Person, No,
        "The account has expired (accountExpires).";
    /// The account signs in with a smart card only.
    SmartCardOnly = "smart_card_only", "33004", Person, No,
        "The account requires a smart card; its password is random and not meant to be known.";
    /// The directory cannot be worked with as configured.
    DirectoryConfiguration = "directory_configuration", "33009", Operator, No,
        "The directory answered in a way that points to its configuration or the agent's. The agent's log has the answer.";
    /// The directory's other answers.
    DirectoryUnknown = "directory_unknown", "33001", Operator, No,
        "The directory gave an answer that Passback does not know. The agent's log has it.";
    /// The domain controller offers no policy-hints control: fail closed (SPEC D-2).
    NoPolicyControl = "no_policy_control", "6329", Operator, No,
        "The domain controller offers neither policy-hints control, so history would not be enforced. Use a newer controller, or allow it for this directory in the agent's configuration.";
    /// The PDC emulator cannot be reached; nothing is set elsewhere (SPEC W-8).
    PdcUnreachable = "pdc_unreachable", "34001", Operator, No,
        "The PDC emulator could not be reached over LDAPS. Nothing was set on another controller.";
    /// Above the agent's rate of resets (SPEC A-5).
    BreakerOpen = "breaker_open", "34002", Operator, No,
        "The breaker stopped resets because their rate is above the limit. Look at who resets, then release it on the agent.";
    /// The clocks of cloud and agent are too far apart (SPEC W-11).
    ClockDifference = "clock_difference", "34003", Operator, No,
        "The clocks of cloud service and agent differ by more than 120 seconds. Correct the one that is wrong.";

    /// The agent could not open the package.
    NotDecryptable = "not_decryptable", "32004", Operator, No,
        "The package could not be opened with the agent's keys. Stop the agent, run `passback-agent writeback disable` and `enable`, and start it: that makes new ones; the log says which layer failed.";
    /// The message is not one that the agent can work with.
    BadInput = "bad_input", "32003", Passback, No,
        "The message was malformed or of a version that the agent does not know. Update the older side.";
    /// Empty, too long, or not well-formed.
    PasswordMalformed = "password_malformed", "32003", Person, No,
        "The password was empty, longer than 256 UTF-16 units, or not well-formed.";
    /// Something on our side.
    Fault = "fault", "32000", Passback, No,
        "An unexpected failure before anything was set. The log has the cause under the support code.";

    /// Said on the page before a name is asked (SPEC W-1).
    OnPremisesUnreachable = "on_premises_unreachable", "SSPR_0030", Operator, No,
        "No agent of the tenant is connected with a fresh heartbeat. Is the agent running? Its log says why it cannot connect.";
    /// The tenant has no writeback.
    WritebackOff = "writeback_off", "SSPR_0010", Operator, No,
        "No agent of the tenant has writeback enabled.";
    /// The person has too few methods; told only after the gates.
    TooFewMethods = "too_few_methods", "SSPR_0014", Operator, No,
        "The person has no address that a code could be sent to.";

    /// The code is not the one that was sent.
    CodeWrong = "code_wrong", "34020", Person, No,
        "A wrong code was entered.";
    /// The code's five minutes have passed.
    CodeExpired = "code_expired", "34021", Person, No,
        "The code was entered after it expired.";
    /// All tries of the code are spent.
    CodeTriesSpent = "code_tries_spent", "34022", Person, No,
        "All tries of a code were spent.";
    /// Too many starts from one address, or for one name.
    Throttled = "throttled", "34023", Person, No,
        "A throttle of SPEC G-6 refused the step. The limits are in the configuration.";
    /// The flow's 15 minutes have passed, or there is none.
    FlowExpired = "flow_expired", "34024", Person, No,
        "A step was posted to a flow that has ended or never was.";
    /// Another tab of the same browser started a flow of its own.
    FlowReplaced = "flow_replaced", "34025", Person, No,
        "A step was posted from a page that belongs to an older flow of the same browser.";
    /// The two entries differ.
    PasswordsDiffer = "passwords_differ", "34026", Person, No,
        "The password was typed differently the second time.";
    /// No name, or one that cannot be one.
    NameMalformed = "name_malformed", "34027", Person, No,
        "The name was empty or too long.";
    /// A request that does not come from one of our own pages.
    ForeignRequest = "foreign_request", "34028", Person, No,
        "Origin or Sec-Fetch-Site shows that the request came from another site.";
}

impl Outcome {
    /// The outcome with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.name() == name)
    }

    /// Whether the person can put it right by choosing another password on the same page.
    pub const fn asks_for_another_password(self) -> bool {
        matches!(
            self,
            Self::PolicyTooShort
                | Self::PolicyNotComplex
                | Self::PolicyHistory
                | Self::PolicyOther
                | Self::PasswordMalformed
                | Self::PasswordsDiffer
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        let names: HashSet<_> = Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
        assert_eq!(names.len(), Outcome::ALL.len());
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.name()), Some(*outcome));
        }
    }

    #[test]
    fn our_own_numbers_are_used_once() {
        let own: Vec<_> =
            Outcome::ALL.iter().map(|o| o.number()).filter(|n| n.starts_with("34")).collect();
        assert_eq!(own.iter().collect::<HashSet<_>>().len(), own.len());
    }

    #[test]
    fn only_a_set_says_that_the_password_changed() {
        for outcome in Outcome::ALL {
            let set = matches!(outcome, Outcome::PasswordChanged | Outcome::SettledChanged);
            assert_eq!(outcome.changed() == Changed::Yes, set, "{}", outcome.name());
        }
    }
}
