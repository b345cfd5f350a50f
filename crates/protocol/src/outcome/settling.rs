//! Late, twice, or broken in the middle: what is known about it, and how it was settled.
//!
//! SPEC PR-2, W-11, W-12. Ours: 34005–34010, 34016–34018.

macro_rules! settling {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// What came too late, twice, or was cut off in the middle.
            Settling = "Late, twice, or cut off in the middle" {
                /// Settled after a crash, cut or silence: it did go through.
                SettledChanged = "settled_changed", "34005", Answer, Nobody, Yes,
                    "The operation was interrupted; the directory shows that the password was set.";
                /// Settled after a crash, cut or silence: it did not go through.
                SettledUnchanged = "settled_unchanged", "34006", Answer, Person, No,
                    "The operation was interrupted; the directory shows that it was not carried out: the password was not set, or the account not unlocked.",
                    "The person tries again. If it happens often, look in the agent's log for why it was interrupted.";
                /// Not known yet: a crash, cut or silence in the middle.
                InDoubt = "in_doubt", "34007", Answer, Operator, Unknown,
                    "No answer came from the agent after the message was sent, or none from the directory after the password was.",
                    "It is settled by itself as soon as the agent is back: start it, or see in its log why it cannot connect or reach the PDC emulator.";
                /// Not delivered before the message expired.
                Expired = "expired", "34008", Answer, Person, No,
                    "The message expired before an agent took it; nothing was applied.",
                    "Is the agent running and connected? `passback agent list --tenant SLUG` shows its last heartbeat, its log why it cannot connect.";
                /// Another operation for the same person has not ended.
                AlreadyInFlight = "already_in_flight", "34009", Answer, Person, No,
                    "A person has one operation at a time, and the earlier one has not ended; or it ended after this one had begun, without anybody knowing how.",
                    "Wait until it has, then try again. One that is in doubt ends when its agent is back; where a controller neither answers a set nor hangs up, after a quarter of an hour, and where the controller that was asked never comes back, after a day. The agent's log says what it waits for (`settle.`).";
                /// Somebody else has written the password since, or the journal does not reach back to the
                /// request: nobody can say any more whether it did.
                CannotBeKnown = "cannot_be_known", "34010", Answer, Operator, Unknown,
                    "The operation was interrupted, and how it ended shows nowhere any more. Either somebody else has written the password since (an administrator, or the person elsewhere), or the agent's guard would refuse the account by now; or the agent's journal does not reach back to the request, because it was made anew since or has forgotten entries of that age; or the controller that was asked has neither answered nor hung up for a quarter of an hour, or was away for a day, or the PDC role has moved since; or an account that was to be unlocked was locked out again; or the service account may not read the `lockoutTime` of an account that was to be unlocked.",
                    "`repadmin /showobjmeta PDC DN` shows where and when unicodePwd was last written, and how often. If the person can sign in with neither password, they reset it again. Move an agent with its whole state directory, and keep `retention_seconds` of the journal longer than an outage can last.";
                /// Settled by another agent of the tenant, which looked: it did go through.
                SettledElsewhereChanged = "settled_elsewhere_changed", "34016", Answer, Operator, Yes,
                    "The agent that was asked did not come back; another one looked at the replication metadata, which show that the password was set.",
                    "Find out why the first agent does not come back: the audit trail names it.";
                /// Settled by another agent of the tenant, which looked: it did not go through.
                SettledElsewhereUnchanged = "settled_elsewhere_unchanged", "34017", Answer, Operator, No,
                    "The agent that was asked did not come back; another one looked at the directory, which shows that it was not carried out: the password was not set, or the account not unlocked.",
                    "Find out why the first agent does not come back: the audit trail names it.";
                /// Somebody else, or the same person in another place, was quicker.
                ChangedElsewhere = "changed_elsewhere", "34018", Page, Person, No,
                    "The person's password was set in another visit while this one was under way, so this one set nothing and was ended: how a second one ended could not always be told from the first.",
                    "If the person knows nothing of it, look in the audit trail and at the account's last set (pwdLastSet) for who it was.";
            }
        } $($left)* }
    };
}
