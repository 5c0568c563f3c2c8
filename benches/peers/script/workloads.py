"""What is asked for: a path, fields, how many connections and streams, and what has to come back."""

import os

from tree import SIZES


class Workload:
    def __init__(self, title, path, connections, status=200, fields=None, part=None, coded=False,
                 needs="whole", speaks="h1", streams=1):
        self.title = title
        self.path = path
        self.connections = connections
        self.status = status
        self.fields = fields or {}
        # First and last byte of a range.
        self.part = part
        self.coded = coded
        # What a server must know for it.
        self.needs = needs
        # wrk asks by HTTP/1, h2load by `h2c`, `tls-h1` and `tls-h2`: so many streams on each connection.
        self.speaks = speaks
        self.streams = streams
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
WORKLOADS["log"] = Workload("1 KiB, each with a log", "/1k.bin", 32, needs="log")


def multiplexed():
    """HTTP/2 without TLS, and both versions with it; a name is `h2c-1k`, `tls-h2-1m`, .."""
    for speaks, title, streams in (("h2c", "HTTP/2", 8), ("tls-h1", "HTTP/1 by TLS", 1),
                                   ("tls-h2", "HTTP/2 by TLS", 8)):
        for size, label in (("1k", "1 KiB"), ("16k", "16 KiB"), ("100k", "100 KiB"), ("1m", "1 MiB")):
            yield f"{speaks}-{size}", Workload(
                f"{title}, {label}", f"/{size}.bin", 16, needs=speaks.split("-")[0], speaks=speaks,
                streams=streams)


WORKLOADS.update(multiplexed())

assert all(w.path is None or w.path == "/app.js" or w.path[1:] in SIZES for w in WORKLOADS.values())
