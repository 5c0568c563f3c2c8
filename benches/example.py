#!/usr/bin/env python3
"""The example `files` with its log on, against nginx with its own: 1 KiB, interleaved rounds.

Server on the first core, wrk on the second. `cargo build --release --example files` comes first.
"""
import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

LOG = "access_log {home}/access.log combined buffer=64k flush=1s;"
KNOWN = "open_file_cache max=1000 inactive=1h; open_file_cache_valid 60s;"
SYSTEMS = {
    "nginx, sendfile, log": ("nginx", f"sendfile on; {KNOWN} {LOG}"),
    "nginx, no sendfile, log": ("nginx", f"sendfile off; {KNOWN} {LOG}"),
    "example, log to a file": ("files", ["--access-log", "{home}/access.log"]),
    "example, JSON to a file": ("files", ["--access-log", "{home}/access.log", "--json-log"]),
    "example, --quiet": ("files", ["--quiet"]),
}


def start(kind, what, args, root, home):
    os.makedirs(home)
    pin = ["taskset", "-c", "0"]
    if kind == "files":
        flags = [flag.format(home=home) for flag in what]
        command = pin + [args.example, root, "--listen", "127.0.0.1:0", *flags]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return server, server.stdout.readline().split("//")[1].strip()
    port = 17000 + os.getpid() % 1000 * 8 + len(home) % 8
    temporary = " ".join(f"{name}_temp_path {home}/{name};"
                         for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(f"{home}/nginx.conf", "w", encoding="utf-8") as file:
        file.write(f"""daemon off; master_process off; pid {home}/pid; error_log /dev/null;
            events {{ worker_connections 1024; }}
            http {{ keepalive_requests 1000000000; {temporary} {what.format(home=home)}
                    server {{ listen 127.0.0.1:{port}; root {root}; }} }}""")
    server = subprocess.Popen(pin + ["nginx", "-p", home, "-c", f"{home}/nginx.conf"],
                              stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    return server, f"127.0.0.1:{port}"


def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(server, addr, seconds):
    before = ticks(server.pid)
    out = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", "-c32", f"-d{seconds}s", f"http://{addr}/f"],
                         capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(out)
    count = int(re.search(r"(\d+) requests in", out)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    return rate, (ticks(server.pid) - before) / count * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--example", default="target/release/examples/files")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        root = f"{scratch}/root"
        os.makedirs(root)
        with open(f"{root}/f", "wb") as file:
            file.write(b"x" * 1024)
        os.utime(f"{root}/f", (1767225600, 1767225600))
        running = {name: start(kind, what, args, root, f"{scratch}/" + "h" * (at + 1))
                   for at, (name, (kind, what)) in enumerate(SYSTEMS.items())}
        rounds = {name: [] for name in SYSTEMS}
        try:
            for server in running.values():
                load(*server, 1)
            for _ in range(args.rounds):
                for name, server in running.items():
                    rounds[name].append(load(*server, args.seconds))
        finally:
            for server, _ in running.values():
                server.send_signal(signal.SIGTERM)
                server.wait()
    against = list(SYSTEMS)[:2]
    print("| system | requests/s | least-most | CPU us | x sendfile | x no sendfile |\n|---|---|---|---|---|---|")
    for name, found in rounds.items():
        rates = [rate for rate, _ in found]
        ratio = [statistics.median(own[0] / other[0] for own, other in zip(found, rounds[base]))
                 for base in against]
        cpu = statistics.median(cost for _, cost in found)
        print(f"| {name} | {statistics.median(rates):.0f} | {min(rates):.0f}-{max(rates):.0f} "
              f"| {cpu:.1f} | {ratio[0]:.2f} | {ratio[1]:.2f} |")


main()
