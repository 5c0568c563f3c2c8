"""Checks a root and a list of files with python-tuf: signatures, key ids, lengths, digests."""

import pathlib
import sys

from tuf.api.metadata import Metadata, Root, Targets

root = Metadata[Root].from_file(sys.argv[1])
targets = Metadata[Targets].from_file(sys.argv[2])
tree = pathlib.Path(sys.argv[3])
root.verify_delegate("root", root)
root.verify_delegate("targets", targets)
for keyid, key in root.signed.keys.items():
    assert key.keyid == keyid
    from securesystemslib.signer._utils import compute_default_keyid

    assert compute_default_keyid(key.keytype, key.scheme, key.keyval) == keyid, keyid
assert targets.signed.targets, "no files"
for path, entry in targets.signed.targets.items():
    entry.verify_length_and_hashes((tree / path).read_bytes())
targets.signed.targets.popitem()
try:
    root.verify_delegate("targets", Metadata(targets.signed, targets.signatures))
except Exception as error:
    print(f"python-tuf: {len(targets.signatures)} signatures hold; a changed list: {type(error).__name__}")
else:
    sys.exit("python-tuf takes a changed list")
