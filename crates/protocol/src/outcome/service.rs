//! What agents and cloud service do by themselves: onboarding, starting, connecting, heartbeats.
//! Nobody in front of a page is told.
//!
//! SPEC 5: 31004, 31005, 31012–31019, 31034, 31044, 32001, 32002, 32005, 32007–32009,
//! 32011–32015, 6800.

macro_rules! service {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// What agents and cloud service do by themselves.
            Service = "Onboarding, agents and their connections" {
                /// Writeback is being enabled.
                OnboardingStarted = "onboarding_started", "31004", Event, Nobody, No,
                    "Writeback is being enabled: the agent makes its keys and tells them to the cloud service.";
                /// Writeback is enabled.
                OnboardingSucceeded = "onboarding_succeeded", "31005", Event, Nobody, No,
                    "Writeback is enabled: both sides hold the new keys, and the agent may listen at the relay.";
                /// Writeback is being disabled.
                OffboardingStarted = "offboarding_started", "31012", Event, Nobody, No,
                    "Writeback is being disabled.";
                /// Writeback is disabled.
                OffboardingSucceeded = "offboarding_succeeded", "31013", Event, Nobody, No,
                    "Writeback is disabled: the keys are destroyed on both sides; the agent's identity stays.";
                /// Writeback was not disabled, or not on both sides.
                OffboardingFailed = "offboarding_failed", "31014", Event, Operator, No,
                    "Writeback could not be disabled on both sides; the agent's log says at which step it ended.",
                    "Run `passback-agent writeback disable` again: it may be carried out as often as it takes.";
                /// An agent started.
                AgentStarted = "agent_started", "31015", Event, Nobody, No,
                    "The agent started; the entry has its version.";
                /// An agent stopped.
                AgentStopped = "agent_stopped", "31016", Event, Nobody, No,
                    "The agent was told to stop, and did when nothing was in flight any more.";
                /// The relay has let the agent listen.
                RelayTokenAccepted = "relay_token_accepted", "31017", Event, Nobody, No,
                    "The relay accepted the token that the agent signed, and lets it listen.";
                /// A new key pair.
                KeyPairMade = "key_pair_made", "31018", Event, Nobody, No,
                    "The agent made a key pair, at onboarding or because the one before was due; the entry has the key id.";
                /// A heartbeat arrived.
                HeartbeatSent = "heartbeat_sent", "31019", Event, Nobody, No,
                    "The cloud service took the agent's heartbeat.";
                /// The agent's listener at the relay ended with an error.
                RelayListenerError = "relay_listener_error", "31034", Event, Operator, No,
                    "The channel to the relay ended with an error, and is dialled again by itself, for ever.",
                    "If it does not come back: the `cause` says whether it is DNS, the proxy, TLS or the relay's refusal.";
                /// One of the relay's nodes does not answer; another one does.
                RelayHostDown = "relay_host_down", "31044", Event, Operator, No,
                    "One of the relay's nodes cannot be reached; the agent listens at another one, and nothing is lost.",
                    "Look at the node that the entry names, or at the firewall's rule for it.";
                /// The agent cannot reach the cloud service.
                CloudUnreachable = "cloud_unreachable", "32001", Event, Operator, No,
                    "The agent cannot reach the cloud service over HTTPS.",
                    "Does `url` in the agent's configuration open from its machine, through its proxy? If TLS is the cause, does `ca` belong to the service's certificate?";
                /// The agent cannot reach the relay.
                RelayUnreachable = "relay_unreachable", "32002", Event, Operator, No,
                    "The agent reaches no node of the relay. It tries again for ever; meanwhile nobody's password can be set.",
                    "Allow outbound TLS and WebSockets from the agent's machine to the relay's address.";
                /// A configuration that cannot be worked with.
                ConfigurationWrong = "configuration_wrong", "32005", Event, Operator, No,
                    "The configuration, or a file that it names, cannot be used.",
                    "`passback-agent config check` and `passback config check` name the key and what is wrong with it.";
                /// What the cloud service tells its agents could not be taken over.
                ConfigurationUpdateFailed = "configuration_update_failed", "32007", Event, Operator, No,
                    "What the cloud service tells its agents, such as the list of banned words, could not be taken over; the agent works with what it had before.",
                    "The agent's log says what was wrong with it. Update the agent if it is older than the cloud service.";
                /// The cloud service answered with something that cannot be read or verified.
                ServiceAnswerNotValid = "service_answer_not_valid", "32008", Event, Operator, No,
                    "An answer of the cloud service, or one that a proxy gave in its place, could not be read or verified.",
                    "Open `url` of the agent's configuration from its machine: a sign-in page or an error page of a proxy must not stand in between.";
                /// The cloud service or the relay refused the agent's token.
                TokenRefused = "token_refused", "32009", Event, Operator, No,
                    "The cloud service or the relay refused the token that the agent signed: it was revoked, or its clock is wrong.",
                    "Correct the clock. A revoked agent is enrolled anew: `passback agent enrol-code --tenant SLUG`, then `passback-agent enrol --code CODE`.";
                /// Enabling writeback failed at the cloud service.
                OnboardingServiceFailed = "onboarding_service_failed", "32011", Event, Operator, No,
                    "The cloud service did not take the onboarding, or its answer did not arrive; writeback is not enabled.",
                    "Run `passback-agent writeback enable` again; it says what the service answered.";
                /// Disabling writeback failed at the cloud service.
                OffboardingServiceFailed = "offboarding_service_failed", "32013", Event, Operator, No,
                    "The cloud service did not take the offboarding, or its answer did not arrive; writeback stays enabled.",
                    "Run `passback-agent writeback disable` again; it says what the service answered.";
                /// The channel to the relay was lost and is dialled again.
                RelayReconnecting = "relay_reconnecting", "32014", Event, Nobody, No,
                    "The channel to the relay was lost, and is dialled again after a random pause.",
                    "If it happens every few minutes, a proxy or firewall cuts idle connections: let it keep them for longer than the relay's pings are apart.";
                /// A heartbeat did not arrive.
                HeartbeatFailed = "heartbeat_failed", "32015", Event, Operator, No,
                    "The cloud service did not take the agent's heartbeat; the agent tries again at once. Without one it counts as down.",
                    "The `cause` says what stopped it; the way is the same as for every request to `url`.";
                /// The agent runs, and writeback could not be started.
                WritebackNotStarted = "writeback_not_started", "6800", Event, Operator, No,
                    "The agent runs without writeback: its keys, its journal or one of its directories could not be opened at the start.",
                    "The entry before this one names the file or the directory. `passback-agent writeback enable` makes keys where there are none.";
            }
        } $($left)* }
    };
}
