//! The version of everything that travels between cloud service and agent.
//!
//! One integer for packages, answers and the agents' routes together. Agents are updated by
//! other people, sometimes years late, so a change that an old agent cannot read raises it.
//!
//! | version | date | what changed |
//! |---|---|---|
//! | 1 | 2026-11-22 | first: reset, answer, settlement, onboarding |
//! | 1 | 2026-11-28 | a policy may say more: who judges, the greatest age, the lockout, parts of a second; whoever does not know that passes over it |
//! | 1 | 2026-11-28 | a heartbeat may say whether the breaker is open; a service that does not know that passes over it |
//! | 1 | 2026-11-29 | to a question how a request ended an agent may say 424, that it cannot find out; a service that does not know that takes it for no answer. A token that is refused because of its times may come with what the service's clock says; an agent that does not know that passes over it |

/// The version that this build writes, and the only one that it reads so far.
pub const CURRENT: u64 = 1;
