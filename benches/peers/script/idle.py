"""What a connection that waits costs a server in memory: idle, or with a response under way."""

import os
import resource
import socket
import tempfile
import time

from process import Process, free_port
from report import row
from systems import started_nginx

# What is asked for, and how what comes of it ends; nothing comes of the last one.
ASKED = {"idle": ("/", b"hello"), "events": ("/events", b"hello\n\n"), "poll": ("/poll", b"")}


def servers(args, scratch):
    hello = os.path.join(args.binaries, "hello")

    def nginx():
        port = free_port()
        home = os.path.join(scratch, f"nginx-{port}")
        os.makedirs(home)
        # Of a response under way it has no better example than a file that is sent slowly.
        with open(os.path.join(home, "events"), "wb") as file:
            file.write(b"data: hello\n\n" + b"." * (1 << 20))
        return started_nginx(args, home, port, args.connections + 100, f"""
            server {{ listen 127.0.0.1:{port} backlog=4096; root {home};
                      location = / {{ return 200 "hello"; }}
                      location /events {{ limit_rate 512; }} }}""")

    return {
        "letterhead::serve": lambda: Process([hello, "-", "letterhead"], args.server_cpu),
        "axum::serve": lambda: Process([hello, "-", "axum"], args.server_cpu),
        "nginx": nginx,
    }


def table(args):
    """Lines of Markdown, printed as they come; and bytes of an idle connection by server."""
    wanted = args.connections + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    lines = [
        f"{args.connections} connections. Resident memory of the process, bytes for each connection; what the "
        "kernel holds for a socket is the same for all.", "",
        "| server | MiB before | idle after one request | never asked | event stream | long poll |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    weights = {}
    with tempfile.TemporaryDirectory(prefix="letterhead-peers-") as scratch:
        for name, start in servers(args, scratch).items():
            kinds = ["idle", None, "events"] + (["poll"] if name != "nginx" else [])
            found = {kind: weighed(start, args.connections, kind) for kind in kinds}
            each = {kind: (after - before) * 1024 / args.connections
                    for kind, (before, after) in found.items()}
            weights[name] = each["idle"]
            cells = [f"{each[kind]:.0f}" if kind in each else "" for kind in ("idle", None, "events", "poll")]
            line = row([name, f"{found['idle'][0] / 1024:.1f}", *cells])
            print(line, flush=True)
            lines.append(line)
    return lines, weights


def weighed(start, count, kind):
    """KiB before and after so many connections."""
    process = start()
    try:
        # What the first connection alone needs is no cost of each.
        opened(process.port, 1, "idle").pop().close()
        before = process.memory()
        clients = opened(process.port, count, kind)
        settled(process)
        after = process.memory()
        for client in clients:
            client.close()
        return before, after
    finally:
        process.end()


def opened(port, count, kind):
    path, end = ASKED.get(kind, (None, b""))
    clients = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port), 20)
        if path:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        # nginx sends a part of the head at first.
        answer = b""
        while end and end not in answer and not (kind == "events" and b"200 OK" in answer):
            chunk = client.recv(4096)
            if not chunk:
                raise RuntimeError(f"closed after {len(clients)} connections")
            answer += chunk
        clients.append(client)
    return clients


def settled(process):
    """Waits until the server has nothing more to do: it spends no CPU. Some always have a little."""
    last, looks = -1.0, 0
    while process.cpu() != last and looks < 10:
        looks += 1
        last = process.cpu()
        time.sleep(0.3)
