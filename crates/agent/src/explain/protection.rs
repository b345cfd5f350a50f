//! Whether a person is never reset from the cloud (SPEC D-6), and by way of which groups.

use directory::{MarkedBy, MemberOf, Protection, Sid, protected_by};

use super::{Line, Section, Subject};
use crate::permissions::{
    NOT_FOLLOWED, Remedy, by_way, looked_at_by_hand, marked_text, no_longer_marked,
    powershell_leaves, quoted,
};

/// What is to be done about an account that a group protects.
const ADMINISTRATOR_RESETS: &str = "an administrator resets it by hand";

impl Subject<'_> {
    /// Whether it is one of those that are never reset from the cloud (SPEC D-6), and why.
    pub(super) fn protection(&self) -> Section {
        let (account, names) = (&self.account, &self.observed.names);
        let by_hand = || Remedy::note(ADMINISTRATOR_RESETS);
        let mut lines = Vec::new();
        if account.sid == self.observed.asker.own {
            let text = "it is the agent's own account, which is never reset from the cloud";
            lines.push(Line::stopping(text).with(by_hand()));
        }
        for other in &self.signs_in_to {
            let text = format!(
                "it is the account with which the agent signs in to the directory {other}, and is never reset from the cloud"
            );
            lines.push(Line::stopping(text).with(by_hand()));
        }
        if account.is_computer_or_trust() {
            let text = "it is the account of a computer, a service or a trust, and no person's";
            lines.push(
                Line::stopping(text)
                    .with(Remedy::note("none: such accounts keep their own passwords")),
            );
        }
        for group in self.settings.protected_groups.iter().filter(|one| self.is_in(one)) {
            let text = format!(
                "it is in the group {}{}, which the configuration protects",
                names.of(group),
                self.by_way(group)
            );
            lines.push(
                Line::stopping(text).with(
                    self.out_of(group).and_also("or take the group out of `protected_groups`"),
                ),
            );
        }
        lines.push(match protected_by(account) {
            Some(Protection::Account(_)) => {
                let text =
                    "it is one of the domain's own accounts, which are never reset from the cloud";
                Line::stopping(text).with(by_hand())
            }
            Some(Protection::Member(group)) => {
                let text = format!(
                    "it is in the protected group {}{}, and is never reset from the cloud",
                    names.of(&group),
                    self.by_way(&group)
                );
                Line::stopping(text).with(self.out_of(&group))
            }
            Some(Protection::AdminCountAlone) => self.marked(),
            None => Line::good("in none of the groups that AD protects"),
        });
        lines.push(self.admin_count());
        Section { title: "Protection", lines }
    }

    /// Whether it is never reset from the cloud by what it is, whatever else is changed about it: what it lacks
    /// for a reset is as it should be, and has no fix.
    pub(super) fn is_never_reset(&self) -> bool {
        let account = &self.account;
        account.sid == self.observed.asker.own
            || !self.signs_in_to.is_empty()
            || account.is_computer_or_trust()
            || matches!(protected_by(account), Some(Protection::Account(_)))
    }

    /// An account with an `adminCount` that its groups do not account for.
    fn marked(&self) -> Line {
        let dn = &self.account.dn;
        match &self.marked_by {
            MarkedBy::Nothing => {
                let text = "adminCount is left over: the account was in a protected group and is in none any more";
                Line::stopping(text).with(self.no_admin_count())
            }
            MarkedBy::Groups(by) => {
                let text = format!(
                    "adminCount is set and comes back: the account is {}",
                    marked_text(by).unwrap_or_default()
                );
                Line::stopping(text).with(no_longer_marked(&self.observed, dn, by))
            }
            MarkedBy::Unknown => {
                let text = format!("adminCount is set and may be left over: {NOT_FOLLOWED}");
                Line::stopping(text).with(looked_at_by_hand(self.settings.name.as_str(), dn))
            }
        }
    }

    /// What `adminCount` says besides.
    fn admin_count(&self) -> Line {
        let protection = protected_by(&self.account);
        let by_group = matches!(protection, Some(Protection::Member(_) | Protection::Account(_)));
        match (self.account.admin_count, by_group) {
            (true, true) => Line::good("adminCount is set, as on every protected account"),
            (true, false) => Line::known("adminCount is set"),
            (false, false) => Line::good("adminCount is not set"),
            // It has no task that would (seen with 4.24).
            (false, true) if self.observed.asker.is_samba => Line::known(
                "adminCount is not set: Samba sets it on nobody; a protected group keeps its members from being reset without",
            ),
            (false, true) => {
                Line::known("adminCount is not set (yet): the directory sets it within the hour")
            }
        }
    }

    fn is_in(&self, group: &Sid) -> bool {
        self.account.group_sids.contains(group)
    }

    /// The groups from the account to one that it is in, that one last; none where that is not known.
    fn chain(&self, group: &Sid) -> &[MemberOf] {
        let chain = self.chains.iter().find(|(to, _)| to == group);
        chain.map_or(&[], |(_, chain)| chain)
    }

    /// By way of which groups it is in one.
    fn by_way(&self, group: &Sid) -> String {
        by_way(self.chain(group))
    }

    /// What takes the account out of the first group of those by which it is in one.
    fn out_of(&self, group: &Sid) -> Remedy {
        let Some(first) = self.chain(group).first() else {
            return Remedy::note(format!(
                "{ADMINISTRATOR_RESETS}; an account that need not be protected is taken out of the group, and out of groups in between"
            ));
        };
        if first.primary {
            return Remedy::note(format!(
                "{ADMINISTRATOR_RESETS}; an account that need not be protected is given another primary group than {}",
                first.name
            ));
        }
        if first.elsewhere {
            return Remedy::note(format!(
                "{ADMINISTRATOR_RESETS}; an account that need not be protected is taken out of {} at a controller of that group's domain",
                first.dn
            ));
        }
        let command = match self.observed.asker.is_samba {
            true => format!(
                "samba-tool group removemembers {} {} {}",
                quoted(&first.name),
                quoted(&self.account.sam_account_name),
                self.observed.samba_target()
            ),
            false => powershell_leaves(&self.account.dn, first),
        };
        let note = format!(
            "{ADMINISTRATOR_RESETS}; the command takes an account that need not be protected out of {}",
            first.name
        );
        Remedy::by_hand(note, command)
    }
}
