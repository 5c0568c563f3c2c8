"""Verifies recorded responses with http-message-signatures of PyPI; each is also changed once, and then refused."""

import base64
import json
import sys
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from http_message_signatures import HTTPMessageVerifier, InvalidSignature, MappingKeyResolver, algorithms

ALGORITHMS = {
    "ed25519": algorithms.ED25519,
    "ecdsa-p256-sha256": algorithms.ECDSA_P256_SHA256,
    "ecdsa-p384-sha384": algorithms.ECDSA_P384_SHA384,
}
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}


class Fields:
    """Lines of fields in their order."""

    def __init__(self, lines):
        self.lines = [(name, value) for name, value in lines]

    def items(self):
        return self.lines

    def __iter__(self):
        return iter(dict(self.lines))

    def __contains__(self, name):
        return any(other == name.lower() for other, _ in self.lines)


def public_key(jwk):
    number = lambda name: base64.urlsafe_b64decode(jwk[name] + "==")
    if jwk["kty"] == "OKP":
        return ed25519.Ed25519PublicKey.from_public_bytes(number("x"))
    x, y = (int.from_bytes(number(name), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, CURVES[jwk["crv"]]).public_key()


def message(exchange, change=None):
    """The response; `change` gets each line of a field and may give another one."""
    lines = [change(name, value) if change else (name, value) for name, value in exchange["fields"]]
    request = SimpleNamespace(
        method=exchange["method"], url=exchange["url"], headers=Fields(exchange["request_fields"])
    )
    return SimpleNamespace(status_code=exchange["status"], headers=Fields(lines), request=request)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        record = json.load(file)
    verifiers = {}
    for key in record["keys"]:
        keys = MappingKeyResolver(public_keys={key["id"]: public_key(key["jwk"])}, private_keys={})
        algorithm = ALGORITHMS[key["algorithm"]]
        verifiers[key["id"]] = HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=keys)
    verified = refused = 0
    faults = []
    for exchange in record["exchanges"]:
        verifier, tag = verifiers[exchange["key"]], exchange["tag"]
        name = f"{exchange['name']} ({exchange['version']})"
        try:
            results = verifier.verify(message(exchange), expect_tag=tag)
            verified += len(results)
        except Exception as error:  # noqa: BLE001
            faults.append(f"{name}: {error!r}")
            continue
        covered = [component.split(";")[0].strip('"') for component in results[0].covered_components]
        target = next((field for field in covered if any(field == line[0] for line in exchange["fields"])), None)
        if target is None:
            continue
        changed = message(exchange, lambda field, value: (field, value + "x") if field == target else (field, value))
        try:
            verifier.verify(changed, expect_tag=tag)
            faults.append(f"{name}: verified with another {target}")
        except InvalidSignature:
            refused += 1
    print(f"http-message-signatures of PyPI: {verified} verified, {refused} refused when changed, {len(faults)} faults")
    for fault in faults[:20]:
        print(fault, file=sys.stderr)
    if faults or verified < 200 or refused < 150:
        sys.exit(f"wanted 200 verified and 150 refused without a fault, found {verified} and {refused}")


main()
