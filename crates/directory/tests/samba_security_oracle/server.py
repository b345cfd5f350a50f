"""Asks a controller, over LDAP, as its administrator and as one of its users.

Reads a line with the controller's address, two lines `LOGIN PASSWORD` (administrator, user), then one
command per line, its parts divided by tabs. Prints one line for each: what was found, or the LDAP
result code, 0 for done.
"""

import sys

import ldb
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.dcerpc import misc, security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

# A password against every policy: refused for that only where a right to set it is there.
SHORT = '"x"'.encode("utf-16-le")


class Asker:
    def __init__(self, address, login, password):
        parameters = LoadParm()
        parameters.load("/domain/etc/smb.conf")
        credentials = Credentials()
        credentials.guess(parameters)
        credentials.set_username(login)
        credentials.set_password(password)
        credentials.set_kerberos_state(DONT_USE_KERBEROS)
        self.db = SamDB(url=f"ldap://{address}", credentials=credentials, lp=parameters)

    def try_to(self, do, *arguments):
        try:
            do(*arguments)
            return "0"
        except ldb.LdbError as error:
            return str(error.args[0])

    def entry(self, dn, attributes, controls=()):
        found = self.db.search(dn, scope=ldb.SCOPE_BASE, attrs=attributes, controls=list(controls))
        return found[0]

    def change(self, dn, *changes, controls=()):
        message = ldb.Message(ldb.Dn(self.db, dn))
        for key, (flag, name, value) in enumerate(changes):
            message[str(key)] = ldb.MessageElement(value, flag, name)
        return self.try_to(self.db.modify, message, list(controls))


class Administrator(Asker):
    def set(self, dn, flags, value):
        change = (ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor", bytes.fromhex(value))
        return self.change(dn, change, controls=[f"sd_flags:1:{flags}"])

    def get(self, dn, flags):
        entry = self.entry(dn, ["nTSecurityDescriptor"], [f"sd_flags:1:{flags}"])
        return bytes(entry["nTSecurityDescriptor"][0]).hex()

    def write(self, dn, attribute, value):
        return self.change(dn, (ldb.FLAG_MOD_REPLACE, attribute, value))

    def make(self, kind, dn):
        return self.try_to(self.db.add, {"dn": dn, "objectClass": kind})

    def join(self, member, group):
        return self.change(group, (ldb.FLAG_MOD_ADD, "member", member))

    def delete(self, dn):
        return self.try_to(self.db.delete, dn, ["tree_delete:1"])

    def sids(self, dn):
        entry = self.entry(dn, ["objectSid", "tokenGroups"])
        values = list(entry["objectSid"]) + list(entry.get("tokenGroups", []))
        return " ".join(str(ndr_unpack(security.dom_sid, value)) for value in values)

    def schema(self, name):
        schema = self.db.get_schema_basedn()
        attributes = ["schemaIDGUID", "attributeSecurityGUID"]
        entry = self.db.search(schema, expression=f"(lDAPDisplayName={name})", attrs=attributes)[0]
        guids = [entry.get(attribute) for attribute in attributes]
        return " ".join(str(ndr_unpack(misc.GUID, guid[0])) if guid else "-" for guid in guids)

    def right(self, name):
        dn = f"CN={name},CN=Extended-Rights,{self.db.get_config_basedn()}"
        return str(self.entry(dn, ["rightsGuid"])["rightsGuid"][0])


class User(Asker):
    def reset(self, dn):
        return self.change(dn, (ldb.FLAG_MOD_REPLACE, "unicodePwd", SHORT))

    def swap(self, dn):
        """Whether the right to change it let the old password be looked at."""
        message = ldb.Message(ldb.Dn(self.db, dn))
        message["0"] = ldb.MessageElement(SHORT, ldb.FLAG_MOD_DELETE, "unicodePwd")
        message["1"] = ldb.MessageElement(SHORT, ldb.FLAG_MOD_ADD, "unicodePwd")
        try:
            self.db.modify(message)
        except ldb.LdbError as error:
            # ERROR_INVALID_PASSWORD, and ERROR_ACCOUNT_LOCKED_OUT after some of those; where the right
            # is missing the result code is the same, without either.
            return str(int(any(code in error.args[1] for code in ("00000056", "00000775"))))
        return "changed with a wrong password"

    def view(self, dn, *attributes):
        """Attributes that can be written; those that can be read; sDRightsEffective; whether the
        descriptor can be read."""
        effective = ["allowedAttributesEffective", "sDRightsEffective"]
        try:
            entry = self.entry(dn, [*effective, *attributes])
        except (ldb.LdbError, IndexError):
            return "hidden"
        writable = {str(name) for name in entry.get("allowedAttributesEffective", [])}
        rights = str(entry.get("sDRightsEffective", ["0"])[0])
        own = self.entry(dn, ["nTSecurityDescriptor"], ["sd_flags:1:4"])
        return "\t".join(
            [
                " ".join(name for name in attributes if name in writable),
                " ".join(name for name in attributes if name in entry),
                rights,
                str(int("nTSecurityDescriptor" in own)),
            ]
        )


def main():
    address, administrator, user, *commands = sys.stdin.read().splitlines()
    askers = [
        Administrator(address, *administrator.split(" ", 1)),
        User(address, *user.split(" ", 1)),
    ]
    for command in commands:
        name, *arguments = command.split("\t")
        asker = next(asker for asker in askers if name in vars(type(asker)))
        print(getattr(asker, name)(*arguments))


main()
