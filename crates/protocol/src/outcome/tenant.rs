//! Why self-service is not there, for the tenant or for the person.
//!
//! SPEC 5: the codes of pages, SSPR_0009 to SSPR_0014, SSPR_0029, SSPR_0030. What depends on the
//! person is told only after all gates (SPEC G-7).

macro_rules! tenant {
    ({ $($before:tt)* } $($left:ident)*) => {
        gather! { { $($before)*
            /// Why self-service is not there, for the tenant or for the person.
            Tenant = "Self-service is not there" {
                /// The tenant has not switched self-service on.
                TenantOff = "tenant_off", "SSPR_0009", Page, Operator, No,
                    "Self-service is off for the organisation.",
                    "Switch it on for chosen groups or for everybody in the organisation's policy.";
                /// The tenant has no writeback.
                WritebackOff = "writeback_off", "SSPR_0010", Page, Operator, No,
                    "The person's password is kept on-premises, and no agent of the organisation has writeback enabled.",
                    "Enrol an agent (`passback agent enrol-code --tenant SLUG`) and run `passback-agent writeback enable` on it.";
                /// No policy applies to the person.
                NoPolicy = "no_policy", "SSPR_0011", Page, Operator, No,
                    "No policy of the organisation applies to this person, so nobody has said which methods count.",
                    "Put one of the person's groups into a policy, or make one that holds for everybody.";
                /// The person has no entitlement where the plan counts them (SPEC L-3).
                NotEntitled = "not_entitled", "SSPR_0012", Page, Operator, No,
                    "The organisation's plan counts people, and this one has no entitlement; or the plan has no writeback.",
                    "Assign an entitlement to the person, or change the plan.";
                /// The person is in none of the groups that self-service is on for.
                NotInEnabledGroup = "not_in_enabled_group", "SSPR_0013", Page, Operator, No,
                    "Self-service is on for chosen groups, and the person is a member of none of them.",
                    "Add the person to one of those groups, nested counts, and run `passback-agent sync`.";
                /// The person has too few methods; told only after the gates.
                TooFewMethods = "too_few_methods", "SSPR_0014", Page, Operator, No,
                    "Fewer methods are known of this person than the policy asks for; there may be no address that a code could be sent to.",
                    "Fill one of the `address_attributes` in the directory and run `passback-agent sync`, or let the person register a method.";
                /// Only the on-premises administrator can go on.
                OnPremisesAdministrator = "on_premises_administrator", "SSPR_0029", Page, Operator, No,
                    "Something in the on-premises directory or at its agent must be put right first; the outcome that audit has for the same request says what.",
                    "Look up that outcome: `passback support CODE` finds it by the person's support code.";
                /// Said on the page before a name is asked (SPEC W-1).
                OnPremisesUnreachable = "on_premises_unreachable", "SSPR_0030", Page, Operator, No,
                    "No agent of the organisation is connected with a fresh heartbeat, a directory that it reaches and a clock that agrees.",
                    "`passback agent list --tenant SLUG --json` shows what each agent lacks. Is it running? Its log says why it cannot connect.";
            }
        } $($left)* }
    };
}
