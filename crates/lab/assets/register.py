"""Registers a second controller in the DNS of its domain, as a controller does itself.

Samba leaves that to a program that refuses loopback addresses. Runs inside the lab's root
filesystem, against the first controller: `register.py CONFIGURATION FIRST SECOND ADDRESS USER
PASSWORD`; FIRST and SECOND are DNS names, ADDRESS is that of SECOND.
"""

import sys

import ldb
from samba.auth import system_session
from samba.credentials import Credentials
from samba.dcerpc import dnsp, misc
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.provision import sambadns
from samba.samdb import SamDB

# The one record that names the holder of a role, not every controller.
OF_A_ROLE = "_ldap._tcp.pdc"


class Zones:
    def __init__(self, configuration, first, second, address, user, password):
        parameters = LoadParm()
        parameters.load(configuration)
        credentials = Credentials()
        credentials.guess(parameters)
        credentials.set_username(user)
        credentials.set_password(password)
        self.db = SamDB(
            url=f"ldap://{first}",
            session_info=system_session(parameters),
            credentials=credentials,
            lp=parameters,
        )
        self.first, self.second, self.address = first.lower(), second.lower(), address
        base = self.db.domain_dn()
        self.nodes = [
            node
            for partition in ("DomainDnsZones", "ForestDnsZones")
            for node in self.db.search(
                f"CN=MicrosoftDNS,DC={partition},{base}",
                expression="(objectClass=dnsNode)",
                attrs=["dnsRecord", "dc"],
            )
        ]

    def twin(self, record):
        """What stands next to a record of the first controller; none if it is not one."""
        if record.wType == dnsp.DNS_TYPE_A and record.data in self.first_addresses:
            return sambadns.ARecord(self.address)
        if record.wType == dnsp.DNS_TYPE_NS and record.data.lower() == self.first:
            return sambadns.NSRecord(self.second)
        if record.wType == dnsp.DNS_TYPE_CNAME and record.data.lower() == self.first:
            return sambadns.CNAMERecord(self.second)
        if record.wType == dnsp.DNS_TYPE_SRV and record.data.nameTarget.lower() == self.first:
            return sambadns.SRVRecord(self.second, record.data.wPort)
        return None

    def add_to(self, node, record):
        message = ldb.Message(node.dn)
        element = ldb.MessageElement(ndr_pack(record), ldb.FLAG_MOD_ADD, "dnsRecord")
        message["dnsRecord"] = element
        self.db.modify(message)

    def add_next_to(self, node, name, record):
        self.db.add(
            {
                "dn": f"DC={name},{node.dn.parent()}",
                "objectClass": "dnsNode",
                "dnsRecord": ndr_pack(record),
            }
        )

    def guid_of_second(self):
        """The name by which replication partners find a controller (MS-DRSR 2.2.3.2)."""
        name = self.second.split(".")[0].upper()
        sites = f"CN=Sites,{self.db.get_config_basedn()}"
        server = self.db.search(sites, expression=f"(&(objectClass=server)(cn={name}))", attrs=[])
        settings = self.db.search(
            f"CN=NTDS Settings,{server[0].dn}", scope=ldb.SCOPE_BASE, attrs=["objectGUID"]
        )
        return str(ndr_unpack(misc.GUID, settings[0]["objectGUID"][0]))

    def register(self):
        own = self.first.split(".")[0]
        nodes = [
            (
                node,
                str(node["dc"]),
                [ndr_unpack(dnsp.DnssrvRpcRecord, raw) for raw in node.get("dnsRecord", [])],
            )
            for node in self.nodes
        ]
        self.first_addresses = {
            record.data
            for _, name, records in nodes
            for record in records
            if name == own and record.wType == dnsp.DNS_TYPE_A
        }
        for node, name, records in nodes:
            if name == OF_A_ROLE:
                continue
            for record in records:
                twin = self.twin(record)
                if twin is None:
                    continue
                if name == own:
                    self.add_next_to(node, self.second.split(".")[0], twin)
                elif record.wType == dnsp.DNS_TYPE_CNAME:
                    self.add_next_to(node, self.guid_of_second(), twin)
                else:
                    self.add_to(node, twin)


Zones(*sys.argv[1:]).register()
