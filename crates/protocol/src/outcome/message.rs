//! What is wrong with a message between cloud service and agent, or with one of the two.
//!
//! SPEC 5: 32000, 32003, 32004, 32010. Ours: 34002, 34003, 34037.

macro_rules! message {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// What is wrong with a message, or stops an agent from taking it.
            Message = "Messages between cloud service and agent" {
                /// Something on our side.
                Fault = "fault", "32000", Answer, Passback, No,
                    "An unexpected failure before anything was set.",
                    "The log has the cause under the request id; `passback support CODE` finds the id by the person's support code. A full or read-only disk is the first thing to look at.";
                /// The message is not one that the agent can work with.
                BadInput = "bad_input", "32003", Answer, Passback, No,
                    "The message was malformed, of a version that the agent does not know, or bound to times that cannot be.",
                    "Update the older of cloud service and agent: `passback agent list --tenant SLUG` shows the agents' versions.";
                /// The agent could not open the package.
                NotDecryptable = "not_decryptable", "32004", Answer, Operator, No,
                    "The package could not be opened with the agent's keys: agent and cloud service hold different ones, most likely because one of them was restored from a backup. The agent's log says which layer failed.",
                    "Make new keys: stop the agent, run `passback-agent writeback disable` and `passback-agent writeback enable`, start it.";
                /// A key cannot be used, or the machine's cryptography failed.
                CryptographyFailed = "cryptography_failed", "32010", Answer, Operator, No,
                    "A key could not be read or used: the vault key or master key is not the one that it was encrypted with, or the machine's cryptography failed.",
                    "Put the right `vault_key` (agent) or `master_key` (cloud service) back in place. If it is lost, make new keys with `passback-agent writeback enable`.";
                /// Above the agent's rate of resets (SPEC A-5).
                BreakerOpen = "breaker_open", "34002", Answer, Operator, No,
                    "The agent's breaker stopped its resets because their rate is above its limit.",
                    "See in the audit trail who resets (`passback audit export --since MOMENT`). If it is harmless, let resets go on at each agent whose breaker is open (`passback agent list --tenant SLUG`), by `passback-agent breaker release` there; the cloud service cannot.";
                /// The clocks of cloud and agent are too far apart (SPEC W-11).
                ClockDifference = "clock_difference", "34003", Answer, Operator, No,
                    "The clocks of cloud service and agent differ by more than 120 seconds, or the difference is not known yet.",
                    "Correct the one that is wrong; `passback agent list --tenant SLUG --json` shows the difference of each agent.";
                /// Older than the oldest version that the cloud service works with (SPEC A-8).
                AgentTooOld = "agent_too_old", "34037", Page, Operator, No,
                    "Every agent that could do this is older than the oldest version that the cloud service works with.",
                    "Update the agents; `passback agent list --tenant SLUG` shows their versions.";
            }
        } $($left)* }
    };
}
