"""fsspec over HTTP: what it lists, globs and reads, against the files themselves.

    files.py URL DIRECTORY
"""

import hashlib
import pathlib
import sys

import fsspec

url, root = sys.argv[1], pathlib.Path(sys.argv[2])
http = fsspec.filesystem("http")


def digest(content):
    return hashlib.sha256(content).hexdigest()


def same(wanted, found):
    assert wanted == found, f"wanted {wanted}, found {found}"


same(sorted(f"{url}/{path.name}{'/' if path.is_dir() else ''}" for path in root.iterdir()),
     sorted(http.ls(f"{url}/", detail=False)))
same(sorted(f"{url}/{path.name}" for path in root.glob("*.txt")), sorted(http.glob(f"{url}/*.txt")))
content = (root / "big.bin").read_bytes()
same(len(content), http.size(f"{url}/big.bin"))
same(digest(content), digest(http.cat_file(f"{url}/big.bin")))
same(digest(content[1000:70_000]), digest(http.cat_file(f"{url}/big.bin", start=1000, end=70_000)))
with http.open(f"{url}/big.bin", block_size=65536) as file:
    for at in (0, 2_000_000, len(content) - 10):
        file.seek(at)
        same(digest(content[at:at + 5000]), digest(file.read(5000)))
print("same")
