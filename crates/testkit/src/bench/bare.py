"""Sets passwords over one kept LDAPS connection, as the service account: what an administrator's
own script would do. One request a line on standard input, a JSON list of [dn, password]; one answer
a line: {"nanos": [...]}, how long each modify took by the monotonic clock, or {"error": "..."}."""

import json
import os
import sys
import time

import ldap
from ldap.controls import RequestControl

# The policy-hints control, critical; its value is a BER SEQUENCE of INTEGER 1 (MS-ADTS
# 3.1.1.3.4.1.27).
HINTS = RequestControl("1.2.840.113556.1.4.2239", True, bytes.fromhex("3003020101"))


def connect():
    connection = ldap.initialize(os.environ["BARE_URL"])
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 10)
    connection.set_option(ldap.OPT_TIMEOUT, 60)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, os.environ["BARE_CA"])
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    connection.simple_bind_s(os.environ["BARE_LOGIN"], os.environ["BARE_PASSWORD"])
    return connection


def set_password(connection, dn, password):
    changes = [
        (ldap.MOD_REPLACE, "unicodePwd", [f'"{password}"'.encode("utf-16-le")]),
        (ldap.MOD_REPLACE, "lockoutTime", [b"0"]),
    ]
    began = time.monotonic_ns()
    connection.modify_ext_s(dn, changes, serverctrls=[HINTS])
    return time.monotonic_ns() - began


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


try:
    bound = connect()
    say({"nanos": []})
    for line in iter(sys.stdin.readline, ""):
        say({"nanos": [set_password(bound, dn, password) for dn, password in json.loads(line)]})
except ldap.LDAPError as error:
    say({"error": repr(error)})
    sys.exit(1)
