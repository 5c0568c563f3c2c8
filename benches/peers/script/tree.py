"""The files that are served, the same bytes each time."""

import gzip
import os
import random

# 1 January 2026: settled for every server, and the same tags each time.
MODIFIED = 1767225600

SIZES = {"1k.bin": 1 << 10, "4k.bin": 4 << 10, "16k.bin": 16 << 10, "100k.bin": 100 << 10,
         "1m.bin": 1 << 20, "64m.bin": 64 << 20}


def make_some(root, names):
    """Files of these names; gives the source of what goes on."""
    os.makedirs(root, exist_ok=True)
    source = random.Random(1)
    for name in names:
        write(os.path.join(root, name), source.randbytes(SIZES[name]))
    return source


def make(root, files):
    source = make_some(root, SIZES)
    os.makedirs(os.path.join(root, "tree"), exist_ok=True)
    text = b"\n".join(b"let line_%d = %d;" % (n, n * n) for n in range(2000))
    write(os.path.join(root, "app.js"), text)
    write(os.path.join(root, "app.js.gz"), gzip.compress(text, 9, mtime=0))
    for number in range(files):
        write(os.path.join(root, "tree", f"{number}.bin"), source.randbytes(4096))


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    os.utime(path, (MODIFIED, MODIFIED))
