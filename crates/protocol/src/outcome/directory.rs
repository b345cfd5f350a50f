//! What the directory itself refused, or why it could not be asked.
//!
//! SPEC 5: 33001, 33009, 6329. Ours: 34001, 34036.

macro_rules! directory {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// What the directory refused, or why it could not be asked.
            Directory = "The directory" {
                /// A restriction that is not the password policy's.
                SetRestricted = "set_restricted", "6329", Answer, Operator, No,
                    "The controller refused the set by a restriction that is not the password policy's: result 19 or 53 without a code of its own, or ERROR_ACCOUNT_RESTRICTION (0000052F). Of a change, Samba says result 19 as well where the service account lacks Change Password, and this is all that is told where who has which rights on the account is hidden from it.",
                    "The `cause` of `writeback.directory_refused` in the agent's log has the code and the controller's words; `passback-agent explain USER` shows the account, its policy and the rights on it.";
                /// Denied, although it is no right on the account that is missing.
                SetDenied = "set_denied", "6329", Answer, Operator, No,
                    "The controller denied the set (00000005) and does not say that a right on the account is missing: something above the account's own rights forbids it. Of a person's own sign-in (sub-code 569): the account has not the user right to sign in to the controller over the network.",
                    "Look at the controller's security log at that moment, and at group policies that restrict the service account. After sub-code 569: give the person's account “Access this computer from the network” on the domain controllers, and take it out of “Deny access to this computer from the network” (User Rights Assignment).";
                /// The account is in a directory that this agent has no writeback for.
                DirectoryNotEnabled = "directory_not_enabled", "6329", Answer, Operator, No,
                    "The account is in a directory that this agent does not write passwords to.",
                    "Add the directory as a `[[directory]]` to the configuration of an agent of the organisation, check it with `passback-agent config check`, and restart that agent.";
                /// The domain controller offers no policy-hints control: fail closed (SPEC D-2).
                NoPolicyControl = "no_policy_control", "6329", Answer, Operator, No,
                    "The domain controller offers neither policy-hints control, so history would not be enforced on a reset.",
                    "Update the controller (Windows Server 2016 or newer, 2012 and 2012 R2 only with an ECDSA certificate, Samba 4.24 or newer), or accept it for this directory with `allow_without_policy_control = true` in the agent's configuration.";
                /// An answer that no table knows.
                DirectoryUnknown = "directory_unknown", "33001", Answer, Operator, No,
                    "The directory answered with a code that Passback does not know.",
                    "Look in the agent's log for this request: the `cause` has the result and the hexadecimal code in front of the controller's words. MS-ERREF 2.2 says what the code means; tell the makers of Passback about it.";
                /// The directory cannot be worked with as configured.
                DirectoryConfiguration = "directory_configuration", "33009", Answer, Operator, No,
                    "The directory answered in a way that points to its configuration or the agent's: another domain than the configured one, a schema without an attribute that is needed, or something that the service account may not read.",
                    "Check `domain` and `ous` with `passback-agent config check`; the `cause` in the agent's log says what was asked and answered.";
                /// The service account's name or password is not taken.
                ServiceAccountRefused = "service_account_refused", "33009", Answer, Operator, No,
                    "The controller does not let the service account in: wrong name or password, expired, disabled or locked out. The agent's log says which.",
                    "Correct `bind_name`, or put the right password into `bind_password_file`, and restart the agent; a locked or expired account needs an administrator of the directory.";
                /// The controller's certificate is not accepted. There is no switch to ignore it.
                CertificateRefused = "certificate_refused", "33009", Answer, Operator, No,
                    "The controller's certificate was not accepted: not signed by the configured `ca`, expired, for another name or another purpose, or signed with an algorithm of old, such as SHA-1. Nothing was sent to it.",
                    "The log says which of these it is. Renew the certificate, with the controller's DNS name in it, or correct `ca`. Verification cannot be switched off.";
                /// The controller asks for more encryption than the connection has.
                NotEncrypted = "not_encrypted", "33009", Answer, Operator, No,
                    "The controller takes no password over this connection (0000001F, or result 8 or 13): it does not count as encrypted there, or the value did not arrive as it was sent.",
                    "The agent speaks TLS from the first byte, or after StartTLS where `encryption` says so. Is there a load balancer or TLS proxy between it and the controller? Set `ldaps_port` and DNS so that the agent reaches the controller itself.";
                /// The PDC emulator cannot be reached; nothing is set elsewhere (SPEC W-8).
                PdcUnreachable = "pdc_unreachable", "34001", Answer, Operator, No,
                    "The PDC emulator could not be found or reached over LDAPS, or answered that it cannot work now. Nothing was set on another controller.",
                    "Does _ldap._tcp.pdc._msdcs of the domain resolve (`dns` in the configuration), and does its LDAPS port answer from the agent's machine? `passback-agent explain USER` says at which step it ends, as the `cause` in the agent's log does.";
                /// Switched off for one directory by the cloud service (SPEC A-2).
                DirectorySwitchedOff = "directory_switched_off", "34036", Page, Operator, No,
                    "An administrator switched writeback off for the directory that this person is in.",
                    "Switch it on again for that directory in the cloud service.";
            }
        } $($left)* }
    };
}
