"""What Samba's own access check says of lists without types.

Reads lines `HEX MASK SID SID …`: a descriptor, one right, and whoever asks. Prints 1 for granted and 0.
"""

import sys

import samba.security
from samba import NTSTATUSError
from samba.dcerpc import security
from samba.ndr import ndr_unpack


def main():
    for line in sys.stdin.read().splitlines():
        value, mask, *sids = line.split()
        descriptor = ndr_unpack(security.descriptor, bytes.fromhex(value))
        token = security.token()
        token.sids = [security.dom_sid(sid) for sid in sids]
        token.num_sids = len(sids)
        # As on a controller; a token that does not say so makes every condition an error.
        token.evaluate_claims = security.CLAIMS_EVALUATION_ALWAYS
        try:
            samba.security.access_check(descriptor, token, int(mask))
            print(1)
        except NTSTATUSError:
            print(0)


main()
