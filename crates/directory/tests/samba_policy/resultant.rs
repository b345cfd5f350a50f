//! Which fine-grained policy counts (MS-ADTS 3.1.1.4.5.36), what is read of it, and that one that
//! is hidden is unknown and never replaced by another.

use directory::{Directory as _, ObjectGuid, PolicySource, SetError, explain_refusal};
use lab::{Credentials, Forest, Person};
use protocol::policy::Judge;
use protocol::{Clock as _, Details, Outcome};

use crate::Settings;
use crate::world::{LATER, agent, config_as, connect, forest, guid, password, somebody};

/// The name of the policy that counts for somebody.
async fn source(forest: &Forest, person: &Person) -> String {
    let directory = agent(forest);
    let account = directory.account(guid(person)).await.unwrap().unwrap();
    directory.effective_policy(&account).await.unwrap().source.reference()
}

/// Makes a group in the tests' unit and puts somebody into it; its distinguished name.
fn group_of(forest: &Forest, person: &Person) -> String {
    let name = format!("of {}", person.login);
    let dn = format!("CN={name},OU=Tests,{}", forest.base_dn);
    let ldif = format!(
        "dn: {dn}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\n\
         groupType: -2147483646\n"
    );
    forest.modify(&ldif).unwrap();
    forest.join(&person.dn, &name).unwrap();
    dn
}

#[tokio::test]
async fn one_s_own_policy_comes_first_then_the_lowest_precedence() {
    let forest = forest();
    let person = somebody(&forest);
    let group = group_of(&forest, &person);
    let name = |what: &str| format!("{} {what}", person.login);
    assert_eq!(source(&forest, &person).await, format!("domain {}", forest.base_dn));
    Settings { precedence: 31, ..Settings::LAX }.add(&forest, &name("b"), &[&group]);
    assert_eq!(source(&forest, &person).await, format!("PSO {}", name("b")));
    Settings { precedence: 30, ..Settings::LAX }.add(&forest, &name("c"), &[&group]);
    assert_eq!(source(&forest, &person).await, format!("PSO {}", name("c")));
    // One's own, whatever its precedence; among these the lowest.
    Settings { precedence: 99, ..Settings::LAX }.add(&forest, &name("d"), &[&person.dn]);
    assert_eq!(source(&forest, &person).await, format!("PSO {}", name("d")));
    Settings { precedence: 98, ..Settings::LAX }.add(&forest, &name("a"), &[&person.dn]);
    assert_eq!(source(&forest, &person).await, format!("PSO {}", name("a")));
}

#[tokio::test]
async fn of_equal_precedence_the_smallest_guid_decides_in_ad_s_byte_order() {
    let forest = forest();
    let person = somebody(&forest);
    let mut all: Vec<(ObjectGuid, String)> = Vec::new();
    for number in 0..5 {
        let name = format!("{} {number}", person.login);
        // Any one of them allows a length of its own.
        let settings = Settings { minimum_length: 10 + number, ..Settings::LAX };
        let dn = settings.add(&forest, &name, &[&person.dn]);
        let found = forest.search(&dn, "(objectClass=*)", &["objectGUID"]).unwrap();
        all.push((ObjectGuid::from_value(found[0].value("objectGUID").unwrap()).unwrap(), name));
        let (_, smallest) = all.iter().min().unwrap();
        assert_eq!(source(&forest, &person).await, format!("PSO {smallest}"), "{all:?}");
    }
    // The rules that are read are those that decide.
    let directory = agent(&forest);
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    let least = policy.rules.unwrap().minimum_length as usize;
    let short = password(&"x".repeat(least - 1));
    let error = directory.set_password(guid(&person), &short, LATER).await.unwrap_err();
    assert!(matches!(&error, SetError::Refused(refusal) if refusal.is_policy()), "{error}");
    directory.set_password(guid(&person), &password(&"x".repeat(least)), LATER).await.unwrap();
}

#[tokio::test]
async fn everything_that_pages_and_operators_are_shown_is_read() {
    let forest = forest();
    let directory = agent(&forest);
    let domain = directory.policy(None).await.unwrap().rules.unwrap();
    assert_eq!(domain.judged_by, Some(Judge::Samba));
    assert_eq!(domain.lockout_threshold, Some(5));
    assert!(domain.maximum_age_seconds.is_some() && domain.lockout_duration_seconds.is_some());
    let person = somebody(&forest);
    let dn = Settings::LAX.add(&forest, &person.login, &[&person.dn]).parse().unwrap();
    let rules = directory.policy(Some(&dn)).await.unwrap().rules.unwrap();
    assert_eq!(rules.maximum_age_seconds, Some(42 * 86_400));
    assert_eq!((rules.lockout_threshold, rules.lockout_duration_seconds), (Some(3), Some(900)));
    assert_eq!(rules.lockout_window_seconds, Some(600));
}

#[tokio::test]
async fn a_policy_that_may_not_be_read_is_unknown_and_never_the_domain_s() {
    let forest = forest();
    let (person, other) = (somebody(&forest), somebody(&forest));
    let strict = Settings { minimum_length: 30, ..Settings::LAX };
    let dn = strict.add(&forest, &person.login, &[&person.dn]).parse().unwrap();
    let who = Credentials { login: other.login, password: other.password };
    let blind = connect(config_as(&forest, &who));
    let account = blind.account(guid(&person)).await.unwrap().unwrap();
    let policy = blind.effective_policy(&account).await.unwrap();
    assert_eq!(policy.source, PolicySource::FineGrained(dn));
    assert_eq!(policy.rules, None);
    // Samba refuses this one for its length; by the domain's rules it would be history's turn.
    let new = password("Not-long-enough-9");
    let error = agent(&forest).set_password(guid(&person), &new, LATER).await.unwrap_err();
    assert!(error.to_string().contains("too short"), "{error}");
    let now = clock::SystemClock.now();
    let told = explain_refusal(policy.rules.as_ref(), &account, &new, now);
    assert_eq!(told, (Outcome::PolicyOther, Details::default()));
}
