#!/usr/bin/env python3
"""Random histories of files behind a cache: which bytes is a client given, and may it be given them?

    run.py --files target/debug/examples/files --cache squid [--histories 20] [--from 1]
    run.py --files .. --cache squid --from 17 --histories 1 --tell      one of them again, step by step

A history is made from its seed alone (`plan.py`); `--origin nginx` runs the same ones against nginx as the origin.
Prints what was counted, and each fault with its seed. Fails if there is a fault, if too little came from the
cache to prove anything, or if the cache does not start. The judge's rules are in `judge.py`.
"""

import argparse
import concurrent.futures
import json
import pathlib
import sys
import tempfile
import time

import plan
import servers
from history import History

ORDER = ["requests", "asked", "now", "stated", "heuristic", "304", "304-fresh", "by-date-alone", "head", "none", "left",
         "cut", "torn", "refused", "known"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", required=True, help="the example `files`, built")
    parser.add_argument("--cache", required=True, choices=servers.WANTS)
    parser.add_argument("--origin", default="letterhead", choices=["letterhead", "nginx"])
    parser.add_argument("--histories", type=int, default=20)
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    parser.add_argument("--at-once", type=int, default=40, help="how many run beside each other")
    parser.add_argument("--tell", action="store_true", help="each step")
    parser.add_argument("--keep", help="a directory that is kept, with the logs")
    return parser.parse_args()


def log_length(at):
    log = at / "log"
    return len(log.read_bytes().splitlines()) if log.exists() else 0


def histories(given, roots, ports):
    """Runs them, some beside each other: most of the time each waits for clocks."""
    def one(seed):
        say = (lambda *words: print(f"{seed}:", *words, flush=True)) if given.tell else (lambda *_: None)
        return History(plan.plan(seed), given.cache, roots, ports, say).run()

    seeds = range(given.first, given.first + given.histories)
    with concurrent.futures.ThreadPoolExecutor(given.at_once) as pool:
        return list(pool.map(one, seeds))


def run(given, at):
    """Starts an origin for each of the trees and a cache before each."""
    trees, roots, ports, running = ["dated", "constant"], {}, {}, []
    try:
        for tree in trees:
            roots[tree] = at / tree
            for directory in servers.STATED:
                (roots[tree] / directory).mkdir(parents=True)
            where = at / f"origin-{tree}"
            if given.origin == "nginx":
                origin = servers.nginx_origin(where, roots[tree])
            else:
                origin = servers.letterhead(where, roots[tree], given.files, tree == "constant")
            running.append(origin)
            cache = servers.cache(given.cache, at / f"{given.cache}-{tree}", origin.port)
            running.append(cache)
            ports[tree] = cache.port
        done = histories(given, roots, ports)
    finally:
        for server in reversed(running):
            server.__exit__()
    asked = sum(log_length(at / f"origin-{tree}") for tree in trees)
    return done, asked


def main():
    given = arguments()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="letterhead-caches-") as temporary:
        at = pathlib.Path(given.keep or temporary)
        at.chmod(0o755)
        done, asked = run(given, at)
    counts = {"asked": asked}
    for history in done:
        for what, count in history.counts.items():
            counts[what] = counts.get(what, 0) + count
    kinds = {}
    for history in done:
        for nth, kind, text in history.faults:
            kinds[kind] = kinds.get(kind, 0) + 1
            print(f"seed {history.plan['seed']}, step {nth}, {history.plan['tree']}, {history.url}: {text}")
    counts["known"] = sum(len(history.known) for history in done)
    shown = ", ".join(f"{what} {counts.get(what, 0)}" for what in ORDER)
    faults = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) or "none"
    seconds = time.monotonic() - begun
    print(f"{given.cache} before {given.origin}: {len(done)} histories from seed {given.first}, {seconds:.0f} s: "
          f"{shown}; faults: {faults}")
    sys.exit(1 if kinds else 0)


if __name__ == "__main__":
    main()
