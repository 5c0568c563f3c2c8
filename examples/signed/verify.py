"""Fetches URLs and verifies their signatures with http-message-signatures of PyPI, by the keys of the server's directory.

usage: verify.py URL..
"""

import base64
import hashlib
import json
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace
from urllib.parse import urljoin

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from http_message_signatures import HTTPMessageVerifier, MappingKeyResolver, algorithms

DIRECTORY = "/.well-known/http-message-signatures-directory"
CURVES = {
    "P-256": (ec.SECP256R1(), algorithms.ECDSA_P256_SHA256),
    "P-384": (ec.SECP384R1(), algorithms.ECDSA_P384_SHA384),
}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def fetch(url):
    """The response as it is, an error or a redirect as well, and its content."""
    try:
        answer = urllib.request.build_opener(NoRedirect).open(url)
    except urllib.error.HTTPError as error:
        answer = error
    request = SimpleNamespace(method="GET", url=url, headers={})
    response = SimpleNamespace(status_code=answer.status, headers=answer.headers, request=request)
    return response, answer.read()


def verifier(jwk):
    number = lambda name: base64.urlsafe_b64decode(jwk[name] + "==")
    if jwk["kty"] == "OKP":
        key, algorithm = ed25519.Ed25519PublicKey.from_public_bytes(number("x")), algorithms.ED25519
    else:
        curve, algorithm = CURVES[jwk["crv"]]
        x, y = (int.from_bytes(number(name), "big") for name in ("x", "y"))
        key = ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    keys = MappingKeyResolver(public_keys={jwk["kid"]: key}, private_keys={})
    return HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=keys)


def main():
    for url in sys.argv[1:]:
        directory, content = fetch(urljoin(url, DIRECTORY))
        jwk = json.loads(content)["keys"][0]
        verifier(jwk).verify(directory, expect_tag="http-message-signatures-directory")
        response, content = fetch(url)
        [result] = verifier(jwk).verify(response)
        covered = result.covered_components
        whole = covered.get('"repr-digest"') if response.status_code == 200 else None
        digest = covered.get('"content-digest"', whole)
        if digest is not None:
            found = base64.b64encode(hashlib.sha256(content).digest()).decode()
            assert digest == f"sha-256=:{found}:", f"wanted {digest}, found {found}"
        names = " ".join(name for name in covered if name != '"@signature-params"')
        print(f"{response.status_code} {url}: signed by {jwk['kid']}: {names}")


main()
