"""Sets passwords over one kept LDAPS connection, as the service account: what an administrator's
own script would do. One request a line on standard input, a JSON list of steps, each a list that begins
with its name:

    ["reset", target, new]          ["change", target, old, new]          ["unlock", target]
    ["lock", name]                  signs in with wrong passwords until the account is locked
    ["reconnect", target]           connects until that succeeds, and unlocks

One answer a line: {"nanos": [...]}, how long each step took by the monotonic clock, of the first three
the modify alone; or {"error": "..."}."""

import json
import os
import sys
import time

import ldap
from ldap.controls import RequestControl

# The policy-hints control, critical; its value is a BER SEQUENCE of INTEGER 1 (MS-ADTS
# 3.1.1.3.4.1.27).
HINTS = RequestControl("1.2.840.113556.1.4.2239", True, bytes.fromhex("3003020101"))


def unbound():
    connection = ldap.initialize(os.environ["BARE_URL"])
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 10)
    connection.set_option(ldap.OPT_TIMEOUT, 60)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, os.environ["BARE_CA"])
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    return connection


def connect():
    connection = unbound()
    connection.simple_bind_s(os.environ["BARE_LOGIN"], os.environ["BARE_PASSWORD"])
    return connection


# Of a caller who finds nobody, until the next try.
PAUSE = 0.02
# A threshold of which an account is not locked by so many wrong passwords is not of this lab.
TRIES = 20
# Seconds within which a controller that was away must be back.
AWAY_MAX = 90


def quoted(password):
    return [f'"{password}"'.encode("utf-16-le")]


def modify(connection, target, changes, controls):
    began = time.monotonic_ns()
    connection.modify_ext_s(target, changes, serverctrls=controls)
    return time.monotonic_ns() - began


def reset(connection, target, new):
    changes = [
        (ldap.MOD_REPLACE, "unicodePwd", quoted(new)),
        (ldap.MOD_REPLACE, "lockoutTime", [b"0"]),
    ]
    return modify(connection, target, changes, [HINTS])


def change(connection, target, old, new):
    changes = [
        (ldap.MOD_DELETE, "unicodePwd", quoted(old)),
        (ldap.MOD_ADD, "unicodePwd", quoted(new)),
    ]
    return modify(connection, target, changes, [])


def unlock(connection, target):
    return modify(connection, target, [(ldap.MOD_REPLACE, "lockoutTime", [b"0"])], [])


def lock(_, name):
    began = time.monotonic_ns()
    own = unbound()
    for _ in range(TRIES):
        try:
            own.simple_bind_s(name, "Not-The-Password-1")
        except ldap.INVALID_CREDENTIALS as refusal:
            # ERROR_ACCOUNT_LOCKED_OUT (MS-ERREF 2.2).
            if "data 775" in refusal.args[0].get("info", ""):
                own.unbind_s()
                return time.monotonic_ns() - began
    raise ldap.OTHER({"desc": f"{name} is not locked by {TRIES} wrong passwords"})


def reconnect(target):
    began = time.monotonic_ns()
    while True:
        try:
            connection = connect()
            unlock(connection, target)
            return connection, time.monotonic_ns() - began
        except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.UNAVAILABLE, ldap.BUSY, ldap.TIMEOUT):
            if time.monotonic_ns() - began > AWAY_MAX * 1_000_000_000:
                raise
            time.sleep(PAUSE)


STEPS = {"reset": reset, "change": change, "unlock": unlock, "lock": lock}


def perform(connection, name, *of):
    if name == "reconnect":
        return reconnect(*of)
    return connection, STEPS[name](connection, *of)


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


try:
    bound = connect()
    say({"nanos": []})
    for line in iter(sys.stdin.readline, ""):
        nanos = []
        for step in json.loads(line):
            bound, took = perform(bound, *step)
            nanos.append(took)
        say({"nanos": nanos})
except ldap.LDAPError as error:
    say({"error": repr(error)})
    sys.exit(1)
