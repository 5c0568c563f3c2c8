#!/usr/bin/env bash
# Two libraries for HTTP message signatures sign another text for a path with dot segments.
#
# Seen on 2026-11-30 with http-message-signatures 3.0.0 (PyPI) and http-message-signatures 1.0.6 (npm).
#
# `"@path"` is the absolute path of the request's target, as it was sent (RFC 9421, section 2.2.6). One would guess
# that two libraries of one standard, and of one name, read it alike. The Python one takes the path from the text of the URL, so
# `/a/../b` is signed as `/a/../b`. The JavaScript one parses the URL first, as browsers do, which takes dot segments out
# (URL standard, section 4.4), and signs `/b`. Each verifies what it signed itself and refuses what the other one
# signed, with no word of why; a path without dots goes both ways.
#
# Whom it meets: services of two languages that sign what they send each other, and proxies that hand a target on as it came.
set -euo pipefail
for tool in node npm python3; do
  command -v "$tool" >/dev/null || { echo "wanted $tool, found none"; exit 2; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check http-message-signatures==3.0.0
(cd "$folder" && npm install --silent --no-audit --no-fund http-message-signatures@1.0.6 >/dev/null)
cat >"$folder/python.py" <<'PY'
import json
import sys
from types import SimpleNamespace

from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms


class Keys(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id):
        return b"shared by both"

    def resolve_public_key(self, key_id):
        return b"shared by both"


options = dict(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys())
given = json.load(sys.stdin)
request = SimpleNamespace(method="GET", url=given["url"], headers=given["headers"])
if given["do"] == "sign":
    HTTPMessageSigner(**options).sign(request, key_id="k", label="sig", covered_component_ids=["@path"])
    print(json.dumps(dict(request.headers)))
else:
    try:
        print(json.dumps(len(HTTPMessageVerifier(**options).verify(request)) == 1))
    except Exception:
        print(json.dumps(False))
PY
cat >"$folder/javascript.cjs" <<'JS'
const { createSigner, createVerifier, httpbis } = require('http-message-signatures');
const key = Buffer.from('shared by both');
const given = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const request = { method: 'GET', url: given.url, headers: given.headers };
async function main() {
  if (given.do === 'sign') {
    const signer = { ...createSigner(key, 'hmac-sha256', 'k'), id: 'k' };
    const signed = await httpbis.signMessage({ key: signer, name: 'sig', fields: ['@path'], params: ['created', 'keyid'] }, request);
    return signed.headers;
  }
  const keyLookup = async () => ({ id: 'k', algs: ['hmac-sha256'], verify: createVerifier(key, 'hmac-sha256') });
  return httpbis.verifyMessage({ keyLookup, tolerance: 10 }, request).then((result) => result === true, () => false);
}
main().then((result) => console.log(JSON.stringify(result)));
JS
cat >"$folder/both.py" <<'PY'
import json
import subprocess
import sys

folder = sys.argv[1]
RUN = {"python": [f"{folder}/venv/bin/python", f"{folder}/python.py"], "javascript": ["node", f"{folder}/javascript.cjs"]}


def run(language, **given):
    out = subprocess.run(RUN[language], input=json.dumps(given), capture_output=True, text=True, check=True, cwd=folder)
    return json.loads(out.stdout)


for path in ("/b", "/a/../b", "/a/./b"):
    url = f"http://example.org{path}"
    for signer in RUN:
        headers = run(signer, do="sign", url=url, headers={})
        headers = {name.lower(): value for name, value in headers.items()}
        for verifier in RUN:
            said = "verified" if run(verifier, do="verify", url=url, headers=headers) else "refused"
            print(f"{path}: signed by {signer}, {said} by {verifier}")
PY
seen=$(python3 "$folder/both.py" "$folder")
echo "$seen"
expected='/b: signed by python, verified by python
/b: signed by python, verified by javascript
/b: signed by javascript, verified by python
/b: signed by javascript, verified by javascript
/a/../b: signed by python, verified by python
/a/../b: signed by python, refused by javascript
/a/../b: signed by javascript, refused by python
/a/../b: signed by javascript, verified by javascript
/a/./b: signed by python, verified by python
/a/./b: signed by python, refused by javascript
/a/./b: signed by javascript, refused by python
/a/./b: signed by javascript, verified by javascript'
[ "$seen" = "$expected" ] || { echo "that is not what was seen before"; exit 1; }
