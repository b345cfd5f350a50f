"""Fills a freshly provisioned domain, offline, in one transaction.

Runs inside the lab's root filesystem before the controller starts: `populate.py CONFIGURATION
WANTED MADE`. WANTED is a JSON document that `contents.rs` writes; MADE, what became of it.
"""

import json
import sys

import ldb
from samba import dsdb
from samba.auth import system_session
from samba.dcerpc import misc, security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

USER_CLASS = "bf967aba-0de6-11d0-a285-00aa003049e2"
# SPEC D-12: what writeback needs on the people in scope, inherited to user objects.
RIGHTS_ON_PEOPLE = [
    ("CR", "00299570-246d-11d0-a768-00aa006e0529"),  # Reset Password
    ("CR", "ab721a53-1e2f-11d0-9819-00aa0040529b"),  # Change Password
    ("WP", "28630ebf-41d5-11d1-a9c1-0000f80367c1"),  # lockoutTime
    ("WP", "bf967a0a-0de6-11d0-a285-00aa003049e2"),  # pwdLastSet
]
CHANGE_PASSWORD = "ab721a53-1e2f-11d0-9819-00aa0040529b"
UNEXPIRE_PASSWORD = "ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501"
REPLICATION = "E3514235-4B06-11D1-AB04-00C04FC2DCD2"
SETTINGS_CONTAINER = "CN=Password Settings Container,CN=System"

# Durations in AD are negative counts of 100 ns; this one means "never".
NEVER = -0x8000000000000000
# Moments count 100 ns since 1601; this one is the start of 2020.
YEAR_2020 = "132223104000000000"


def interval(seconds):
    return str(NEVER if seconds is None else -seconds * 10_000_000)


def quoted(password):
    """The value of unicodePwd (MS-ADTS 3.1.1.3.1.5): in quotes, UTF-16LE."""
    return f'"{password}"'.encode("utf-16-le")


class Domain:
    def __init__(self, configuration):
        parameters = LoadParm()
        parameters.load(configuration)
        self.parameters = parameters
        self.db = SamDB(session_info=system_session(parameters), lp=parameters)
        self.base = str(self.db.domain_dn())
        self.descriptors = SDUtils(self.db)

    def below_base(self, relative):
        return f"{relative},{self.base}" if relative else self.base

    def only_entry(self, dn, attributes):
        return self.db.search(dn, scope=ldb.SCOPE_BASE, attrs=attributes)[0]

    def sid(self, dn):
        raw = self.only_entry(dn, ["objectSid"])["objectSid"][0]
        return str(ndr_unpack(security.dom_sid, raw))

    def guid(self, dn):
        raw = self.only_entry(dn, ["objectGUID"])["objectGUID"][0]
        return str(ndr_unpack(misc.GUID, raw))

    def replace(self, dn, values):
        message = ldb.Message(ldb.Dn(self.db, dn))
        for name, value in values.items():
            message[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
        self.db.modify(message)

    def account_dn(self, login):
        found = self.db.search(
            self.base, expression=f"(sAMAccountName={ldb.binary_encode(login)})", attrs=[]
        )
        return str(found[0].dn)

    def set_policy(self, policy, lockout_seconds):
        self.replace(
            self.base,
            {
                "minPwdAge": interval(policy["minimum_age_seconds"]),
                "maxPwdAge": interval(policy["maximum_age_seconds"]),
                "minPwdLength": str(policy["minimum_length"]),
                "pwdHistoryLength": str(policy["history_length"]),
                "lockoutThreshold": str(policy["lockout_threshold"]),
                "lockoutDuration": interval(lockout_seconds),
                "pwdProperties": "1",  # DOMAIN_PASSWORD_COMPLEX
            },
        )

    def add_unit(self, relative):
        self.db.add(
            {"dn": self.below_base(relative), "objectClass": "organizationalUnit"}
        )

    def add_group(self, group):
        dn = self.below_base(f"CN={group['name']},{group['unit']}")
        self.db.add(
            {
                "dn": dn,
                "objectClass": "group",
                "sAMAccountName": group["name"],
                "groupType": str(dsdb.GTYPE_SECURITY_GLOBAL_GROUP),
            }
        )
        self.join(dn, group["member_of"])

    def join(self, dn, groups):
        for group in groups:
            message = ldb.Message(ldb.Dn(self.db, self.account_dn(group)))
            message["member"] = ldb.MessageElement(dn, ldb.FLAG_MOD_ADD, "member")
            self.db.modify(message)

    def add_person(self, person):
        # The name is set as a component, not joined as text: it may hold any character.
        dn = ldb.Dn(self.db, f"CN=name,{self.below_base(person['unit'])}")
        dn.set_component(0, "CN", person["display_name"])
        control = dsdb.UF_NORMAL_ACCOUNT
        if person["disabled"]:
            control |= dsdb.UF_ACCOUNTDISABLE
        entry = {
            "dn": dn,
            "objectClass": "user",
            "sAMAccountName": person["login"],
            "userPrincipalName": person["user_principal_name"],
            "displayName": person["display_name"],
            "givenName": person["given_name"],
            "sn": person["surname"],
            "userAccountControl": str(control),
            "unicodePwd": quoted(person["password"]),
        }
        for attribute, value in (
            ("mail", person["mail"]),
            ("otherMailbox", person["private_mail"]),
        ):
            if value:
                entry[attribute] = value
        if person["expired"]:
            entry["accountExpires"] = YEAR_2020
        self.db.add(entry)
        dn = str(dn)
        self.make_special(dn, person)
        return dn

    def make_special(self, dn, person):
        """What cannot be said while an account is made."""
        if person["admin_count"]:
            self.replace(dn, {"adminCount": "1"})
        self.join(dn, person["member_of"])
        if person["cannot_change"]:
            self.forbid_change(dn)
        if person["locked"]:
            self.replace(
                dn,
                {
                    "badPwdCount": str(self.lockout_threshold),
                    "badPasswordTime": YEAR_2020,
                    "lockoutTime": YEAR_2020,
                },
            )
        if person["must_change"]:
            self.replace(dn, {"pwdLastSet": "0"})

    def forbid_change(self, dn):
        """What the tick at "User cannot change password" does: denied, and allowed no more."""
        sddl = self.descriptors.get_sd_as_sddl(dn, ["sd_flags:1:4"])
        right = f";;CR;{CHANGE_PASSWORD};;"
        for trustee in ("WD", "PS"):
            sddl = sddl.replace(f"(OA{right}{trustee})", "")
        first = sddl.index("(")
        denials = "".join(f"(OD{right}{trustee})" for trustee in ("WD", "PS"))
        self.descriptors.modify_sd_on_dn(
            dn, sddl[:first] + denials + sddl[first:], ["sd_flags:1:4"]
        )

    def add_settings(self, settings):
        """A fine-grained policy (MS-ADTS 2.2.16), applied to groups."""
        dn = self.below_base(f"CN={settings['name']},{SETTINGS_CONTAINER}")
        self.db.add(
            {
                "dn": dn,
                "objectClass": "msDS-PasswordSettings",
                "msDS-PasswordSettingsPrecedence": str(settings["precedence"]),
                "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
                "msDS-PasswordComplexityEnabled": "TRUE",
                "msDS-PasswordHistoryLength": str(settings["history_length"]),
                "msDS-MinimumPasswordLength": str(settings["minimum_length"]),
                "msDS-MinimumPasswordAge": interval(settings["minimum_age_seconds"]),
                "msDS-MaximumPasswordAge": interval(settings["maximum_age_seconds"]),
                "msDS-LockoutThreshold": str(settings["lockout_threshold"]),
                "msDS-LockoutObservationWindow": interval(1800),
                "msDS-LockoutDuration": interval(1800),
                "msDS-PSOAppliesTo": [self.account_dn(g) for g in settings["applies_to"]],
            }
        )

    def delegate(self, service_dn, units):
        sid = self.sid(service_dn)
        for unit in units:
            for right, guid in RIGHTS_ON_PEOPLE:
                self.descriptors.dacl_add_ace(
                    self.below_base(unit), f"(OA;CIIO;{right};{guid};{USER_CLASS};{sid})"
                )
        self.descriptors.dacl_add_ace(self.base, f"(OA;;CR;{UNEXPIRE_PASSWORD};;{sid})")
        # Only domain administrators read fine-grained policies unless that is delegated.
        self.descriptors.dacl_add_ace(
            self.below_base(SETTINGS_CONTAINER), f"(A;CI;LCRPLORC;;;{sid})"
        )

    def name_for_replication(self):
        """The principal that other controllers ask tickets for (MS-DRSR 2.2.3.2); Samba leaves it
        to a program that runs later, if at all."""
        account = self.account_dn(self.parameters.get("netbios name") + "$")
        name = f"{REPLICATION}/{self.db.get_ntds_GUID()}/{self.db.domain_dns_name()}"
        message = ldb.Message(ldb.Dn(self.db, account))
        message["name"] = ldb.MessageElement(name, ldb.FLAG_MOD_ADD, "servicePrincipalName")
        self.db.modify(message)

    def fill(self, wanted):
        self.name_for_replication()
        self.set_policy(wanted["policy"], wanted["lockout_seconds"])
        self.lockout_threshold = wanted["policy"]["lockout_threshold"]
        for unit in wanted["units"]:
            self.add_unit(unit)
        for group in wanted["groups"]:
            self.add_group(group)
        made = []
        for person in wanted["people"]:
            dn = self.add_person(person)
            made.append({"login": person["login"], "dn": dn, "object_guid": self.guid(dn)})
        for settings in wanted["settings"]:
            self.add_settings(settings)
        service_dn = self.add_person(wanted["service"])
        self.delegate(service_dn, wanted["delegated_units"])
        return {"people": made}


def main():
    configuration, wanted_file, made_file = sys.argv[1:]
    domain = Domain(configuration)
    with open(wanted_file, encoding="utf-8") as file:
        wanted = json.load(file)
    domain.db.transaction_start()
    try:
        made = domain.fill(wanted)
    except BaseException:
        domain.db.transaction_cancel()
        raise
    domain.db.transaction_commit()
    with open(made_file, "w", encoding="utf-8") as file:
        json.dump(made, file)


main()
