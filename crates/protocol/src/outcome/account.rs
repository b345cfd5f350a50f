//! Who the person is in the directory, and what their account allows.
//!
//! SPEC 5: 33002–33006. Ours: 34032–34035 (the sub-codes of SPEC D-10).

macro_rules! account {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// Who the person is in the directory, and what their account allows.
            Account = "The person's account" {
                /// W-7 (a): there is no AD connector space object.
                UserNotFoundNoObject = "user_not_found_no_object", "33002", Answer, Operator, No,
                    "No object in the AD connector space has the person's sourceAnchor, or it is outside of the OUs in scope.",
                    "Is the account in one of the `ous` of the agent's configuration? Then run `passback-agent sync`, and look with `passback-agent sync show USER`.";
                /// W-7 (b): the AD connector space object is not joined to a metaverse object.
                UserNotFoundNotJoined = "user_not_found_not_joined", "33002", Answer, Operator, No,
                    "The person's object in the AD connector space is a disconnector: it is joined to no metaverse object.",
                    "`passback-agent sync show USER` says why the join rule does not apply; correct that, then run `passback-agent sync`.";
                /// W-7 (c): no metaverse object is joined to the cloud connector space object.
                UserNotFoundNoCloudLink = "user_not_found_no_cloud_link", "33002", Answer, Operator, No,
                    "No metaverse object is joined to the cloud connector space object of this cloudAnchor: the person was exported by another installation, or the link was taken away.",
                    "Run `passback-agent sync`; if it stays, `passback-agent sync show USER` shows which of the links is missing.";
                /// W-7 (d): the link does not carry the account-enabled rule.
                UserNotFoundNoRule = "user_not_found_no_rule", "33002", Answer, Operator, No,
                    "The link of the AD object does not carry Microsoft.InfromADUserAccountEnabled: when it was last synchronised, the account was not in that rule's scope.",
                    "Run `passback-agent sync`; if it stays, `passback-agent sync show USER` shows the rules of the link.";
                /// The object was found in the connector space and is gone from the directory.
                UserGone = "user_gone", "33002", Answer, Operator, No,
                    "The connector space points to an object that the directory no longer has: it was deleted, or moved to where the service account may not read.",
                    "Run `passback-agent sync`. If the account is there, let the service account read its new OU; `passback-agent explain USER` shows whether it may.";
                /// More than one AD account matches.
                SeveralMatches = "several_matches", "33003", Answer, Operator, No,
                    "Several AD accounts are joined to this person by the account-enabled rule; `writeback.several_matches` in the agent's log names them.",
                    "Disable all but the one that the person uses, or correct `match_people_by`, then run `passback-agent sync`.";
                /// A protected account (SPEC D-6).
                Protected = "protected", "33004", Answer, Person, No,
                    "The account is protected: a nested member of one of AD's protected groups or of `protected_groups`, the agent's own account, or no person's account at all. It is never reset or unlocked from the cloud.",
                    "Its owner changes the password with the old one; if that is lost, another administrator resets it with the directory's own tools. `passback-agent explain USER` names the group.";
                /// adminCount is left over from a membership that has ended.
                AdminCountLeftBehind = "admin_count_left_behind", "33004", Answer, Operator, No,
                    "adminCount is 1 although the account is in no protected group any more, and inheritance is most likely still off.",
                    "`passback-agent explain USER` shows why. If it is no privileged account: `passback-agent permissions grant --inherit DN`, or `Set-ADUser NAME -Clear adminCount` and enable inheritance in the object's advanced security settings.";
                /// A right that the service account needs is missing.
                PermissionMissing = "permission_missing", "33004", Answer, Operator, No,
                    "The service account lacks a right on this account: Reset Password, for a change Change Password, or to write lockoutTime or pwdLastSet (SPEC D-12).",
                    "`passback-agent permissions check` says which right is missing where, and `passback-agent permissions grant` shows and sets exactly these. If others of the same OU work, inheritance is broken on this object: `passback-agent explain USER` says so, and how to enable it.";
                /// Only the organisation's administrators may change this password.
                CannotChange = "cannot_change", "33004", Answer, Person, No,
                    "User cannot change password is set on the account: its DACL denies the right Change Password to Self or Everyone, or grants it to neither.",
                    "If the person is meant to choose a password, clear “User cannot change password” on the account.";
                /// The account signs in with a smart card only.
                SmartCardOnly = "smart_card_only", "33004", Answer, Person, No,
                    "The account requires a smart card; its password is random and not meant to be known.",
                    "If the person should have a password, clear “Smart card is required for interactive logon” on the account.";
                /// The account is switched off; it stays so.
                Disabled = "disabled", "33005", Answer, Person, No,
                    "The account is disabled in the directory. A reset never enables it.",
                    "If it should work again: `Enable-ADAccount NAME`.";
                /// The account's end date has passed.
                AccountExpired = "account_expired", "33005", Answer, Person, No,
                    "The account's end date has passed (accountExpires).",
                    "If the person is still with you: `Set-ADAccountExpiration NAME -DateTime DATE`, or `Clear-ADAccountExpiration NAME`.";
                /// Locked out: a change is refused, a reset or an unlock is not (SPEC D-7).
                LockedOut = "locked_out", "33006", Answer, Person, No,
                    "The account is locked out after too many wrong passwords, and Active Directory takes no change from it (00000775).",
                    "A reset unlocks it, and so does an unlock. If it is locked again soon after, a device or a service still tries an old password: event 4740 on the PDC emulator names the machine.";
                /// 532: the password was right and has expired.
                PasswordExpired = "password_expired", "34032", Answer, Person, No,
                    "The password was right and has expired (sub-code 532).",
                    "The person changes it; nothing else needs to be done.";
                /// 773: the password was right and must be changed.
                MustChange = "must_change", "34033", Answer, Person, No,
                    "The password was right and must be changed at sign-in (sub-code 773; pwdLastSet is 0).",
                    "The person changes it; nothing else needs to be done.";
                /// 530: not at this time.
                SignInNotNow = "sign_in_not_now", "34034", Answer, Person, No,
                    "The account's logon hours do not allow to sign in at this time (sub-code 530).",
                    "Widen “Logon hours” on the account if the person should be able to.";
                /// 531: not from this machine.
                SignInNotHere = "sign_in_not_here", "34035", Answer, Person, No,
                    "The account may sign in at chosen machines only (sub-code 531), and the domain controller that the agent asks is none of them.",
                    "Add the PDC emulator to “Log on to” of the account if the person should be able to.";
            }
        } $($left)* }
    };
}
