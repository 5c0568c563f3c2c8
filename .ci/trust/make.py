"""Makes a root and a list of files with python-tuf, as it writes them, with keys that it makes: P-384 and Ed25519."""

import datetime
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Metadata, Root, TargetFile, Targets

where, tree = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
where.mkdir()
expires = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=3)
private = ec.generate_private_key(ec.SECP384R1())
p384 = CryptoSigner(private, SSlibKey.from_crypto(private.public_key()))
ed25519 = CryptoSigner.generate_ed25519()
root = Metadata(Root(expires=expires, consistent_snapshot=False))
for role in ["root", "timestamp", "snapshot", "targets"]:
    root.signed.add_key(p384.public_key, role)
root.signed.add_key(ed25519.public_key, "targets")
root.signed.roles["targets"].threshold = 2
root.sign(p384)
targets = Metadata(Targets(expires=expires))
for file in tree.rglob("*"):
    if file.is_file() and file.name != ".manifest.json":
        path = file.relative_to(tree).as_posix()
        targets.signed.targets[path] = TargetFile.from_file(path, file, ["sha256"])
targets.sign(p384)
targets.sign(ed25519, append=True)
root.to_file(where / "root.json")
targets.to_file(where / "targets.json")
