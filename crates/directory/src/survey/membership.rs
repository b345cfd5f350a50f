//! By way of which groups an account is in one (SPEC D-6, X-2): `tokenGroups` says that it is, and not how.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::sid_base;
use crate::attributes::Entry;
use crate::protected::is_protected_group;
use crate::session::Session;
use crate::{Account, DirectoryError, DistinguishedName, LdapDirectory, Sid};

/// How many groups are read at most, in search of a chain.
const GROUPS_MAX: usize = 500;
/// What is read of an account or a group.
const ATTRIBUTES: &[&str] = &["objectSid", "sAMAccountName", "memberOf", "primaryGroupID"];

/// A group between an account and one that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOf {
    /// Where it stands.
    pub dn: DistinguishedName,
    /// `sAMAccountName`; of a group of another domain what its name begins with.
    pub name: String,
    /// The account is in it as its primary group, which nobody takes it out of.
    pub primary: bool,
    /// It is of another domain of the forest, where nothing is looked up: it is the group that was asked
    /// for, or leads to it.
    pub elsewhere: bool,
}

/// What gives an account an `adminCount` that its `tokenGroups` do not account for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkedBy {
    /// It is in a protected group by way of these: the group that it is a member of first, the protected one
    /// last.
    Groups(Vec<MemberOf>),
    /// Nothing any more: every group was followed, and none leads to a protected one.
    Nothing,
    /// No way to a protected group was found, and not every group could be followed: one is hidden or of
    /// another domain, or there are too many.
    Unknown,
}

/// An account or a group, with what it is in.
struct Member {
    sid: Option<Sid>,
    /// The last part of the SID of an account's primary group, which is not among the others.
    primary: Option<u32>,
    group: MemberOf,
    above: Vec<DistinguishedName>,
}

/// Where a walk has ended.
#[derive(Default)]
struct Walked {
    /// The way to what was sought.
    there: Option<Vec<MemberOf>>,
    /// The way out of the domain, where there is but one, and it was not found within.
    elsewhere: Option<Vec<MemberOf>>,
    /// Every group was followed, so that what was not found is not there.
    complete: bool,
}

impl LdapDirectory {
    /// The shortest way from an account to a group of its `tokenGroups`: the group that the account is a
    /// member of first, that group last. Where no way leads there within the domain, but one to a single
    /// group of another domain, that one is the last. Empty where memberships are hidden, or there are too
    /// many.
    ///
    /// # Errors
    /// Where the way to the directory ends.
    pub async fn chain_to(
        &self,
        account: &Account,
        group: &Sid,
    ) -> Result<Vec<MemberOf>, DirectoryError> {
        // A group for mail leads nowhere, and is in no tokenGroups.
        let leads = |sid: &Sid| account.group_sids.contains(sid);
        let walked = self.walk(account, leads, |sid| sid == group).await?;
        Ok(walked.there.or(walked.elsewhere).unwrap_or_default())
    }

    /// The shortest way from an account to a protected group through groups of any type, likewise: by it the
    /// directory gives an `adminCount` (MS-ADTS 3.1.1.6.1.2), also to somebody whose `tokenGroups` has no
    /// such group, because a group for mail is in between.
    ///
    /// # Errors
    /// Where the way to the directory ends.
    pub async fn chain_to_any_protected(
        &self,
        account: &Account,
    ) -> Result<MarkedBy, DirectoryError> {
        let walked = self.walk(account, |_| true, is_protected_group).await?;
        Ok(match (walked.there, walked.complete) {
            (Some(by), _) => MarkedBy::Groups(by),
            (None, true) => MarkedBy::Nothing,
            (None, false) => MarkedBy::Unknown,
        })
    }

    /// Goes from an account over the groups that it is in, the nearest first and through those that lead
    /// further, to the first one that is sought.
    async fn walk(
        &self,
        account: &Account,
        leads: impl Fn(&Sid) -> bool,
        sought: impl Fn(&Sid) -> bool,
    ) -> Result<Walked, DirectoryError> {
        let Some(start) = self.member(account.guid.as_base()).await? else {
            return Ok(Walked::default());
        };
        let mut waiting: VecDeque<(String, usize, bool)> = VecDeque::new();
        // Who was found, each with the place of the one below it; the account is the first.
        let mut found: Vec<(Member, Option<usize>)> = Vec::new();
        let mut seen = HashSet::new();
        let primary = account.sid.domain().zip(start.primary);
        let primary = primary.and_then(|(domain, rid)| domain.with_rid(rid).ok());
        waiting.extend(primary.map(|sid| (sid_base(&sid), 0, true)));
        waiting.extend(start.above.iter().map(|dn| (dn.to_string(), 0, false)));
        found.push((start, None));
        // The ways to groups of other domains, and whether every other group could be followed.
        let (mut elsewhere, mut followed) = (Vec::new(), true);
        while let Some((base, below, primary)) = waiting.pop_front() {
            if !seen.insert(base.clone()) {
                continue;
            }
            // All of them are counted, those too that lead nowhere: each one is a question.
            if seen.len() > GROUPS_MAX {
                followed = false;
                break;
            }
            if let Some(group) = self.of_another_domain(&base) {
                elsewhere.push((group, below));
                continue;
            }
            let Some(mut member) = self.member(base).await? else {
                followed = false;
                continue;
            };
            member.group.primary = primary;
            let Some(sid) = member.sid.clone() else {
                followed = false;
                continue;
            };
            if !leads(&sid) {
                continue;
            }
            let place = found.len();
            waiting.extend(member.above.iter().map(|dn| (dn.to_string(), place, false)));
            found.push((member, Some(below)));
            if sought(&sid) {
                return Ok(Walked { there: Some(way(&found, place)), ..Walked::default() });
            }
        }
        // Those of the account that no way led to are hidden behind a list of groups that is.
        let of_domain = |sid: &&Sid| sid.domain() == account.sid.domain();
        let was_found = |sid: &Sid| found.iter().any(|(one, _)| one.sid.as_ref() == Some(sid));
        let all_found = account.group_sids.iter().filter(of_domain).all(was_found);
        let complete = followed && elsewhere.is_empty() && all_found;
        let elsewhere = match (followed, elsewhere.pop(), elsewhere.is_empty()) {
            (true, Some((group, below)), true) => {
                let mut way = way(&found, below);
                way.push(group);
                Some(way)
            }
            // Which of several it is, nobody can tell here.
            _ => None,
        };
        Ok(Walked { there: None, elsewhere, complete })
    }

    /// The group with that name, if it is of another domain: nobody here knows more of it.
    fn of_another_domain(&self, base: &str) -> Option<MemberOf> {
        let dn: DistinguishedName = base.parse().ok()?;
        let elsewhere = dn.domain_head() != self.0.config().base_dn;
        let name = dn.name().unwrap_or_default().to_owned();
        elsewhere.then_some(MemberOf { dn, name, primary: false, elsewhere })
    }

    /// An account or a group; none if it is not there for who asks.
    async fn member(&self, base: String) -> Result<Option<Member>, DirectoryError> {
        let limit = self.0.config().operation_timeout;
        let ask = |session: Arc<Session>| {
            let base = base.clone();
            async move { session.object(base, ATTRIBUTES, limit).await }
        };
        let (_, entry) = self.reading_unhurried(ask).await?;
        entry.map(member).transpose()
    }
}

fn member(entry: Entry) -> Result<Member, DirectoryError> {
    let Entry { dn, attributes } = entry;
    let name = attributes.text("sAMAccountName").unwrap_or_default().to_owned();
    let above = attributes.texts("memberOf").filter_map(|name| name.parse().ok()).collect();
    let sid = attributes.sids("objectSid")?.pop();
    let primary = attributes.parsed("primaryGroupID")?;
    Ok(Member {
        sid,
        primary,
        above,
        group: MemberOf { dn, name, primary: false, elsewhere: false },
    })
}

/// The groups from the account, which is the first that was found, to this one.
fn way(found: &[(Member, Option<usize>)], to: usize) -> Vec<MemberOf> {
    let below = |place: &usize| found.get(*place).and_then(|(_, below)| *below);
    let mut way: Vec<MemberOf> = std::iter::successors(Some(to), below)
        .filter(|place| *place != 0)
        .filter_map(|place| found.get(place).map(|(member, _)| member.group.clone()))
        .collect();
    way.reverse();
    way
}
