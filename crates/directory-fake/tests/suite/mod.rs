//! The contract suite: what every directory must do, told once and run on each.
//!
//! A case is an async function over a [`Subject`]; [`contract`] makes a test of each. To add one:
//! a public function in the file of `cases` that has its subject, and its name in the list of
//! [`contract`].

pub mod cases;
pub mod fake;
pub mod matrix;
pub mod seeded;

use directory::security::SecurityDescriptor;
use directory::{Directory, DistinguishedName, ObjectGuid, PolicyControl, Sid};
use directory_fake::{FakePolicy, PolicyControls, Rights};
use lab::{Bound, Credentials, Kind, NewPerson, Person};
use protocol::{ClearPassword, Timestamp};

use matrix::cells::Edition;

/// A directory under test, and its administrator.
pub trait Subject {
    /// What it is.
    fn edition(&self) -> Edition;
    /// Who may do everything.
    fn administrator(&self) -> Credentials;
    /// The agent's client: signed in as the service account.
    fn directory(&self) -> Box<dyn Directory>;
    /// A client that is signed in with another account.
    fn directory_as(&self, who: &Credentials) -> Box<dyn Directory>;
    /// Makes an account that only this case uses.
    fn add(&self, new: &NewPerson) -> Person;
    /// Makes a workstation in a unit, with a password, that only this case uses.
    fn add_computer(&self, unit: &str, password: &str) -> Person;
    /// Makes a group managed service account in a unit that only this case uses.
    fn add_managed_account(&self, unit: &str) -> Person;
    /// The service account.
    fn service(&self) -> Person;
    /// Whether there is a group of this `sAMAccountName`.
    fn has_group(&self, name: &str) -> bool;
    /// Makes a group of this `groupType` that only this case uses, in no other group, and returns its
    /// name.
    fn add_group_of(&self, kind: i32) -> String;
    /// Makes a global security group, likewise.
    fn add_group(&self) -> String {
        self.add_group_of(GLOBAL)
    }
    /// Makes a group for mail alone, likewise.
    fn add_distribution_group(&self) -> String {
        self.add_group_of(MAIL)
    }
    /// `objectSid` of an account or a group, by its `sAMAccountName`.
    fn sid_of(&self, name: &str) -> Sid;
    /// Puts somebody, or something, into a group.
    fn join(&self, who: &str, group: &str);
    /// Gives an attribute of a person one value, which need not be text.
    fn put_value(&self, who: &Person, attribute: &str, value: &[u8]);
    /// Gives an attribute of a person one value.
    fn put(&self, who: &Person, attribute: &str, value: &str) {
        self.put_value(who, attribute, value.as_bytes());
    }
    /// How often `lockoutTime` of a person was written.
    fn lockout_writes(&self, who: &Person) -> u32;
    /// Makes a fine-grained policy for a login or a group, with this precedence; its name.
    fn add_settings(&self, policy: &FakePolicy, precedence: u32, applies_to: &str) -> String;
    /// Makes a unit that only this case uses, in which the service account has these rights on people
    /// and no other; its name relative to the domain.
    fn add_unit(&self, rights: Rights) -> String;
    /// Has the controller offer these policy-hints controls.
    fn offer(&self, controls: PolicyControls);
    /// The policy-hints controls of the modifies so far, where somebody on the way reads what clients say.
    fn heard(&self) -> Option<Vec<PolicyControl>>;
    /// Changes the entries of an account's descriptor; inherited ones may or may not be among them.
    fn secure(&self, who: &Person, change: &dyn Fn(&mut SecurityDescriptor));
    /// The same of a unit, by its name relative to the domain.
    fn secure_unit(&self, unit: &str, change: &dyn Fn(&mut SecurityDescriptor));
    /// Gives a person another common name.
    fn rename(&self, who: &Person, name: &str);
    /// Deletes a person.
    fn remove(&self, who: &Person);
    /// Signs in.
    fn bind(&self, who: &Person, password: &str) -> Bound;
    /// The domain head.
    fn head(&self) -> DistinguishedName;
    /// Whom the domain was filled with.
    fn people(&self) -> Vec<Person>;
}

/// `groupType` (MS-ADTS 2.2.12) of a global, a universal and a domain-local security group.
pub const GLOBAL: i32 = -2_147_483_646;
pub const UNIVERSAL: i32 = -2_147_483_640;
pub const DOMAIN_LOCAL: i32 = -2_147_483_644;
/// That of a global group that is for mail alone.
pub const MAIL: i32 = 2;

/// An account that is nobody's: with a login and a password, where it stands, and its GUID.
pub fn account((login, password): (String, &str), dn: String, object_guid: String) -> Person {
    Person {
        login,
        password: password.to_owned(),
        mail: String::new(),
        private_mail: String::new(),
        dn,
        object_guid,
        display_name: String::new(),
        disabled: false,
        kind: Kind::Ordinary,
    }
}

/// An account that only this case uses.
pub fn somebody(subject: &dyn Subject) -> Person {
    subject.add(&NewPerson::default())
}

pub fn guid(person: &Person) -> ObjectGuid {
    person.object_guid.parse().unwrap()
}

pub fn password(text: &str) -> ClearPassword {
    ClearPassword::from_text(text).unwrap()
}

/// No case lasts that long.
pub const LATER: Timestamp = Timestamp::from_millis(i64::MAX);

/// Makes a test of each case for the subject that an expression makes.
macro_rules! contract {
    ($subject:expr) => {
        contract! { @each $subject =>
            a_probe_says_who_is_bound_and_which_control_there_is,
            after_a_set_the_new_password_is_taken_and_the_old_one_refused,
            a_set_unlocks,
            history_is_enforced_on_the_present_password_and_on_earlier_ones,
            a_history_of_three_remembers_three,
            a_history_that_was_kept_counts_under_a_shorter_one_until_the_next_set,
            every_refused_rule_is_named_and_changes_nothing,
            the_older_control_has_history_and_age_enforced_too,
            a_reset_without_policy_hints_asks_for_neither_history_nor_age,
            a_password_that_is_too_young_is_refused_whatever_the_new_one_is,
            whoever_must_change_is_never_too_young,
            what_is_not_there_is_gone_and_not_an_error,
            a_renamed_account_is_found_and_a_deleted_one_is_not,
            flags_are_read_as_they_are,
            every_reason_to_refuse_a_sign_in_has_its_sub_code,
            a_password_that_is_too_old_is_refused_as_expired,
            whose_password_never_expires_is_never_asked_for_another_one,
            the_hours_of_a_week_decide_about_a_sign_in,
            a_machine_is_never_locked_out,
            a_disabled_account_is_set_and_stays_disabled,
            an_expired_account_is_set_and_stays_expired,
            who_must_change_has_done_so_after_a_set,
            who_cannot_change_is_read_and_set,
            protection_is_seen_through_nested_groups,
            a_distribution_group_is_among_nobody_s_groups_and_leads_to_no_other,
            every_protected_group_of_the_domain_protects,
            protection_is_seen_through_the_primary_group,
            a_left_over_admin_count_is_told_from_a_membership,
            accounts_of_machines_are_known_as_such_and_not_set,
            the_service_account_may_not_reset_itself,
            of_two_policies_the_one_with_precedence_decides,
            a_policy_of_ones_own_comes_before_those_of_groups,
            a_policy_reaches_through_groups_for_security_and_not_through_built_in_ones,
            a_policy_reaches_through_the_primary_group,
            a_policy_is_for_ordinary_accounts_alone,
            a_policy_s_rules_are_hidden_from_whoever_may_not_read_them,
            the_domain_s_policy_is_read,
            a_policy_has_a_lockout_of_its_own,
            a_lockout_is_over_when_it_has_run_out_for_whoever_may_not_read_its_rules,
            a_lockout_that_has_run_out_is_cleared_by_the_next_sign_in,
            the_witness_rises_by_one_with_each_set_and_not_with_a_refusal,
            how_somebody_stands_is_the_witness_and_the_account,
            when_the_role_was_given_is_told_and_no_set_changes_it,
            a_set_for_another_controller_s_witness_is_not_sent,
            a_set_whose_time_is_over_is_not_sent,
            a_change_takes_the_new_password_for_the_old_one,
            a_change_with_a_wrong_old_password_is_refused_as_such,
            a_change_obeys_history_and_age_without_any_control,
            a_locked_account_refuses_a_change,
            an_unlock_leaves_the_password_alone,
            a_disabled_account_that_is_unlocked_stays_disabled,
            a_password_is_made_to_be_changed_in_a_step_of_its_own,
            without_rights_nothing_is_unlocked_or_made_to_be_changed,
            what_is_not_there_cannot_be_written,
            hard_passwords_are_taken_as_they_are,
            kinds_of_characters_are_counted_alike,
            where_no_right_was_delegated_the_set_is_refused_as_such,
            rights_come_before_rules,
            people_are_read_once_each_with_their_attributes,
            people_below_a_unit_that_is_not_there_are_an_error,
            a_new_account_is_read_by_what_the_domain_hands_down,
            what_is_denied_of_an_account_is_not_read,
            whoever_is_in_a_unit_that_lists_nobody_is_not_there,
            names_that_need_escaping_are_read_and_written_to,
            a_client_with_a_wrong_password_is_told_so,
            a_client_whose_account_is_disabled_is_told_so,
            who_looks_at_its_own_account_is_known_as_it_and_as_no_other,
            sets_at_the_same_time_are_all_counted,
        }
        contract! { @matrix $subject =>
            every_write_to_an_ordinary_account: Ordinary,
            every_write_to_a_disabled_account: Disabled,
            every_write_to_a_locked_account: Locked,
            every_write_to_an_expired_account: Expired,
            every_write_to_an_account_whose_password_has_expired: PasswordExpired,
            every_write_to_an_account_that_must_change: MustChange,
            every_write_to_an_account_that_cannot_change: CannotChange,
            every_write_to_an_account_with_admin_count: AdminCount,
            every_write_to_an_account_that_is_protected_by_a_nested_group: ProtectedNested,
            every_write_to_an_account_with_a_policy_of_its_own: Pso,
            every_write_to_an_account_whose_password_is_too_young: TooYoung,
            every_write_to_an_account_that_never_expires: NeverExpires,
            every_write_to_an_account_with_a_smart_card: SmartCard,
            every_write_to_an_account_whose_name_needs_escaping: EscapedName,
            every_write_to_a_workstation: Computer,
        }
    };
    (@matrix $subject:expr => $($case:ident: $state:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let subject = $subject.await;
                let state = crate::suite::matrix::cells::State::$state;
                crate::suite::matrix::of_state(&subject, state).await;
            }
        )*

        #[test]
        fn every_state_has_its_test() {
            use crate::suite::matrix::cells::State;
            assert_eq!([$(State::$state),*], State::ALL);
        }
    };
    (@each $subject:expr => $($case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let subject = $subject.await;
                crate::suite::cases::$case(&subject).await;
            }
        )*
    };
}
