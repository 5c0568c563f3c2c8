"""What is asked for: a path, fields, how many connections, and what has to come back."""

import os

from tree import SIZES


class Workload:
    def __init__(self, title, path, connections, status=200, fields=None, part=None, coded=False,
                 needs=None):
        self.title = title
        self.path = path
        self.connections = connections
        self.status = status
        self.fields = fields or {}
        # First and last byte of a range.
        self.part = part
        self.coded = coded
        # What a server must know for it; every one knows whole files.
        self.needs = needs
        size = SIZES[path[1:]] if path and not (part or coded) else 0
        # The length, if a round has but a handful of them.
        self.large = size if size >= 16 << 20 else None

    def expected(self, root, path):
        """The bytes that have to come."""
        if self.status == 304:
            return b""
        with open(root + path + (".gz" if self.coded else ""), "rb") as file:
            data = file.read()
        if self.part:
            first, last = self.part
            return data[first:last + 1]
        return data

    def paths(self, root):
        """The paths to check: the one, or some of the tree."""
        if self.path:
            return [self.path]
        count = len(os.listdir(os.path.join(root, "tree")))
        return [f"/tree/{number}.bin" for number in range(0, count, max(1, count // 97))]


def part(first, last):
    return {"fields": {"Range": f"bytes={first}-{last}"}, "part": (first, last), "status": 206,
            "needs": "ranges"}


WORKLOADS = {
    "1k": Workload("1 KiB", "/1k.bin", 32),
    "4k": Workload("4 KiB", "/4k.bin", 32),
    "16k": Workload("16 KiB", "/16k.bin", 32),
    "100k": Workload("100 KiB", "/100k.bin", 16),
    "1m": Workload("1 MiB", "/1m.bin", 8),
    "64m": Workload("64 MiB", "/64m.bin", 2),
    "tree": Workload("tree of 4 KiB files, at random", None, 32),
    "gzip": Workload("precompressed", "/app.js", 32, fields={"Accept-Encoding": "gzip"},
                     coded=True, needs="gzip"),
    "304": Workload("304", "/1k.bin", 32, status=304, needs="conditions"),
    "range": Workload("64 KiB of 1 MiB", "/1m.bin", 16, **part(100_000, 165_535)),
}

assert all(w.path is None or w.path == "/app.js" or w.path[1:] in SIZES for w in WORKLOADS.values())
