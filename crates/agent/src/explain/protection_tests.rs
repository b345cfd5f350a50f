//! What is told of somebody whom a group protects, or marks.

use directory::{MarkedBy, MemberOf};

use super::tests::{ANNA, known, stops, told};
use crate::permissions::tests::sid;

fn link(name: &str, primary: bool) -> MemberOf {
    MemberOf {
        dn: format!("CN={name},OU=Groups,DC=corp,DC=example").parse().unwrap(),
        name: name.to_owned(),
        primary,
        elsewhere: false,
    }
}

#[test]
fn whoever_a_group_protects_is_told_by_way_of_which_groups_and_how_to_get_out() {
    let admins = sid("S-1-5-21-1-2-3-512");
    let with = |samba: bool, chain: Vec<MemberOf>| {
        told(|subject, _| {
            subject.observed.asker.is_samba = samba;
            subject.observed.names.note(admins.clone(), "Domain Admins".to_owned());
            subject.account.group_sids.push(admins.clone());
            subject.chains = vec![(admins.clone(), chain)];
        })
    };
    let nested = || vec![link("Leads", false), link("Staff", false), link("Domain Admins", false)];
    let windows = with(false, nested());
    let text = "in the protected group Domain Admins, by way of Leads, then Staff, and is never";
    let fix = format!(
        "an account that need not be protected out of Leads      Remove-ADGroupMember -Identity 'CN=Leads,OU=Groups,DC=corp,DC=example' -Members '{ANNA}'"
    );
    stops(&windows, "Protection", text, &fix);
    assert_eq!(windows.verdict.remedy.commands.len(), 1, "for programs as well");
    known(&windows, "Protection", "the directory sets it within the hour");
    let samba = with(true, nested());
    let login = &samba.login;
    let fix = format!("samba-tool group removemembers Leads {login} -H ldap://dc1.corp.example -U");
    stops(&samba, "Protection", text, &fix);
    known(&samba, "Protection", "adminCount is not set: Samba sets it on nobody");
    let own = with(false, vec![link("Domain Admins", false)]);
    stops(
        &own,
        "Protection",
        "Domain Admins, as a member of its own,",
        "need not be protected out of Domain Admins",
    );
    let primary = with(false, vec![link("Domain Admins", true)]);
    stops(
        &primary,
        "Protection",
        "Domain Admins, its primary group,",
        "another primary group than",
    );
    let foreign = || MemberOf { elsewhere: true, ..link("Root Admins", false) };
    let text = "Domain Admins, by way of Root Admins, a group of another domain, where nothing is looked up";
    let fix = "taken out of CN=Root Admins,OU=Groups,DC=corp,DC=example at a controller of that";
    stops(&with(false, vec![foreign()]), "Protection", text, fix);
    let by_own = with(false, vec![link("Leads", false), foreign()]);
    let text = "by way of Leads, then Root Admins, a group of another domain, where";
    stops(&by_own, "Protection", text, "out of Leads      Remove-ADGroupMember");
    let unknown = with(false, Vec::new());
    stops(
        &unknown,
        "Protection",
        "Domain Admins, nested groups included,",
        "out of groups in between",
    );
}

/// The directory heeds groups for mail where it marks accounts, and `tokenGroups` has none of them.
#[test]
fn a_mark_that_comes_back_is_not_called_left_over_and_the_group_is_left_first() {
    let marked = |by: MarkedBy| {
        told(|subject, _| {
            subject.account.admin_count = true;
            subject.marked_by = by;
        })
    };
    let again = format!("passback-agent permissions grant --directory corp --inherit '{ANNA}'");
    let left_over = marked(MarkedBy::Nothing);
    stops(&left_over, "Protection", "adminCount is left over", &again);
    let unclear = marked(MarkedBy::Unknown);
    let text = "adminCount is set and may be left over: no way to a protected group was found, and";
    let fix = format!(
        "{again}      (looks at the groups as an administrator, and takes adminCount away only"
    );
    stops(&unclear, "Protection", text, &fix);
    assert!(!unclear.text().contains("is in none any more"), "{}", unclear.text());
    let kept = marked(MarkedBy::Groups(vec![link("IT-all", false), link("Domain Admins", false)]));
    let text =
        "comes back: the account is in the protected group Domain Admins, by way of IT-all (groups";
    stops(&kept, "Protection", text, "takes it out of IT-all, after which adminCount is left over");
    let leave = format!(
        "Remove-ADGroupMember -Identity 'CN=IT-all,OU=Groups,DC=corp,DC=example' -Members '{ANNA}'"
    );
    assert_eq!(kept.verdict.remedy.commands, [leave, again]);
    let note = kept.verdict.remedy.note.as_ref().unwrap();
    assert!(note.ends_with("or take IT-all out of Domain Admins, for everybody in it"));
    let told = kept.text();
    assert!(!told.contains("adminCount is left over:"), "{told}");
}
