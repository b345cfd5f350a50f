"""The package format of docs/package.md a second time, without any code of the first.

    independent.py open    JSON on standard input: keys, packages, answers to open
    independent.py make    JSON on standard input: keys, packages, answers to make

Needs only Debian's python3-cbor2 and python3-cryptography. Bytes are hexadecimal in the JSON.
`open` checks every intermediate value that an entry has, and says "refused" with the reason for
what does not open. Meant for tests: it takes no care of secrets.
"""

import hashlib
import json
import os
import sys
import uuid

try:
    import cbor2
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as missing:
    sys.exit(f"missing module: {missing}")

ALG, KID, IV = 1, 4, 5
A256GCM, EDDSA, RSAES_OAEP_SHA_256 = 3, -8, -41
PURPOSE = {
    "password": "passback v1 password",
    "request": "passback v1 request",
    "answer": "passback v1 answer",
}
AREAS = (384, 1152)
PACKAGE_MAX = {384: 1000, 1152: 1800}
ANSWER_AREA = 160
ANSWER_MAX = 2048
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class Refused(Exception):
    """What arrived is not exactly what the format allows."""


def require(condition, reason):
    if not condition:
        raise Refused(reason)


# CBOR: one value, one encoding.


def encode(value):
    return cbor2.dumps(value, canonical=True)


def decode(data, what):
    try:
        value = cbor2.loads(data)
        again = encode(value)
    except Exception as error:
        raise Refused(f"{what}: not CBOR") from error
    require(again == data, f"{what}: not canonical, or more behind it")
    return value


def is_bytes(value, length=None):
    return type(value) is bytes and (length is None or len(value) == length)


def is_integer(value, low, high):
    return type(value) is int and low <= value <= high


def has_labels(value, labels):
    """Python takes True and 1.0 for 1; the format does not."""
    if type(value) is not dict or any(type(label) is not int for label in value):
        return False
    return list(value) == list(labels)


# Keys and their ids.


def hkdf(key, label):
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=label.encode())
    return derivation.derive(key)


class Keys:
    def __init__(self, given):
        self.rsa = serialization.load_der_private_key(bytes.fromhex(given["rsa_pkcs8"]), None)
        spki = self.rsa.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.rsa_id = hashlib.sha256(spki).digest()[:16]
        identity = bytes.fromhex(given["identity_pkcs8"])
        self.identity = serialization.load_der_private_key(identity, None)
        public = self.identity.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        self.package = bytes.fromhex(given["package_key"])
        fingerprint = hkdf(self.package, "passback v1 key fingerprint")
        self.package_id = hashlib.sha256(fingerprint).digest()[:16]
        self.answer = hkdf(self.package, "passback v1 answer key")
        check(given, "rsa_spki", spki)
        check(given, "rsa_key_id", self.rsa_id)
        check(given, "identity_public", public)
        check(given, "package_key_fingerprint", fingerprint)
        check(given, "package_key_id", self.package_id)
        check(given, "answer_key", self.answer)


def check(given, name, computed):
    """Compares with the vector's own value, where there is one."""
    if name in given and given[name] != computed.hex():
        sys.exit(f"{given.get('name', 'keys')}: {name} is {computed.hex()}, not {given[name]}")


# The header.


def header_from_json(given):
    return {
        1: given["version"],
        2: uuid.UUID(given["tenant"]).bytes,
        3: uuid.UUID(given["agent"]).bytes,
        4: uuid.UUID(given["request"]).bytes,
        5: given["operation"],
        6: given["cloud_anchor"],
        7: bytes.fromhex(given["key_id"]),
        8: given["issued_at"],
        9: given["expires_at"],
    }


def header_to_json(header):
    return {
        "version": header[1],
        "tenant": str(uuid.UUID(bytes=header[2])),
        "agent": str(uuid.UUID(bytes=header[3])),
        "request": str(uuid.UUID(bytes=header[4])),
        "operation": header[5],
        "cloud_anchor": header[6],
        "key_id": header[7].hex(),
        "issued_at": header[8],
        "expires_at": header[9],
    }


def read_header(data):
    require(is_bytes(data), "header: not a byte string")
    header = decode(data, "header")
    require(has_labels(header, range(1, 10)), "header: labels")
    require(is_integer(header[1], 1, 1), "header: version")
    for label in (2, 3, 4, 7):
        require(is_bytes(header[label], 16), f"header: label {label}")
    require(is_integer(header[5], 1, 1), "header: operation")
    anchor = header[6]
    require(type(anchor) is str and 1 <= len(anchor) <= 64, "header: cloudAnchor")
    require(all("!" <= character <= "~" for character in anchor), "header: cloudAnchor")
    for label in (8, 9):
        require(is_integer(header[label], -(2**63), 2**63 - 1), f"header: label {label}")
    return header


def associated_data(purpose, header):
    return encode([PURPOSE[purpose], header])


# The area.


def write_area(password):
    units = password.encode("utf-16-le")
    require(2 <= len(units) <= 512, "password: length")
    size = AREAS[0] if 2 + len(units) <= AREAS[0] else AREAS[1]
    return (len(units).to_bytes(2, "big") + units).ljust(size, b"\0")


def read_area(area):
    require(len(area) in AREAS, "area: size")
    length = int.from_bytes(area[:2], "big")
    require(2 <= length <= 512 and length % 2 == 0, "area: length")
    require(2 + length <= len(area), "area: length")
    require(len(area) == AREAS[0] or 2 + length > AREAS[0], "area: larger than needed")
    require(not any(area[2 + length :]), "area: padding")
    try:
        return area[2 : 2 + length].decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise Refused("area: not well-formed") from error


# COSE.


def encrypt(key, nonce, context, external, plaintext):
    aad = encode([context, encode({ALG: A256GCM}), external])
    return AESGCM(key).encrypt(nonce, plaintext, aad)


def decrypt(key, nonce, context, external, ciphertext, what):
    aad = encode([context, encode({ALG: A256GCM}), external])
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, aad)
    except (InvalidTag, ValueError) as error:
        raise Refused(f"{what}: does not open") from error


def write_encrypt0(key, key_id, nonce, external, plaintext):
    ciphertext = encrypt(key, nonce, "Encrypt0", external, plaintext)
    return [encode({ALG: A256GCM}), {KID: key_id, IV: nonce}, ciphertext]


def open_encrypt0(key, key_id, external, structure, what):
    require(type(structure) is list and len(structure) == 3, f"{what}: structure")
    protected, unprotected, ciphertext = structure
    require(protected == encode({ALG: A256GCM}), f"{what}: protected header")
    require(has_labels(unprotected, [KID, IV]), f"{what}: header")
    require(is_bytes(unprotected[KID], 16), f"{what}: key id")
    require(is_bytes(unprotected[IV], 12), f"{what}: nonce")
    require(is_bytes(ciphertext), f"{what}: ciphertext")
    require(unprotected[KID] == key_id, f"{what}: unknown key")
    return decrypt(key, unprotected[IV], "Encrypt0", external, ciphertext, what)


# Package.


def open_package(keys, given):
    package = bytes.fromhex(given["package"])
    require(len(package) <= 1800, "package: size")
    parts = decode(package, "package")
    require(type(parts) is list and len(parts) == 2, "package: parts")
    header = read_header(parts[0])
    check(given, "header_cbor", parts[0])
    external = associated_data("request", header)
    check(given, "request_associated_data", external)
    inner = open_encrypt0(keys.package, keys.package_id, external, parts[1], "package")
    check(given, "outer_nonce", parts[1][1][IV])
    check(given, "inner", inner)
    password = open_inner(keys, given, header, inner, len(package))
    return {"header": header_to_json(header), "password": password}


def open_inner(keys, given, header, data, package_size):
    inner = decode(data, "inner")
    require(type(inner) is list and len(inner) == 4, "inner: structure")
    protected, unprotected, ciphertext, recipients = inner
    require(protected == encode({ALG: A256GCM}), "inner: protected header")
    require(has_labels(unprotected, [IV]), "inner: header")
    require(is_bytes(unprotected[IV], 12), "inner: nonce")
    require(is_bytes(ciphertext) and len(ciphertext) - 16 in AREAS, "inner: size")
    require(package_size <= PACKAGE_MAX[len(ciphertext) - 16], "package: size")
    require(type(recipients) is list and len(recipients) == 1, "inner: recipients")
    recipient = recipients[0]
    require(type(recipient) is list and len(recipient) == 3, "recipient: structure")
    protected, of_recipient, wrapped = recipient
    require(protected == b"" and is_bytes(protected), "recipient: protected header")
    require(has_labels(of_recipient, [ALG, KID]), "recipient: header")
    require(is_integer(of_recipient[ALG], RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_256), "recipient: algorithm")
    require(is_bytes(of_recipient[KID], 16), "recipient: key id")
    require(of_recipient[KID] == header[7], "recipient: not the key of the header")
    require(of_recipient[KID] == keys.rsa_id, "recipient: unknown key")
    require(is_bytes(wrapped, 256), "recipient: wrapped key")
    try:
        content_key = keys.rsa.decrypt(wrapped, OAEP)
    except ValueError as error:
        raise Refused("recipient: does not open") from error
    require(len(content_key) == 32, "recipient: content key")
    external = associated_data("password", header)
    area = decrypt(content_key, unprotected[IV], "Encrypt", external, ciphertext, "inner")
    check(given, "content_key", content_key)
    check(given, "inner_nonce", unprotected[IV])
    check(given, "password_associated_data", external)
    check(given, "area", area)
    return read_area(area)


def make_package(keys, given):
    header = header_from_json(given["header"])
    content_key, nonce = os.urandom(32), os.urandom(12)
    external = associated_data("password", moved(header, given, "password"))
    ciphertext = encrypt(content_key, nonce, "Encrypt", external, write_area(given["password"]))
    wrapped = keys.rsa.public_key().encrypt(content_key, OAEP)
    recipient = [b"", {ALG: RSAES_OAEP_SHA_256, KID: keys.rsa_id}, wrapped]
    inner = encode([encode({ALG: A256GCM}), {IV: nonce}, ciphertext, [recipient]])
    external = associated_data("request", moved(header, given, "request"))
    outer = write_encrypt0(keys.package, keys.package_id, os.urandom(12), external, inner)
    return {"package": encode([encode(header), outer]).hex()}


def moved(header, given, layer):
    """The header with one label changed, for layers that a test wants bound to another one."""
    if given.get("moved", {}).get("layer") != layer:
        return header
    label = given["moved"]["label"]
    value = header[label]
    if type(value) is int:
        changed = value + 1
    elif type(value) is bytes:
        changed = value[:-1] + bytes([value[-1] ^ 1])
    else:
        changed = value[:-1] + ("1" if value[-1] != "1" else "2")
    return {**header, label: changed}


# Answer.


def answer_map(given):
    answer = {1: 1, 2: given["outcome"], 3: given["finished_at"]}
    for label, name in ((4, "minimum_length"), (5, "history_length"), (6, "not_before")):
        if given[name] is not None:
            answer[label] = given[name]
    if given["inferred"]:
        answer[7] = True
    return answer


def write_answer_area(answer):
    require(2 + len(answer) <= ANSWER_AREA, "answer: length")
    return (len(answer).to_bytes(2, "big") + answer).ljust(ANSWER_AREA, b"\0")


def read_answer_area(area):
    require(len(area) == ANSWER_AREA, "answer: area")
    length = int.from_bytes(area[:2], "big")
    require(2 + length <= ANSWER_AREA, "answer: length")
    require(not any(area[2 + length :]), "answer: padding")
    return area[2 : 2 + length]


def read_answer(data):
    answer = decode(data, "answer")
    require(type(answer) is dict, "answer: not a map")
    optional = [label for label in (4, 5, 6, 7) if label in answer]
    require(has_labels(answer, [1, 2, 3, *optional]), "answer: labels")
    require(is_integer(answer[1], 1, 1), "answer: version")
    require(type(answer[2]) is str, "answer: outcome")
    for label in (3, 6):
        moment = answer.get(label, 0)
        require(is_integer(moment, -(2**63), 2**63 - 1), f"answer: label {label}")
    for label in (4, 5):
        require(is_integer(answer.get(label, 0), 0, 2**32 - 1), f"answer: label {label}")
    require(answer.get(7, True) is True, "answer: label 7")
    return {
        "outcome": answer[2],
        "finished_at": answer[3],
        "minimum_length": answer.get(4),
        "history_length": answer.get(5),
        "not_before": answer.get(6),
        "inferred": answer.get(7, False),
    }


def open_answer(keys, given):
    sealed = bytes.fromhex(given["sealed"])
    require(len(sealed) <= ANSWER_MAX, "answer: size")
    external = associated_data("answer", header_from_json(given["header"]))
    check(given, "answer_associated_data", external)
    structure = decode(sealed, "answer")
    data = open_encrypt0(keys.answer, keys.package_id, external, structure, "answer")
    check(given, "nonce", structure[1][IV])
    check(given, "signed", data)
    signed = decode(data, "signed")
    require(type(signed) is list and len(signed) == 4, "signed: structure")
    protected, unprotected, area, signature = signed
    require(protected == encode({ALG: EDDSA}), "signed: protected header")
    require(has_labels(unprotected, []), "signed: header")
    require(is_bytes(area) and is_bytes(signature, 64), "signed: contents")
    message = encode(["Signature1", protected, external, area])
    try:
        keys.identity.public_key().verify(signature, message)
    except InvalidSignature as error:
        raise Refused("signed: not by the agent") from error
    check(given, "answer_area", area)
    answer = read_answer_area(area)
    check(given, "answer_cbor", answer)
    return {"answer": read_answer(answer)}


def make_answer(keys, given):
    header = moved(header_from_json(given["header"]), given, "answer")
    external = associated_data("answer", header)
    protected = encode({ALG: EDDSA})
    area = write_answer_area(encode(answer_map(given["answer"])))
    signature = keys.identity.sign(encode(["Signature1", protected, external, area]))
    signed = encode([protected, {}, area, signature])
    sealed = write_encrypt0(keys.answer, keys.package_id, os.urandom(12), external, signed)
    return {"sealed": encode(sealed).hex()}


def each(entries, action, keys):
    results = []
    for given in entries:
        try:
            results.append(action(keys, given))
        except Refused as reason:
            results.append({"refused": str(reason)})
    return results


def main():
    actions = {"open": (open_package, open_answer), "make": (make_package, make_answer)}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    of_package, of_answer = actions[sys.argv[1]]
    given = json.load(sys.stdin)
    keys = Keys(given["keys"])
    result = {
        "packages": each(given.get("packages", []), of_package, keys),
        "answers": each(given.get("answers", []), of_answer, keys),
    }
    json.dump(result, sys.stdout)


main()
