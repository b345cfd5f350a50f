//! What operators are alarmed or warned about (SPEC L-6, A-3, A-5, A-9, D-2). Nobody in front of a
//! page is told.
//!
//! Ours: 34040–34053, 34060, 34061.

macro_rules! alarms {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// What operators are alarmed or warned about.
            Alarms = "Alarms and warnings" {
                /// Resets are at 80 % of the breaker's rate (SPEC A-5).
                BreakerAlarm = "breaker_alarm", "34040", Event, Operator, No,
                    "An agent's resets have reached the share (`alarm_percent`, 80 % by default) of the rate at which its breaker stops them.",
                    "See in the audit trail who resets, and why so many: `passback audit export --since MOMENT`.";
                /// No agent of a tenant can set passwords.
                WritebackDown = "writeback_down", "34041", Event, Operator, No,
                    "No agent of the organisation listens with a fresh heartbeat, a directory that it reaches and a clock that agrees.",
                    "`passback agent list --tenant SLUG` shows what each of them lacks.";
                /// Keys that were due could not be replaced.
                RolloverFailed = "rollover_failed", "34042", Event, Operator, No,
                    "New keys were due and could not be made or told to the cloud service; the present ones go on working.",
                    "The `cause` says at which step it ended; it is tried again by itself. `passback-agent writeback enable` makes new ones at once.";
                /// The service account's password, or another credential, is about to expire.
                CredentialExpires = "credential_expires", "34043", Event, Operator, No,
                    "A credential that is needed expires soon; the entry names it and the day.",
                    "Renew it before that day: the service account's password stands in `bind_password_file`.";
                /// A certificate is about to expire.
                CertificateExpires = "certificate_expires", "34044", Event, Operator, No,
                    "A certificate expires soon: the cloud service's, a controller's, or a CA's; the entry names it and the day.",
                    "Renew it before that day and put it in place of the old one.";
                /// The disk is nearly full.
                DiskLow = "disk_low", "34045", Event, Operator, No,
                    "Little room is left on the disk of the state directory or the database. When it is full, no password is set.",
                    "Make room, or move `state_dir` (agent) or `database` (cloud service) to a larger disk.";
                /// Another controller holds the PDC role now.
                PdcMoved = "pdc_moved", "34046", Event, Nobody, No,
                    "Another controller holds the PDC role now; the agent follows it by itself.",
                    "If nobody moved the role, find out who did. The new controller needs a certificate that `ca` has signed.";
                /// Two processes use one agent identity at once.
                TwoInstances = "two_instances", "34047", Event, Operator, No,
                    "Two running processes use the identity of one agent: its state was copied, or somebody has stolen it.",
                    "Stop the copy. If you do not know of one, revoke the agent (`passback agent revoke NAME --tenant SLUG`) and enrol it anew with `passback agent enrol-code --tenant SLUG`.";
                /// The agents of a tenant are configured differently.
                ConfigurationDiffers = "configuration_differs", "34048", Event, Operator, No,
                    "Agents of the organisation have different directories, scopes or rules, so it depends on the agent how a request ends.",
                    "Compare their files and make them alike.";
                /// An agent was revoked.
                AgentRevoked = "agent_revoked", "34049", Event, Nobody, No,
                    "An administrator revoked the agent; a service that runs cuts its channel within 10 seconds, where the relay is its own.",
                    "To let it work again, enrol it anew: `passback agent enrol-code --tenant SLUG`, then `passback-agent enrol --code CODE`.";
                /// A directory is used without a policy-hints control (SPEC D-2).
                HistoryNotEnforced = "history_not_enforced", "34050", Event, Operator, No,
                    "`allow_without_policy_control` is set, and the controller offers no policy-hints control: people can choose a password again that they had before.",
                    "Update the controller, then take `allow_without_policy_control` out of the configuration.";
                /// A password was reset whose least age nobody has looked at (SPEC D-2, D-12).
                MinimumAgeUnknown = "minimum_age_unknown", "34060", Event, Operator, No,
                    "A password was to be reset whose age, or whose fine-grained policy, the service account may not read, so the agent could not check its minimum age before; of a reset with policy hints Windows documents the history alone.",
                    "Let the service account read the Password Settings container and what people are judged by: `passback-agent permissions grant --feature fine-grained-rules --feature reading`.";
                /// An administrator's reset without history and least age (SPEC O-3).
                HistoryAndAgeNotKept = "history_and_age_not_kept", "34061", Event, Nobody, No,
                    "`administrator_reset_without_history_and_age` is set for the directory: a reset by an administrator was to be made without history and least age.",
                    "Take the key out of the configuration if administrators are to obey them.";
                /// The audit trail cannot be written: no password is set (THREATS "audit sink gone").
                AuditNotWritten = "audit_not_written", "34051", Event, Operator, No,
                    "The audit trail cannot be written. Until it can, no password is set.",
                    "Is the disk of `state_dir` (agent) or `database` (cloud service) full, read-only or broken?";
                /// A mail or message to a person could not be delivered.
                NotificationFailed = "notification_failed", "34052", Event, Operator, No,
                    "A mail to a person was refused or bounced, so they do not know of a change, or have no code.",
                    "The `cause` has the mail server's words. Correct the person's address in the directory, or `host` and `user` of the mail settings.";
                /// The hourly reset of the canary account did not succeed (SPEC X-7).
                CanaryFailed = "canary_failed", "34053", Event, Operator, No,
                    "The hourly reset of the canary account did not end with a new password; the outcome beside it says why.",
                    "Look up that outcome: whatever stopped the canary stops people, too.";
            }
        } $($left)* }
    };
}
