#!/usr/bin/env python3
"""What a client that behaves well feels of an attack, and what is left of it: p99 and resident memory.

    cargo build --release --example files && benches/hostile.py [SECONDS] [BINARY] [NTH,NTH..] > benches/hostile.txt

One connection of HTTP/1.1 asks for a small file again and again: alone, and while each attack runs. The server is
a process of its own, on 127.0.0.1. Fails if an attack costs more than three times the p99 of the run without it,
or leaves more than 16 MiB behind it. `5,5,5` makes the fifth attack alone, three times. Attackers and client share
the machine with the server: on few processors part of the difference is theirs.
"""

import asyncio
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
BINARY = sys.argv[2] if len(sys.argv) > 2 else "target/release/examples/files"
LARGE = 64 << 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def get(stream, path):
    """HEADERS of a GET (RFC 7541): indexed fields, and two literals that are not indexed."""
    path = path.encode()
    block = b"\x82\x86\x04" + bytes([len(path)]) + path + b"\x01\x04test"
    return frame(1, 5, stream, block)


async def hold(port, first, pause, more):
    """Sends this, and then some more after each pause, until it is cut or cancelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
    try:
        writer.write(first)
        while True:
            await asyncio.sleep(pause)
            if more:
                writer.write(more)
                await writer.drain()
    except OSError:
        pass
    finally:
        writer.transport.abort()


NO_WINDOW = frame(4, 0, 0, struct.pack(">HI", 4, 0))
STREAMS = b"".join(get(nth, "/large") for nth in range(1, 41, 2))
HEAD = b"GET / HTTP/1.1\r\nhost: test\r\n"
# A name, how many clients, what they say, and what they add every so many seconds.
ATTACKS = [
    ("idle connections", 2000, b"", 60, b""),
    ("slow heads", 500, HEAD + b"x: ", 0.5, b"a"),
    ("half handshakes", 500, b"\x16\x03\x01\x02\x00", 60, b""),
    ("readers that stop", 200, HEAD.replace(b" / ", b" /large ") + b"\r\n", 60, b""),
    ("20 streams, no window", 100, PREFACE + NO_WINDOW + STREAMS, 60, b""),
    ("20 streams, a byte each", 100, PREFACE + NO_WINDOW + STREAMS, 0.5,
     b"".join(frame(8, 0, nth, b"\0\0\0\1") for nth in range(1, 41, 2))),
    ("pings", 20, PREFACE + frame(4, 0, 0), 0.05, frame(6, 0, 0, b"abcdefgh") * 200),
]


if len(sys.argv) > 3:
    ATTACKS = [ATTACKS[int(nth) - 1] for nth in sys.argv[3].split(",")]


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def descriptors(pid):
    return sum(1 for _ in pathlib.Path(f"/proc/{pid}/fd").iterdir())


async def p99(port, seconds):
    """Milliseconds from a request to the end of its answer, the 99th of a hundred."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        writer.write(b"GET /small HTTP/1.1\r\nhost: test\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))
        times.append((time.monotonic() - begun) * 1000)
        await asyncio.sleep(0.002)
    writer.close()
    times.sort()
    return times[len(times) * 99 // 100], len(times)


async def main(port, pid):
    await p99(port, 1)
    usual, _ = await p99(port, SECONDS)
    at_first = resident(pid)
    print(f"without an attack: p99 {usual:.2f} ms, {at_first:.0f} MiB")
    failed = False
    for name, clients, first, pause, more in ATTACKS:
        alone, _ = await p99(port, SECONDS / 2)
        before = resident(pid)
        attackers = [asyncio.create_task(hold(port, first, pause, more)) for _ in range(clients)]
        await asyncio.sleep(1)
        during, asked = await p99(port, SECONDS)
        most = resident(pid)
        for attacker in attackers:
            attacker.cancel()
        await asyncio.gather(*attackers, return_exceptions=True)
        await asyncio.sleep(2)
        after = resident(pid)
        times = during / max(alone, usual)
        is_bad = times > 3 or after - before > 16
        failed |= is_bad
        print(f"{clients:>4} {name:<24} p99 {during:.2f} ms ({times:.1f} x), {asked} answers; "
              f"{before:.0f} MiB before, {most:.0f} during, {after:.0f} after, {descriptors(pid)} descriptors{'  BAD' if is_bad else ''}", flush=True)
    return failed


with tempfile.TemporaryDirectory() as site:
    pathlib.Path(site, "small").write_bytes(b"x" * 1000)
    pathlib.Path(site, "large").write_bytes(b"x" * LARGE)
    server = subprocess.Popen([BINARY, "--root", site, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(re.search(r":(\d+)$", server.stdout.readline().strip())[1])
        failed = asyncio.run(main(port, server.pid))
    finally:
        server.terminate()
        server.wait()
sys.exit(failed)
