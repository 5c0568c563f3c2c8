"""A client of HTTP/1: one request, and everything that came of it, as bytes."""

import socket
import time


class Got:
    """A response. `whole` is whether its content ended as it was said to end."""

    def __init__(self, status, fields, body, whole, begun):
        self.status, self.fields, self.body, self.whole = status, fields, body, whole
        self.begun, self.ended = begun, time.monotonic()

    def field(self, name):
        """Every line of that name, as one list; None without."""
        lines = [value for key, value in self.fields if key == name]
        return ", ".join(lines) if lines else None


def get(port, path, fields=(), method="GET", version="1.1", meanwhile=None, stop_at=None):
    """Asks once. `meanwhile` runs when the head is there; behind `stop_at` bytes of content the client leaves."""
    lines = [f"{method} {path} HTTP/{version}", f"host: 127.0.0.1:{port}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in fields]
    begun = time.monotonic()
    with socket.socket() as s:
        # Small, so that much of a long response waits for its reader.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        s.settimeout(60)
        s.connect(("127.0.0.1", port))
        s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        stream = s.makefile("rb")
        try:
            status, answered = head(stream)
        except OSError:
            return Got(0, [], b"", False, begun)
        if meanwhile:
            meanwhile()
        got = Got(status, answered, b"", False, begun)
        if method == "HEAD" or status in (204, 304):
            got.whole = True
        else:
            got.body, got.whole = content(stream, got, stop_at)
        got.ended = time.monotonic()
        return got


def head(stream):
    """Status and fields of the final response; a connection that ends before is an OSError."""
    while True:
        line = stream.readline()
        if not line.startswith(b"HTTP/1."):
            raise ConnectionError(f"wanted a status line, found {line[:40]!r}")
        status, fields = int(line.split()[1]), []
        while (line := stream.readline().rstrip(b"\r\n")) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            fields.append((name.strip().lower(), value.strip()))
        if status >= 200:
            return status, fields


def content(stream, got, stop_at):
    """The content, and whether it came to its end."""
    pieces, length = [], 0
    try:
        for piece in framed(stream, got):
            pieces.append(piece)
            length += len(piece)
            if stop_at is not None and length >= stop_at:
                return b"".join(pieces)[:stop_at], False
    except (OSError, EOFError):
        return b"".join(pieces), False
    return b"".join(pieces), True


def framed(stream, got):
    """Pieces of the content; EOFError where it is cut."""
    if "chunked" in (got.field("transfer-encoding") or ""):
        while True:
            line = stream.readline()
            if not line:
                raise EOFError
            size = int(line.split(b";")[0], 16)
            if size == 0:
                return
            yield from exactly(stream, size)
            stream.readline()
    length = got.field("content-length")
    if length is not None:
        yield from exactly(stream, int(length))
    else:
        # Its end is that of the connection: nothing tells a cut.
        while piece := stream.read1(65536):
            yield piece


def exactly(stream, size):
    while size:
        piece = stream.read1(min(size, 65536))
        if not piece:
            raise EOFError
        size -= len(piece)
        yield piece


def parts(got):
    """First byte, total length and bytes of each part of a 206, of one range or several."""
    kind = got.field("content-type") or ""
    if not kind.startswith("multipart/byteranges"):
        first, total = content_range(got.field("content-range") or "")
        return [(first, total, got.body)]
    boundary = kind.split("boundary=")[1].strip('"').encode()
    found, rest = [], got.body
    while (at := rest.find(b"--" + boundary)) >= 0:
        rest = rest[at + 2 + len(boundary):]
        if rest.startswith(b"--"):
            return found
        lines, _, rest = rest.partition(b"\r\n\r\n")
        ranges = [line for line in lines.split(b"\r\n") if line.lower().startswith(b"content-range")]
        text = ranges[0].split(b":")[1].decode()
        first, total = content_range(text)
        last = int(text.split("/")[0].split("-")[1])
        found.append((first, total, rest[:last + 1 - first]))
        rest = rest[last + 1 - first:]
    raise ValueError("wanted the last boundary, found the end")


def content_range(text):
    """First byte and total length of a Content-Range."""
    span, _, total = text.strip().removeprefix("bytes").strip().partition("/")
    return int(span.split("-")[0]), int(total)
