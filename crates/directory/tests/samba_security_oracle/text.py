"""What Samba's own library makes of descriptors and of SDDL.

Reads a domain's SID, then one question per line: `value HEX` prints the descriptor as bytes again and
as SDDL; `text HEX` reads UTF-8 SDDL and prints the descriptor's bytes. `!` where Samba refuses.
"""

import sys

from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack


def attempt(do):
    try:
        return do()
    except (security.SDDLValueError, ValueError, TypeError):
        return "!"


def main():
    domain, *questions = sys.stdin.read().splitlines()
    domain = security.dom_sid(domain)
    for question in questions:
        kind, _, value = question.partition(" ")
        value = bytes.fromhex(value)
        if kind == "value":
            descriptor = ndr_unpack(security.descriptor, value)
            text = attempt(lambda: descriptor.as_sddl(domain))
            print(ndr_pack(descriptor).hex(), text)
        else:
            print(
                attempt(
                    lambda: ndr_pack(
                        security.descriptor.from_sddl(value.decode("utf-8"), domain)
                    ).hex()
                )
            )


main()
