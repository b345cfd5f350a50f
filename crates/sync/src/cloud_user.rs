//! A person as the export describes them to the cloud.

use protocol::policy::PasswordPolicy;
use protocol::scim::{
    AccountKind, EXTENSION_SCHEMA, Email, Extension, PolicyReference, USER_SCHEMA, User,
};
use protocol::{CloudAnchor, SourceAnchor, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Attributes;

/// What the cloud is told of a person: exactly what SCIM carries (SPEC Y-6), so that what comes
/// back from the cloud can be compared with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudUser {
    /// The sourceAnchor.
    pub source_anchor: SourceAnchor,
    /// The login: userPrincipalName, or sAMAccountName where there is none.
    pub user_name: String,
    /// What the person is called; empty if nothing is known.
    pub display_name: String,
    /// Whether the AD account is enabled.
    pub active: bool,
    /// Addresses that a code may be sent to, the primary one first.
    pub emails: Vec<String>,
    /// When the password was last set; absent when it must be changed at the next sign-in.
    pub pwd_last_set: Option<Timestamp>,
    /// The effective policy.
    pub policy: PolicyReference,
}

impl CloudUser {
    /// The SCIM resource; without the cloudAnchor for a `POST`.
    pub fn to_scim(&self, cloud_anchor: Option<&CloudAnchor>) -> User {
        let emails = self.emails.iter().enumerate();
        User {
            schemas: vec![USER_SCHEMA.to_owned(), EXTENSION_SCHEMA.to_owned()],
            id: cloud_anchor.cloned(),
            external_id: self.source_anchor.clone(),
            user_name: self.user_name.clone(),
            display_name: self.display_name.clone(),
            active: self.active,
            emails: emails
                .map(|(at, value)| Email { value: value.clone(), primary: at == 0 })
                .collect(),
            passback: Extension {
                cloud_anchor: cloud_anchor.cloned(),
                source_anchor: self.source_anchor.clone(),
                account_kind: AccountKind::PassThrough,
                pwd_last_set: self.pwd_last_set,
                policy: self.policy.clone(),
            },
        }
    }

    /// The person that a SCIM resource describes.
    pub fn from_scim(user: &User) -> Self {
        let mut emails: Vec<_> = user.emails.iter().collect();
        // Stable: the order of the others is kept.
        emails.sort_by_key(|email| !email.primary);
        Self {
            source_anchor: user.external_id.clone(),
            user_name: user.user_name.clone(),
            display_name: user.display_name.clone(),
            active: user.active,
            emails: emails.into_iter().map(|email| email.value.clone()).collect(),
            pwd_last_set: user.passback.pwd_last_set,
            policy: user.passback.policy.clone(),
        }
    }

    /// The same as attributes of the cloud's connector space.
    pub(crate) fn attributes(&self) -> Attributes {
        let text = |text: &str| if text.is_empty() { vec![] } else { vec![text.to_owned()] };
        let moment = self.pwd_last_set.map(|moment| moment.as_millis().to_string());
        Attributes::from([
            ("userName".to_owned(), text(&self.user_name)),
            ("displayName".to_owned(), text(&self.display_name)),
            ("active".to_owned(), text(if self.active { "true" } else { "false" })),
            ("emails".to_owned(), self.emails.clone()),
            ("pwdLastSet".to_owned(), moment.into_iter().collect()),
            ("policy".to_owned(), text(&policy_text(&self.policy))),
        ])
    }
}

/// The policy that the metaverse's text stands for. A text that cannot be read is an unknown
/// policy: pages then show no rules, never wrong ones (SPEC D-12).
pub(crate) fn policy_of(text: Option<&str>) -> PolicyReference {
    let read = text.and_then(|text| serde_json::from_str(text).ok());
    read.unwrap_or_else(|| PolicyReference { reference: "unknown".to_owned(), rules: None })
}

fn policy_text(policy: &PolicyReference) -> String {
    /// Listed field by field, so that a policy with a new field is compared, not forgotten.
    fn rules(policy: &PasswordPolicy) -> String {
        let PasswordPolicy {
            minimum_length,
            complexity,
            history_length,
            minimum_age_seconds,
            minimum_age_rest,
            maximum_age_seconds,
            lockout_threshold,
            lockout_duration_seconds,
            lockout_window_seconds,
            judged_by,
        } = policy;
        let age = format!("{minimum_age_seconds}.{minimum_age_rest}/{maximum_age_seconds:?}");
        let lockout =
            (lockout_threshold, lockout_duration_seconds, lockout_window_seconds, judged_by);
        format!("{minimum_length}/{complexity}/{history_length}/{age}/{lockout:?}")
    }
    let PolicyReference { reference, rules: known } = policy;
    format!("{reference} {}", known.as_ref().map_or_else(|| "?".to_owned(), rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> CloudUser {
        CloudUser {
            source_anchor: "AAAA".parse().unwrap(),
            user_name: "zoë@corp.example".to_owned(),
            display_name: "Zoë \"Z\" O'Brien, \\ 密碼".to_owned(),
            active: true,
            emails: vec!["b@example.org".to_owned(), "a@example.org".to_owned()],
            pwd_last_set: Some(Timestamp::from_millis(1_700_000_000_123)),
            policy: PolicyReference {
                reference: "domain".to_owned(),
                rules: Some(PasswordPolicy {
                    minimum_length: 7,
                    complexity: true,
                    history_length: 24,
                    minimum_age_seconds: 0,
                    ..PasswordPolicy::default()
                }),
            },
        }
    }

    #[test]
    fn what_scim_carries_comes_back_the_same() {
        let anchor: CloudAnchor = "c-1".parse().unwrap();
        let mut plain = user();
        plain.display_name.clear();
        plain.pwd_last_set = None;
        plain.emails.clear();
        plain.policy.rules = None;
        for user in [user(), plain] {
            let text = serde_json::to_string(&user.to_scim(Some(&anchor))).unwrap();
            let back: User = serde_json::from_str(&text).unwrap();
            assert_eq!(CloudUser::from_scim(&back), user);
        }
    }

    #[test]
    fn every_field_shows_in_the_attributes() {
        let mut others = vec![user(); 6];
        others[0].user_name.push('x');
        others[1].display_name.push('x');
        others[2].active = false;
        others[3].emails.reverse();
        others[4].pwd_last_set = None;
        others[5].policy.rules = None;
        for other in others {
            assert_ne!(other.attributes(), user().attributes(), "{other:?}");
        }
    }

    #[test]
    fn a_policy_that_cannot_be_read_has_no_rules() {
        for text in [None, Some(""), Some("{"), Some("{\"reference\":1}")] {
            assert_eq!(policy_of(text).rules, None, "{text:?}");
        }
        let text = serde_json::to_string(&user().policy).unwrap();
        assert_eq!(policy_of(Some(&text)), user().policy);
    }
}
