"""Stored heads over HTTP: a store, the plain file sender, cacache, nginx's proxy cache."""

import os
import subprocess
import time

import measure
import report
import tree
from process import free_port
from systems import SYSTEMS, System, ours, started_nginx

FILES = ["4k.bin", "100k.bin"]
WORKLOADS = ["4k", "100k"]


def kept_in(binary, variant):
    """A server that has the files in a form of its own."""
    def start(args, _root, scratch):
        return ours(binary, variant)(args, os.path.join(scratch, "stored"), scratch)

    return start


def proxy_cache(cached):
    def start(args, root, scratch):
        port, origin = free_port(), free_port()
        home = os.path.join(scratch, f"nginx-{port}")
        os.makedirs(home)
        known = "open_file_cache max=1000 inactive=1h; open_file_cache_valid 60s;"
        # The origin is asked once for each file; all that is measured is a hit.
        return started_nginx(args, home, port, 4096, f"""
            sendfile on; {known if cached else "open_file_cache off;"}
            default_type application/octet-stream;
            proxy_cache_path {home}/cache levels=1:2 keys_zone=hits:1m inactive=1h use_temp_path=off;
            server {{ listen 127.0.0.1:{origin}; root {root}; }}
            server {{ listen 127.0.0.1:{port};
                      location / {{ proxy_pass http://127.0.0.1:{origin}; proxy_cache hits;
                                    proxy_cache_valid 200 1h; }} }}""")

    return start


# A new one is a line here, and one in `store.rs` if it is a store.
STORED = {
    "plain": System("letterhead, plain file, cached, one stat", SYSTEMS["letterhead"].start),
    "plain-inline": System("letterhead, plain file, no cache", SYSTEMS["letterhead-inline"].start),
    "kept": System("letterhead, headed, cached, one stat", kept_in("store", "kept")),
    "once": System("letterhead, headed, no cache, checked once", kept_in("store", "once")),
    "whole": System("letterhead, headed, no cache, payload checked each time",
                    kept_in("store", "whole")),
    "every": System("letterhead, headed, no cache, all checked each time", kept_in("store", "every")),
    "every-ed25519": System("letterhead, headed, the same, Ed25519",
                            kept_in("store", "every+ed25519")),
    "every-p384": System("letterhead, headed, the same, P-384", kept_in("store", "every+p384")),
    "cacache": System("cacache, checked each time", kept_in("cacache", "pool")),
    "cacache-inline": System("cacache, the same, without a pool", kept_in("cacache", "inline")),
    "proxy": System("nginx, proxy_cache, open_file_cache", proxy_cache(True)),
    "proxy-nocache": System("nginx, proxy_cache", proxy_cache(False)),
}

# What is held against what, and how many times its CPU it may cost.
BARS = [
    ("kept", "plain", 1.15),
    ("once", "plain-inline", 1.15),
    ("once", "plain", None),
    ("whole", "plain-inline", 1.3),
    ("every", "plain-inline", 1.3),
    ("every-ed25519", "plain-inline", None),
    ("every-p384", "plain-inline", None),
    ("every", "plain", None),
    ("kept", "proxy", None),
    ("once", "proxy-nocache", None),
    ("every", "cacache", None),
    ("every", "cacache-inline", None),
]


def table(args, scratch):
    """Lines of Markdown."""
    root = os.path.join(scratch, "root")
    tree.make_some(root, FILES)
    subprocess.run([os.path.join(args.binaries, "work"), "fill", os.path.join(scratch, "stored"),
                    root], check=True)
    # What is younger than this is not kept in memory by anyone.
    time.sleep(2.5)
    results = measure.run(args, root, scratch)
    return report.tables(results, args) + summary(results)


def summary(results):
    lines = ["", "### One against the other", "", "| | against | CPU at "
             + " | CPU at ".join(measure.WORKLOADS[name].title for name in results)
             + " | requests/s at "
             + " | requests/s at ".join(measure.WORKLOADS[name].title for name in results)
             + " | CPU, to reach at 4 KiB |", "|" + "---|" * (3 + 2 * len(results))]
    for system, against, most in BARS:
        if any(name not in found for name in (system, against) for found in results.values()):
            continue
        cells = [STORED[system].title, STORED[against].title]
        for of in (report.costs, report.rates):
            cells += [report.times(report.ratio(found, system, against, of))
                      for found in results.values()]
        lines.append(report.row(cells + ["" if most is None else f"{most:g}"]))
    return lines
