"""What an idle keep-alive connection costs a server in memory."""

import os
import resource
import socket
import tempfile
import time

from process import Process, free_port
from systems import started_nginx

ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def servers(args, scratch):
    hello = os.path.join(args.binaries, "hello")

    def nginx():
        port = free_port()
        home = os.path.join(scratch, f"nginx-{port}")
        os.makedirs(home)
        return started_nginx(args, home, port, args.connections + 100, f"""
            server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "hello"; }} }}""")

    return {
        "letterhead::serve": lambda: Process([hello, "-", "letterhead"], args.server_cpu),
        "axum::serve": lambda: Process([hello, "-", "axum"], args.server_cpu),
        "nginx": nginx,
    }


def table(args):
    """Lines of Markdown; printed as they come."""
    wanted = args.connections + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    lines = [
        f"{args.connections} connections, each idle after one request. Resident memory of the process; "
        "what the kernel holds for a socket is the same for all.", "",
        "| server | before, MiB | after, MiB | bytes a connection | never asked, bytes a connection |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    with tempfile.TemporaryDirectory(prefix="letterhead-peers-") as scratch:
        for name, start in servers(args, scratch).items():
            silent = weighed(start, args.connections, False)
            before, after = weighed(start, args.connections, True)
            each = (after - before) * 1024 / args.connections
            unasked = (silent[1] - silent[0]) * 1024 / args.connections
            line = (f"| {name} | {before / 1024:.1f} | {after / 1024:.1f} | {each:.0f} | {unasked:.0f} |")
            print(line, flush=True)
            lines.append(line)
            time.sleep(0.1)
    return lines


def weighed(start, count, ask):
    """KiB before and after so many connections."""
    process = start()
    try:
        # What the first connection alone needs is no cost of each.
        opened(process.port, 1, True).pop().close()
        before = process.memory()
        clients = opened(process.port, count, ask)
        settled(process)
        after = process.memory()
        for client in clients:
            client.close()
        return before, after
    finally:
        process.end()


def opened(port, count, ask):
    clients = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port), 20)
        if ask:
            client.sendall(ASK)
            answer = b""
            while not answer.endswith(b"hello"):
                chunk = client.recv(4096)
                if not chunk:
                    raise RuntimeError(f"closed after {len(clients)} connections")
                answer += chunk
        clients.append(client)
    return clients


def settled(process):
    """Waits until the server has nothing more to do: it spends no CPU."""
    last = -1.0
    while process.cpu() != last:
        last = process.cpu()
        time.sleep(0.3)
